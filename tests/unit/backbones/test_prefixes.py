"""Common beginnings: which rows share how much, and that sharing changes no number."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pyrite.backbones.batches import Batch, plan_stages
from pyrite.backbones.engine import run_batches
from pyrite.backbones.packed import packs
from pyrite.backbones.prefixes import Family, Sharing, common_length, families, shares, unique_tokens
from pyrite.backbones.readers import last_token
from pyrite.backbones.render import Rendered
from pyrite.backbones.tiny import tiny_config, tiny_model


def rows_of(prompts: int, completions: int, prompt: int = 60, completion: int = 12) -> list[Rendered]:
    """Rows with a prompt of their own each, and completions of different lengths."""
    rng = torch.Generator().manual_seed(0)

    def draw(size: int) -> tuple[int, ...]:
        return tuple(torch.randint(10, 120, (size,), generator=rng).tolist())

    found = []
    for p in range(prompts):
        first = (1, *draw(prompt + 3 * p))
        found += [Rendered(ids=first + draw(completion + 2 * k)) for k in range(completions)]
    return found


def limits(rows: list[Rendered]) -> list[int]:
    return [len(row.ids) - 1 for row in rows]


def test_common_length_is_that_of_the_first_difference() -> None:
    assert common_length((1, 2, 3), (1, 2, 4)) == 2
    assert common_length((1, 2), (1, 2, 4)) == 2
    assert common_length((5,), (6,)) == 0
    long = tuple(range(1000))
    assert common_length((*long, 1), (*long, 2)) == 1000


def test_rows_are_put_together_by_prompt() -> None:
    rows = rows_of(prompts=3, completions=4)
    found = families([row.ids for row in rows], limits(rows))
    assert sorted(sorted(family.rows) for family in found) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert sorted(family.shared for family in found) == [61, 64, 67]


def test_one_large_family_is_taken_where_it_saves_more_than_small_ones() -> None:
    header = tuple(range(10, 210))
    ids = [(*header, 300 + p, 301, k) for p in range(8) for k in range(2)]
    assert [len(family.rows) for family in families(ids, [len(row) - 1 for row in ids])] == [16]


def test_what_would_save_little_is_run_whole() -> None:
    few = [(1, 2, 3, k, *range(50, 90)) for k in range(5)]
    assert families(few, [len(row) - 1 for row in few]) == []


def test_a_row_never_shares_what_is_read() -> None:
    rows = rows_of(prompts=1, completions=4)
    (family,) = families([row.ids for row in rows], [55] * 4)
    assert family.shared == 55


def test_a_row_that_is_the_beginning_of_another_keeps_a_token() -> None:
    first = tuple(range(10, 110))
    (family,) = families([first, (*first, 5), (*first, 6, 7)], [len(first) - 1, 100, 101])
    assert family.shared == 99


def test_unique_tokens_is_the_size_of_the_prefix_tree() -> None:
    assert unique_tokens([(1, 2, 3), (1, 2, 4), (5,)]) == 5


def test_a_stage_keeps_no_more_beginnings_than_the_budget() -> None:
    rows = rows_of(prompts=4, completions=3)
    stages = plan_stages(dict(enumerate(rows)), 140, Sharing(None))
    assert all(sum(family.shared for family in stage.families) <= 140 for stage in stages)
    assert sorted(i for stage in stages for batch in stage.batches for i in batch) == list(range(12))
    for stage in stages:
        for batch in stage.batches:
            assert len(batch) * max(len(rows[i].ids) - stage.starts()[i] for i in batch) <= 140


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("model_type", ["llama", "qwen2", "gpt_neox", "gpt2"])
@pytest.mark.parametrize("budget", [64, 200, 4096])
def test_sharing_changes_no_score(model_type: str, budget: int, attention: str) -> None:
    model = tiny_model(tiny_config("causal", model_type=model_type), "body")
    model.set_attn_implementation(attention)
    assert packs(model) == (attention == "sdpa")
    rows = rows_of(prompts=3, completions=4)
    seen: list[int] = []

    def forward(batch: Batch) -> Tensor:
        seen.append(batch.input_ids.numel())
        hidden = model(**batch.inputs()).last_hidden_state
        return hidden[torch.arange(len(hidden)), last_token(batch.attention_mask)]

    whole = run_batches(rows, forward, pad_id=0, token_budget=budget)
    run = sum(seen)
    seen.clear()
    shared = run_batches(rows, forward, pad_id=0, token_budget=budget, sharing=Sharing(model))
    assert sum(seen) < run / 2, "no beginning was shared"
    assert torch.allclose(whole, shared, atol=2e-5), (whole - shared).abs().max()


def test_known_rows_are_not_run_again_and_their_beginning_is_not_either() -> None:
    model = tiny_model(tiny_config("causal"), "body")
    rows = rows_of(prompts=2, completions=3)
    calls: list[tuple[int, ...]] = []

    def forward(batch: Batch) -> Tensor:
        calls.append(batch.rows)
        return model(**batch.inputs()).last_hidden_state[:, 0, :1]

    known = {i: torch.tensor([float(i)]) for i in range(6)}
    results = run_batches(rows, forward, pad_id=0, known=known, sharing=Sharing(model))
    assert calls == []
    assert results[:, 0].tolist() == [0, 1, 2, 3, 4, 5]


def test_starts_say_where_the_columns_of_a_batch_lie() -> None:
    model = tiny_model(tiny_config("causal"), "body")
    rows = rows_of(prompts=2, completions=3)

    def forward(batch: Batch) -> Tensor:
        for row, start, ids, mask in zip(batch.rows, batch.starts, batch.input_ids, batch.attention_mask, strict=True):
            assert rows[row].ids[int(start) :] == tuple(ids[mask.bool()].tolist())
        model(**batch.inputs())
        return batch.starts.float()

    starts = run_batches(rows, forward, pad_id=0, sharing=Sharing(model))
    assert sorted(set(starts.tolist())) == [61, 64]


def test_where_memory_runs_out_in_the_beginnings_they_are_run_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model(tiny_config("causal"), "body")
    rows = rows_of(prompts=4, completions=3)
    plain = model.forward

    def scarce(*args: object, **kwargs: object) -> object:
        if kwargs.get("use_cache") and len(kwargs["input_ids"]) > 1:  # type: ignore[arg-type]
            raise torch.OutOfMemoryError("CUDA out of memory")
        return plain(*args, **kwargs)

    def forward(batch: Batch) -> Tensor:
        hidden = model(**batch.inputs()).last_hidden_state
        return hidden[torch.arange(len(hidden)), last_token(batch.attention_mask), :2]

    whole = run_batches(rows, forward, pad_id=0)
    assert shares(model)
    monkeypatch.setattr(model, "forward", scarce)
    monkeypatch.setattr("pyrite.backbones.engine.shares", lambda body: True)
    assert torch.allclose(run_batches(rows, forward, pad_id=0, sharing=Sharing(model)), whole, atol=2e-5)


def test_windows_encoders_and_networks_in_training_are_run_whole() -> None:
    window = tiny_config("causal", model_type="mistral", sliding_window=16)
    assert not shares(tiny_model(window, "body"))
    assert not shares(tiny_model(tiny_config("causal"), "body").train())
    assert Family((0, 1), 5).shared == 5
