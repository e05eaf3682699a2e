"""A file in a public format as a file of Pyrite's rows: row by row, in bounded memory, written whole or not at all.

The formats are in `schemas/`; `ultrafeedback:FILE` reads one without writing it (`sources.py`).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from pyrite.data.read import BadRow, Row, stream_rows
from pyrite.data.schemas.neighbours import joined, place, runs
from pyrite.data.schemas.parts import Dropped, Schema
from pyrite.data.schemas.regroup import BECOMES, check_target, rows_of
from pyrite.data.schemas.table import find_schema
from pyrite.errors import InputError
from pyrite.runtime.files import to_json
from pyrite.runtime.progress import progress

MOST_TOLD = 20
"""Bad rows that are quoted; all are counted."""


@dataclass(frozen=True)
class Conversion:
    """What is converted.

    Attributes:
        data: File, folder or hub name, as `read_rows` takes it.
        schema: Name of the format it is in.
        out: The .jsonl file that is written.
        to: Kind of the rows that are written; None takes the format's own.
        grade: Which grade counts, of a format with several.
        ties: Keep ties, as pairs with probability 0.5 or equal ranks.
        split: Which file of a folder.
        columns: New name -> old name, before the format is looked at.
        limit: First rows to take.
        skip_bad: Leave out rows that break the format, counted.
        fresh: Replace `out` if it is there.
    """

    data: str
    schema: str
    out: Path
    to: str | None = None
    grade: str | None = None
    ties: bool = False
    split: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    limit: int | None = None
    skip_bad: bool = False
    fresh: bool = False


@dataclass
class Tally:
    """What became of the rows."""

    read: int = 0
    written: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    bad: list[BadRow] = field(default_factory=list)
    num_bad: int = 0


def convert_file(job: Conversion) -> dict[str, Any]:
    """Write the rows of a file in a public format as rows of Pyrite.

    Args:
        job: What is converted.

    Returns:
        `out`, `format`, `to`, `read`, `written`, `dropped` (reason -> count), `bad_rows` and the first of them, as JSON values.

    Raises:
        InputError: The output is there, a row breaks the format, or nothing is left to write.
        UnknownName: No such format or grade.
    """
    schema = find_schema(job.schema)
    to = job.to or BECOMES[schema.kind][0]
    check_target(schema, to, job.grade)
    if job.out.suffix != ".jsonl":
        raise InputError(f"--out is {job.out}; expected a name that ends in .jsonl.")
    if job.out.exists() and not job.fresh:
        raise InputError(f"{job.out} is there. Use another --out, or add --fresh to replace it.")
    tally = Tally()
    job.out.parent.mkdir(parents=True, exist_ok=True)
    partial = job.out.with_name(f".{job.out.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            _write(job, schema, to, file, tally)
            file.flush()
            os.fsync(file.fileno())
        if not tally.written:
            raise InputError(_nothing(job, schema, tally))
        partial.replace(job.out)
    finally:
        partial.unlink(missing_ok=True)
    bad = [f"{row.where}: {row.problem}" for row in tally.bad]
    counts = {"read": tally.read, "written": tally.written, "dropped": dict(tally.dropped.most_common())}
    return {"out": str(job.out), "format": schema.name, "to": to, **counts, "bad_rows": tally.num_bad, "bad": bad}


def _write(job: Conversion, schema: Schema, to: str, file: TextIO, tally: Tally) -> None:
    found = stream_rows(job.data, split=job.split, columns=job.columns, limit=job.limit, skip_bad=job.skip_bad)
    with progress(f"converting {job.data}", None, "rows") as advance:
        for run in runs(schema, found, lambda row: None if isinstance(row, BadRow) else row.values):
            tally.read += len(run)
            advance(len(run))
            lines = run[0] if isinstance(run[0], BadRow) else _lines(schema, run, to, job, tally.dropped)
            if isinstance(lines, BadRow):
                _note(tally, lines, len(run), skip=job.skip_bad)
            else:
                file.writelines(lines)
                tally.written += len(lines)


def _lines(schema: Schema, run: Sequence[Row | BadRow], to: str, job: Conversion, dropped: Counter[str]) -> list[str] | BadRow:
    """The lines that rows which belong together become, or what is wrong with them; all of them or none."""
    values = joined(schema, [row.values for row in run if isinstance(row, Row)])
    try:
        made = list(rows_of(schema, values, to, grade=job.grade, ties=job.ties))
        lines = [f"{to_json(line)}\n" for line in made if not isinstance(line, Dropped)]
    except InputError as error:
        return BadRow(place([row.where for row in run]), f"read as {schema.name}: {error}")
    dropped.update(line.reason for line in made if isinstance(line, Dropped))
    return lines


def _note(tally: Tally, bad: BadRow, count: int, *, skip: bool) -> None:
    if not skip:
        raise InputError(f"{_told(bad)} {_advice(tally)}")
    tally.num_bad += count
    if len(tally.bad) < MOST_TOLD:
        tally.bad.append(bad)


def _told(bad: BadRow) -> str:
    return f"{bad.where}: {bad.problem.rstrip('.')}."


def _advice(tally: Tally) -> str:
    if tally.read == 1:
        return "Is the file in this format? pyrite data inspect names those whose columns it has."
    return "Mend the row, or leave such rows out with --skip-bad."


def _nothing(job: Conversion, schema: Schema, tally: Tally) -> str:
    """Why there is nothing to write."""
    if tally.bad:
        return f"No row of {job.data} is in the format {schema.name}; the first: {_told(tally.bad[0])}"
    if tally.dropped:
        reasons = ", ".join(f"{count} x {reason}" for reason, count in tally.dropped.most_common())
        return f"No row of {job.data} is left: {reasons}."
    return f"{job.data} is empty: it holds no row."
