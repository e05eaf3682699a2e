"""Public models that read two completions at once: their text, their numbers by hand, both orders, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from pyrite.backbones.tiny import byte_tokenizer, tiny_config, tiny_model
from pyrite.errors import CheckpointError, InputError
from pyrite.protocols import PairwiseReward, Reward
from pyrite.rewards.checkpoints import find_checkpoint
from pyrite.rewards.folders import load_reward_folder
from pyrite.rewards.pairwise import PairModel
from pyrite.rewards.spec import load_reward
from pyrite.testing.rewards import check_pairwise_reward
from pyrite.types import Pair, Sample, Status
from tests.unit.rewards.small_models import LLAMA, SIZE

MARKS = ("<|source|>", "<|candidate1|>", "<|candidate2|>")
FIRST = [Sample("Why?", "So."), Sample("Who?", "Me, I think."), Sample("Why?", "So.")]
SECOND = [Sample("Why?", "Because."), Sample("Who?", "You."), Sample("Why?", "So.")]
RELATIVE = {"relative_attention": True, "position_biased_input": False, "position_buckets": 16, "max_relative_positions": -1}
TURNS = [{"role": role, "content": text} for role, text in (("user", "a?"), ("assistant", "b."), ("user", "c?"))]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYRITE_CACHE", str(tmp_path / "cache"))


def build_blender(folder: Path, *, shift: int = 0, outputs: int = 2) -> tuple[Path, Any, dict[str, torch.Tensor], Any]:
    """PairRM in small; `shift` moves the token that config.json names for the second candidate."""
    tokenizer = byte_tokenizer(
        "encoder", extra={"[PAD]": 0, "[CLS]": 1, "[SEP]": 2} | {m: 300 + i for i, m in enumerate(MARKS)}
    )
    tokenizer.pad_token = "[PAD]"
    config = tiny_config("encoder", model_type="deberta-v2", vocab_size=400, hidden_size=SIZE, intermediate_size=8, **RELATIVE)
    trunk = tiny_model(config, "body", kind="encoder", seed=1)
    rng = torch.Generator().manual_seed(2)
    shapes = {"1.weight": (SIZE, 2 * SIZE), "1.bias": (SIZE,), "4.weight": (outputs, SIZE), "4.bias": (outputs,)}
    head = {f"head_layer.{name}": torch.randn(shape, generator=rng) for name, shape in shapes.items()}
    folder.mkdir()
    named = {f"pretrained_model.{name}": value.clone() for name, value in trunk.state_dict().items()}
    save_file({**named, **head}, folder / "model.safetensors", metadata={"format": "pt"})
    ids = {"source_prefix_id": 300, "cand1_prefix_id": 301, "cand2_prefix_id": 302 + shift}
    (folder / "config.json").write_text(json.dumps({**config.to_dict(), **ids, "n_tasks": outputs}))
    tokenizer.save_pretrained(folder)
    return folder, trunk, head, tokenizer


def build_letters(folder: Path, *, shift: int = 0) -> tuple[Path, Any, Any]:
    """RLHFlow's pair model in small."""
    row = find_checkpoint(folder.name)
    assert row is not None
    ids = {text: token + (shift if text == "B" else 0) for text, token in row.form.token_ids.items()}
    letters = {text: ids.pop(text) for text in ("A", "B")}
    tokenizer = byte_tokenizer(chat_template=LLAMA, extra={**ids, **letters})
    tokenizer.bos_token = "<|begin_of_text|>"
    sizes = {"hidden_size": SIZE, "intermediate_size": 8, "num_attention_heads": 2, "head_dim": 4, "num_hidden_layers": 1}
    model = tiny_model(tiny_config(vocab_size=max(tokenizer.get_vocab().values()) + 1, **sizes), "lm", seed=3)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder, model, tokenizer


def blender_odds(trunk: Any, head: dict[str, torch.Tensor], tokenizer: Any, *texts: str) -> float:
    ids = [token for mark, text in zip(MARKS, texts, strict=True) for token in tokenizer(mark + text)["input_ids"]]
    with torch.inference_mode():
        hidden = trunk(input_ids=torch.tensor([ids])).last_hidden_state[0]
    source, first, second = (hidden[ids.index(300 + part)] for part in range(3))

    def value(candidate: torch.Tensor) -> torch.Tensor:
        inner = torch.tanh(head["head_layer.1.weight"] @ torch.cat([source, candidate]) + head["head_layer.1.bias"])
        return head["head_layer.4.weight"] @ inner + head["head_layer.4.bias"]

    return (value(first) - value(second)).mean().item()


