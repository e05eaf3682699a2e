"""Reward heads: the equations by hand, alignment, files."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pyrite.backbones import load_backbone
from pyrite.backbones.tiny import CHATML, save_tiny, tiny_backbone
from pyrite.errors import CheckpointError, InputError, NotFitted
from pyrite.rewards.folders import load_reward_folder
from pyrite.rewards.heads import Heads, HeadsReward, example, save_heads
from pyrite.testing import check_reward
from pyrite.types import Sample, Status

SAMPLES = [Sample("a", "b"), Sample("why", "because"), Sample("why", "")]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYRITE_CACHE", str(tmp_path / "cache"))


def fill(heads: Heads, **values: list) -> Heads:
    with torch.no_grad():
        for name, value in values.items():
            dict(heads.named_parameters())[name].copy_(torch.tensor(value))
    return heads


def test_linear_heads_by_hand() -> None:
    heads = fill(Heads(2, 2), weight=[[1.0, 2.0], [0.0, -1.0]], bias=[0.5, 0.0])
    assert heads(torch.tensor([[1.0, 1.0], [3.0, 0.0]])).tolist() == [[3.5, -1.0], [3.5, 0.0]]


def test_hidden_layer_by_hand() -> None:
    heads = fill(Heads(1, 1, 2), hidden_weight=[[[1.0, -1.0]]], hidden_bias=[[0.0, 1.0]], weight=[[2.0, 3.0]], bias=[0.25])

    def gelu(x: float) -> float:
        return x * 0.5 * (1 + math.erf(x / math.sqrt(2)))

    assert heads(torch.tensor([[0.5]])).item() == pytest.approx(2 * gelu(0.5) + 3 * gelu(0.5) + 0.25)


@pytest.mark.parametrize("hidden", [None, 5])
def test_members_together_equal_members_alone(hidden: int | None) -> None:
    features = torch.randn(7, 4, generator=torch.Generator().manual_seed(0))
    together = Heads(3, 4, hidden, seed=2)(features)
    assert torch.allclose(Heads(1, 4, hidden, seed=2)(features), together[:, :1])
    own_rows = torch.stack([features, features + 1, features * 2], dim=1)
    apart = Heads(3, 4, hidden, seed=2)(own_rows)
    assert torch.allclose(apart[:, 0], together[:, 0], atol=1e-6)
    assert torch.allclose(apart[:, 2], Heads(3, 4, hidden, seed=2)(features * 2)[:, 2], atol=1e-6)


def test_members_start_from_different_weights_and_seeds_matter() -> None:
    weights = Heads(3, 4, seed=0).weight
    assert not torch.equal(weights[0], weights[1])
    assert not torch.equal(weights, Heads(3, 4, seed=1).weight)


def test_standardise_by_hand_and_constant_features_stay() -> None:
    heads = fill(Heads(1, 2), weight=[[1.0, 1.0]], bias=[0.0])
    heads.standardise(torch.tensor([[1.0, 5.0], [3.0, 5.0]]))
    assert heads.feature_mean.tolist() == [2.0, 5.0]
    assert heads.feature_std.tolist() == [1.0, 1.0]
    assert heads(torch.tensor([[4.0, 6.0]])).item() == 3.0


def test_align_gives_each_member_mean_0_and_std_1() -> None:
    features = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    heads = Heads(3, 4, 6)
    before = heads(features)
    heads.align(features)
    after = heads(features)
    assert torch.allclose(after.mean(0), torch.zeros(3), atol=1e-5)
    assert torch.allclose(after.std(0, unbiased=False), torch.ones(3), atol=1e-5)
    assert torch.equal(before.argsort(0), after.argsort(0))
    assert torch.equal(heads.raw(features), before)


def test_value_is_the_mean_of_the_members() -> None:
    reward = HeadsReward(tiny_backbone("encoder"), Heads(3, 32), cache=False)
    scores = reward.score(SAMPLES)
    assert scores.members.shape == (3, 3)
    assert torch.allclose(scores.value, scores.members.mean(1))
    assert HeadsReward(tiny_backbone("encoder"), Heads(1, 32), cache=False).score(SAMPLES).members is None


def test_what_cannot_be_read_keeps_its_status() -> None:
    scores = HeadsReward(tiny_backbone("causal"), Heads(2, 32), cache=False).score(
        [Sample("a", 3), Sample("a", "b" * 600), SAMPLES[0]]
    )
    assert scores.status.tolist() == [Status.INVALID, Status.TRUNCATED, Status.OK]
    assert "of type int" in scores.texts[0]
    assert "600 tokens" in scores.texts[1]


def test_a_score_that_is_not_finite_is_an_error_and_not_a_number() -> None:
    heads = fill(Heads(1, 32), bias=[math.inf])
    scores = HeadsReward(tiny_backbone("causal"), heads, cache=False).score(SAMPLES)
    assert scores.status.tolist() == [Status.ERROR] * 3
    assert "not finite" in scores.texts[0]


def test_gradient_reaches_the_heads_only_where_asked_for() -> None:
    backbone, heads = tiny_backbone("encoder"), Heads(2, 32, 4)
    assert not HeadsReward(backbone, heads, cache=False).score(SAMPLES).value.requires_grad
    reward = HeadsReward(backbone, heads, cache=False, differentiable=True)
    reward.score(SAMPLES).value.sum().backward()
    assert heads.hidden_weight.grad.abs().sum() > 0
    with torch.no_grad():
        assert not reward.score(SAMPLES).value.requires_grad


def test_contract() -> None:
    check_reward(*example())


def test_heads_of_another_size_are_refused() -> None:
    with pytest.raises(InputError, match="read 16 features; tiny:causal gives 32"):
        HeadsReward(tiny_backbone("causal"), Heads(1, 16))
    with pytest.raises(InputError, match="positive sizes"):
        Heads(0, 16)


@pytest.fixture
def body(tmp_path: Path) -> Path:
    return save_tiny(tmp_path / "body", "causal", "body", chat_template=CHATML)


def saved(body: Path, folder: Path, **options: object) -> HeadsReward:
    backbone = replace(load_backbone(str(body), max_length=200), pooling="mean")
    heads = Heads(2, 32, 4, seed=3)
    heads.align(torch.randn(20, 32, generator=torch.Generator().manual_seed(0)))
    reward = HeadsReward(backbone, heads, "mine", cache=False)
    save_heads(folder, reward, {"pairs": 12})
    return reward


def test_saved_heads_score_as_before(body: Path, tmp_path: Path) -> None:
    before = saved(body, tmp_path / "rm")
    after = load_reward_folder(tmp_path / "rm")
    assert (after.name, after.spec) == ("mine", str(tmp_path / "rm"))
    assert after.backbone.max_length == 200
    assert torch.equal(after.score(SAMPLES).members, before.score(SAMPLES).members)
    card = json.loads((tmp_path / "rm" / "pyrite.json").read_text())
    assert (card["format"], card["kind"], card["members"], card["hidden"]) == ("pyrite.reward/1", "heads", 2, 4)
    assert card["training"] == {"pairs": 12}


def test_heads_on_a_changed_backbone_are_refused(body: Path, tmp_path: Path) -> None:
    saved(body, tmp_path / "rm")
    save_tiny(body, "causal", "body", chat_template=CHATML, seed=9)
    with pytest.raises(CheckpointError, match="files have changed since"):
        load_reward_folder(tmp_path / "rm")


def test_damaged_files_are_refused(body: Path, tmp_path: Path) -> None:
    saved(body, tmp_path / "rm")
    card = json.loads((tmp_path / "rm" / "pyrite.json").read_text())
    (tmp_path / "rm" / "pyrite.json").write_text(json.dumps({**card, "hidden": 8}))
    with pytest.raises(CheckpointError, match="does not hold the heads"):
        load_reward_folder(tmp_path / "rm")
    (tmp_path / "rm" / "pyrite.json").write_text(json.dumps({**card, "format": "pyrite.reward/9"}))
    with pytest.raises(CheckpointError, match=r"'pyrite\.reward/9'"):
        load_reward_folder(tmp_path / "rm")
    (tmp_path / "rm" / "pyrite.json").write_text("{")
    with pytest.raises(CheckpointError, match="is not JSON"):
        load_reward_folder(tmp_path / "rm")


def test_another_template_than_the_trained_one_is_refused(body: Path, tmp_path: Path) -> None:
    saved(body, tmp_path / "rm")
    with pytest.raises(InputError, match="leave chat_template out"):
        load_reward_folder(tmp_path / "rm", chat_template=CHATML)


def test_unfinished_fit_is_not_a_reward(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-5").mkdir()
    with pytest.raises(NotFitted, match="unfinished fit"):
        load_reward_folder(tmp_path)
