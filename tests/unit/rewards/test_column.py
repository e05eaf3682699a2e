"""Scores that stand in the data: where each kind of row keeps them, and what does not count as one."""

from __future__ import annotations

import csv
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyrite.data.read import Row, Rows, read_rows
from pyrite.data.rows import to_pairs, to_pool
from pyrite.errors import InputError
from pyrite.rewards.column import ColumnReward
from pyrite.rewards.spec import load_reward
from pyrite.types import Pair, Sample, Scores, Status

PAIR = {"prompt": "p", "chosen": "c", "rejected": "r"}


def candidates(**columns: Any) -> list[Sample]:
    row = {"prompt": "p", "completions": ["a", "b", "c"], **columns}
    return list(to_pool(Rows((Row(row, "f line 1"),), "f")).samples)


def sides(**columns: Any) -> list[Sample]:
    pairs = to_pairs(Rows((Row({**PAIR, **columns}, "f line 1"),), "f"))
    return [side for pair in pairs for side in pair.sides()]


def single(**columns: Any) -> list[Sample]:
    return list(to_pool(Rows((Row({"prompt": "p", "completion": "a", **columns}, "f line 1"),), "f")).samples)


def seen(scores: Scores) -> list[float | Status]:
    return [v if math.isfinite(v) else Status(int(s)) for v, s in zip(scores.value.tolist(), scores.status, strict=True)]


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (candidates(x=[0.5, -1, 2]), [0.5, -1.0, 2.0]),
        (candidates(x=[True, False, None]), [1.0, 0.0, Status.ABSTAIN]),
        (candidates(x=[math.nan, math.inf, "0.5"]), [Status.INVALID] * 3),
        (candidates(x=["", [], {}]), [Status.ABSTAIN] * 3),
        (candidates(x=[1, 2]), [Status.INVALID] * 3),
        (candidates(x=1.0), [Status.INVALID] * 3),
        (candidates(x=None), [Status.ABSTAIN] * 3),
        (candidates(x=[10**400, 1, 2]), [Status.INVALID, 1.0, 2.0]),
        (sides(x={"chosen": 2, "rejected": None}), [2.0, Status.ABSTAIN]),
        (sides(x={"chosen": 2}), [2.0, Status.ABSTAIN]),
        (sides(x=[3, 4]), [3.0, 4.0]),
        (sides(x_chosen=5, x_rejected=6), [5.0, 6.0]),
        (sides(x={}), [Status.ABSTAIN] * 2),
        (sides(x=0.5), [Status.INVALID] * 2),
        (sides(chosen=["c", "d"], x={"chosen": [1, 2], "rejected": 3}), [1.0, 3.0, 2.0, 3.0]),
        (single(x=0.25), [0.25]),
        (single(x=False), [0.0]),
        (single(x=[0.25]), [0.25]),
        (single(x="good"), [Status.INVALID]),
    ],
)
def test_where_a_score_stands(samples: list[Sample], expected: list[float | Status]) -> None:
    assert seen(ColumnReward("x").score(samples)) == expected


def test_keys_are_followed_into_the_cell() -> None:
    assert seen(ColumnReward("x", ["m"]).score(sides(x={"m": {"chosen": 1, "rejected": 2}}))) == [1.0, 2.0]
    assert seen(ColumnReward("x", ["m"]).score(sides(x={"m": [1, 2]}))) == [1.0, 2.0]
    assert seen(ColumnReward("x", ["m", 0]).score(candidates(x={"m": [[1, 2, 3], [4, 5, 6]]}))) == [1.0, 2.0, 3.0]
    assert seen(ColumnReward("x", ["m"]).score(candidates(x={"m": [1, None, 3]}))) == [1.0, Status.ABSTAIN, 3.0]
    assert ColumnReward("x", ["m"]).name == "m"


def test_a_row_without_the_key_abstains() -> None:
    samples = [*sides(x={"m": [1, 2]}), *sides(x={}), *sides(x=None)]
    assert seen(ColumnReward("x", ["m"]).score(samples)) == [1.0, 2.0, *[Status.ABSTAIN] * 4]


def test_repeated_judgements_are_members_and_count_as_their_mean() -> None:
    scores = ColumnReward("x").score(candidates(x=[[1, 3], [2, 2], None]))
    assert seen(scores) == [2.0, 2.0, Status.ABSTAIN]
    assert scores.members is not None
    assert scores.members[:2].tolist() == [[1.0, 3.0], [2.0, 2.0]]
    assert ColumnReward("x").score(candidates(x=[[1, 3], [2], [4]])).members is None
    assert seen(ColumnReward("x").score(candidates(x=[[1, None], [2], [4]]))) == [Status.INVALID, 2.0, 4.0]


def test_an_unreadable_cell_says_what_it_holds() -> None:
    scores = ColumnReward("x").score(candidates(x=["0.5", 1, 2]))
    assert scores.texts == ("column x holds '0.5'", "", "")
    scores = ColumnReward("x").score(candidates(x=[1, 2]))
    assert scores.texts is not None
    assert scores.texts[0] == "column x holds 2 values for 3 completions"


def test_an_absent_column_or_key_names_those_that_are_there() -> None:
    with pytest.raises(
        InputError, match=r"No sample has a column 'score'\. Close: 'scores'\. Columns: prompt, completions, scores"
    ):
        ColumnReward("score").score(candidates(scores=[1, 2, 3]))
    with pytest.raises(InputError, match=r"No cell of column 'x' has the key 'mm'\. Close: 'm'|has the key 'mm'.*Keys: m\."):
        ColumnReward("x", ["mm"]).score(sides(x={"m": [1, 2]}))
    with pytest.raises(InputError, match="none, the samples were not read from a file"):
        ColumnReward("x").score([Sample("p", "c")])


def test_a_column_seen_once_may_be_absent_later() -> None:
    reward = ColumnReward("x")
    reward.score(single(x=1))
    assert seen(reward.score(single(y=1))) == [Status.ABSTAIN]


def test_what_it_needs_is_declared() -> None:
    assert ColumnReward("x", ["m"]).needs == frozenset({"column:x"})
    assert load_reward('column:x["m"]').name == "m"


def group_of(pair: Pair) -> str:
    """The published group of a pair: all mmlu-pro subjects are one."""
    source: str = pair.meta["row"]["source"]
    return "mmlu-pro" if source.startswith("mmlu-pro") else source


@pytest.mark.data
def test_published_accuracies_of_five_reward_models() -> None:
    """To the printed digit on every group; a tie counts as wrong (the published rule, visible in four rows with ties)."""
    folder = Path(os.environ["PYRITE_DATA"])
    pairs = to_pairs(read_rows(str(folder / "judgebench")))
    with (folder / "published_numbers" / "judgebench_reward_models.csv").open() as file:
        published = list(csv.DictReader(file))
    assert len(published) == 25
    for name in {line["reward_model"] for line in published}:
        reward = load_reward(f'column:rm_scores["{name}"]')
        chosen, rejected = (reward.score([pair.sides()[side] for pair in pairs]) for side in (0, 1))
        assert (chosen.status == rejected.status).all()
        assert set(chosen.status.tolist()) == {int(Status.OK), int(Status.ABSTAIN)}
        right = dict(zip(np.flatnonzero(chosen.ok), (chosen.value > rejected.value)[chosen.ok].tolist(), strict=True))
        for line in (line for line in published if line["reward_model"] == name):
            mine = [right[i] for i in right if line["group"] in ("all", group_of(pairs[i]))]
            assert len(mine) == int(line["n_here"])
            assert round(sum(mine) / len(mine), 4) == float(line["accuracy_here"]), line
