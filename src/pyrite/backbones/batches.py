"""Which rows go through a model together, and the tensors of one forward pass.

Rows are put into batches by tokens, longest first; rows with a common beginning into a stage whose beginnings are run before
(`prefixes.py`). Read next: `engine.py`, which runs the plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from pyrite.backbones.packed import PackedPrefixes
from pyrite.backbones.prefixes import Family, Prefixes, Sharing, families
from pyrite.backbones.render import Rendered
from pyrite.errors import InputError

TOKEN_BUDGET = 8192
"""Tokens in a batch, padding included."""
PADDED = 4
"""Places of the padded hidden states for each token of the budget, where rows are run without padding."""


@dataclass(frozen=True)
class Batch:
    """Rows of one forward pass, padded on the right.

    Attributes:
        input_ids: (B, T) integer.
        attention_mask: (B, T) integer, 1 where there is a token.
        token_type_ids: (B, T) integer, or None where the model has no use for it.
        rows: B positions in the list that was given.
        prefixes: What the rows continue, where a common beginning was run before; the tensors hold what comes after it.
        family: (B,) which of `prefixes` each row continues.
        causal: Whether the model is known to keep keys and values unless it is told not to.
    """

    input_ids: Tensor
    attention_mask: Tensor
    token_type_ids: Tensor | None
    rows: tuple[int, ...]
    prefixes: Prefixes | PackedPrefixes | None = None
    family: Tensor | None = None
    causal: bool = False

    @property
    def starts(self) -> Int[Tensor, "B"]:
        """The position of column 0 in each whole row: 0 without a common beginning."""
        if self.prefixes is None or self.family is None:
            return self.input_ids.new_zeros(len(self.rows))
        return self.prefixes.lengths(self.family)

    def inputs(self) -> dict[str, Any]:
        """Keyword arguments of a transformers model."""
        named: dict[str, Any] = {"input_ids": self.input_ids, "attention_mask": self.attention_mask}
        if self.token_type_ids is not None:
            named["token_type_ids"] = self.token_type_ids
        if self.prefixes is not None and self.family is not None:
            named |= self.prefixes.inputs(self.family, self.attention_mask)
        elif self.causal:
            named["use_cache"] = False
        return named


def collate(
    rendered: Sequence[Rendered],
    *,
    pad_id: int,
    device: torch.device | str = "cpu",
    rows: Sequence[int] = (),
    starts: Sequence[int] = (),
) -> Batch:
    """Pad rows on the right to the longest of them.

    Args:
        rendered: B rows with status ok.
        pad_id: Fills short rows; hidden by the attention mask.
        device: Where the batch goes.
        rows: Positions to record; default 0 to B - 1.
        starts: Leave out this many tokens at the beginning of each row; default none.

    Raises:
        InputError: A row has no tokens.
    """
    empty = [row for row in rendered if not row.ids]
    if empty:
        raise InputError(f"A row without tokens cannot be run (status {empty[0].status.name.lower()}). {empty[0].why}".strip())
    first = starts or [0] * len(rendered)
    kept = [row.ids[start:] for row, start in zip(rendered, first, strict=True)]
    types = [row.token_type_ids for row in rendered]
    return Batch(
        input_ids=padded(kept, pad_id, device),
        attention_mask=padded([[1] * len(ids) for ids in kept], 0, device),
        token_type_ids=padded([t for t in types if t is not None], 0, device) if None not in types else None,
        rows=tuple(rows) or tuple(range(len(rendered))),
    )


def padded(rows: Sequence[Sequence[int]], fill: int, device: torch.device | str = "cpu") -> Int[Tensor, "B T"]:
    """Rows of numbers as one tensor, filled on the right to the longest."""
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[fill] * (longest - len(row))] for row in rows], dtype=torch.long, device=device)


def plan_batches(lengths: Sequence[int], token_budget: int) -> list[list[int]]:
    """Group rows so that rows x longest <= token_budget, longest first; a row beyond the budget goes alone.

    Args:
        lengths: Tokens of each row.
        token_budget: Most tokens in a batch, padding included, >= 1.

    Returns:
        Positions in `lengths`, one list a batch.
    """
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    batches: list[list[int]] = []
    for i in order:
        if batches and (len(batches[-1]) + 1) * lengths[batches[-1][0]] <= token_budget:
            batches[-1].append(i)
        else:
            batches.append([i])
    return batches


def plan_packed(order: Iterable[int], lengths: Sequence[int], token_budget: int) -> list[list[int]]:
    """Group rows that are run end to end, in the order given, so that no batch has more tokens than the budget.

    Args:
        order: Positions in `lengths`.
        lengths: Tokens of each row.
        token_budget: Most tokens in a batch; a row beyond it goes alone. With padding, which what is read from the rows has,
            a batch may have `PADDED` times as many.

    Returns:
        Positions, one list a batch.
    """
    batches: list[list[int]] = []
    tokens = longest = 0
    for i in order:
        tokens, longest = tokens + lengths[i], max(longest, lengths[i])
        if batches and tokens <= token_budget and (len(batches[-1]) + 1) * longest <= PADDED * token_budget:
            batches[-1].append(i)
        else:
            batches.append([i])
            tokens = longest = lengths[i]
    return batches


@dataclass(frozen=True)
class Stage:
    """Batches that are run one after the other, on top of the same common beginnings.

    Attributes:
        families: Rows that share a beginning; empty where rows are run whole.
        batches: Positions of the rows of each batch.
    """

    families: tuple[Family, ...]
    batches: tuple[tuple[int, ...], ...]

    def starts(self) -> dict[int, int]:
        """How many tokens stand before each row that continues a beginning."""
        return {row: family.shared for family in self.families for row in family.rows}

    def without_padding(self, rendered: Mapping[int, Rendered]) -> Stage:
        """The same rows, whole, in batches of equal length."""
        runs = (groupby(batch, key=lambda row: len(rendered[row].ids)) for batch in self.batches)
        return Stage((), tuple(tuple(some) for batch in runs for _, some in batch))


def plan_stages(
    rendered: Mapping[int, Rendered], token_budget: int, sharing: Sharing | None = None, *, packing: bool = False
) -> list[Stage]:
    """Which rows are run together, and which common beginnings are run before them.

    Args:
        rendered: Rows by position, all different.
        token_budget: Most tokens in a batch, padding included; also of the common beginnings that are kept at one time.
        sharing: How the model may be split, or None where it may not.
        packing: Rows are run without padding, those of a family one after the other.
    """
    at = list(rendered)
    found: list[Family] = []
    if sharing is not None and sharing.first_read is not None:
        limits = [sharing.first_read(row) for row in rendered.values()]
        inner = families([row.ids for row in rendered.values()], limits)
        found = [Family(tuple(at[i] for i in family.rows), family.shared) for family in inner]
    groups = plan_batches([family.shared for family in found], token_budget)
    stages = [_stage([found[i] for i in group], rendered, token_budget, packing) for group in groups]
    together = {row for family in found for row in family.rows}
    alone = [i for i in at if i not in together]
    if alone:
        stages.append(_stage([], {i: rendered[i] for i in alone}, token_budget, packing))
    return stages


def _stage(some: Sequence[Family], rendered: Mapping[int, Rendered], token_budget: int, packing: bool) -> Stage:
    """The batches of these families' rows, planned by what comes after the beginnings; without families, of all rows whole."""
    places = [(row, g, family.shared) for g, family in enumerate(some) for row in family.rows]
    places = places or [(row, 0, 0) for row in rendered]
    rows = [row for row, _, _ in places]
    lengths = [len(rendered[row].ids) - shared for row, _, shared in places]
    if packing:
        order = sorted(range(len(rows)), key=lambda k: (places[k][1], -lengths[k], k))
        batches = plan_packed(order, lengths, token_budget)
    else:
        batches = plan_batches(lengths, token_budget)
    return Stage(tuple(some), tuple(tuple(rows[k] for k in batch) for batch in batches))
