"""Rows of a causal network end to end, without padding: on a CPU the quickest way to run many of different lengths.

A batch is padded for whoever calls the network and reads from it; hooks on its body lay the tokens end to end before the
layers and put the hidden states back where the padding was after them. Every row attends to itself alone, and, where a common
beginning was run before, to that as one more block of keys: two softmaxes are joined by their normalisers, so that keys are
neither copied for each row nor masked,

    out = (e^l1 o1 + e^l2 o2) / (e^l1 + e^l2),    l = log of a block's normaliser, o its output.

Used where `packs` finds that it gives what each row gives alone. Read next: `prefixes.py`, `engine.py`.
"""

from __future__ import annotations

import inspect
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from itertools import groupby, pairwise
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from pyrite.backbones.int8 import has_int8

NAME = "pyrite_packed"
"""What the attention function is called among those of transformers."""
CLOSE = 1e-3
"""Most that hidden states of the two ways may differ, as a share of the largest, in float32; 30 times that in fewer bits."""
ON_CPU = 2048
"""Most tokens that go through a network at once on a CPU: the activations of more leave its cache, and take twice as long."""


@dataclass(frozen=True)
class PackedPrefixes:
    """Keys and values of G common beginnings.

    Attributes:
        kept: For each beginning, for each layer: keys and values, (1, H, P, D) each, P tokens.
    """

    kept: tuple[tuple[tuple[Tensor, Tensor], ...], ...]

    def lengths(self, family: Int[Tensor, "B"]) -> Int[Tensor, "B"]:
        """Tokens that stand before each row of a batch."""
        return torch.tensor([layers[0][0].shape[2] for layers in self.kept], device=family.device)[family]

    def inputs(self, family: Int[Tensor, "B"], attention_mask: Int[Tensor, "B T"]) -> dict[str, Any]:
        """Nothing: `packed` tells the network what stands before its rows."""
        return {"use_cache": False}


@dataclass(frozen=True)
class Layout:
    """Where the rows of a batch lie when they are laid end to end.

    Attributes:
        mask: (B, T) where the padded batch has tokens.
        positions: (1, N) the position of each token in its whole row.
        spans: First place and the one after the last, of each row.
        blocks: Runs of rows that continue the same beginning: first place, the one after the last, which beginning.
        prefixes: The beginnings, or None where rows are whole.
    """

    mask: Bool[Tensor, "B T"]
    positions: Int[Tensor, "1 N"]
    spans: tuple[tuple[int, int], ...]
    blocks: tuple[tuple[int, int, int], ...] = ()
    prefixes: PackedPrefixes | None = None


_LAYOUT: ContextVar[Layout | None] = ContextVar("packed layout", default=None)
_LOCK = threading.RLock()
_KNOWN: weakref.WeakKeyDictionary[nn.Module, bool] = weakref.WeakKeyDictionary()


def layout_of(mask: Int[Tensor, "B T"], prefixes: PackedPrefixes | None = None, family: Sequence[int] = ()) -> Layout:
    """The layout of a batch that is padded on the right.

    Args:
        mask: 1 where there is a token.
        prefixes: What the rows continue.
        family: Which beginning each row continues; rows of one beginning should be neighbours.
    """
    lengths = mask.sum(dim=1).tolist()
    ends = torch.tensor([0, *lengths]).cumsum(0).tolist()
    spans = tuple(pairwise(ends))
    starts = prefixes.lengths(torch.tensor(family)).tolist() if prefixes is not None else [0] * len(lengths)
    positions = torch.cat([torch.arange(first, first + length) for first, length in zip(starts, lengths, strict=True)])
    blocks = []
    for which, rows in groupby(range(len(family)), key=lambda row: family[row]):
        some = list(rows)
        blocks.append((spans[some[0]][0], spans[some[-1]][1], which))
    return Layout(mask.bool(), positions[None].to(mask.device), spans, tuple(blocks), prefixes)


@contextmanager
def packed(body: nn.Module, layout: Layout) -> Iterator[None]:
    """Run the network's next forward passes with the tokens end to end; what it returns is padded as its input was.

    One forward pass at a time: others wait, in whichever thread. Passes of the same network in other threads that were begun
    in another way are not touched.
    """
    with _LOCK:
        before, hooks = _implementation(body), _hooks(body)
        token = _LAYOUT.set(layout)
        _register()
        _set_implementation(body, NAME)
        try:
            yield
        finally:
            _set_implementation(body, before)
            _LAYOUT.reset(token)
            for hook in hooks:
                hook.remove()


def run_prefixes(body: Any, ids: Sequence[Sequence[int]], pad_id: int, device: torch.device | str) -> PackedPrefixes:
    """Run common beginnings, some at a time, and keep their keys and values.

    Args:
        body: A network for which `packs` holds.
        ids: Tokens of G beginnings.
        pad_id: Fills short ones on their way in.
        device: Where they go.
    """
    from pyrite.backbones.batches import padded, plan_packed

    kept: dict[int, tuple[tuple[Tensor, Tensor], ...]] = {}
    for rows in plan_packed(range(len(ids)), [len(row) for row in ids], ON_CPU):
        some = [ids[row] for row in rows]
        mask = padded([[1] * len(row) for row in some], 0, device)
        layout = layout_of(mask)
        with packed(body, layout):
            cache = body(input_ids=padded(some, pad_id, device), attention_mask=mask, use_cache=True).past_key_values
        for row, (a, b) in zip(rows, layout.spans, strict=True):
            kept[row] = tuple((layer.keys[:, :, a:b], layer.values[:, :, a:b]) for layer in cache.layers)
    return PackedPrefixes(tuple(kept[row] for row in range(len(ids))))


