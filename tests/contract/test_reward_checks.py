"""The checks of rewards themselves: a good one passes, and each broken law is caught by the sentence that names it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from pyrite.testing import check_pairwise_reward, check_reward
from pyrite.types import Preferences, Sample, Scores, Status

SAMPLES = [Sample("Name a colour.", "Red."), Sample("Name a colour.", "A deep blue."), Sample("Hi", "")]


class Good:
    """Length in words; abstains on the empty text."""

    name: Any = "good"
    needs: Any = frozenset()
    differentiable: Any = False

    def value(self, sample: Sample) -> float:
        return float(len(sample.completion.split())) or float("nan")

    def score(self, samples: Sequence[Sample]) -> Any:
        return Scores(torch.tensor([self.value(s) for s in samples]))


def test_a_good_reward_passes() -> None:
    check_reward(Good(), SAMPLES)


class Centred(Good):
    def score(self, samples: Sequence[Sample]) -> Scores:
        values = super().score(samples).value
        return Scores(values - values.nanmean())


class Shuffled(Good):
    def score(self, samples: Sequence[Sample]) -> Scores:
        return super().score(sorted(samples, key=lambda s: s.completion))


class First(Good):
    def score(self, samples: Sequence[Sample]) -> Scores:
        return Scores(torch.tensor([self.value(s) + (i == 0) for i, s in enumerate(samples)]))


class Moody(Good):
    calls = 0

    def value(self, sample: Sample) -> float:
        self.calls += 1
        return float(self.calls)


class Short(Good):
    def score(self, samples: Sequence[Sample]) -> Scores:
        return super().score(samples[:-1])


class Listed(Good):
    def score(self, samples: Sequence[Sample]) -> list[float]:
        return [0.0 for _ in samples]


class Raising(Good):
    def value(self, sample: Sample) -> float:
        return 1.0 / len(sample.completion)


class Eager(Good):
    def score(self, samples: Sequence[Sample]) -> Scores:
        return Scores(torch.stack([torch.tensor(1.0) for _ in samples]))


class Peeking(Good):
    def __init__(self, part: str) -> None:
        self.part = part

    def value(self, sample: Sample) -> float:
        return float(len(str({"meta": sample.meta, "reference": sample.reference, "annotator": sample.annotator}[self.part])))


class Undetached(Good):
    def score(self, samples: Sequence[Sample]) -> Scores:
        return Scores(torch.ones(len(samples), requires_grad=True))


class HalfMembers(Good):
    def score(self, samples: Sequence[Sample]) -> Scores:
        scores = super().score(samples)
        return replace(scores, members=torch.full((len(samples), 2), torch.nan))


class Altered(Good):
    def score(self, samples: Sequence[Sample]) -> Scores:
        scores = super().score(samples)
        scores.value[:1] = torch.inf
        return scores


def without(part: str, value: Any) -> Good:
    broken = Good()
    setattr(broken, part, value)
    return broken


@pytest.mark.parametrize(
    ("reward", "told"),
    [
        (Centred(), "scoring one sample at a time changed the score of sample 0 from -1 to 0"),
        (Shuffled(), "scoring one sample at a time changed the status of sample 0"),
        (First(), "scoring one sample at a time changed the score of sample 1 from 3 to 4"),
        (Moody(), "calling it again changed the score of sample 0 from 1 to 4"),
        (Short(), "returned 2 scores for 3 samples"),
        (Listed(), "returned list; expected pyrite.Scores"),
        (Raising(), r"raised ZeroDivisionError on 3 samples \(.*\); a failure is a status"),
        (Eager(), "raised RuntimeError on 0 samples"),
        (Peeking("meta"), "changing meta, which needs does not declare, changed the score"),
        (Peeking("reference"), "changing reference, which needs does not declare, changed the score"),
        (Peeking("annotator"), "changing annotator, which needs does not declare, changed the score"),
        (Undetached(), "keeps a gradient and declares differentiable = False"),
        (HalfMembers(), "a member has no finite score where status is ok"),
        (Altered(), "a value is finite exactly where status is ok"),
        (without("name", " "), "name is ' '; expected a short readable string"),
        (without("needs", {"reference"}), "expected a frozenset"),
        (without("needs", frozenset({"gold"})), "needs of good holds gold; expected"),
        (without("differentiable", 0), "differentiable of good is 0; expected a bool"),
    ],
)
def test_a_broken_reward_is_caught(reward: Any, told: str) -> None:
    samples = [replace(s, meta={"row": {"i": 3}}) for s in SAMPLES]
    with pytest.raises(AssertionError, match=told):
        check_reward(reward, samples)


def test_a_declared_need_may_matter() -> None:
    for part, need in (("meta", "column:answer"), ("reference", "reference")):
        reward = Peeking(part)
        reward.needs = frozenset({need})
        check_reward(reward, SAMPLES)


@pytest.mark.usefixtures("unchecked_shapes")
def test_a_reward_without_a_name_is_caught() -> None:
    class Nameless:
        def score(self, samples: Sequence[Sample]) -> Scores:
            return Scores(torch.zeros(len(samples)))

    with pytest.raises(AssertionError, match="Nameless has no attribute 'name'"):
        check_reward(Nameless(), SAMPLES)  # type: ignore[arg-type]


def test_one_sample_is_not_enough() -> None:
    with pytest.raises(AssertionError, match="got 1 samples; it needs at least two"):
        check_reward(Good(), SAMPLES[:1])


class Longer:
    """Probability that the first is better, by length; with a taste for the first where `bias` is set."""

    name, needs = "longer", frozenset()

    def __init__(self, bias: float = 0.0, peers: float = 0.0) -> None:
        self.bias, self.peers = bias, peers

    def compare(self, first: Sequence[Sample], second: Sequence[Sample]) -> Preferences:
        gaps = [float(len(a.completion) - len(b.completion)) for a, b in zip(first, second, strict=True)]
        return Preferences(torch.sigmoid(torch.tensor(gaps) + self.bias + self.peers * sum(gaps)))


def test_pairwise_rewards_are_held_to_both_orders_and_to_single_pairs() -> None:
    sides = (SAMPLES[:2], [Sample("Name a colour.", "Green, or so."), Sample("Name a colour.", "Pink.")])
    check_pairwise_reward(Longer(), *sides)
    with pytest.raises(AssertionError, match="swapping the two sides changed the score"):
        check_pairwise_reward(Longer(bias=0.5), *sides)
    with pytest.raises(AssertionError, match="one pair at a time changed the score"):
        check_pairwise_reward(Longer(peers=0.3), *sides)


def test_a_status_is_part_of_a_score() -> None:
    class Wavering(Good):
        def score(self, samples: Sequence[Sample]) -> Scores:
            return Scores.missing(len(samples), Status.ERROR if len(samples) > 1 else Status.ABSTAIN)

    with pytest.raises(AssertionError, match="changed the status of sample 0 from error to abstain"):
        check_reward(Wavering(), SAMPLES)
