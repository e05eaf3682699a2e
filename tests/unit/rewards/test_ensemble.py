"""Separate rewards as members of one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from pyrite.errors import InputError
from pyrite.rewards.ensemble import EnsembleReward, example
from pyrite.testing import check_reward
from pyrite.types import Sample, Scores, Status


class Fixed:
    """Gives the same scores whatever it reads."""

    differentiable = False

    def __init__(self, name: str, scores: Scores, needs: frozenset[str] = frozenset()) -> None:
        self.name, self.needs, self._scores = name, needs, scores

    def score(self, samples: Sequence[Sample]) -> Scores:
        return self._scores


SAMPLES = [Sample("a", str(i)) for i in range(3)]


def test_value_is_the_mean_and_members_stay_raw() -> None:
    parts = [Fixed("a", Scores(torch.tensor([1.0, 2.0, 3.0]))), Fixed("b", Scores(torch.tensor([10.0, 0.0, -3.0])))]
    scores = EnsembleReward(parts).score(SAMPLES)
    assert scores.value.tolist() == [5.5, 1.0, 0.0]
    assert scores.members.tolist() == [[1.0, 10.0], [2.0, 0.0], [3.0, -3.0]]


def test_a_sample_has_a_value_only_where_every_member_has_one() -> None:
    nan = torch.nan
    first = Scores(torch.tensor([1.0, nan, nan]), torch.tensor([0, int(Status.TRUNCATED), int(Status.ERROR)], dtype=torch.int8))
    second = Scores.missing(3, Status.ABSTAIN, "no opinion")
    scores = EnsembleReward([Fixed("a", first), Fixed("b", second)]).score(SAMPLES)
    assert scores.status.tolist() == [Status.ABSTAIN, Status.TRUNCATED, Status.ERROR]
    assert scores.texts == ("b: no opinion", "a: truncated", "a: error")
    assert torch.isnan(scores.value).all()


def test_needs_and_cost_add_up() -> None:
    parts = [
        Fixed("a", Scores(torch.ones(3), cost=torch.tensor([1.0, 2.0, 3.0])), frozenset({"reference"})),
        Fixed("b", Scores(torch.ones(3), cost=torch.tensor([1.0, 1.0, 1.0])), frozenset({"context"})),
    ]
    reward = EnsembleReward(parts, name="both")
    assert reward.needs == {"reference", "context"}
    assert reward.score(SAMPLES).cost.tolist() == [2.0, 3.0, 4.0]
    assert reward.name == "both"


def test_one_reward_is_no_ensemble() -> None:
    with pytest.raises(InputError, match="two or more members; given 1"):
        EnsembleReward([Fixed("a", Scores(torch.ones(3)))])


def test_contract() -> None:
    check_reward(*example())
