import json
import sys

import pytest
import torch
from accelerate.state import AcceleratorState
from safetensors.torch import load_file

from pyrite.backbones.tiny import save_tiny
from pyrite.errors import CheckpointError, InputError, MissingExtra
from pyrite.rewards.ensemble import EnsembleReward
from pyrite.rewards.folders import load_reward_folder
from pyrite.rewards.full import begin_full
from pyrite.rewards.lora import LoraShape, begin_lora
from pyrite.train.fit import fit
from pyrite.types import Sample
from tests.unit.train.rows import as_rows
from tests.unit.train.stopped import stopped

SAMPLES = [Sample("prompt 0", "abab"), Sample("prompt 0", "zyzyzy"), Sample("other", "abz")]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PYRITE_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def causal(tmp_path_factory):
    return str(save_tiny(tmp_path_factory.mktemp("causal"), "causal", "lm"))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return str(save_tiny(tmp_path_factory.mktemp("encoder"), "encoder", "body"))


def fitted(backbone, out, **options):
    given = {"adapter": "lora", "epochs": 2, "lr": 1e-2, "val_fraction": 0.25, "rank": 2, "alpha": 4.0}
    return fit(as_rows(16), backbone=backbone, out=out, **{**given, **options})


def scores(folder):
    return load_reward_folder(folder, cache=False).score(SAMPLES)


def test_a_new_adapter_leaves_the_body_as_it_is_and_only_it_and_the_head_train(causal):
    reward = begin_lora(causal, LoraShape(rank=2), [7, 8])
    names = {name for name, weight in reward.model.named_parameters() if weight.requires_grad}
    assert {name.split(".m0")[0].rpartition(".")[2] for name in names} == {"lora_A", "lora_B", "modules_to_save"}
    body = begin_full(causal, seed=7)
    torch.testing.assert_close(reward.score(SAMPLES).value, body.score(SAMPLES).value)
    reward.model.set_adapter("m1")
    assert (reward.score(SAMPLES).value != body.score(SAMPLES).value).all()
    assert all(".m1." in name for name, weight in reward.model.named_parameters() if weight.requires_grad)
    with pytest.raises(InputError, match="takes no adapter on nowhere"):
        begin_lora(causal, LoraShape(targets=("nowhere",)), [7])


def test_a_merged_adapter_loads_in_transformers_with_equal_scores(causal, tmp_path):
    from transformers import AutoModelForSequenceClassification

    found = fitted(causal, tmp_path / "rm")
    kept = found.reward.score(SAMPLES).value
    assert not (tmp_path / "rm" / "merged").exists()
    fitted(causal, tmp_path / "rm", merge=True)  # a finished fit is merged, not fitted again
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "rm" / "merged").eval()
    for row, value in zip(found.reward.renderer.render_all(SAMPLES), kept.tolist(), strict=True):
        assert float(model(torch.tensor([row.ids])).logits[0, 0]) == pytest.approx(value, abs=1e-4)
    assert scores(tmp_path / "rm" / "merged").value.tolist() == pytest.approx(kept.tolist(), abs=1e-4)


def test_members_share_a_body_and_are_those_of_fits_of_their_own(encoder, tmp_path):
    found = fitted(encoder, tmp_path / "rm", members=2, seed=3, merge=True)
    assert isinstance(found.reward, EnsembleReward)
    bodies = {id(member.model) for member in found.reward.rewards}
    assert len(bodies) == 1
    members = scores(tmp_path / "rm").members
    assert members.shape == (3, 2)
    for m in (0, 1):
        alone = scores(tmp_path / "rm" / "members" / str(m)).value
        torch.testing.assert_close(members[:, m], alone, atol=1e-5, rtol=0)
    assert (members[:, 0] != members[:, 1]).all()
    torch.testing.assert_close(scores(tmp_path / "rm" / "merged").members, members, atol=1e-4, rtol=0)
    torch.testing.assert_close(
        fitted(encoder, None, members=2, seed=3).reward.score(SAMPLES).members, members, atol=1e-5, rtol=0
    )