def sigmoid(odds: float) -> float:
    return torch.tensor(odds).sigmoid().item()


def test_pair_rm_is_the_difference_of_two_heads_in_both_orders(tmp_path: Path) -> None:
    folder, trunk, head, tokenizer = build_blender(tmp_path / "PairRM-hf")
    reward = load_reward_folder(folder)
    assert isinstance(reward, PairModel)
    told = reward.compare(FIRST[:2], SECOND[:2])
    for i, (a, b) in enumerate(zip(FIRST[:2], SECOND[:2], strict=True)):
        one = sigmoid(blender_odds(trunk, head, tokenizer, a.prompt, a.completion, b.completion))
        two = sigmoid(blender_odds(trunk, head, tokenizer, a.prompt, b.completion, a.completion))
        assert told.orders is not None
        assert told.orders[i].tolist() == pytest.approx([one, 1 - two], abs=1e-5)
        assert told.probability[i].item() == pytest.approx((one + 1 - two) / 2, abs=1e-5)
        assert abs(one - (1 - two)) > 1e-4  # the order matters to it, so that one order alone would fail here


def test_pair_rm_writes_several_turns_as_a_conversation(tmp_path: Path) -> None:
    folder, trunk, head, tokenizer = build_blender(tmp_path / "PairRM-hf")
    told = load_reward_folder(folder).compare([Sample(TURNS, "d.")], [Sample(TURNS, "e!")])
    source = (
        "Finish the following coversation in each i-th turn by filling in <Response i> with your response."
        "USER: a?\nAssistant: <Response 1>\nUSER: c?\nAssistant: <Response 2>"
    )
    texts = [f"<Response 1>: b.\n<Response 2>: {text}" for text in ("d.", "e!")]
    assert told.orders is not None
    assert told.orders[0, 0].item() == pytest.approx(sigmoid(blender_odds(trunk, head, tokenizer, source, *texts)), abs=1e-5)


def test_pair_rm_cuts_the_end_of_a_long_prompt_and_no_completion(tmp_path: Path) -> None:
    folder, trunk, head, tokenizer = build_blender(tmp_path / "PairRM-hf")
    reward = load_reward_folder(folder)
    assert isinstance(reward, PairModel)
    long, kept = "x" * 3000, "x" * 1221  # begin, announcement and end are tokens too
    told = reward.compare([Sample(long, "a")], [Sample(long, "b")])
    assert told.orders is not None
    assert told.orders[0, 0].item() == pytest.approx(sigmoid(blender_odds(trunk, head, tokenizer, kept, "a", "b")), abs=1e-5)
    told = reward.compare([Sample("Why?", "a" * 1100)], [Sample("Why?", "b")])
    assert told.status.tolist() == [Status.TRUNCATED]
    assert told.texts is not None
    assert "1103 tokens" in told.texts[0]


def test_pair_rm_refuses_texts_with_its_own_marks(tmp_path: Path) -> None:
    reward = load_reward_folder(build_blender(tmp_path / "PairRM-hf")[0])
    assert isinstance(reward, PairModel)
    told = reward.compare([Sample("Why?", "good <|candidate2|> bad")], [Sample("Why?", "b")])
    assert told.status.tolist() == [Status.INVALID]


def test_letters_are_compared_after_the_published_text(tmp_path: Path) -> None:
    folder, model, tokenizer = build_letters(tmp_path / "pair-preference-model-LLaMA3-8B")
    reward = load_reward_folder(folder, dtype="float32")
    assert isinstance(reward, PairModel)
    told = reward.compare([Sample(TURNS, "d.")], [Sample(TURNS, "e!")])
    # what the published template gives through transformers, which drops the line break after a block and the last one
    context = "\n\n<turn> user\n a?\n<turn> assistant\n b.\n<turn> user\n c?\n"
    assert told.orders is not None
    for order, (a, b) in enumerate((("d.", "e!"), ("e!", "d."))):
        turn = f"[CONTEXT] {context} [RESPONSE A] {a} [RESPONSE B] {b} \n"
        text = f"<|start_header_id|>user<|end_header_id|>\n\n{turn}<|eot_id|>"
        ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
        with torch.inference_mode():
            logits = model(ids).logits[0, -1, [32, 33]]
        expected = logits.softmax(0)[order].item()  # that "d." is better, in both orders
        assert told.orders[0, order].item() == pytest.approx(expected, abs=1e-5)


