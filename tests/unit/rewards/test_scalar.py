"""Whole reward models: equal to transformers, honest about what they cannot score, refused where weights are missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from pyrite.backbones import Renderer
from pyrite.backbones.tiny import CHATML, byte_tokenizer, save_tiny, tiny_config, tiny_model
from pyrite.errors import CheckpointError, InputError
from pyrite.rewards.folders import load_reward_folder
from pyrite.rewards.scalar import ScalarReward, example, normalisation, settle_padding
from pyrite.testing import check_reward
from pyrite.types import Sample, Status

SAMPLES = [Sample("p" * (i % 5), "answer " * (i % 7) + "é!") for i in range(12)]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYRITE_CACHE", str(tmp_path / "cache"))


def by_transformers(folder: Path, texts: list[dict]) -> torch.Tensor:
    """One score a sample from transformers alone, batch size 1."""
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(folder)
    with torch.inference_mode():
        return torch.stack([model(**inputs).logits[0, 0] for inputs in texts])


def encoded(folder: Path, samples: list[Sample], how: str) -> list[dict]:
    """The samples as a user of transformers would encode them."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    if how == "pair":
        return [tokenizer(s.prompt, s.completion, return_tensors="pt") for s in samples]
    if how == "plain":
        joined = [f"{s.prompt}\n\n{s.completion}" if s.prompt else s.completion for s in samples]
        return [tokenizer(text + tokenizer.eos_token, return_tensors="pt") for text in joined]
    turns = [[{"role": "user", "content": s.prompt}, {"role": "assistant", "content": s.completion}] for s in samples]
    return [tokenizer.apply_chat_template(t, return_tensors="pt", return_dict=True) for t in turns]


@pytest.mark.parametrize(
    ("kind", "model_type", "how"),
    [
        ("causal", "llama", "chat"),
        ("causal", "llama", "plain"),
        ("causal", "qwen3", "chat"),
        ("causal", "gpt2", "plain"),
        ("encoder", "bert", "pair"),
        ("encoder", "deberta-v2", "pair"),
    ],
)
def test_scores_equal_those_of_transformers(tmp_path: Path, kind: str, model_type: str, how: str) -> None:
    template = CHATML if how == "chat" else None
    folder = save_tiny(tmp_path / "model", kind, "score", model_type=model_type, chat_template=template)
    expected = by_transformers(folder, encoded(folder, SAMPLES, how))
    assert expected.std() > 0.1
    for batch_tokens in (1, 100, 8192):
        scores = load_reward_folder(folder, batch_tokens=batch_tokens, cache=False).score(SAMPLES)
        assert scores.ok.all()
        assert (scores.value - expected).abs().max() <= 1e-4


def test_side_of_padding_in_the_tokenizer_does_not_matter(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model", "causal", "score")
    before = load_reward_folder(folder, cache=False).score(SAMPLES)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "padding_side": "left", "truncation_side": "left"}))
    assert torch.equal(load_reward_folder(folder, cache=False).score(SAMPLES).value, before.value)


@pytest.mark.parametrize(("kind", "task"), [("causal", "lm"), ("encoder", "body")])
def test_model_without_a_head_is_refused(tmp_path: Path, kind: str, task: str) -> None:
    folder = save_tiny(tmp_path / "model", kind, task)
    name = {"causal": r"score\.weight is not in its files", "encoder": r"classifier\.bias, classifier\.weight are not"}[kind]
    with pytest.raises(CheckpointError, match=name):
        load_reward_folder(folder)


def test_model_with_several_outputs_is_refused(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model", "encoder", "score", num_labels=3)
    with pytest.raises(CheckpointError, match="has 3 outputs"):
        load_reward_folder(folder)


def test_mean_and_std_in_the_configuration_are_taken_out(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model", "causal", "score")
    plain = load_reward_folder(folder, cache=False).score(SAMPLES).value
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "mean": 0.5, "std": 2.0}))
    assert torch.allclose(load_reward_folder(folder, cache=False).score(SAMPLES).value, (plain - 0.5) / 2.0)


