"""Networks that read two completions of a prompt at once and say which is better: a `PairwiseReward`, as pairwise judges are.

Every pair is asked in both orders. Read next: `pair_texts.py` (how a pair is written), `judge.py` (judges), `pair_models.py`
(public models).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pyrite.backbones import Batch, Rendered
from pyrite.backbones.engine import TOKEN_BUDGET
from pyrite.backbones.load import context_length, kind_of_model, pad_id_of, read_template
from pyrite.backbones.prefixes import Sharing
from pyrite.backbones.readers import run_stored, statuses
from pyrite.backbones.store import FeatureStore
from pyrite.backbones.templates import Unwritable
from pyrite.errors import InputError
from pyrite.rewards.folders import LoadOptions
from pyrite.rewards.forms import Form, PairWriter, ReadOff, load_parts, sharing_of
from pyrite.rewards.sides import side_scores, sides
from pyrite.runtime.files import content_key
from pyrite.types import Preferences, Sample, Scores, Status


@dataclass(frozen=True)
class PairInput:
    """What a network of pairs reads.

    Attributes:
        tokenizer: A fast transformers tokenizer.
        write: Makes one row of a prompt and two completions.
        max_length: Longest input in tokens.
    """

    tokenizer: Any
    write: PairWriter
    max_length: int

    def row(self, first: Sample, second: Sample) -> Rendered:
        """One order of a pair."""
        if first.prompt != second.prompt:
            return Rendered(status=Status.INVALID, why="A pairwise model compares two completions of one prompt.")
        try:
            return self.write(self.tokenizer, first.prompt, first.completion, second.completion, self.max_length)
        except Unwritable as error:
            return Rendered(status=Status.INVALID, why=f"{error}.")


class PairModel:
    """A network that reads two completions at once, asked in both orders.

    probability = (sigmoid(s(first, second)) + 1 - sigmoid(s(second, first))) / 2, where s(a, b) are the log-odds that a is the
    better one when it is shown first.

    It is also a `Reward` of the sides of labelled pairs, as a pairwise judge is: see `sides.py`.

    Args:
        model: A transformers model in evaluation mode.
        pairs: Writes pairs for it.
        name: Shown in reports.
        read: Gets the log-odds from the model.
        identity: Names weights and dtype; results are kept on disk under it. None keeps none.
        batch_tokens: Most tokens in a batch, padding included.
        sharing: How common beginnings may be run once; None runs every row whole.
    """

    needs: frozenset[str] = frozenset()
    differentiable = False

    def __init__(
        self,
        model: Any,
        pairs: PairInput,
        *,
        name: str,
        read: ReadOff,
        identity: str | None = None,
        batch_tokens: int = TOKEN_BUDGET,
        sharing: Sharing | None = None,
    ) -> None:
        self.model, self.pairs, self.name, self.spec = model, pairs, name, name
        self._read, self._identity, self._batch_tokens, self._sharing = read, identity, batch_tokens, sharing

    def compare(self, first: Sequence[Sample], second: Sequence[Sample]) -> Preferences:
        """One probability a pair that the first completion is better."""
        return self._compare(first, second)[0]

    def score(self, samples: Sequence[Sample]) -> Scores:
        """The sides of pairs: p and 1 - p; see the class."""
        told, tokens = self._compare(*sides(samples))
        return side_scores(told, tokens, len(samples))

    def rows(self, first: Sequence[Sample], second: Sequence[Sample]) -> list[Rendered]:
        """What is read: both orders of each pair, one after the other."""
        both = [(a, b) for one, two in zip(first, second, strict=True) for a, b in ((one, two), (two, one))]
        return [self.pairs.row(a, b) for a, b in both]

    def _compare(self, first: Sequence[Sample], second: Sequence[Sample]) -> tuple[Preferences, list[float]]:
        rows = self.rows(first, second)
        odds, status = self._log_odds(rows).view(-1, 2), statuses(rows)
        status[odds.isnan().view(-1) & (status == int(Status.OK))] = int(Status.ERROR)
        joined = status.view(-1, 2).amax(dim=1)
        orders = torch.stack([odds[:, 0].sigmoid(), 1 - odds[:, 1].sigmoid()], dim=1)
        probability = torch.where(joined == int(Status.OK), orders.mean(dim=1), torch.nan)
        texts = tuple(a.why or b.why for a, b in zip(rows[::2], rows[1::2], strict=True))
        tokens = [float(len(a.ids) + len(b.ids)) for a, b in zip(rows[::2], rows[1::2], strict=True)]
        return Preferences(probability, joined, texts if any(texts) else None, orders), tokens

    def _log_odds(self, rows: Sequence[Rendered]) -> Tensor:
        """(R,) log-odds; NaN for rows that cannot be run, or gave no finite number."""
        good = [i for i, row in enumerate(rows) if row.status == Status.OK]
        odds = torch.full((len(rows),), torch.nan)
        if not good:
            return odds

        def forward(batch: Batch) -> Tensor:
            return self._read(self.model, batch).float().view(-1, 1)

        odds[good] = run_stored(
            [rows[i] for i in good],
            forward,
            None if self._identity is None else FeatureStore(self._identity, 1),
            pad_id=pad_id_of(self.pairs.tokenizer),
            token_budget=self._batch_tokens,
            device=next(self.model.parameters()).device,
            label=f"comparing with {self.name}",
            sharing=self._sharing,
        )[:, 0]
        return torch.where(odds.isfinite(), odds, torch.nan)


def load_pairwise(spec: str, options: LoadOptions, form: Form) -> PairModel:
    """A network of pairs from transformers files.

    Raises:
        CheckpointError: As in `load_scalar`.
        InputError: A chat template is asked for and none is used, or gradients are.
    """
    assert form.write_pair is not None
    if options.differentiable:
        raise InputError(f"{spec} compares two completions and keeps no graph; it cannot be differentiable.")
    if options.chat_template is not None and form.layout is not None:
        raise InputError(f"{spec} was trained with its own text for pairs; leave chat_template out.")
    parts = load_parts(spec, replace(options, differentiable=False), form)
    template = read_template(options.chat_template)
    if template is not None:
        parts.tokenizer.chat_template = template
    longest = options.max_length or form.max_length or context_length(parts.config, parts.tokenizer, None)
    how = (form.write_pair.__name__, form.read.__name__)
    kind = kind_of_model(parts.config, spec)
    return PairModel(
        parts.model,
        PairInput(parts.tokenizer, form.write_pair, longest),
        name=Path(spec).name,
        read=form.read,
        identity=content_key("pair", *how, parts.where.digest(parts.config, template), parts.precision)
        if options.cache
        else None,
        batch_tokens=options.batch_tokens,
        sharing=sharing_of(parts.model, kind, form),
    )
