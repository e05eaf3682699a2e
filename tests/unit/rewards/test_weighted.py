"""Weighted sums: the numbers, the terms kept, and what a missing term does."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch

from pyrite.errors import InputError
from pyrite.rewards.baseline import length
from pyrite.rewards.function import FunctionReward
from pyrite.rewards.weighted import WeightedReward
from pyrite.types import Sample, Scores, Status

OK, ABSTAIN, INVALID, TRUNCATED, ERROR = (int(status) for status in Status)


def fixed(name: str, values: Sequence[float | None], status: Sequence[int] | None = None, text: str = "") -> FunctionReward:
    def score(samples: Sequence[Sample]) -> Scores:
        number = torch.tensor([math.nan if v is None else v for v in values])
        given = status or [ABSTAIN if v is None else OK for v in values]
        return Scores(number, torch.tensor(given, dtype=torch.int8), texts=(text,) * len(values) if text else None)

    return FunctionReward(score, name=name, needs=[f"column:{name}"])


def samples(num: int) -> list[Sample]:
    return [Sample("p", str(i)) for i in range(num)]


def test_the_sum_is_weighted_and_the_terms_are_kept() -> None:
    reward = WeightedReward([(0.5, fixed("a", [1.0, 2.0])), (-2.0, fixed("b", [3.0, 0.25]))])
    scores = reward.score(samples(2))
    assert scores.value.tolist() == [0.5 * 1 - 2 * 3, 0.5 * 2 - 2 * 0.25]
    assert scores.objectives is not None
    assert scores.objectives.tolist() == [[1.0, 3.0], [2.0, 0.25]]
    assert scores.objective_names == ("a", "b")
    assert reward.name == "0.5*a + -2*b"
    assert reward.needs == frozenset({"column:a", "column:b"})


def test_a_term_that_abstains_is_left_out_and_all_make_the_sum_abstain() -> None:
    scores = WeightedReward([(1.0, fixed("a", [None, None])), (3.0, fixed("b", [2.0, None]))]).score(samples(2))
    assert scores.value[0].item() == 6.0
    assert scores.status.tolist() == [OK, ABSTAIN]


@pytest.mark.parametrize("failure", [INVALID, TRUNCATED, ERROR])
def test_a_term_that_fails_makes_the_sum_fail(failure: int) -> None:
    bad = fixed("bad", [None, None], [failure, ABSTAIN], text="why")
    scores = WeightedReward([(1.0, fixed("a", [1.0, 1.0])), (1.0, bad)]).score(samples(2))
    assert scores.status.tolist() == [failure, OK]
    assert scores.texts is not None
    assert scores.texts[0] == "bad: why"


def test_the_first_failure_counts() -> None:
    first, second = fixed("a", [None], [TRUNCATED]), fixed("b", [None], [ERROR])
    assert WeightedReward([(1.0, first), (1.0, second)]).score(samples(1)).status.tolist() == [TRUNCATED]


def test_equal_names_are_numbered() -> None:
    assert WeightedReward([(1.0, length()), (2.0, length()), (3.0, length())]).objective_names == (
        "length",
        "length_2",
        "length_3",
    )


def test_a_sum_beyond_float32_is_invalid() -> None:
    scores = WeightedReward([(1e30, fixed("a", [1e30, 1.0]))]).score(samples(2))
    assert scores.status.tolist() == [INVALID, OK]


def test_gradients_flow_where_all_terms_keep_them() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    term = FunctionReward(lambda items: x * 3, name="x", differentiable=True)
    reward = WeightedReward([(2.0, term)])
    assert reward.differentiable
    reward.score(samples(2)).value.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [6.0, 6.0]
    assert not WeightedReward([(1.0, term), (1.0, length())]).score(samples(2)).value.requires_grad


def test_no_term_and_no_finite_weight_are_refused() -> None:
    with pytest.raises(InputError, match="got no terms"):
        WeightedReward([])
    with pytest.raises(InputError, match="got the weight nan; expected finite"):
        WeightedReward([(math.nan, length())])
