"""Neighbouring rows of a file as one row, for formats that hold the answers to a prompt in rows of their own.

Read first: `parts.py`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pyrite.data.schemas.parts import Schema

T = TypeVar("T")


def runs(schema: Schema, rows: Iterable[T], values_of: Callable[[T], Mapping[str, Any] | None]) -> Iterator[list[T]]:
    """The rows of a file in runs that belong together, in order; only one run is held at a time.

    A row that cannot be read, or lacks a column of the format, is a run of its own.

    Args:
        schema: The format; `schema.together` names the column whose equal values join neighbours, "" joins none.
        rows: As read.
        values_of: Row -> its columns, or None where it cannot be read.
    """

    def joins(row: T) -> Any:
        values = values_of(row)
        if not schema.together or values is None or schema.lacks(values):
            return object()
        return values[schema.together]

    for _, run in itertools.groupby(rows, joins):
        yield list(run)


def joined(schema: Schema, run: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The columns of a run as one row: the column that joins them, and a list of cells for each other one.

    Args:
        schema: The format.
        run: The columns of each row. A single row of a format that joins none, or that lacks a column, stays as it is.

    Example:
        >>> from pyrite.data.schemas.table import SCHEMAS
        >>> ratings = dict.fromkeys(("helpfulness", "correctness", "coherence", "complexity", "verbosity"), 3)
        >>> rows = [{"prompt": "Hi", "response": said, **ratings} for said in ("Hello", "Bye")]
        >>> joined(SCHEMAS["helpsteer2-pairs"], rows)["response"]
        ['Hello', 'Bye']
    """
    if not schema.together or schema.lacks(run[0]):
        return run[0]
    others = [name for name in schema.needs if name != schema.together]
    return {schema.together: run[0][schema.together], **{name: [row[name] for row in run] for name in others}}


def place(wheres: Sequence[str]) -> str:
    """Where a run stands: its only row, or its first and last."""
    return wheres[0] if len(wheres) == 1 else f"{wheres[0]} to {wheres[-1]}"
