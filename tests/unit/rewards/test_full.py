"""Beginning a whole reward model, and the files it leaves."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pyrite.backbones.tiny import CHATML, byte_tokenizer, save_tiny, tiny_config, tiny_model
from pyrite.errors import CheckpointError, InputError
from pyrite.rewards.folders import load_reward_folder
from pyrite.rewards.full import begin_full, save_full
from pyrite.types import Sample

SAMPLES = [Sample("a", "b"), Sample("why", "because")]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYRITE_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize(("kind", "task", "head"), [("causal", "lm", "score.weight"), ("encoder", "body", "classifier.weight")])
def test_head_depends_on_the_seed_and_body_comes_from_the_files(tmp_path: Path, kind: str, task: str, head: str) -> None:
    folder = str(save_tiny(tmp_path / "body", kind, task))
    one, same, other = (begin_full(folder, seed=seed).model.state_dict() for seed in (1, 1, 2))
    assert torch.equal(one[head], same[head])
    assert not torch.equal(one[head], other[head])
    assert [name for name in one if not torch.equal(one[name], other[name])] == [head]


def test_it_is_ready_to_train(tmp_path: Path) -> None:
    reward = begin_full(str(save_tiny(tmp_path / "body", "causal", "lm")))
    assert reward.model.training
    reward.score(SAMPLES).value.sum().backward()
    assert all(weight.grad is not None for weight in reward.model.parameters())


@pytest.mark.parametrize("template", [None, CHATML])
def test_saved_model_scores_the_same_in_pyrite_and_transformers(tmp_path: Path, template: str | None) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    reward = begin_full(str(save_tiny(tmp_path / "body", "causal", "lm")), chat_template=template, max_length=100)
    reward.model.eval()
    save_full(tmp_path / "rm", reward, {"pairs": 3})
    before = reward.score(SAMPLES).value.detach()
    loaded = load_reward_folder(tmp_path / "rm")
    assert loaded.renderer.max_length == 100
    assert torch.allclose(loaded.score(SAMPLES).value, before, atol=1e-6)
    model, tokenizer = (cls.from_pretrained(tmp_path / "rm") for cls in (AutoModelForSequenceClassification, AutoTokenizer))
    for sample, value in zip(SAMPLES, before, strict=True):
        turns = [{"role": "user", "content": sample.prompt}, {"role": "assistant", "content": sample.completion}]
        text = f"{sample.prompt}\n\n{sample.completion}<eos>"
        inputs = (
            tokenizer.apply_chat_template(turns, return_tensors="pt", return_dict=True)
            if template
            else tokenizer(text, return_tensors="pt")
        )
        assert model(**inputs).logits[0, 0].item() == pytest.approx(value.item(), abs=1e-4)


def test_another_template_than_the_trained_one_is_refused(tmp_path: Path) -> None:
    save_full(tmp_path / "rm", begin_full(str(save_tiny(tmp_path / "body", "causal", "lm"))), {})
    with pytest.raises(InputError, match="leave chat_template out"):
        load_reward_folder(tmp_path / "rm", chat_template=CHATML)


def test_padding_differs_from_the_end_token(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "body", "causal", "lm")
    tokenizer = byte_tokenizer()
    tokenizer.pad_token = tokenizer.eos_token
    tokenizer.save_pretrained(folder)
    reward = begin_full(str(folder))
    own = reward.renderer.tokenizer
    assert own.pad_token_id != own.eos_token_id
    assert reward.model.config.pad_token_id == own.pad_token_id
    assert own.pad_token_id < reward.model.get_input_embeddings().num_embeddings
    save_full(tmp_path / "rm", reward, {})
    reward.model.eval()
    assert torch.allclose(load_reward_folder(tmp_path / "rm").score(SAMPLES).value, reward.score(SAMPLES).value, atol=1e-6)


def test_body_with_missing_weights_is_refused(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "body", "causal", "lm", num_hidden_layers=1)
    tiny_config("causal", num_hidden_layers=2).save_pretrained(folder)
    with pytest.raises(CheckpointError, match=r"lacks weights of its body: model\.layers\.1"):
        begin_full(str(folder))


def test_going_on_from_a_reward_model_keeps_its_head(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "rm", "causal", "score", seed=4)
    wanted = tiny_model(tiny_config("causal"), "score", seed=4).score.weight
    assert torch.equal(begin_full(str(folder), seed=1).model.score.weight, wanted)
