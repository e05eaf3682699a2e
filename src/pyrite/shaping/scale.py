"""Transforms that move and squeeze scores: centre, standardise, clip, sigmoid of the centred score.

Each maps `value` and every member by one and the same function, so that a mean of members stays the mean. All are monotone:
on a single score they cannot change which of n candidates is best. Aggregation over members is in `members.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pyrite.errors import InputError
from pyrite.protocols import RewardTransform
from pyrite.shaping.chain import stateless
from pyrite.types import Scores


@dataclass(frozen=True)
class Scale:
    """Location and spread of the reference scores.

    Attributes:
        mean: Of the samples with a value.
        std: Population standard deviation (divide by N).
        num: How many samples had a value.
    """

    mean: float
    std: float
    num: int


def measure_scale(reference: Scores | None, name: str) -> Scale:
    """Mean and standard deviation of the reference samples that have a value, in float64.

    Args:
        reference: The n = 1 candidates.
        name: Of the transform, for the message.

    Raises:
        InputError: No reference, or no sample in it has a value.
    """
    if reference is None:
        raise InputError(f"{name} needs reference scores (the n = 1 candidates) and got none; pass reference=.")
    known = reference.value.detach().cpu().double()[reference.ok]
    if not len(known):
        raise InputError(f"{name} needs reference scores; none of the {len(reference)} reference samples has a value.")
    return Scale(float(known.mean()), float(known.std(correction=0)), len(known))


def centre() -> RewardTransform:
    """Subtract the mean of the reference scores.

    value = value - mean(reference). Use it where 0 should mean "as good as an unoptimised completion".

    Returns:
        A monotone, shift-invariant transform. Reads and writes `value` (N,) and `members` (N, M); the same mean, that of the
        value, is subtracted from each member. Its state is a `Scale`.
    """

    def update(scores: Scores, state: Scale) -> Scores:
        return mapped(scores, lambda x: x - state.mean)

    return with_scale(update, name="centre", shift_invariant=True)


def standardise() -> RewardTransform:
    """Subtract the mean of the reference scores and divide by their standard deviation.

    value = (value - mean(reference)) / std(reference), with the population standard deviation (divide by N).
    Use it before a fixed limit or weight, so that the number means the same for every reward.

    Returns:
        A monotone, shift-invariant transform. Reads and writes `value` (N,) and `members` (N, M), by one map: members keep
        their own offsets (`align_members` removes those). Its state is a `Scale`.

    Raises:
        InputError: The reference scores do not vary.
    """

    def update(scores: Scores, state: Scale) -> Scores:
        if is_constant(state.mean, state.std):
            raise InputError(
                f"standardise divides by the spread of the reference scores; all {state.num} of them are {state.mean:g}."
            )
        return mapped(scores, lambda x: (x - state.mean) / state.std)

    return with_scale(update, name="standardise", shift_invariant=True)


def clip(limit: float | None = None, *, low: float | None = None, high: float | None = None) -> RewardTransform:
    """Keep scores inside an interval.

    value = min(max(value, low), high). Takes away what an outlier could gain; inside the interval nothing changes, and above
    it all completions tie.

    Args:
        limit: Shorthand for low = -limit and high = limit, > 0.
        low: Lowest value let through; none if left out.
        high: Highest value let through; none if left out.

    Returns:
        A stateless, monotone, bounded transform. Reads and writes `value` (N,) and `members` (N, M).

    Raises:
        InputError: No bound given, both forms given, or low is not below high.

    Example:
        >>> from pyrite.shaping import apply
        >>> apply(clip(2.0), Scores(torch.tensor([-5.0, 1.0, 9.0]))).value
        tensor([-2.,  1.,  2.])
    """
    if limit is not None:
        if low is not None or high is not None:
            raise InputError("clip takes limit, or low and high; got both.")
        if not limit > 0 or math.isinf(limit):
            raise InputError(f"limit is {limit:g}; expected a finite number above 0.")
        low, high, name = -limit, limit, f"clip({limit:g})"
    else:
        given = [f"{key}={bound:g}" for key, bound in (("low", low), ("high", high)) if bound is not None]
        if not given:
            raise InputError("clip got no bound; write clip(5) or clip(low=-1, high=3).")
        name = f"clip({', '.join(given)})"
    bottom, top = -math.inf if low is None else low, math.inf if high is None else high
    if not bottom < top:
        raise InputError(f"low is {bottom:g} and high is {top:g}; expected low below high.")

    def update(scores: Scores, **_: object) -> Scores:
        return mapped(scores, lambda x: x.clamp(bottom, top))

    return stateless(update, name=name, monotone=True, bounded=(bottom, top))


def sigmoid_centred(slope: float = 1.0) -> RewardTransform:
    """Squash the centred score into (0, 1).

    value = 1 / (1 + exp(-slope * (value - mean(reference)))). Gains above the reference flatten out, so a policy earns
    little by pushing a score far beyond what ordinary completions get.

    Args:
        slope: Multiplies the centred score, > 0; the paper uses 1.

    Returns:
        A monotone, shift-invariant transform bounded by 0 and 1. Reads and writes `value` (N,) and `members` (N, M). Its
        state is a `Scale`. In float32 it ties scores that lie more than 17 / slope above the mean.

    Raises:
        InputError: The slope is not a finite number above 0.

    Source: Fu et al. 2025, Preference as Reward, arXiv:2502.18770.
    Departs: The paper centres on reference completions of the same prompt; we centre on all n = 1 candidates, because a pool
        scored once has no separate reference completions.
    """
    if not slope > 0 or math.isinf(slope):
        raise InputError(f"slope is {slope:g}; expected a finite number above 0.")

    def update(scores: Scores, state: Scale) -> Scores:
        return mapped(scores, lambda x: torch.sigmoid(slope * (x - state.mean)))

    return with_scale(update, name=f"sigmoid({slope:g})", shift_invariant=True, bounded=(0.0, 1.0))


def with_scale(
    update: Callable[[Scores, Scale], Scores],
    *,
    name: str,
    shift_invariant: bool,
    bounded: tuple[float, float] | None = None,
) -> RewardTransform:
    """A monotone transform whose state is the `Scale` of the reference."""
    return RewardTransform(
        name=name,
        init=lambda reference: measure_scale(reference, name),
        update=lambda scores, state, **_: (update(scores, state), state),
        monotone=True,
        bounded=bounded,
        shift_invariant=shift_invariant,
        needs_reference=True,
    )


def mapped(scores: Scores, change: Callable[[Tensor], Tensor]) -> Scores:
    """Scores with `change` applied to the value and to every member; NaN stays NaN."""
    members = None if scores.members is None else change(scores.members)
    return replace(scores, value=change(scores.value), members=members)


def is_constant(mean: float, std: float) -> bool:
    """Whether a spread is no more than float32 rounding of the mean."""
    return std <= 1e-6 * abs(mean)
