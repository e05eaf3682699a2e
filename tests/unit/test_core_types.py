"""Sample, Pair, Pool and Scores: what is filled in, what is refused, what survives cutting and joining."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from pyrite.errors import InputError, ShapeError
from pyrite.types import Pair, Pool, Preferences, Sample, Scores, Status, batched

NAN = float("nan")


def test_a_pair_becomes_two_samples_that_know_their_side() -> None:
    pair = Pair("p", "good", "bad", annotator="ann", meta={"where": "f.jsonl line 3"})
    chosen, rejected = pair.sides()
    assert (chosen.completion, chosen.meta["slot"]) == ("good", "chosen")
    assert (rejected.completion, rejected.meta["slot"]) == ("bad", "rejected")
    assert chosen.prompt == "p"
    assert chosen.annotator == "ann"
    assert rejected.meta["where"] == "f.jsonl line 3"


def test_pool_gives_the_positions_of_each_group() -> None:
    samples = tuple(Sample(p, c) for p, c in [("a", "1"), ("b", "2"), ("a", "3")])
    pool = Pool(samples, np.array([0, 1, 0]))
    assert pool.num_groups == 2
    assert len(pool) == 3
    assert [list(i) for i in pool.indices()] == [[0, 2], [1]]


def test_pool_refuses_a_group_of_another_length() -> None:
    with pytest.raises(ShapeError, match=r"group has shape \(2,\); expected \(1,\)"):
        Pool((Sample("a", "1"),), np.array([0, 0]))


def test_status_is_filled_in_from_nan() -> None:
    scores = Scores(torch.tensor([1.0, NAN]))
    assert scores.status.tolist() == [Status.OK, Status.ABSTAIN]
    assert scores.ok.tolist() == [True, False]


def test_half_precision_becomes_float32() -> None:
    assert Scores(torch.tensor([1.0], dtype=torch.bfloat16)).value.dtype == torch.float32


def test_infinity_without_a_status_is_refused() -> None:
    with pytest.raises(InputError, match="value holds inf"):
        Scores(torch.tensor([math.inf]))


@pytest.mark.parametrize(("value", "status"), [(0.0, Status.ABSTAIN), (0.5, Status.ERROR), (NAN, Status.OK)])
def test_a_value_that_contradicts_its_status_is_refused(value: float, status: Status) -> None:
    with pytest.raises(InputError, match="finite exactly where status is ok"):
        Scores(torch.tensor([value]), torch.tensor([int(status)], dtype=torch.int8))


@pytest.mark.usefixtures("unchecked_shapes")
def test_a_column_shape_is_named_with_its_cure() -> None:
    with pytest.raises(ShapeError, match=r"\(2, 1\).*squeeze"):
        Scores(torch.zeros(2, 1))


@pytest.mark.usefixtures("unchecked_shapes")
def test_members_must_have_a_row_a_sample() -> None:
    with pytest.raises(ShapeError, match="members has 3 rows; expected 2"):
        Scores(torch.zeros(2), members=torch.zeros(3, 4))


def full_scores() -> Scores:
    return Scores(
        torch.tensor([1.0, NAN, 3.0]),
        torch.tensor([0, 3, 0], dtype=torch.int8),
        members=torch.tensor([[0.0, 2.0], [NAN, NAN], [3.0, 3.0]]),
        objectives=torch.tensor([[1.0], [NAN], [3.0]]),
        objective_names=("help",),
        steps=(torch.ones(2), torch.ones(0), torch.ones(1)),
        dist=torch.tensor([[0.5, 0.5], [0.5, 0.5], [0.0, 1.0]]),
        levels=torch.tensor([0.0, 1.0]),
        texts=("a", "b", "c"),
        cost=torch.tensor([1.0, 2.0, 3.0]),
    )


def test_take_keeps_every_part_in_the_order_asked_for() -> None:
    taken = full_scores().take([2, 0])
    assert taken.value.tolist() == [3.0, 1.0]
    assert taken.members is not None
    assert taken.members.tolist() == [[3.0, 3.0], [0.0, 2.0]]
    assert taken.texts == ("c", "a")
    assert taken.steps is not None
    assert [len(s) for s in taken.steps] == [1, 2]
    assert taken.cost is not None
    assert taken.cost.tolist() == [3.0, 1.0]
    assert taken.objective_names == ("help",)
    assert taken.levels is not None
    assert taken.levels.tolist() == [0.0, 1.0]


def test_concat_undoes_take() -> None:
    scores = full_scores()
    joined = Scores.concat([scores.take([0]), scores.take([1, 2])])
    for name in ("value", "members", "objectives", "dist", "cost"):
        assert torch.equal(torch.nan_to_num(getattr(joined, name)), torch.nan_to_num(getattr(scores, name))), name
    assert joined.status.tolist() == scores.status.tolist()
    assert joined.texts == scores.texts


def test_concat_of_nothing_is_empty() -> None:
    assert len(Scores.concat([])) == 0


def test_concat_drops_a_part_that_one_batch_lacks() -> None:
    with_members = Scores(torch.zeros(1), members=torch.zeros(1, 2))
    assert Scores.concat([with_members, Scores(torch.zeros(1))]).members is None


def test_missing_scores_carry_their_reason() -> None:
    scores = Scores.missing(2, Status.ERROR, "the judge timed out")
    assert scores.value.isnan().all()
    assert scores.status.tolist() == [Status.ERROR] * 2
    assert scores.texts == ("the judge timed out",) * 2


def test_scores_keep_a_gradient() -> None:
    weight = torch.tensor([2.0], requires_grad=True)
    Scores(weight * 3).value.sum().backward()
    assert weight.grad is not None
    assert weight.grad.tolist() == [3.0]


def test_a_probability_outside_its_range_is_refused() -> None:
    with pytest.raises(InputError, match=r"probability holds 1\.5; expected numbers in \[0, 1\]"):
        Preferences(torch.tensor([0.5, 1.5]))


def test_batched_covers_everything_once() -> None:
    assert [list(b) for b in batched([1, 2, 3, 4, 5], 2)] == [[1, 2], [3, 4], [5]]
