"""How transforms of scores are made, joined and run: the optax layer.

A transform is a pair of pure functions: `init` reads the reference scores (the n = 1 candidates) into a state, `update` maps
scores with that state. Scales are in `scale.py`, aggregation over ensemble members in `members.py`, names in `spec.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor

from pyrite.errors import InputError, ShapeError
from pyrite.protocols import RewardTransform
from pyrite.types import Scores


def stateless(
    update: Callable[..., Scores],
    *,
    name: str = "stateless",
    monotone: bool = False,
    bounded: tuple[float, float] | None = None,
    shift_invariant: bool = False,
    needs_members: bool = False,
) -> RewardTransform:
    """Make a transform of a function that remembers nothing.

    Args:
        update: (scores, **extras) -> scores. Ask for an extra by keyword, as in `lambda scores, *, kl, **_: ...`; a call
            without it is a TypeError that names it.
        name: As written in a spec.
        monotone: Declared flags; see `pyrite.RewardTransform`.
        bounded: See there.
        shift_invariant: See there.
        needs_members: See there.

    Example:
        >>> halve = stateless(lambda scores, **_: replace(scores, value=scores.value / 2), name="halve", monotone=True)
        >>> apply(halve, Scores(torch.tensor([3.0]))).value
        tensor([1.5000])
    """
    return RewardTransform(
        name=name,
        init=lambda reference: None,
        update=lambda scores, state, **extras: (update(scores, **extras), state),
        monotone=monotone,
        bounded=bounded,
        shift_invariant=shift_invariant,
        needs_members=needs_members,
    )


def chain(*transforms: RewardTransform, name: str | None = None) -> RewardTransform:
    """Run transforms one after the other, each on what the one before it returned.

    The reference takes the same way: a later link's state is made of the reference as the earlier links leave it. Flags are
    the strongest that follow from those of the links: monotone if all are, bounded as the last one, shift-invariant if the
    first one is (the rest then never sees the shift), needs if any needs.

    Args:
        transforms: At least one.
        name: How to call it; the names of the links joined by " | " if left out.

    Returns:
        A transform whose state is the tuple of its links' states.

    Raises:
        InputError: No transform given.
    """
    if not transforms:
        raise InputError("chain got no transforms; expected at least one.")

    def init(reference: Scores | None) -> tuple[Any, ...]:
        states: list[Any] = []
        for i, link in enumerate(transforms):
            states.append(link.init(reference))
            if reference is not None and any(later.needs_reference for later in transforms[i + 1 :]):
                reference = link.update(reference, states[-1])[0]
        return tuple(states)

    def update(scores: Scores, state: tuple[Any, ...], **extras: Any) -> tuple[Scores, tuple[Any, ...]]:
        after: list[Any] = []
        for link, before in zip(transforms, state, strict=True):
            scores, new = link.update(scores, before, **extras)
            after.append(new)
        return scores, tuple(after)

    return RewardTransform(
        name=name or " | ".join(link.name for link in transforms),
        init=init,
        update=update,
        monotone=all(link.monotone for link in transforms),
        bounded=transforms[-1].bounded,
        shift_invariant=transforms[0].shift_invariant,
        needs_members=any(link.needs_members for link in transforms),
        needs_reference=any(link.needs_reference for link in transforms),
    )


def when(condition: Callable[..., bool | Tensor], transform: RewardTransform) -> RewardTransform:
    """Transform only the samples for which a condition holds; the others keep value and members.

    Args:
        condition: (scores, **extras) -> one bool for all samples, or a bool tensor (N,).
        transform: What to do where it holds.

    Returns:
        A transform with the needs of `transform`. It is not declared monotone, bounded or shift-invariant: the two groups of
        samples end up on different scales.

    Raises:
        ShapeError: The condition has another shape than () or (N,).

    Example:
        >>> late = when(lambda scores, *, step, **_: step > 100, halve)                      # doctest: +SKIP
    """

    def update(scores: Scores, state: Any, **extras: Any) -> tuple[Scores, Any]:
        changed, new = transform.update(scores, state, **extras)
        here = torch.as_tensor(condition(scores, **extras), device=scores.value.device)
        if here.shape not in {(), scores.value.shape}:
            raise ShapeError(f"condition has shape {tuple(here.shape)}; expected one bool or ({len(scores)},).")
        here = here.bool().expand(len(scores))
        status = torch.where(here.cpu(), changed.status, scores.status)
        members = scores.members
        if members is not None and changed.members is not None:
            members = torch.where(here[:, None], changed.members, members)
        return replace(scores, value=torch.where(here, changed.value, scores.value), status=status, members=members), new

    return RewardTransform(
        name=f"when({transform.name})",
        init=transform.init,
        update=update,
        needs_members=transform.needs_members,
        needs_reference=transform.needs_reference,
    )


def apply(transform: RewardTransform, scores: Scores, reference: Scores | None = None, **extras: Any) -> Scores:
    """Run a transform once.

    Args:
        transform: The guard or scale.
        scores: What to transform.
        reference: The n = 1 candidates that means and standard deviations are taken from; samples without a value are left
            out of them.
        extras: Whatever `update` asks for by keyword.

    Returns:
        Scores with the same statuses; a sample without a value stays without one.
    """
    return transform.update(scores, transform.init(reference), **extras)[0]


def record(state: Any) -> list[Mapping[str, Any]]:
    """What a transform took from the reference, as plain numbers for a report.

    Args:
        state: What `init` returned.

    Returns:
        One mapping a link that has a state, for instance `[{"kind": "Alignment", "mean": (0.1, 2.0), "std": (1.0, 0.4), ...}]`.
    """
    if isinstance(state, tuple):
        return [entry for part in state for entry in record(part)]
    if is_dataclass(state) and not isinstance(state, type):
        return [{"kind": type(state).__name__, **asdict(state)}]
    return []
