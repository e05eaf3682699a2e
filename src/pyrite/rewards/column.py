"""Scores that stand in the data already: `column:NAME`, `column:rm_scores["KEY"]`.

They are found by the sample's row and its place there, whatever the samples were grouped or cut into.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from pyrite.errors import InputError, close_names
from pyrite.registry import register
from pyrite.types import Sample, Scores, Status

LARGEST = torch.finfo(torch.float32).max

Cell = tuple[list[float], Status, str]
"""The numbers of one sample (several where it was judged several times), its status, and why it has none."""


@register("reward", "column", example=lambda: _example())
class ColumnReward:
    """The value of a column for each completion, as read from the file.

    In rows of `completions` the cell is a list with an entry a completion; in pairs an object `{"chosen": .., "rejected": ..}`,
    a list of the two, or two columns `NAME_chosen` and `NAME_rejected`; in rows of one completion a number. true is 1 and
    false 0. An entry that is itself a list of numbers counts as repeated judgements: value is their mean, and they are the
    members. Absent or empty abstains; NaN, infinity, a text or a cell of another length is invalid.

    Args:
        name: The column.
        keys: Keys of objects or places in lists to follow into the cell first.
    """

    differentiable = False

    def __init__(self, name: str, keys: Sequence[str | int] = ()) -> None:
        self.column = name
        self.keys = tuple(keys)
        self.name = str(self.keys[-1]) if self.keys else name
        self.needs = frozenset({f"column:{name}"})
        self.spec = ""
        self._found = False

    def score(self, samples: Sequence[Sample]) -> Scores:
        """One score a sample.

        Raises:
            InputError: No sample has the column, or no cell has the key; the message names those that are there.
        """
        self._check_presence(samples)
        cells = [self._cell(sample) for sample in samples]
        value = torch.tensor([sum(n) / len(n) if n else math.nan for n, _, _ in cells], dtype=torch.float32)
        status = torch.tensor([int(status) for _, status, _ in cells], dtype=torch.int8)
        texts = tuple(text for _, _, text in cells)
        return Scores(value, status, members=_members(cells), texts=texts if any(texts) else None)

    def _check_presence(self, samples: Sequence[Sample]) -> None:
        """Stop where the column or a key was in no sample, now or in an earlier call: the name is then a mistake."""
        if self._found or not samples:
            return
        rows = [sample.meta.get("row", {}) for sample in samples]
        names = {self.column, f"{self.column}_chosen", f"{self.column}_rejected"}
        having = [row for row in rows if names & row.keys()]
        if not having:
            there = list(dict.fromkeys(name for row in rows for name in row))
            raise InputError(
                f"No sample has a column {self.column!r}.{close_names(self.column, there)} "
                f"Columns: {', '.join(there) or 'none, the samples were not read from a file'}."
            )
        self._check_key(having, names)

    def _check_key(self, rows: Sequence[Mapping[str, Any]], names: set[str]) -> None:
        cells = [row[name] for row in rows for name in names & row.keys()]
        objects = [cell for cell in cells if isinstance(cell, Mapping) and cell]
        wanted = self.keys[0] if self.keys and isinstance(self.keys[0], str) else None
        if wanted is not None and objects and not any(wanted in cell for cell in objects):
            there = list(dict.fromkeys(str(key) for cell in objects for key in cell))
            raise InputError(
                f"No cell of column {self.column!r} has the key {wanted!r}.{close_names(wanted, there)} "
                f"Keys: {', '.join(there)}."
            )
        self._found = wanted is None or bool(objects)

    def _cell(self, sample: Sample) -> Cell:
        row, slot = sample.meta.get("row", {}), sample.meta.get("slot")
        own = f"{self.column}_{slot}"
        direct = self.column not in row and own in row
        cell = row.get(own if direct else self.column)
        for key in self.keys:
            cell = _follow(cell, key)
        if not direct:
            cell, problem = _at_slot(cell, slot, sample.meta.get("num", 1))
            if problem:
                return [], Status.INVALID, f"column {self.column} {problem}"
        place = sample.meta.get("place")
        if place is not None and isinstance(cell, list | tuple):
            cell = _follow(cell, place[slot])
        return self._numbers(cell)

    def _numbers(self, cell: Any) -> Cell:
        if cell is None or (isinstance(cell, str | list | tuple | Mapping) and not cell):
            return [], Status.ABSTAIN, ""
        entries: list[Any] = list(cell) if isinstance(cell, list | tuple) else [cell]
        if not all(isinstance(entry, bool | int | float) and abs(entry) <= LARGEST for entry in entries):
            return [], Status.INVALID, f"column {self.column} holds {cell!r}"[:120]
        return [float(entry) for entry in entries], Status.OK, ""


def _follow(cell: Any, key: str | int) -> Any:
    """The entry of an object or a list, or None where there is none."""
    if isinstance(cell, Mapping):
        return cell.get(key)
    if isinstance(cell, list | tuple) and isinstance(key, int) and -len(cell) <= key < len(cell):
        return cell[key]
    return None


def _at_slot(cell: Any, slot: Any, num: int) -> tuple[Any, str]:
    """The entry of one completion in a row's cell, and what is wrong with the cell."""
    if cell is None or (isinstance(cell, str | list | tuple | Mapping) and not cell):
        return None, ""
    if isinstance(slot, str):
        if isinstance(cell, Mapping):
            return cell.get(slot), ""
        if isinstance(cell, list | tuple) and len(cell) == 2:
            return cell[0 if slot == "chosen" else 1], ""
        return None, "holds neither chosen and rejected nor a list of two"
    if isinstance(cell, list | tuple) and len(cell) == num:
        return cell[slot or 0], ""
    if num == 1:
        return cell, ""
    if isinstance(cell, list | tuple):
        return None, f"holds {len(cell)} values for {num} completions"
    return None, f"holds one value for {num} completions"


def _members(cells: Sequence[Cell]) -> torch.Tensor | None:
    """(N, M) repeated judgements, where every sample with a value has the same number M > 1 of them; else None."""
    sizes = {len(numbers) for numbers, status, _ in cells if status == Status.OK}
    if len(sizes) != 1 or sizes == {1}:
        return None
    size = sizes.pop()
    return torch.tensor([numbers or [math.nan] * size for numbers, _, _ in cells], dtype=torch.float32)


def _example() -> tuple[ColumnReward, list[Sample]]:
    row = {"prompt": "Name a colour.", "completions": ["Red.", "A deep blue.", "Seven."], "scores": [0.5, 1.0, None]}
    return ColumnReward("scores"), [
        Sample("Name a colour.", text, meta={"row": row, "slot": slot, "num": 3})
        for slot, text in enumerate(row["completions"])
    ]
