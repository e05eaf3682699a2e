"""Adapters of one body: beginnings run once and rows end to end, under the right adapter, with the numbers of whole rows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from pyrite.backbones.prefixes import Sharing
from pyrite.backbones.tiny import save_tiny
from pyrite.rewards.ensemble import EnsembleReward
from pyrite.rewards.folders import load_reward_folder
from pyrite.rewards.lora import LoraShape, begin_lora, save_adapter, save_members
from pyrite.rewards.lora_members import member_rewards
from pyrite.rewards.scalar import ScalarReward
from pyrite.types import Sample

PROMPTS = (30 * "Why? ", 25 * "Who? ")
SAMPLES = [Sample(prompt, n * "ab" + end) for prompt in PROMPTS for n, end in ((1, "x"), (4, "y"), (9, "z"), (2, "w"))]


def begun(backbone: str) -> ScalarReward:
    """Two adapters that change their body a lot, so that the wrong one shows; in evaluation mode."""
    reward = begin_lora(backbone, LoraShape(rank=2, alpha=8.0), [0, 1])
    rng = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, weight in reward.model.named_parameters():
            if ".lora_B." in name:
                weight.copy_(torch.randn(weight.shape, generator=rng) / 4)
    reward.model.eval()
    return reward


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny(tmp_path_factory.mktemp("causal"), "causal", "lm"))


@pytest.fixture(scope="module")
def reward(backbone: str) -> ScalarReward:
    return begun(backbone)


def members_of(reward: ScalarReward, **options: Any) -> tuple[ScalarReward, ScalarReward]:
    joint = member_rewards(reward.model, reward.renderer, name="rm", identities=[None, None], **options)
    assert isinstance(joint, EnsembleReward)
    first, second = joint.rewards
    assert isinstance(first, ScalarReward)
    assert isinstance(second, ScalarReward)
    return first, second


def whole(member: ScalarReward) -> ScalarReward:
    """The same reward, every row of which is run whole and padded."""
    return ScalarReward(member.model, member.renderer, name=member.name, read=member._read)


@contextmanager
def tokens_seen(layer: Any) -> Iterator[list[int]]:
    """How many places, padding included, went through a layer in each pass."""
    seen: list[int] = []
    hook = layer.register_forward_pre_hook(lambda module, args: seen.append(args[0].shape[0] * args[0].shape[1]))
    try:
        yield seen
    finally:
        hook.remove()


def layer_of(member: ScalarReward) -> Any:
    return member.model.get_base_model().base_model.layers[0]


def least_tokens(member: ScalarReward) -> int:
    """Places with each prompt once, and no padding."""
    rows = [row.ids for row in member.renderer.render_all(SAMPLES)]
    shared = [next(i for i, same in enumerate(zip(*rows[k : k + 4], strict=False)) if len(set(same)) > 1) for k in (0, 4)]
    return sum(map(len, rows)) - 3 * sum(shared)


def close(found: torch.Tensor, wanted: torch.Tensor) -> None:
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)


def test_each_member_scores_as_whole_rows_do_in_any_order(reward: ScalarReward) -> None:
    members = members_of(reward)
    wanted = [whole(member).score(SAMPLES).value for member in members]
    assert (wanted[0] - wanted[1]).abs().min() > 1e-3
    for m in (0, 1, 1, 0):
        reward.model.set_adapter(f"m{1 - m}")  # somebody else's adapter is on when the call begins
        close(members[m].score(SAMPLES).value, wanted[m])


def test_a_loaded_ensemble_runs_each_prompt_once_a_member_and_no_padding(
    reward: ScalarReward, backbone: str, tmp_path: Path
) -> None:
    for m in (0, 1):
        facts = {"revision": None, "trust_remote_code": False, "training": {}}
        save_adapter(tmp_path / f"members/{m}", reward, f"m{m}", backbone, facts)
    save_members(tmp_path, ["members/0", "members/1"], "rm", {})
    joint = load_reward_folder(tmp_path, cache=False)
    assert isinstance(joint, EnsembleReward)
    joint.score(SAMPLES[:1])  # the first run also tries whether packing changes numbers
    first = joint.rewards[0]
    assert isinstance(first, ScalarReward)
    with tokens_seen(layer_of(first)) as seen:
        found = joint.score(SAMPLES).members
    assert sum(seen) == 2 * least_tokens(first)
    with tokens_seen(layer_of(first)) as seen:
        wanted = [whole(member).score(SAMPLES).value for member in joint.rewards if isinstance(member, ScalarReward)]
    assert sum(seen) > 6 * least_tokens(first)
    assert found is not None
    close(found, torch.stack(wanted, dim=1))


def test_a_beginning_run_under_another_adapter_would_be_seen(reward: ScalarReward) -> None:
    first, second = members_of(reward)
    wanted = whole(first).score(SAMPLES).value
    second.score(SAMPLES)
    assert first.sharing is not None
    first.sharing = Sharing(first.sharing.body, first.sharing.first_read)  # without what switches the adapter on
    assert (first.score(SAMPLES).value - wanted).abs().max() > 1e-3


def test_eager_attention_shares_without_packing(reward: ScalarReward) -> None:
    first, second = members_of(reward)
    classifier = reward.model.get_base_model()
    wanted = whole(first).score(SAMPLES).value
    classifier.set_attn_implementation("eager")
    second.score(SAMPLES)
    with tokens_seen(layer_of(first)) as seen:
        found = first.score(SAMPLES).value
    classifier.set_attn_implementation("sdpa")
    close(found, wanted)
    assert least_tokens(first) < sum(seen) < 1.5 * least_tokens(first)


def test_threads_that_score_one_adapter_get_its_scores(reward: ScalarReward) -> None:
    member = members_of(reward)[1]
    wanted = whole(member).score(SAMPLES).value
    found: list[torch.Tensor] = []
    threads = [threading.Thread(target=lambda: found.append(member.score(SAMPLES).value)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for value in found:
        close(value, wanted)


def test_gradients_reach_the_adapter_through_whole_rows(reward: ScalarReward) -> None:
    first, second = members_of(reward, differentiable=True)
    with torch.no_grad():
        wanted = first.score(SAMPLES).value
        second.score(SAMPLES)
    with tokens_seen(layer_of(first)) as seen:
        kept = first.score(SAMPLES).value
    assert sum(seen) > 3 * least_tokens(first)
    close(kept.detach(), wanted)
    kept.sum().backward()
    with_gradient = {name for name, weight in reward.model.named_parameters() if weight.grad is not None}
    reward.model.zero_grad()
    assert with_gradient
    assert all(".m0." in name for name in with_gradient)


def test_a_new_reward_shares_under_the_adapter_that_is_on_where_no_graph_is_kept(reward: ScalarReward) -> None:
    for adapter in ("m1", "m0"):
        reward.model.set_adapter(adapter)
        wanted = reward.score(SAMPLES).value
        assert wanted.requires_grad
        with torch.no_grad():
            reward.score(SAMPLES[:1])
            with tokens_seen(layer_of(reward)) as seen:
                found = reward.score(SAMPLES).value
        assert sum(seen) == least_tokens(reward)
        close(found, wanted.detach())


def test_encoders_are_run_whole(tmp_path: Path) -> None:
    reward = begun(str(save_tiny(tmp_path, "encoder", "body")))
    for member in members_of(reward):
        member.score(SAMPLES[:1])
        counts, values = [], []
        for way in (member, whole(member)):
            with tokens_seen(reward.model.get_base_model().base_model.encoder.layer[0]) as seen:
                values.append(way.score(SAMPLES).value)
            counts.append(sum(seen))
        assert counts[0] == counts[1]
        assert torch.equal(values[0], values[1])


def test_features_are_those_that_the_head_of_the_adapter_reads(reward: ScalarReward) -> None:
    first, second = members_of(reward)
    for member, other in ((first, second), (second, first)):
        wanted = whole(member).score(SAMPLES).value
        head = reward.model.get_base_model().score.modules_to_save[member.name].weight
        other.score(SAMPLES)
        found, _ = member.features(SAMPLES)
        close((found @ head.T)[:, 0].detach(), wanted)
