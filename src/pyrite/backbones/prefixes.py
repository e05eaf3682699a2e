"""Rows that begin alike: how they are put together so that a common beginning runs through the model once.

A causal model computes the tokens of a prompt alike for every completion of it, so the keys and values of the prompt can be
kept and the completions run on top of them. `families` says which rows share how much; `Prefixes` holds what was computed.
Read next: `batches.py`, which plans with them, and `engine.py`, which runs both stages.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from pyrite.backbones.render import Rendered

WORTH = 1.15
"""Tokens without sharing over tokens with it, from which a family is run in two stages."""
LEAST = 48
"""Tokens that a family must save: about what one more pass over a small batch costs."""


@dataclass(frozen=True)
class Family:
    """Rows that begin with the same tokens.

    Attributes:
        rows: Their positions, two or more.
        shared: How many tokens they share, >= 1; each row has at least one more.
    """

    rows: tuple[int, ...]
    shared: int


def last_position(row: Rendered) -> int:
    """The only position that most reward models are read at: the last token."""
    return len(row.ids) - 1


def as_it_is() -> None:
    """A network that needs no preparation."""


@dataclass(frozen=True)
class Sharing:
    """Which network does the work of a forward pass, and how it may be split at a common beginning.

    Attributes:
        body: The network without its head; if causal, (input_ids, attention_mask, use_cache) -> `past_key_values`.
        first_read: (row) -> the first position whose hidden state is read; what lies before it may be shared. None runs every
            row whole, as encoders and means over all tokens want it.
        prepare: Called before each run of common beginnings, which goes through the body alone: what `forward` does to the
            network before it runs it, such as switching an adapter on.
    """

    body: Any
    first_read: Callable[[Rendered], int] | None = last_position
    prepare: Callable[[], None] = as_it_is


def shares(body: Any) -> bool:
    """Whether a network can run in two stages: one of transformers' own, every layer of which attends to all earlier tokens.

    Sliding windows, linear attention, code from the hub and networks in training mode are run whole.
    """
    from transformers.cache_utils import DynamicCache, DynamicLayer

    if body.training or not type(body).__module__.startswith("transformers.models."):
        return False
    takes = inspect.signature(body.forward).parameters
    if not {"position_ids", "past_key_values"} <= set(takes) or not body.config.to_dict().get("is_causal", True):
        return False
    layers = DynamicCache(config=body.config).layers
    return bool(layers) and all(type(layer) is DynamicLayer for layer in layers)


def common_length(first: tuple[int, ...], second: tuple[int, ...]) -> int:
    """How many tokens two rows share at their beginning."""
    most = min(len(first), len(second))
    if first[:most] == second[:most]:
        return most
    low, high = 0, most  # the first `low` tokens are equal, the first `high` are not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if first[low:middle] == second[low:middle] else (low, middle)
    return low


@dataclass
class _Interval:
    """Neighbours in sorted order whose least common beginning is `depth`, with the best split of them found so far."""

    depth: int
    rows: list[int]
    limit: int
    saved: int
    families: list[Family]

    def closed(self, worth: Callable[[Family], bool]) -> tuple[int, list[Family]]:
        """The better of one family of all rows and the families inside."""
        shared = min(self.depth, self.limit)
        whole = (len(self.rows) - 1) * shared
        if whole > self.saved and worth(family := Family(tuple(self.rows), shared)):
            return whole, [family]
        return self.saved, self.families

    def with_inner(self, inner: _Interval, worth: Callable[[Family], bool]) -> _Interval:
        """This interval with a finished one, or a single row, inside it."""
        saved, found = inner.closed(worth)
        self.rows += inner.rows
        self.limit = min(self.limit, inner.limit)
        self.saved += saved
        self.families += found
        return self


def families(ids: Sequence[tuple[int, ...]], limits: Sequence[int]) -> list[Family]:
    """The families that save most tokens, of those that are worth a second stage.

    Rows are sorted; every run of neighbours with a common beginning is a candidate (they form a tree), and at each the better
    of one family and the best families inside is taken. Saved tokens are (rows - 1) x shared.

    Args:
        ids: Token ids of N rows, all different.
        limits: N numbers: row i may share at most this many tokens, and always fewer than it has.

    Returns:
        Families without a row in common; rows in none of them are run whole.
    """
    order = sorted(range(len(ids)), key=lambda i: ids[i])
    most = [min(limit, len(row) - 1) for row, limit in zip(ids, limits, strict=True)]

    def worth(family: Family) -> bool:
        whole = sum(len(ids[i]) for i in family.rows)
        saved = (len(family.rows) - 1) * family.shared
        return saved >= LEAST and whole >= WORTH * (whole - saved)

    open_ones = [_Interval(0, [], 0, 0, [])]  # the root, which shares nothing
    for at, row in enumerate(order):
        depth = common_length(ids[row], ids[order[at + 1]]) if at + 1 < len(order) else 0
        done = _Interval(len(ids[row]), [row], most[row], 0, [])
        while open_ones[-1].depth > depth:
            done = open_ones[-1].with_inner(done, worth)
            open_ones.pop()
        if open_ones[-1].depth < depth:
            open_ones.append(_Interval(depth, [], done.limit, 0, []))
        open_ones[-1].with_inner(done, worth)
    return open_ones[0].families


def unique_tokens(ids: Sequence[tuple[int, ...]]) -> int:
    """Tokens that no way of sharing beginnings can avoid: the size of the rows' prefix tree."""
    order = sorted(ids)
    shared = sum(common_length(a, b) for a, b in pairwise(order))
    return sum(len(row) for row in order) - shared


@dataclass(frozen=True)
class Prefixes:
    """Keys and values of G common beginnings, padded on the right.

    Attributes:
        cache: The `past_key_values` of the first stage.
        mask: (G, P) 1 where there is a token.
    """

    cache: Any
    mask: Int[Tensor, "G P"]

    def lengths(self, family: Int[Tensor, "B"]) -> Int[Tensor, "B"]:
        """Tokens that stand before each row of a batch."""
        return self.mask.sum(dim=1)[family]

    def inputs(self, family: Int[Tensor, "B"], attention_mask: Int[Tensor, "B T"]) -> dict[str, Any]:
        """Keyword arguments of the second stage beside the row's own tokens.

        Args:
            family: Which of the G beginnings each row continues.
            attention_mask: Of the rows' own tokens.
        """
        from pyrite.backbones.kv_cache import lend_prefix

        own = torch.arange(attention_mask.shape[1], device=attention_mask.device)
        return {
            "attention_mask": torch.cat([self.mask[family], attention_mask], dim=1),
            "position_ids": self.lengths(family).unsqueeze(1) + own,
            "past_key_values": lend_prefix(self.cache, family),
        }
