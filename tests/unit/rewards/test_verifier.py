"""The exact verifier: what it gives, and what it says where it gives nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from pyrite.registry import find
from pyrite.rewards.spec import load_reward
from pyrite.rewards.verifier import ConstraintsReward
from pyrite.types import Sample, Status

THREE_WORDS = [{"kind": "max_words", "n": 3}, {"kind": "no_commas"}]


def score(reference: Any, completion: Any = "Red, blue and green") -> tuple[float, Status, str]:
    scores = ConstraintsReward().score([Sample("Name colours.", completion, reference=reference)])
    return scores.value[0].item(), Status(int(scores.status[0])), (scores.texts or ("",))[0]


def test_the_share_of_constraints_met() -> None:
    value, status, _ = score(THREE_WORDS)
    assert status is Status.OK
    assert value == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_json_text_and_chat_turns_are_read_as_well() -> None:
    turns = [{"role": "assistant", "content": "Red, blue and green"}]
    assert score(json.dumps(THREE_WORDS), turns) == score(THREE_WORDS)


@pytest.mark.parametrize("reference", [None, "", []])
def test_a_sample_without_constraints_is_not_judged(reference: Any) -> None:
    assert score(reference)[1] is Status.ABSTAIN


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ([{"kind": "sings"}], "No constraint is of kind 'sings'"),
        ([{"kind": "max_words"}], "cannot be checked"),
        ("Paris", "expected a list of constraints"),
        ({"kind": "no_commas"}, "expected a list of constraints"),
        ([3], "expected a list of constraints"),
    ],
)
def test_a_reference_that_cannot_be_read_is_invalid_and_says_why(reference: Any, told: str) -> None:
    _, status, text = score(reference)
    assert status is Status.INVALID
    assert told in text


def test_a_completion_that_is_no_text_is_invalid() -> None:
    assert "type int; expected text" in score(THREE_WORDS, 7)[2]


def test_one_bad_row_leaves_the_others_alone() -> None:
    samples = [Sample("p", "a", reference=r) for r in (THREE_WORDS, None, [{"kind": "x"}], THREE_WORDS)]
    scores = ConstraintsReward().score(samples)
    assert scores.status.tolist() == [0, 1, 2, 0]
    assert torch.isfinite(scores.value).tolist() == [True, False, False, True]


def test_the_spec_and_the_registry_know_it() -> None:
    assert isinstance(load_reward("verifier:constraints"), ConstraintsReward)
    assert find("verifier", "constraints").summary
    assert load_reward("verifier:constraints").needs == {"reference"}