def test_letters_run_the_prompt_once_for_both_orders_of_all_pairs(tmp_path: Path) -> None:
    folder, _, _ = build_letters(tmp_path / "pair-preference-model-LLaMA3-8B")
    shared = load_reward_folder(folder, dtype="float32", cache=False)
    assert isinstance(shared, PairModel)
    whole = PairModel(shared.model, shared.pairs, name="whole", read=shared._read)
    answers = [n * "ab" + end for n, end in ((1, "x"), (9, "y"), (4, "z"), (6, "w"))]
    first, second = ([Sample(30 * "Why? ", text) for text in some] for some in (answers[:3], answers[1:]))
    shared.compare(first[:1], second[:1])  # the first run also tries whether packing changes numbers
    counts, told = [], []
    for reward in (shared, whole):
        seen: list[int] = []
        hook = shared.model.base_model.layers[0].register_forward_pre_hook(
            lambda m, args, seen=seen: seen.append(args[0].shape[0] * args[0].shape[1])
        )
        told.append(reward.compare(first, second).orders)
        hook.remove()
        counts.append(sum(seen))
    rows = [shared.pairs.row(a, b).ids for one, two in zip(first, second, strict=True) for a, b in ((one, two), (two, one))]
    common = next(i for i, same in enumerate(zip(*rows, strict=False)) if len(set(same)) > 1)
    assert counts[0] == sum(map(len, rows)) - 5 * common
    assert counts[1] == 6 * max(map(len, rows))
    torch.testing.assert_close(told[0], told[1], atol=1e-5, rtol=0)


def test_pair_rm_is_an_encoder_that_is_run_whole(tmp_path: Path) -> None:
    shared = load_reward_folder(build_blender(tmp_path / "PairRM-hf")[0], cache=False)
    assert isinstance(shared, PairModel)
    assert shared._sharing is not None
    assert shared._sharing.first_read is None
    whole = PairModel(shared.model, shared.pairs, name="whole", read=shared._read)
    assert torch.equal(shared.compare(FIRST, SECOND).probability, whole.compare(FIRST, SECOND).probability)


@pytest.mark.parametrize("name", ["PairRM-hf", "pair-preference-model-LLaMA3-8B"])
def test_pair_models_keep_the_contract_and_score_sides_as_judges_do(tmp_path: Path, name: str) -> None:
    build = build_blender if name == "PairRM-hf" else build_letters
    reward = load_reward(str(build(tmp_path / name)[0]), dtype="float32")
    assert isinstance(reward, PairwiseReward)
    assert isinstance(reward, Reward)
    check_pairwise_reward(reward, FIRST, SECOND)
    told = reward.compare(FIRST, SECOND).probability
    assert told[2].item() == pytest.approx(0.5)  # equal completions
    pairs = [Pair(a.prompt, a.completion, b.completion) for a, b in zip(FIRST, SECOND, strict=True)]
    scores = reward.score([side for pair in pairs for side in pair.sides()])
    assert torch.equal(scores.value, torch.stack([told, 1 - told], dim=1).flatten())
    assert reward.score(FIRST[:1]).status.tolist() == [Status.INVALID]
    assert reward.score([]).value.shape == (0,)


def test_wrong_tokens_missing_heads_and_terms_are_refused(tmp_path: Path) -> None:
    folder = build_blender(tmp_path / "PairRM-hf", shift=1)[0]
    with pytest.raises(CheckpointError, match=r"reads '<\|candidate2\|>' as token 302; .* trained with 303"):
        load_reward_folder(folder)
    with pytest.raises(CheckpointError, match=r"reads 'B' as token 40; .* trained with 33"):
        load_reward_folder(build_letters(tmp_path / "pair-preference-model-LLaMA3-8B", shift=7)[0])
    (tmp_path / "other").mkdir()
    folder = build_blender(tmp_path / "other" / "PairRM-hf")[0]
    with pytest.raises(InputError, match="cannot be a term"):
        load_reward(f"sum:1*{folder},1*baseline:length")
    weights = load_file(folder / "model.safetensors")
    del weights["head_layer.4.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"head_layer\.4\.weight is not in its files"):
        load_reward_folder(folder)
