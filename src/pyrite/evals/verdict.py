"""Does gold fall as best-of-n pushes harder? A test, not an argmax.

FALLS: a simultaneous 95 % bound puts gold(m) - gold(n_max) above 0 for some m. HOLDS: its upper bound is below the margin
for every m. CANNOT TELL: neither. NO GOLD: nothing to judge by. The rule, its calibration and what it cannot say are in
docs/verdict.md; the sentence is put together in `sentences.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyrite.errors import InputError
from pyrite.evals.curves import Curve
from pyrite.stats.bestofn import grid
from pyrite.stats.crossfit import crossfit
from pyrite.stats.intervals import Interval, paired_interval
from pyrite.stats.simultaneous import SupT, separably_beaten, sup_t

Array = NDArray[np.float64]

MIN_UNITS = 10
"""With fewer prompts (or clusters) than this the verdict is CANNOT TELL: the bounds are not calibrated there."""

POWER = 0.8416
"""Standard normal quantile of 0.8: the power at which a fall counts as one that the data could have shown."""


@dataclass(frozen=True)
class Heterogeneity:
    """How prompts differ from the mean curve, from n = 1 to n_max.

    Attributes:
        rising: Share of prompts whose gold rises by more than `flat_within`.
        falling: Share of prompts whose gold falls by more than that.
        flat: The rest.
        flat_within: In gold units: the verdict's margin.
    """

    rising: float
    falling: float
    flat: float
    flat_within: float


@dataclass(frozen=True)
class Verdict:
    """What a curve says about over-optimisation.

    Attributes:
        word: FALLS, HOLDS, CANNOT TELL or NO GOLD.
        sentence: The finding in plain words, beginning with the word.
        margin: The largest fall that still counts as holding, in gold units; None without gold.
        best_n: The n with the highest mean gold; a description of this sample, not a claim. None without gold.
        turning: The n that cannot be told from the best one; None unless the word is FALLS.
        turning_reason: Why there is no turning set.
        fall_low: Largest simultaneous lower bound of gold(m) - gold(n_max) over m; above 0 means FALLS.
        fall_high: Largest simultaneous upper bound over m; below `margin` means HOLDS.
        gain: Gold at the cross-fitted turning point minus gold at n = 1.
        loss_beyond: Gold at the cross-fitted turning point minus gold at n_max.
        gain_given_back: loss_beyond / gain; None where not estimable.
        gain_given_back_reason: Why it is not estimable.
        smallest_detectable: The fall, in gold units, that this data would have shown in 8 of 10 cases.
        heterogeneity: Shares of prompts that rise, fall, stay flat.
    """

    word: str
    sentence: str
    margin: float | None = None
    best_n: int | None = None
    turning: tuple[int, ...] | None = None
    turning_reason: str | None = None
    fall_low: float | None = None
    fall_high: float | None = None
    gain: Interval | None = None
    loss_beyond: Interval | None = None
    gain_given_back: Interval | None = None
    gain_given_back_reason: str | None = None
    smallest_detectable: float | None = None
    heterogeneity: Heterogeneity | None = None


def fall_bounds(curve: Curve, *, plain: bool = False) -> SupT:
    """One-sided simultaneous 95 % bounds of gold(m) - gold(n_max), for every m before n_max."""
    golds = _golds(curve)
    return sup_t(golds[:, :-1] - golds[:, -1:], clusters=curve.clusters, draws=curve.draws, seed=curve.seed, plain=plain)


def decide(bounds: SupT, margin: float) -> str:
    """The word for given bounds of the fall: FALLS, HOLDS or CANNOT TELL; `margin` in gold units.

    A fall that is certain yet smaller than the margin is FALLS; the sentence then says that it is small.
    """
    if (bounds.low > 0).any():
        return "FALLS"
    return "HOLDS" if bool((bounds.high < margin).all()) else "CANNOT TELL"


def judge(curve: Curve, *, margin: float = 0.1, gold_name: str = "gold", systems: bool = False) -> Verdict:
    """Judge a curve: does gold fall, from which n, by how much, and what could not be seen.

    Args:
        curve: From `overoptimisation_curve`; its draws and seed are used.
        margin: Largest fall that still counts as holding, in standard deviations of gold at n = 1, > 0.
        gold_name: What gold is called in the sentence, e.g. "pass rate".
        systems: The candidates come from several generators; the sentence then says "selection among systems".

    Raises:
        InputError: The margin is not positive.
    """
    from pyrite.evals.sentences import write

    if not margin > 0:
        raise InputError(f"margin is {margin}; expected a positive share of gold's standard deviation, such as 0.1.")
    if curve.gold is None or curve.gold_sd is None:
        return write(Verdict("NO GOLD", ""), curve, gold_name, systems)
    limit = margin * curve.gold_sd
    best_n = int(curve.n[np.argmax(curve.gold)])
    units = curve.num_prompts if curve.clusters is None else len(np.unique(curve.clusters))
    why = None
    if units < MIN_UNITS:
        why = f"only {units} prompts or clusters; the bounds need at least {MIN_UNITS}"
    elif len(curve.n) < 2:
        why = "there is only one candidate a prompt, so nothing was selected"
    elif curve.gold_sd == 0:
        why = "gold is the same for every candidate"
    if why is not None:
        return write(Verdict("CANNOT TELL", "", limit, best_n, turning_reason=why), curve, gold_name, systems)
    return write(_measure(curve, limit, best_n), curve, gold_name, systems)


def _measure(curve: Curve, limit: float, best_n: int) -> Verdict:
    """Everything but the sentence, for a curve with enough of all."""
    golds = _golds(curve)
    bounds = fall_bounds(curve)
    word = decide(bounds, limit)
    halves = crossfit(golds, clusters=curve.clusters, draws=curve.draws, seed=curve.seed)
    return Verdict(
        word=word,
        sentence="",
        margin=limit,
        best_n=best_n,
        turning=turning_set(curve) if word == "FALLS" else None,
        turning_reason=None if word == "FALLS" else "no fall was shown; the best n may lie at or beyond n_max",
        fall_low=float(bounds.low.max()),
        fall_high=float(bounds.high.max()),
        gain=halves.gain,
        loss_beyond=halves.loss,
        gain_given_back=halves.share,
        gain_given_back_reason=None if halves.share else "not estimable: the interval of the gain includes 0",
        smallest_detectable=_smallest_detectable(curve, bounds),
        heterogeneity=_heterogeneity(golds, limit),
    )


def turning_set(curve: Curve) -> tuple[int, ...]:
    """The n that no other n beats beyond doubt; holds the true best n with 95 % confidence.

    On curves of more than 128 points every n on the thinned grid is looked at.
    """
    golds = _golds(curve)
    at = np.arange(len(curve.n))
    if len(at) > 128:
        at = np.unique(np.searchsorted(curve.n, grid(curve.n_max, all_up_to=1)))
    beaten = separably_beaten(golds[:, at], clusters=curve.clusters, draws=curve.draws, seed=curve.seed)
    return tuple(int(n) for n in curve.n[at][~beaten])


def _golds(curve: Curve) -> Array:
    """(P, J) gold by prompt."""
    if curve.gold_by_prompt is None:
        raise InputError("The curve was drawn without gold; pass gold= to overoptimisation_curve.")
    return curve.gold_by_prompt


def _smallest_detectable(curve: Curve, bounds: SupT) -> float:
    """(c + z_0.8) * error at the highest point that lies at least a factor of 2 before n_max."""
    assert curve.gold is not None
    early = int(np.searchsorted(curve.n, curve.n_max / 2, side="right"))
    peak = int(np.argmax(curve.gold[: max(early, 1)]))
    return float((bounds.critical[0] + POWER) * bounds.error[peak])


def _heterogeneity(golds: Array, limit: float) -> Heterogeneity:
    """Shares of prompts by their own change from the first n to the last."""
    change = golds[:, -1] - golds[:, 0]
    rising, falling = float(np.mean(change > limit)), float(np.mean(change < -limit))
    return Heterogeneity(rising, falling, 1.0 - rising - falling, limit)


@dataclass(frozen=True)
class CurveComparison:
    """Gold under one reward or guard minus gold under another, over the same prompts.

    Attributes:
        n: (J,) the n that both curves have.
        difference: (J,) first minus second, mean over prompts.
        low: (J,) simultaneous 95 % band, lower end.
        high: (J,) upper end.
        at_n_max: The difference at the last n, with its own interval.
        better: The n at which the first is better beyond doubt.
        worse: The n at which it is worse beyond doubt.
        num_prompts: Prompts that both curves have.
    """

    n: NDArray[np.int64]
    difference: Array
    low: Array
    high: Array
    at_n_max: Interval
    better: tuple[int, ...]
    worse: tuple[int, ...]
    num_prompts: int


def compare_curves(first: Curve, second: Curve) -> CurveComparison:
    """Compare two curves drawn from the same pools, such as a guarded reward and the raw one: paired by prompt.

    Raises:
        InputError: They share fewer than two prompts, or no n.
    """
    n, at_first, at_second = np.intersect1d(first.n, second.n, return_indices=True)
    prompts, in_first, in_second = np.intersect1d(first.groups, second.groups, return_indices=True)
    if len(prompts) < 2 or not len(n):
        raise InputError(f"The curves share {len(prompts)} prompts and {len(n)} values of n; expected at least 2 and 1.")
    gaps = _golds(first)[np.ix_(in_first, at_first)] - _golds(second)[np.ix_(in_second, at_second)]
    clusters = None if first.clusters is None else first.clusters[in_first]
    bounds = sup_t(gaps, clusters=clusters, draws=first.draws, seed=first.seed, two_sided=True)
    last = paired_interval(gaps[:, -1], np.zeros(len(gaps)), clusters=clusters, seed=first.seed)
    better, worse = (tuple(int(x) for x in n[mask]) for mask in (bounds.low > 0, bounds.high < 0))
    if math.isnan(last.low):
        raise InputError("All prompts are in one cluster; a comparison needs at least two.")
    return CurveComparison(n, bounds.value, bounds.low, bounds.high, last, better, worse, len(prompts))
