"""Rewards behind guards: what is applied, what is refused, where the reference comes from."""

from __future__ import annotations

import pytest
import torch

from pyrite.errors import InputError
from pyrite.rewards.function import FunctionReward
from pyrite.rewards.guarded import GuardedReward, anchored
from pyrite.rewards.spec import load_reward
from pyrite.shaping.spec import parse_guard
from pyrite.types import Sample, Scores, Status

SAMPLES = [Sample("p", "a"), Sample("p", "a b"), Sample("p", "a b c d e f")]


def members(items: list[Sample]) -> Scores:
    """Two members: the length, and ten times the length."""
    one = torch.tensor([float(len(s.completion)) for s in items])
    table = torch.stack([one, 10 * one], dim=1)
    return Scores(table.mean(dim=1), members=table)


def test_guards_are_applied_in_order() -> None:
    reward = load_reward("sum:-1*baseline:length | clip(low=-4, high=-1.5)")
    assert reward.score(SAMPLES).value.tolist() == [-1.5, -2.0, -4.0]
    assert reward.name.startswith("-1*length | clip")


def test_a_member_guard_refuses_a_single_model_and_names_two_ways_on() -> None:
    reward = load_reward("baseline:length | uwo(0.5)")
    with pytest.raises(InputError, match=r"length is a single model.*--members 5.*ensemble:\[SPEC; SPEC\]"):
        reward.score(SAMPLES)
    with pytest.raises(InputError, match="is a single model"):
        anchored(reward, SAMPLES)


def test_a_batch_without_any_score_is_not_taken_for_a_single_model() -> None:
    silent = FunctionReward(lambda items: Scores.missing(len(items), Status.ABSTAIN), name="silent")
    table = Scores(torch.tensor([0.0, 1.0]), members=torch.tensor([[0.0, 1.0], [1.0, 3.0]]))
    guarded = GuardedReward(silent, parse_guard("wco"), table)
    assert guarded.score(SAMPLES).status.tolist() == [int(Status.ABSTAIN)] * 3


def test_a_guard_that_wants_a_reference_says_how_to_give_it() -> None:
    with pytest.raises(InputError, match=r"has none yet; call anchored\(reward, samples\)"):
        load_reward("ensemble:[baseline:length; baseline:random] | wco").score(SAMPLES)


def test_anchored_measures_against_the_samples() -> None:
    guarded = GuardedReward(FunctionReward(members, name="two"), parse_guard("wco"))
    scores = anchored(guarded, SAMPLES).score(SAMPLES)
    lengths = torch.tensor([1.0, 3.0, 11.0])
    expected = (lengths - lengths.mean()) / lengths.std(correction=0)
    assert torch.allclose(scores.value, expected, atol=1e-5)
    assert scores.members is not None


def test_anchored_reaches_guards_inside_sums_and_ensembles() -> None:
    inner = "(baseline:length | standardise)"
    for spec in (f"sum:2*{inner}", f"ensemble:[{inner}; {inner}]", f"{inner} | clip(5)"):
        reward = anchored(load_reward(spec), SAMPLES)
        value = reward.score(SAMPLES).value
        lengths = torch.tensor([1.0, 2.0, 6.0])
        expected = (lengths - lengths.mean()) / lengths.std(correction=0)
        assert torch.allclose(value, expected * (2 if spec.startswith("sum") else 1), atol=1e-5)
        assert load_reward(spec).spec == reward.spec  # type: ignore[attr-defined]


def test_a_reward_without_guards_is_anchored_as_it_is() -> None:
    reward = load_reward("baseline:length")
    assert anchored(reward, SAMPLES) is reward
