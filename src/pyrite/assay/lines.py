"""One line of output for each row that was scored. Used by `bulk.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pyrite.assay.scoring import finite_numbers
from pyrite.data.read import BadRow, Rows
from pyrite.data.rows import checked, to_pairs, to_pool
from pyrite.errors import InputError
from pyrite.protocols import Reward
from pyrite.runtime.files import to_json
from pyrite.types import Sample, Scores, Status


def good_rows(rows: Rows, kind: str) -> Rows:
    """The rows that can be read as `kind`, the others counted; unlike for a whole file it is no error if there are none."""
    try:
        return checked(rows, kind)
    except InputError as error:
        if not rows.skip_bad:
            raise
        return replace(rows, rows=(), bad=(*rows.bad, *(BadRow(row.where, str(error)) for row in rows)))


def samples_of(rows: Rows, kind: str) -> list[Sample]:
    """What is scored of rows of one kind, as in `scored_lines`."""
    pairs = to_pairs(rows) if kind == "pairs" else []
    return [side for pair in pairs for side in pair.sides()] or list(to_pool(rows).samples)


def scored_lines(reward: Reward, rows: Rows, kind: str, *, only_scores: bool) -> tuple[list[str], list[str]]:
    """One JSON line a row, and the statuses of all samples.

    Args:
        reward: What scores.
        rows: Good rows of one kind.
        kind: candidates (the line gets lists `scores` and `statuses`), labelled (`score`, `status`) or pairs (`score_chosen`,
            `score_rejected`, `statuses`; lists where a row holds several pairs).
        only_scores: Leave the row's own columns out, but for `id`.
    """
    samples = samples_of(rows, kind)
    scores = reward.score(samples)
    of_row: dict[str, list[int]] = {}
    for i, sample in enumerate(samples):
        of_row.setdefault(sample.meta["where"], []).append(i)
    names = [Status(int(status)).name.lower() for status in scores.status]
    values = finite_numbers(scores.value.tolist())
    lines = []
    for row in rows:
        at = of_row[row.where]
        own = {"id": row.values["id"]} if "id" in row.values else {}
        told = {**(own if only_scores else row.values), **_told(kind, [values[i] for i in at], [names[i] for i in at])}
        lines.append(to_json({**told, **_beside(kind, scores, samples, at)}))
    return lines, names


def _told(kind: str, values: Sequence[float | None], statuses: Sequence[str]) -> dict[str, Any]:
    if kind == "candidates":
        return {"scores": list(values), "statuses": list(statuses)}
    if kind == "labelled":
        return {"score": values[0], "status": statuses[0]}
    one = len(values) == 2
    return {
        "score_chosen": values[0] if one else list(values[::2]),
        "score_rejected": values[1] if one else list(values[1::2]),
        "statuses": list(statuses),
    }


def _beside(kind: str, scores: Scores, samples: Sequence[Sample], at: Sequence[int]) -> dict[str, Any]:
    """Members, objectives, steps and sentences of a row's samples, where the reward gives them."""
    found: dict[str, Any] = {}
    for name in ("members", "objectives", "steps"):
        part = getattr(scores, name)
        if part is not None:
            found[name] = [finite_numbers(part[i].tolist()) for i in at]
    if scores.objectives is not None:
        found["objective_names"] = list(scores.objective_names)
    if scores.texts is not None and any(scores.texts[i] for i in at):
        found["texts"] = [scores.texts[i] for i in at]
    return {name: value[0] if kind == "labelled" and name != "objective_names" else value for name, value in found.items()}
