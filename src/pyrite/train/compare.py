"""Is the reward model better than the best baseline? Paired by row, over seeds, with an interval over prompts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyrite.stats.intervals import Interval, mean_interval, paired_interval

Array = NDArray[np.float64]

TITLES = {
    "length": "length",
    "random": "random",
    "constant": "constant",
    "bag_of_words": "bag of words + length",
}
"""How baselines are called in tables."""


def compare(
    model: Sequence[Array], baselines: Sequence[Mapping[str, Array]], units: NDArray[Any], seeds: Sequence[int]
) -> dict[str, Any]:
    """The model beside its baselines on the same rows.

    Credits are averaged over seeds row by row; the intervals are bootstraps over prompts, so they say how far the figures
    carry over to other prompts, and the figures by seed say how far to other fits.

    Args:
        model: For each of S seeds the credit (R,) of the rows; NaN where there is no score.
        baselines: For each seed the credits of its baselines; NaN as well where the row's label is a tie.
        units: (R,) prompt of each row.
        seeds: Their numbers.

    Returns:
        JSON values: model, by_seed, baselines, best_baseline, difference (model minus best baseline), beats, sentence, counts.
    """
    mine = np.mean(model, axis=0)
    known = np.isfinite(mine)
    others = {name: np.mean([b[name] for b in baselines], axis=0) for name in baselines[0]}
    figures = {name: mean_interval(np.where(known, credit, np.nan), clusters=units) for name, credit in others.items()}
    best = max(figures, key=lambda name: figures[name].value)
    gap = paired_interval(mine, others[best], clusters=units)
    return {
        "model": as_json(mean_interval(mine, clusters=units)),
        "by_seed": {str(seed): _finite(float(np.nanmean(credit))) for seed, credit in zip(seeds, model, strict=True)},
        "baselines": {name: as_json(figure) for name, figure in figures.items()},
        "best_baseline": best,
        "difference": as_json(gap),
        "beats": bool(gap.low > 0),
        "sentence": sentence(gap, best),
        "rows": len(mine),
        "rows_without_figure": int((~known).sum()),
    }


def sentence(gap: Interval, best: str) -> str:
    """Whether the lower 95 % bound of the difference is above 0, in words."""
    told = f"{gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}] over {TITLES[best]}, {gap.n} prompts"
    if gap.low > 0:
        return f"Beats the best baseline: {told}."
    if gap.high < 0:
        return f"Does not beat the best baseline, it is worse: {told}."
    return f"Does not beat the best baseline: {told}; the interval includes 0."


def as_json(interval: Interval) -> dict[str, float | int | None]:
    """An interval as JSON values."""
    return {"value": _finite(interval.value), "low": _finite(interval.low), "high": _finite(interval.high), "n": interval.n}


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def lines_of(found: Mapping[str, Any], metric: str, where: str) -> list[str]:
    """The comparison as lines of a plain table."""
    rows = [("reward model", found["model"]), *((TITLES[name], figure) for name, figure in found["baselines"].items())]
    lines = [f"{metric} on {where} ({found['rows'] - found['rows_without_figure']} rows, {found['model']['n']} prompts)"]
    lines += [f"  {name:<24}{told(figure)}" for name, figure in rows]
    if len(found["by_seed"]) > 1:
        lines.append("  by seed                 " + "  ".join(f"{s}: {v:.3f}" for s, v in found["by_seed"].items()))
    return [*lines, f"  {found['sentence']}"]


def told(figure: Mapping[str, Any]) -> str:
    """As in "0.812 [0.770, 0.851]"."""
    value, low, high = (math.nan if figure[name] is None else figure[name] for name in ("value", "low", "high"))
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"