def test_mean_zero_is_a_number_and_std_zero_is_refused() -> None:
    assert normalisation(tiny_config(mean=0.0, std=4.0)) == (0.0, 4.0)
    assert normalisation(tiny_config()) == (0.0, 1.0)
    with pytest.raises(CheckpointError, match="std 0"):
        normalisation(tiny_config(std=0.0))


def test_what_cannot_be_scored_keeps_its_status_and_reason(tmp_path: Path) -> None:
    reward = load_reward_folder(save_tiny(tmp_path / "model", "causal", "score"))
    scores = reward.score([Sample("a", None), SAMPLES[1], Sample("a", "b" * 600), Sample("p" * 600, "b")])
    assert scores.status.tolist() == [Status.INVALID, Status.OK, Status.TRUNCATED, Status.OK]
    assert torch.isnan(scores.value[[0, 2]]).all()
    assert scores.texts[1] == ""
    assert "NoneType" in scores.texts[0]
    assert "does not fit" in scores.texts[2]
    assert "left out" in scores.texts[3]
    assert reward.score([]).value.shape == (0,)
    assert reward.score([Sample("a", None)]).status.tolist() == [Status.INVALID]


def test_max_length_may_be_lowered_and_not_raised_beyond_the_model(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model", "causal", "score")
    assert load_reward_folder(folder, max_length=16).score([Sample("a", "b" * 20)]).status.tolist() == [Status.TRUNCATED]
    with pytest.raises(InputError, match="takes 2 to 512"):
        load_reward_folder(folder, max_length=513)


def test_scores_are_kept_on_disk_unless_the_weights_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_tiny(tmp_path / "model", "causal", "score")
    first = load_reward_folder(folder).score(SAMPLES)
    again = load_reward_folder(folder)
    monkeypatch.setattr(again.model, "forward", None)
    assert torch.equal(again.score(SAMPLES).value, first.value)
    save_tiny(folder, "causal", "score", seed=1)
    assert not torch.allclose(load_reward_folder(folder).score(SAMPLES).value, first.value)


def test_graph_is_kept_only_where_it_was_asked_for_and_is_enabled(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model", "causal", "score")
    assert not load_reward_folder(folder).score(SAMPLES).value.requires_grad
    reward = load_reward_folder(folder, differentiable=True)
    reward.score(SAMPLES).value.sum().backward()
    assert reward.model.score.weight.grad.abs().sum() > 0
    with torch.no_grad():
        assert not reward.score(SAMPLES).value.requires_grad


def test_padding_is_never_the_end_token_where_the_model_names_none() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.pad_token = tokenizer.eos_token
    config = tiny_config(pad_token_id=None)
    assert settle_padding(config, tokenizer) == config.pad_token_id == tokenizer.bos_token_id
    assert settle_padding(tiny_config(pad_token_id=2), tokenizer) == 2


@pytest.mark.parametrize("pad", [None, 2])
def test_model_without_own_padding_scores_as_at_batch_size_one(tmp_path: Path, pad: int | None) -> None:
    folder = save_tiny(tmp_path / "model", "causal", "score", pad_token_id=pad)
    scores = load_reward_folder(folder, cache=False).score(SAMPLES)
    assert (scores.value - by_transformers(folder, encoded(folder, SAMPLES, "plain"))).abs().max() <= 1e-4


def test_std_must_be_positive() -> None:
    renderer = Renderer(byte_tokenizer(), "causal", 64)
    with pytest.raises(InputError, match="std is 0"):
        ScalarReward(tiny_model(tiny_config(), "score"), renderer, std=0.0)


def test_cost_counts_the_tokens_read() -> None:
    reward, _ = example()
    assert reward.score([Sample("ab", "cde")]).cost.tolist() == [9.0]


def test_contract() -> None:
    check_reward(*example())