def test_a_fit_killed_in_its_second_member_ends_at_the_same_bytes(encoder, tmp_path, monkeypatch):
    options = {"members": 2, "batch_size": 4, "lora_dropout": 0.2}
    fitted(encoder, tmp_path / "whole", **options)
    with monkeypatch.context() as patched, stopped(lambda run: (run.options.seed, run.done) == (1, 2)):
        patched.setattr("pyrite.train.checkpoint.Checkpoint.write_if_due", lambda self, state: self.write(state()))
        fitted(encoder, tmp_path / "cut", **options)
    assert not (tmp_path / "cut/members/0/checkpoint.pt").exists()
    assert (tmp_path / "cut/members/1/checkpoint.pt").exists()
    fitted(encoder, tmp_path / "cut", **options)
    for part in ("members/0", "members/1"):
        first, second = ((tmp_path / run / part / "adapter_model.safetensors").read_bytes() for run in ("whole", "cut"))
        assert first == second
    assert (tmp_path / "whole/fit.json").read_bytes() == (tmp_path / "cut/fit.json").read_bytes()


def test_checkpointing_of_activations_runs_layers_twice_and_changes_no_number(causal, tmp_path, monkeypatch):
    from transformers.models.llama.modeling_llama import LlamaMLP

    calls = []
    forward = LlamaMLP.forward
    monkeypatch.setattr(LlamaMLP, "forward", lambda self, x: (calls.append(torch.is_grad_enabled()), forward(self, x))[1])
    counts = []
    for name, flag in (("plain", False), ("saving", True)):
        for adapter in ("lora", "full"):
            calls.clear()
            fitted(causal, tmp_path / name / adapter, adapter=adapter, gradient_checkpointing=flag, epochs=1)
            counts.append(sum(calls))
    assert counts[2:] == [2 * counts[0], 2 * counts[1]]
    for file in ("lora/adapter_model.safetensors", "full/model.safetensors"):
        first, second = (load_file(tmp_path / name / file) for name in ("plain", "saving"))
        assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.fixture
def other_precision():
    """Accelerate keeps one precision a process."""
    AcceleratorState._reset_state()
    yield
    AcceleratorState._reset_state()


def test_mixed_precision_ends_with_the_fit_and_its_scores_are_those_of_the_files(causal, tmp_path, other_precision):
    options = {"members": 2, "epochs": 1, "dtype": "bfloat16"}
    samples = [Sample(40 * "Why? ", n * "ab") for n in range(1, 9)]  # enough of a common beginning to run it once
    kept = fitted(causal, tmp_path / "rm", **options).reward.score(samples).members
    torch.testing.assert_close(fitted(causal, None, **options).reward.score(samples).members, kept, atol=1e-5, rtol=0)


def test_another_body_is_refused(causal, tmp_path):
    body = save_tiny(tmp_path / "body", "causal", "lm", seed=1)
    fitted(str(body), tmp_path / "rm", epochs=1)
    save_tiny(body, "causal", "lm", seed=2)
    with pytest.raises(CheckpointError, match="its files have changed"):
        load_reward_folder(tmp_path / "rm")
    assert json.loads((tmp_path / "rm" / "adapter_config.json").read_text())["task_type"] == "SEQ_CLS"


def test_without_peft_the_message_says_what_to_install(causal, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingExtra, match=r'adapter lora needs peft.*pip install "pyrite\[peft\]"'):
        fitted(causal, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"adapter": "full", "merge": True}, "only adapter lora has something to merge"),
        ({"adapter": "head", "gradient_checkpointing": True}, "no backward pass through the backbone"),
        ({"rank": 0}, "rank is 0"),
        ({"lora_dropout": 1.0}, "lora_dropout is 1.0"),
    ],
)
def test_options_that_cannot_be_are_refused(causal, options, message):
    with pytest.raises(InputError, match=message):
        fitted(causal, None, **options)
