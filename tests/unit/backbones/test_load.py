"""Loading: what a model is, and one sentence for each folder that holds none."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from pyrite.backbones import load_backbone, load_causal_lm
from pyrite.backbones.load import context_length, kind_of_model, read_template
from pyrite.backbones.locate import locate
from pyrite.backbones.tiny import CHATML, byte_tokenizer, save_tiny, tiny_backbone, tiny_config, tiny_model
from pyrite.errors import CheckpointError, InputError, UnknownName
from pyrite.types import Sample


@pytest.fixture(scope="module")
def causal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("model") / "causal", "causal", "lm", chat_template=CHATML)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("model") / "encoder", "encoder", "body")


def test_causal_folder(causal: Path) -> None:
    backbone = load_backbone(str(causal))
    assert (backbone.kind, backbone.pooling, backbone.hidden_size, backbone.max_length) == ("causal", "last", 32, 512)
    assert not any(weight.requires_grad for weight in backbone.model.parameters())
    assert not backbone.model.training


def test_encoder_folder_is_pooled_as_sentence_transformers_wrote(encoder: Path) -> None:
    assert load_backbone(str(encoder)).pooling == "cls"
    (encoder / "1_Pooling").mkdir(exist_ok=True)
    (encoder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_mean_tokens": True}))
    assert load_backbone(str(encoder)).pooling == "mean"


def test_language_model_has_logits(causal: Path) -> None:
    model, tokenizer = load_causal_lm(str(causal))
    logits = model(**tokenizer("ab", return_tensors="pt")).logits
    assert tuple(logits.shape) == (1, 3, 261)


def test_encoder_cannot_write(encoder: Path) -> None:
    with pytest.raises(InputError, match="encoder"):
        load_causal_lm(str(encoder))


def test_identity_follows_weights_template_and_dtype(causal: Path, tmp_path: Path) -> None:
    first = load_backbone(str(causal))
    assert load_backbone(str(causal)).identity == first.identity
    assert load_backbone(str(causal), dtype="bfloat16").identity != first.identity
    assert (
        load_backbone(str(causal), chat_template="{% for m in messages %}{{ m.content }}{% endfor %}").identity
        != first.identity
    )
    moved = save_tiny(tmp_path / "elsewhere", "causal", "lm", chat_template=CHATML)
    assert load_backbone(str(moved)).identity == first.identity
    other = save_tiny(tmp_path / "other", "causal", "lm", chat_template=CHATML, seed=1)
    assert load_backbone(str(other)).identity != first.identity


def test_changed_tokenizer_is_another_model(causal: Path, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model", "causal", "lm", chat_template=CHATML)
    before = locate(str(folder)).digest(None, None)
    (folder / "chat_template.jinja").write_text(CHATML + " ")
    assert locate(str(folder)).digest(None, None) != before


def test_folder_without_tokenizer_is_refused(tmp_path: Path) -> None:
    tiny_model(tiny_config("causal"), "lm").save_pretrained(tmp_path / "bare")
    with pytest.raises(CheckpointError, match=r"has no tokenizer: none of tokenizer\.json"):
        load_backbone(str(tmp_path / "bare"))


def test_random_weights_never_stand_in_for_missing_ones(tmp_path: Path) -> None:
    scorer = save_tiny(tmp_path / "scorer", "causal", "score")
    with pytest.raises(CheckpointError, match=r"lacks 1 weights of LlamaForCausalLM, among them lm_head\.weight"):
        load_causal_lm(str(scorer))
    assert load_backbone(str(scorer)).kind == "causal"
    tiny_config("causal", num_hidden_layers=3).save_pretrained(scorer)
    with pytest.raises(CheckpointError, match=r"lacks 9 weights of LlamaModel, among them layers\.2"):
        load_backbone(str(scorer))


def test_adapter_alone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="an adapter alone"):
        load_backbone(str(tmp_path))


def test_folder_without_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(CheckpointError, match=r"not a model folder: it has no config.json \(found notes.txt\)"):
        load_backbone(str(tmp_path))


def test_folder_with_broken_weights_is_refused(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model", "causal", "lm")
    (folder / "model.safetensors").write_bytes(b"0" * 100)
    with pytest.raises(CheckpointError, match="could not be loaded as AutoModel"):
        load_backbone(str(folder))


def test_pickled_weights_with_code_in_them_are_refused(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model", "causal", "lm")
    (folder / "model.safetensors").unlink()
    torch.save({"weights": Path.exists}, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="could not be loaded"):
        load_backbone(str(folder))


@pytest.mark.parametrize("spec", ["./nowhere", "/no/such/folder", "a/b/c", "~/nowhere-at-all"])
def test_path_that_does_not_exist_is_refused(spec: str) -> None:
    with pytest.raises(CheckpointError, match="There is no folder"):
        load_backbone(spec)


def test_file_is_not_a_model(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"")
    with pytest.raises(CheckpointError, match="is a file; expected a folder"):
        load_backbone(str(tmp_path / "weights.bin"))


def test_unreachable_hub_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match="no folder 'somebody/something' here, and the hub is switched off"):
        load_backbone("somebody/something")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(CheckpointError, match="no folder 'somebody/something' here, and the hub cannot be reached"):
        load_backbone("somebody/something")


def test_unknown_embedded_name_has_a_hint() -> None:
    with pytest.raises(UnknownName, match="minilm"):
        load_backbone("embedded:minilmm")


def test_unknown_dtype_is_refused(causal: Path) -> None:
    with pytest.raises(UnknownName, match="float32, bfloat16, float16"):
        load_backbone(str(causal), dtype="int4")


@pytest.mark.parametrize(
    ("model_type", "kind"),
    [
        ("llama", "causal"),
        ("qwen3", "causal"),
        ("gemma2", "causal"),
        ("gpt2", "causal"),
        ("bert", "encoder"),
        ("modernbert", "encoder"),
    ],
)
def test_kind_by_model_type(model_type: str, kind: str) -> None:
    from transformers import AutoConfig

    assert kind_of_model(AutoConfig.for_model(model_type), "m") == kind


def test_encoder_decoder_and_pictures_are_refused() -> None:
    from transformers import AutoConfig

    with pytest.raises(InputError, match="encoder-decoder"):
        kind_of_model(AutoConfig.for_model("t5"), "m")
    with pytest.raises(InputError, match="vit model"):
        kind_of_model(AutoConfig.for_model("vit"), "m")


def test_context_is_the_least_of_model_and_tokenizer() -> None:
    config = tiny_config("causal", max_position_embeddings=300)
    assert context_length(config, byte_tokenizer(max_length=512), None) == 300
    assert context_length(config, byte_tokenizer(max_length=100), None) == 100
    assert context_length(config, byte_tokenizer(max_length=10**30), None) == 300
    assert context_length(config, byte_tokenizer(max_length=100), 200) == 200
    for wrong in (301, 1, 0):
        with pytest.raises(InputError, match=f"max_length is {wrong}; this model takes 2 to 300"):
            context_length(config, byte_tokenizer(), wrong)


def test_positions_that_start_after_padding_are_not_counted() -> None:
    config = tiny_config("encoder", model_type="roberta", max_position_embeddings=514, pad_token_id=1)
    assert context_length(config, byte_tokenizer(max_length=10**30), None) == 512


def test_template_is_text_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "chat.jinja").write_text(CHATML)
    assert read_template(str(tmp_path / "chat.jinja")) == read_template(CHATML) == CHATML
    assert read_template(None) is None
    with pytest.raises(InputError, match="neither a Jinja template nor a file"):
        read_template("no-such-file.jinja")


def test_slow_tokenizer_is_refused(causal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import AutoTokenizer

    monkeypatch.setattr(AutoTokenizer, "from_pretrained", lambda *a, **k: SimpleNamespace(is_fast=False))
    with pytest.raises(InputError, match="slow tokenizer"):
        load_backbone(str(causal))


def test_tiny_models_depend_on_the_seed_and_leave_the_global_stream_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, same, other = (tiny_backbone("causal", seed=seed).model.state_dict() for seed in (3, 3, 4))
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["embed_tokens.weight"], other["embed_tokens.weight"])


def test_unknown_tiny_task_is_refused() -> None:
    with pytest.raises(InputError, match="no tiny 'encoder' network for 'lm'"):
        tiny_model(tiny_config("encoder"), "lm", kind="encoder")


@pytest.mark.embedded("minilm")
def test_minilm_is_what_it_says() -> None:
    backbone = load_backbone("embedded:minilm")
    assert (backbone.kind, backbone.pooling, backbone.hidden_size, backbone.max_length) == ("encoder", "mean", 384, 512)
    words = backbone.tokenizer.convert_ids_to_tokens(backbone.renderer.render(Sample("Why blue?", "Air")).ids)
    assert words == ["[CLS]", "why", "blue", "?", "[SEP]", "air", "[SEP]"]


@pytest.mark.embedded("smollm2")
def test_smollm2_is_what_it_says() -> None:
    backbone = load_backbone("embedded:smollm2")
    assert (backbone.kind, backbone.pooling, backbone.hidden_size) == ("causal", "last", 576)
    rendered = backbone.renderer.render(Sample("Hi", "Hello there"))
    assert backbone.tokenizer.decode(rendered.ids[slice(*rendered.spans["completion"])]) == "Hello there"
