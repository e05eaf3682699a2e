"""The checks of transforms, generators and losses themselves: each broken law is caught by the sentence that names it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from pyrite.errors import ShapeError
from pyrite.protocols import Generation, RewardTransform
from pyrite.shaping import apply, clip, standardise, stateless
from pyrite.testing import check_generator, check_loss, check_transform
from pyrite.types import Scores, Text


def of(update: Any, **flags: Any) -> RewardTransform:
    return stateless(update, name="broken", **flags)


def moved(scores: Scores, value: Tensor) -> Scores:
    return replace(scores, value=torch.where(scores.ok, value, torch.nan))


def squared(scores: Scores, **_: Any) -> Scores:
    return moved(scores, scores.value**2)


def in_place(scores: Scores, **_: Any) -> Scores:
    scores.value.mul_(2)
    return scores


def ranked(scores: Scores, **_: Any) -> Scores:
    return moved(scores, scores.value + torch.arange(len(scores)))


def filled(scores: Scores, **_: Any) -> Scores:
    return Scores(scores.value.nan_to_num(), torch.zeros(len(scores), dtype=torch.int8), members=scores.members)


def counts_all(reference: Scores | None) -> float:
    return 0.0 if reference is None else float(len(reference))


@pytest.mark.parametrize(
    ("transform", "told"),
    [
        (of(squared, monotone=True), "declares monotone and changed the order"),
        (of(squared, shift_invariant=True), r"adding 7 to scores and reference \(it declares shift_invariant\) changed"),
        (of(squared, bounded=(0.0, 1.0)), r"declares bounds \[0.0, 1.0\] and returned"),
        (of(squared, needs_members=True), "declares needs_members and does not refuse"),
        (replace(clip(1.0), needs_reference=True), "declares needs_reference and does not refuse"),
        (replace(standardise(), needs_reference=False), "refuses scores without reference and declares"),
        (of(in_place), "changed its input in place"),
        (of(ranked), "reversing the samples changed the score"),
        (of(filled), "changed a status"),
        (of(lambda s, **_: s.take([0])), "returned 1 scores for 12"),
        (of(lambda s, **_: replace(s, members=None)), "members are kept"),
        (RewardTransform("", lambda r: None, lambda s, state: (s, state)), "name is ''"),
        (RewardTransform("bare", lambda r: None, lambda s, state: s), r"returned Scores; expected \(Scores, state\)"),
        (
            RewardTransform("counts", counts_all, lambda s, state: (moved(s, s.value + state), state)),
            "adding reference samples without a value changed the score",
        ),
    ],
)
def test_a_broken_transform_is_caught(transform: RewardTransform, told: str) -> None:
    with pytest.raises(AssertionError, match=told):
        check_transform(transform)


def test_extras_reach_the_update() -> None:
    transform = stateless(lambda scores, *, kl, **_: moved(scores, scores.value - kl), name="penalty")
    check_transform(transform, extras={"kl": 0.5}, trials=2)
    with pytest.raises(TypeError, match="kl"):
        apply(transform, Scores(torch.zeros(2)))


class Letters:
    """Draws letters; `flaw` breaks one law."""

    name = "letters"

    def __init__(self, flaw: str = "") -> None:
        self.flaw = flaw

    def sample(self, prompts: Sequence[Text], num_samples: int, *, seed: int) -> Iterator[Generation]:
        for p, prompt in enumerate(prompts):
            for s in range(num_samples - (self.flaw == "short")):
                salt = {"position": p, "count": num_samples, "company": len(prompts)}.get(self.flaw, 0)
                text = "".join(random.Random(f"{seed} {prompt} {s} {salt}").choices("abcdef", k=8))
                logs = (0.5,) * 8 if self.flaw == "logs" else (-1.8,) * (7 if self.flaw == "lengths" else 8)
                yield Generation(text, tuple(map(ord, text)), True, p, s, logs)
                if self.flaw == "twice":
                    yield Generation(text, tuple(map(ord, text)), True, p, s)


def test_a_good_generator_passes() -> None:
    check_generator(Letters(), ["One", "Two", "Three"])


@pytest.mark.parametrize(
    ("flaw", "told"),
    [
        ("position", "drawing one prompt alone changed a completion"),
        ("count", "asking for one more sample changed a completion"),
        ("company", "drawing one prompt alone changed a completion"),
        ("short", r"left out \(prompt, sample\) \[\(0, 1\)"),
        ("twice", "gave prompt 0, sample 0 twice"),
        ("logs", "a log-probability is above 0"),
        ("lengths", "7 log-probs for 8 tokens"),
    ],
)
def test_a_broken_generator_is_caught(flaw: str, told: str) -> None:
    with pytest.raises(AssertionError, match=told):
        check_generator(Letters(flaw), ["One", "Two", "Three"])


def rows_of(*parts: Tensor) -> None:
    for part in parts:
        if part.shape != parts[0].shape or part.ndim != 1:
            raise ShapeError(f"shape {tuple(part.shape)}; expected {tuple(parts[0].shape)}.")


def good_loss(chosen: Tensor, rejected: Tensor) -> Tensor:
    rows_of(chosen, rejected)
    return -torch.nn.functional.logsigmoid(chosen - rejected)


def broadcasting(chosen: Tensor, rejected: Tensor) -> Tensor:
    return -torch.nn.functional.logsigmoid(chosen - rejected)


def averaged(chosen: Tensor, rejected: Tensor) -> Tensor:
    return good_loss(chosen, rejected).mean()


def mixed(chosen: Tensor, rejected: Tensor) -> Tensor:
    return good_loss(chosen, rejected) + chosen.mean()


def detached(chosen: Tensor, rejected: Tensor) -> Tensor:
    return good_loss(chosen.detach(), rejected)


def half_gradient(chosen: Tensor, rejected: Tensor) -> Tensor:
    loss = good_loss(chosen, rejected)
    return (loss + loss.detach()) / 2


def infinite(chosen: Tensor, rejected: Tensor) -> Tensor:
    return good_loss(chosen, rejected) / 0


PAIRS = (torch.tensor([2.0, -1.0, 0.5]), torch.tensor([1.0, 0.5, 0.5]))


@pytest.mark.parametrize(
    ("loss", "better", "told"),
    [
        (broadcasting, 0, r"took argument 0 of shape \(N, 1\); expected ShapeError"),
        (averaged, 0, r"averaged returned shape \(\); expected \(3,\), one value a row"),
        (mixed, 0, "mixed of a row depends on the other rows"),
        (detached, 0, "detached has no gradient in argument 0"),
        (half_gradient, 0, "the gradient in argument 0 is"),
        (infinite, 0, "expected finite numbers"),
        (good_loss, 1, "raising argument 1 does not lower the loss of every row"),
    ],
)
def test_a_broken_loss_is_caught(loss: Any, better: int, told: str) -> None:
    with pytest.raises(AssertionError, match=told):
        check_loss(loss, PAIRS, better=better)


def test_a_good_loss_passes_in_both_directions() -> None:
    check_loss(good_loss, PAIRS, better=0, worse=1)
