"""Bounds that hold for a whole curve at once.

`sup_t` answers "is any of these J means above 0?" without paying for J separate looks. `separably_beaten` turns it around
for every point of a curve. Read next: `crossfit.py`, for the size of a fall; the rule is in `pyrite.evals.verdict`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyrite.errors import InputError, ShapeError
from pyrite.stats.intervals import cluster_sums, resample_counts

Array = NDArray[np.float64]

FLOOR = 0.1
"""Smallest standard error that is believed, as a share of the largest on the curve."""


@dataclass(frozen=True)
class SupT:
    """J means with bounds that hold for all of them together.

    Attributes:
        value: (J,) means.
        error: (J,) standard errors, those near zero raised to the floor.
        low: (J,) with probability `level` no true mean is below its `low`.
        high: (J,) with probability `level` no true mean is above its `high`.
        critical: Multiples of the standard error behind `low` and `high`.
        level: Of each side on its own where one-sided; of both together where two-sided.
    """

    value: Array
    error: Array
    low: Array
    high: Array
    critical: tuple[float, float]
    level: float


def sup_t(
    values: Array,
    *,
    clusters: ArrayLike | None = None,
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    two_sided: bool = False,
    counts: NDArray[np.int64] | None = None,
    plain: bool = False,
) -> SupT:
    """Simultaneous bounds for the means of J numbers a unit, by a studentised bootstrap over units.

    For draw b: T_b(j) = (mean_b(j) - mean(j)) / error_b(j), with the standard error recomputed on the draw. Let c be the
    larger of the `level` quantiles over b of max_j T_b(j) and of max_j -T_b(j); the bounds are mean -+ c * error.
    Two departures from the plain sup-t, which is too liberal for few or skewed units (docs/verdict.md has the table): the
    error is recomputed, and the larger quantile serves both sides, because a sample that happens to miss a long tail has a
    large mean and a small quantile on the same side. A standard error below a tenth of the largest is raised to it, so that
    points which differ from the reference in a few prompts only do not decide the maximum.

    Args:
        values: (P, J) one row a unit; finite.
        clusters: (P,) labels of units that are drawn together.
        draws: Bootstrap samples.
        seed: Same seed, same bounds.
        level: Confidence level.
        two_sided: Split what is left of the level over both sides; otherwise each side has the full level.
        counts: (draws, C) ready resample counts of the clusters, where many curves share one table.
        plain: The textbook sup-t instead: errors of the data, each side its own quantile. For comparison only.

    Source: Montiel Olea and Plagborg-Moller 2019, Simultaneous confidence bands (sup-t); bootstrap-t of Efron 1979.
    """
    sums, sizes = _units(values, clusters)
    mean = sums.sum(axis=0) / sizes.sum()
    spread = sums - sizes[:, None] * mean
    error = np.sqrt((spread**2).sum(axis=0) * len(sums) / (len(sums) - 1)) / sizes.sum()
    floor = FLOOR * float(error.max(initial=0.0))
    error = np.maximum(error, floor)
    table = resample_counts(len(sums), draws, seed) if counts is None else counts
    highest, lowest = np.empty(len(table)), np.empty(len(table))
    for rows, shifted, error_b in _draws(spread, sizes, table):
        ratio = _safe_ratio(shifted, error if plain else np.maximum(error_b, floor))
        highest[rows], lowest[rows] = ratio.max(axis=1, initial=-np.inf), ratio.min(axis=1, initial=np.inf)
    quantile = 0.5 + level / 2 if two_sided else level
    c_low, c_high = (float(np.quantile(side, quantile, method="higher")) for side in (highest, -lowest))
    if not plain:
        c_low = c_high = max(c_low, c_high)
    return SupT(mean, error, mean - c_low * error, mean + c_high * error, (c_low, c_high), level)


def _units(values: Array, clusters: ArrayLike | None) -> tuple[Array, Array]:
    """Sums (C, J) and sizes (C,) of the resampling units, of which there must be two."""
    if values.ndim != 2 or len(values) < 2:
        raise ShapeError(f"values has shape {values.shape}; expected (P, J) with at least two units.")
    sums, sizes = cluster_sums(values, clusters)
    if len(sums) < 2:
        raise InputError("All units are in one cluster; an interval needs at least two clusters.")
    return sums, sizes


def _safe_ratio(top: Array, bottom: Array) -> Array:
    """Elementwise top/bottom with 0 where the bottom is 0: such a column never varies."""
    wide = np.broadcast_to(bottom, top.shape)
    return np.divide(top, wide, out=np.zeros_like(top), where=wide > 0)


def _draws(spread: Array, sizes: Array, table: NDArray[np.int64]) -> Iterator[tuple[slice, Array, Array]]:
    """For blocks of bootstrap samples: which rows, mean_b - mean, and its standard error on the draw.

    `spread` (C, J) is sums - sizes * mean, so that everything is relative to the mean of the data and no digits are lost.
    """
    num, step = len(spread), max(1, 2_000_000 // max(spread.shape[1], 1))
    squares, even = spread**2, bool((sizes == 1).all())
    for start in range(0, len(table), step):
        weights = table[start : start + step].astype(float)
        total = (weights @ sizes)[:, None]
        linear = weights @ spread
        crossed = linear if even else weights @ (spread * sizes[:, None])
        shifted = linear / total
        scatter = weights @ squares - 2 * shifted * crossed + shifted**2 * (weights @ sizes**2)[:, None]
        error = np.sqrt(np.maximum(scatter, 0.0) * num / (num - 1)) / total
        yield slice(start, start + len(weights)), shifted, error


def separably_beaten(
    curves: Array, *, clusters: ArrayLike | None = None, draws: int = 1000, seed: int = 0, level: float = 0.95
) -> NDArray[np.bool_]:
    """For each point of a curve, whether some other point is better beyond doubt: (J,).

    The points that are not beaten contain the best one with probability `level`: each point is tested on its own against
    all others by `sup_t`, and the best one is wrongly beaten with probability 1 - level.

    Args:
        curves: (P, J) one curve a unit.
        clusters: (P,) labels of units that are drawn together.
        draws: Bootstrap samples.
        seed: Same seed, same answer.
        level: Confidence level.
    """
    table = resample_counts(len(cluster_sums(curves, clusters)[0]), draws, seed)
    beaten = np.zeros(curves.shape[1], dtype=bool)
    for j in range(curves.shape[1]):
        others = np.delete(curves, j, axis=1) - curves[:, [j]]
        beaten[j] = others.size > 0 and bool(
            (sup_t(others, clusters=clusters, draws=draws, level=level, counts=table).low > 0).any()
        )
    return beaten
