"""Run a model over many rows: equal rows once, common beginnings once, longest first, batches by tokens, halved without memory.

What comes back has the order of what went in. Batches depend only on the rows, not on what is known already, so that an
interrupted job that goes on gives the same numbers as one that was never stopped. Read next: `batches.py` (the plan),
`readers.py` (what is read from a forward pass).
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from pyrite.backbones.batches import TOKEN_BUDGET, Batch, Stage, collate, padded, plan_stages
from pyrite.backbones.int8 import has_int8
from pyrite.backbones.packed import ON_CPU, PackedPrefixes, layout_of, packed, packs, run_prefixes
from pyrite.backbones.prefixes import Family, Prefixes, Sharing, shares
from pyrite.backbones.render import Rendered
from pyrite.errors import InputError

__all__ = ["TOKEN_BUDGET", "Batch", "collate", "out_of_memory", "run_batches"]


def run_batches(
    rendered: Sequence[Rendered],
    forward: Callable[[Batch], Tensor],
    *,
    pad_id: int,
    token_budget: int = TOKEN_BUDGET,
    on_batch: Callable[[tuple[int, ...], Tensor], None] | None = None,
    known: Mapping[int, Tensor] | None = None,
    device: torch.device | str = "cpu",
    differentiable: bool = False,
    sharing: Sharing | None = None,
) -> Tensor:
    """Apply `forward` to every row, in batches, and put the results back in order.

    Args:
        rendered: N rows with status ok, N >= 1.
        forward: (batch of B rows) -> (B, ...). Rows must not influence one another.
        pad_id: Fills short rows.
        token_budget: Most tokens in a batch, padding included. Halved whenever memory runs out. On a CPU never more than
            `packed.ON_CPU`, except where a graph is kept.
        on_batch: Called after each batch with the positions of its rows and their results; equal rows are run, and told, once.
        known: Results that need no run, by position; a batch of which all rows are known is skipped.
        device: Where batches go.
        differentiable: Keep the graph. Otherwise inference mode is on.
        sharing: Run common beginnings once, if the network allows it and it pays. `forward` must then read no hidden state
            before `sharing.first_read`, and sees only what comes after the beginning. Networks with 8-bit layers run whole rows
            without padding: the last bits of a sum decide how the next layer rounds, so scores would move with the company.

    Returns:
        (N, ...) results.

    Raises:
        InputError: No rows, or a row without tokens.
    """
    if not rendered:
        raise InputError("There are no rows to run.")
    first: dict[object, int] = {}
    unique = [first.setdefault((row.ids, row.token_type_ids, row.reads), i) for i, row in enumerate(rendered)]
    runner = _Runner(rendered, forward, pad_id, torch.device(device), differentiable, on_batch, dict(known or {}), len(first))
    if runner.device.type == "cpu" and not differentiable:
        token_budget = min(token_budget, ON_CPU)
    rows = {i: rendered[i] for i in first.values()}
    exact = sharing is not None and not differentiable and has_int8(sharing.body)
    if sharing is None or differentiable or not shares(sharing.body):
        sharing = None
    else:
        runner.sharing, runner.packing = sharing, packs(sharing.body)
    for stage in plan_stages(rows, token_budget, None if exact else sharing, packing=runner.packing):
        runner.run(stage.without_padding(rows) if exact and not runner.packing else stage)
    return torch.stack([runner.results[i] for i in unique])


@dataclass
class _Runner:
    """What a run has done so far, and how many rows fit into memory."""

    rendered: Sequence[Rendered]
    forward: Callable[[Batch], Tensor]
    pad_id: int
    device: torch.device
    differentiable: bool
    on_batch: Callable[[tuple[int, ...], Tensor], None] | None
    results: dict[int, Tensor]
    most_rows: int
    sharing: Sharing | None = None
    packing: bool = False

    def run(self, stage: Stage) -> None:
        """Run a stage; families whose beginnings do not fit into memory together are run apart, one alone as whole rows."""
        left = [batch for batch in stage.batches if not set(batch) <= set(self.results)]
        if not left:
            return
        prefixes = None
        if stage.families and (prefixes := self._prefixes(stage.families)) is None:
            for some in _halves(stage.families):
                rows = {row for family in some for row in family.rows}
                batches = tuple(tuple(row for row in batch if row in rows) for batch in stage.batches)
                self.run(Stage(some if len(stage.families) > 1 else (), tuple(batch for batch in batches if batch)))
            return
        starts = stage.starts()
        place = {row: g for g, family in enumerate(stage.families) for row in family.rows}
        while left:
            rows = [i for i in left.pop(0) if i not in self.results]
            if len(rows) > self.most_rows:
                left[:0] = [tuple(rows[: self.most_rows]), tuple(rows[self.most_rows :])]
            elif rows and not self._batch(rows, prefixes, starts, place):
                self.most_rows = max(1, len(rows) // 2)
                left.insert(0, tuple(rows))

    def _batch(
        self, rows: list[int], prefixes: Prefixes | PackedPrefixes | None, starts: dict[int, int], place: dict[int, int]
    ) -> bool:
        """Run one batch and keep its results; False where memory ran out."""
        own = [starts.get(i, 0) for i in rows]
        batch = collate([self.rendered[i] for i in rows], pad_id=self.pad_id, device=self.device, rows=rows, starts=own)
        batch = replace(batch, causal=self.sharing is not None)
        if prefixes is not None:
            batch = replace(batch, prefixes=prefixes, family=torch.tensor([place[i] for i in rows], device=self.device))
        values = self._guarded(lambda: self._forward(batch), can_halve=len(rows) > 1)
        if values is None:
            return False
        self.results.update(zip(rows, values, strict=True))
        if self.on_batch is not None:
            self.on_batch(tuple(rows), values)
        return True

    def _forward(self, batch: Batch) -> Tensor:
        """The results of a batch, with the tokens end to end where the network allows it."""
        if self.sharing is None or not self.packing:
            return self.forward(batch)
        prefixes = batch.prefixes if isinstance(batch.prefixes, PackedPrefixes) else None
        family = [] if batch.family is None else batch.family.tolist()
        with packed(self.sharing.body, layout_of(batch.attention_mask, prefixes, family)):
            return self.forward(batch)

    def _prefixes(self, some: Sequence[Family]) -> Prefixes | PackedPrefixes | None:
        """The common beginnings of families, run together; None where memory ran out, or the network kept nothing."""
        assert self.sharing is not None
        body, prepare = self.sharing.body, self.sharing.prepare
        ids = [self.rendered[family.rows[0]].ids[: family.shared] for family in some]

        def run() -> Prefixes | PackedPrefixes | None:
            prepare()
            if self.packing:
                return run_prefixes(body, ids, self.pad_id, self.device)
            mask = padded([[1] * len(row) for row in ids], 0, self.device)
            given = {"input_ids": padded(ids, self.pad_id, self.device), "attention_mask": mask, "use_cache": True}
            cache = body(**given).past_key_values
            return None if cache is None else Prefixes(cache, mask)

        return self._guarded(run, can_halve=True)

    def _guarded(self, call: Callable[[], Any], *, can_halve: bool) -> Any:
        """What a call gives, or None where it needs more memory than there is and can be halved."""
        try:
            if self.differentiable:
                return call()
            with torch.inference_mode():
                values = call()
            return (
                values.clone() if isinstance(values, Tensor) else values
            )  # outside inference mode, so that it may enter a graph
        except RuntimeError as error:  # torch.OutOfMemoryError is one
            if not can_halve or not out_of_memory(error):
                raise
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return None


def _halves(some: tuple[Family, ...]) -> list[tuple[Family, ...]]:
    """Two halves of a list of families; one alone stays one."""
    middle = len(some) // 2
    return [part for part in (some[:middle], some[middle:]) if part]


def out_of_memory(error: RuntimeError) -> bool:
    """Whether an error says that memory ran out, on a GPU or on the CPU."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
