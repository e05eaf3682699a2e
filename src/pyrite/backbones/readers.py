"""From a forward pass to numbers: one vector a sample, or a linear head at the position where a reward model is read.

`embed` is the way in for frozen features; it keeps what it computes on disk. Read next: `pyrite.rewards.heads`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float, Int, Int8
from torch import Tensor

from pyrite.backbones.engine import TOKEN_BUDGET, Batch, run_batches
from pyrite.backbones.load import Backbone
from pyrite.backbones.prefixes import Sharing, last_position, unique_tokens
from pyrite.backbones.render import Rendered, Renderer
from pyrite.backbones.store import FeatureStore, row_key
from pyrite.backbones.tally import Tally, floor_seconds, record, watched
from pyrite.errors import InputError
from pyrite.runtime.progress import progress, say
from pyrite.types import Sample, Status

WORTH_A_BAR = 100_000
"""Tokens from which a progress bar is shown."""


def last_token(mask: Int[Tensor, "B T"]) -> Int[Tensor, "B"]:
    """The position of the last real token of each row, on whichever side the padding is.

    It reads the mask, never the ids: with padding id = end id, a search for the padding id would skip the end token.
    """
    places = torch.arange(mask.shape[1], device=mask.device)
    return (places * mask.long()).argmax(dim=1)


def pool(hidden: Float[Tensor, "B T D"], mask: Int[Tensor, "B T"], how: str) -> Float[Tensor, "B D"]:
    """One vector a row.

    Args:
        hidden: Hidden states.
        mask: 1 where there is a token.
        how: "last" (the last real token), "cls" (the first real token) or "mean" (over the real tokens).

    Raises:
        InputError: An unknown `how`.
    """
    rows = torch.arange(len(hidden), device=hidden.device)
    if how == "last":
        return hidden[rows, last_token(mask)]
    if how == "cls":
        return hidden[rows, mask.long().argmax(dim=1)]
    if how == "mean":
        weight = mask.to(hidden.dtype).unsqueeze(-1)
        return (hidden * weight).sum(dim=1) / weight.sum(dim=1)
    raise InputError(f"pooling is {how!r}; expected 'last', 'mean' or 'cls'.")


def head_at(
    hidden: Float[Tensor, "B T D"], mask: Int[Tensor, "B T"], weight: Float[Tensor, "K D"], pooling: str = "last"
) -> Float[Tensor, "B K"]:
    """K linear heads without bias, read at one position (or at the mean) of each row.

    Args:
        hidden: Hidden states.
        mask: 1 where there is a token.
        weight: One row a head.
        pooling: As in `pool`.
    """
    return pool(hidden, mask, pooling) @ weight.T.to(hidden.dtype)


def embed(
    backbone: Backbone, samples: Sequence[Sample], *, token_budget: int = TOKEN_BUDGET, cache: bool = True
) -> tuple[Float[Tensor, "N D"], Int8[Tensor, "N"]]:
    """Frozen features of samples: the backbone's hidden states, pooled and joined as the backbone says.

    Args:
        backbone: The model.
        samples: N samples, in any order; equal ones are run once.
        token_budget: Most tokens in a batch, padding included.
        cache: Keep features on disk and look there first. Each batch is written when it is done.

    Returns:
        (N, D) float32 features on the CPU, NaN where there are none, and (N,) statuses: ok, truncated or invalid.
    """
    rendered = backbone.renderer.render_all(samples)
    return embed_rendered(backbone, rendered, token_budget=token_budget, cache=cache), statuses(rendered)


def embed_rendered(
    backbone: Backbone, rendered: Sequence[Rendered], *, token_budget: int = TOKEN_BUDGET, cache: bool = True
) -> Float[Tensor, "N D"]:
    """As `embed`, from rows that are rendered already."""

    def forward(batch: Batch) -> Tensor:
        if backbone.layers == (-1,):
            hidden = (backbone.model(**batch.inputs()).last_hidden_state,)
        else:
            states = backbone.model(**batch.inputs(), output_hidden_states=True).hidden_states
            hidden = tuple(states[layer] for layer in backbone.layers)
        return torch.cat([pool(state, batch.attention_mask, backbone.pooling).float() for state in hidden], dim=1)

    store = FeatureStore(backbone.identity, backbone.feature_size) if cache else None
    splits = backbone.kind == "causal" and backbone.pooling == "last"
    sharing = Sharing(backbone.model) if splits else Sharing(backbone.model, None)
    options: dict[str, Any] = {"pad_id": backbone.pad_id, "token_budget": token_budget, "device": backbone.device}
    features = torch.full((len(rendered), backbone.feature_size), torch.nan)
    good = [i for i, row in enumerate(rendered) if row.status == Status.OK]
    if good:
        rows = [rendered[i] for i in good]
        features[good] = run_stored(rows, forward, store, sharing=sharing, label="features", **options)
    return features


def features_of(
    network: Sharing, renderer: Renderer, samples: Sequence[Sample], *, pad_id: int, token_budget: int = TOKEN_BUDGET
) -> tuple[Float[Tensor, "N D"], Int8[Tensor, "N"]]:
    """Last hidden states of a whole model where its head reads: at the last token, or the first one of an encoder.

    Args:
        network: The model's body and what prepares it; it is run in two stages where it is read at the last token.
        renderer: Writes samples for it.
        samples: N samples.
        pad_id: Fills short rows.
        token_budget: Most tokens in a batch.

    Returns:
        As `embed`; nothing is kept on disk.
    """
    rendered = renderer.render_all(samples)
    where = "last" if renderer.kind == "causal" else "cls"

    def forward(batch: Batch) -> Tensor:
        network.prepare()
        return pool(network.body(**batch.inputs()).last_hidden_state, batch.attention_mask, where).float()

    good = [i for i, row in enumerate(rendered) if row.status == Status.OK]
    options: dict[str, Any] = {
        "pad_id": pad_id,
        "token_budget": token_budget,
        "device": next(network.body.parameters()).device,
        "label": "features",
        "sharing": replace(network, first_read=last_position if where == "last" else None),
    }
    found = run_stored([rendered[i] for i in good], forward, None, **options) if good else torch.zeros(0, 0)
    features = torch.full((len(rendered), found.shape[1]), torch.nan)
    features[good] = found
    return features, statuses(rendered)


def run_stored(
    rows: Sequence[Rendered],
    forward: Callable[[Batch], Tensor],
    store: FeatureStore | None,
    *,
    pad_id: int,
    token_budget: int = TOKEN_BUDGET,
    device: torch.device | str = "cpu",
    label: str = "running",
    sharing: Sharing | None = None,
) -> Tensor:
    """`run_batches` with what is known read from, and what is new written to, a store; and a progress bar for long work.

    Args:
        rows: N rows with status ok, N >= 1.
        forward: (batch of B rows) -> (B, size).
        store: Where results are kept, or None.
        pad_id: Fills short rows.
        token_budget: Most tokens in a batch.
        device: Where batches go.
        label: What the progress bar says.
        sharing: As in `run_batches`.

    Returns:
        (N, size) float32 results on the CPU.
    """
    keys = [row_key(row) for row in rows]
    found = store.get(sorted(set(keys))) if store else {}
    known = {i: found[key] for i, key in enumerate(keys) if key in found}
    fresh = [row for i, row in enumerate(rows) if i not in known]
    size = sum(len(row.ids) for row in {key: rows[i] for i, key in enumerate(keys) if i not in known}.values())
    bar = progress(label, len(set(keys) - set(found)), "samples") if size >= WORTH_A_BAR else nullcontext(lambda count: None)
    begun = time.perf_counter()
    with bar as advance:

        def on_batch(at: tuple[int, ...], values: Tensor) -> None:
            advance(len(at))
            if store:
                store.put({keys[i]: value for i, value in zip(at, values, strict=True)})

        results = run_batches(
            rows,
            lambda batch: forward(batch).float().cpu(),
            pad_id=pad_id,
            token_budget=token_budget,
            on_batch=on_batch,
            known=known,
            device=device,
            sharing=sharing,
        )
    _count(fresh, len(rows), time.perf_counter() - begun, sharing, label if size >= WORTH_A_BAR else "")
    return results


def _count(fresh: Sequence[Rendered], rows: int, seconds: float, sharing: Sharing | None, label: str) -> None:
    """Tell open tallies what a run did, and after long work whoever watches."""
    if not fresh and not watched():
        return
    unique = unique_tokens(list({row.ids for row in fresh}))
    floor = floor_seconds(sharing.body, unique, took=seconds) if sharing is not None and (label or watched()) else 0.0
    tally = Tally(rows, rows - len(fresh), sum(len(row.ids) for row in fresh), unique, seconds, floor)
    record(tally)
    if label:
        say(f"{label}: {tally.told()}")


def statuses(rendered: Sequence[Rendered]) -> Int8[Tensor, "N"]:
    """The status of each row."""
    return torch.tensor([int(row.status) for row in rendered], dtype=torch.int8)