def packs(body: nn.Module) -> bool:
    """Whether rows of a causal network on a CPU give the same end to end as alone, found by trying it once.

    Args:
        body: A network for which `prefixes.shares` holds.
    """
    with _LOCK:
        if body.training or next(body.parameters()).device.type != "cpu" or _implementation(body) != "sdpa":
            return False
        if body not in _KNOWN:
            with torch.inference_mode():
                _KNOWN[body] = _same_both_ways(body)
        return _KNOWN[body]


def _same_both_ways(body: Any) -> bool:
    from pyrite.backbones.batches import padded

    top = min(body.config.vocab_size, 1000)
    rows = [[(7 * k + 3 * row) % top for k in range(length)] for row, length in enumerate((9, 5, 7))]
    rows[2][:4] = rows[1][:4]
    alone = [body(input_ids=torch.tensor([row]), use_cache=False).last_hidden_state[0] for row in rows]
    mask = padded([[1] * len(row) for row in rows], 0)
    try:
        with packed(body, layout_of(mask)):
            whole = body(input_ids=padded(rows, 0), attention_mask=mask, use_cache=False).last_hidden_state
        pairs = [(whole[row, : len(ids)], alone[row]) for row, ids in enumerate(rows)]
        if not has_int8(body):
            prefixes = run_prefixes(body, [rows[0][:3], rows[1][:4]], 0, "cpu")
            rest = [rows[0][3:], rows[1][4:], rows[2][4:]]
            tail = padded([[1] * len(row) for row in rest], 0)
            with packed(body, layout_of(tail, prefixes, [0, 1, 1])):
                split = body(input_ids=padded(rest, 0), attention_mask=tail, use_cache=False).last_hidden_state
            pairs += [(split[row, : len(own)], alone[row][-len(own) :]) for row, own in enumerate(rest)]
    except (RuntimeError, TypeError, ValueError, AttributeError, NotImplementedError):
        return False
    bound = CLOSE * max(float(one.abs().max()) for one in alone) * (1 if alone[0].dtype == torch.float32 else 30)
    return all(float((a - b).abs().max()) <= bound for a, b in pairs)


def _hooks(body: nn.Module) -> list[Any]:
    return [body.register_forward_pre_hook(_lay, with_kwargs=True), body.register_forward_hook(_put_back)]


def _lay(body: nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The padded batch end to end, before the body runs."""
    layout = _LAYOUT.get()
    if layout is None:
        return args, named
    given = {**dict(zip(inspect.signature(body.forward).parameters, args, strict=False)), **named}
    ids = given["input_ids"][layout.mask][None]
    return (), {**given, "input_ids": ids, "position_ids": layout.positions, "attention_mask": None}


def _put_back(body: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
    """Hidden states with padding again, after the body ran."""
    layout = _LAYOUT.get()
    if layout is None:
        return output

    def unpacked(hidden: Float[Tensor, "1 N D"]) -> Float[Tensor, "B T D"]:
        full = hidden.new_zeros(*layout.mask.shape, hidden.shape[-1])
        full[layout.mask] = hidden[0]
        return full

    output.last_hidden_state = unpacked(output.last_hidden_state)
    if output.get("hidden_states") is not None:
        output.hidden_states = tuple(map(unpacked, output.hidden_states))
    return output


def _attend(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **named: Any
) -> tuple[Tensor, None]:
    """Attention of packed rows, (1, H, N, D); with no layout set, that of transformers."""
    layout = _LAYOUT.get()
    if layout is None:
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        return sdpa_attention_forward(module, query, key, value, attention_mask, **named)
    groups, scale = query.shape[1] // key.shape[1], named.get("scaling")
    key, value = (part.repeat_interleave(groups, dim=1) for part in (key, value))
    out, norm = torch.empty_like(query), query.new_empty(query.shape[:3], dtype=torch.float32)
    for a, b in layout.spans:
        out[:, :, a:b], norm[:, :, a:b] = _block(query[:, :, a:b], key[:, :, a:b], value[:, :, a:b], scale, causal=True)
    for a, b, which in layout.blocks:
        assert layout.prefixes is not None
        common = layout.prefixes.kept[which][module.layer_idx]
        keys, values = (part.repeat_interleave(groups, dim=1) for part in common)
        theirs, their_norm = _block(query[:, :, a:b], keys, values, scale, causal=False)
        share = torch.sigmoid(their_norm - norm[:, :, a:b])[..., None].to(out.dtype)
        out[:, :, a:b] = torch.lerp(out[:, :, a:b], theirs, share)
    return out.transpose(1, 2), None


def _block(query: Tensor, key: Tensor, value: Tensor, scale: float | None, *, causal: bool) -> tuple[Tensor, Tensor]:
    """What some queries read from some keys, and the logarithm of the softmax's normaliser, (1, H, N)."""
    flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu  # the public one does not tell its normaliser
    return flash(query, key, value, 0.0, causal, scale=scale)


def _implementation(body: Any) -> str:
    return body.config._attn_implementation


def _set_implementation(body: Any, name: str) -> None:
    body.config._attn_implementation = name


@cache
def _register() -> None:
    """Tell transformers, once, of the attention function; packed rows need no mask, others get that of its own."""
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

    AttentionInterface.register(NAME, _attend)
    AttentionMaskInterface.register(NAME, lambda **named: sdpa_mask(**named) if _LAYOUT.get() is None else None)
