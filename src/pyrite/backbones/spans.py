"""How likely a causal language model finds a part of a text, token by token, given what stands before it.

log p(y_t | y_<t) is read at the rows of a span alone: the body runs over whole texts, the output layer over the tokens asked
for, some hundred at a time, so no tensor over the prompt and the vocabulary is ever made. Confidence, perplexity, follow-up
likelihood, log-ratios of two models and direct preference losses all start here. Read next: `pyrite.rewards.likelihood`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pyrite.backbones.engine import TOKEN_BUDGET, Batch, run_batches
from pyrite.backbones.prefixes import Sharing
from pyrite.backbones.readers import run_stored
from pyrite.backbones.render import Rendered
from pyrite.errors import InputError, UnknownName, close_names

LOGIT_ROWS = 512
"""Tokens whose logits over the whole vocabulary are in memory at once."""

Span: TypeAlias = tuple[int, int]
"""First token and one past the last."""


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    return values.sum(dim=1) / mask.sum(dim=1)


REDUCTIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "sum": lambda log_probs, mask: log_probs.sum(dim=1),
    "mean": _mean,
    "mean_prob": lambda log_probs, mask: _mean(log_probs.exp() * mask, mask),
    "prod": lambda log_probs, mask: log_probs.sum(dim=1).exp(),
    "min": lambda log_probs, mask: log_probs.masked_fill(~mask, torch.inf).amin(dim=1),
    "first": lambda log_probs, mask: log_probs[:, 0],
}
"""Name -> (log-probabilities with 0 in empty places, mask of the others) -> one number a row."""


@dataclass(frozen=True)
class SpanLogProbs:
    """Log-probabilities of N spans, each from the left.

    Attributes:
        value: (N, S) natural logs, 0 after the end of a span. Not finite where the model gave no number.
        mask: (N, S) bool, True where there is a token.
    """

    value: Float[Tensor, "N S"]
    mask: Bool[Tensor, "N S"]

    def reduce(self, how: str) -> Float[Tensor, "N"]:
        """One number a span.

        With l_t = log p(y_t | y_<t) for the tokens t of a span A: "sum" is sum_t l_t, "mean" is sum_t l_t / |A| (minus the log
        of the perplexity), "mean_prob" is sum_t exp(l_t) / |A|, "prod" is exp(sum_t l_t), "min" is min_t l_t, "first" is l of
        the first token.

        Args:
            how: A key of `REDUCTIONS`.

        Returns:
            (N,); natural logs for "sum", "mean", "min" and "first", probabilities for "mean_prob" and "prod".

        Raises:
            UnknownName: There is no such reduction.
            InputError: A span is empty: a mean over nothing is no number.

        Example:
            >>> probs, mask = torch.tensor([[0.5, 0.25], [0.125, 1.0]]), torch.tensor([[True, True], [True, False]])
            >>> SpanLogProbs(probs.log(), mask).reduce("mean_prob")
            tensor([0.3750, 0.1250])
        """
        if how not in REDUCTIONS:
            raise UnknownName(f"No reduction is named {how!r}.{close_names(how, REDUCTIONS)} Known: {', '.join(REDUCTIONS)}.")
        empty = (~self.mask.any(dim=1)).nonzero().flatten().tolist()
        if empty:
            raise InputError(f"Row {empty[0]} has no tokens in its span, so it has no {how}.")
        return REDUCTIONS[how](self.value, self.mask)


class SpanReader:
    """Reads log-probabilities off one causal language model.

    Args:
        model: A transformers causal language model. Of a PEFT model give `model.get_base_model()`, which holds the adapters.
        pad_id: Fills short rows; hidden by the attention mask.
        token_budget: Most tokens in a batch, padding included.

    Attributes:
        model: The model.
        logits: (P, D) last hidden states -> (P, V) logits, float32, as the model makes them.

    Raises:
        InputError: The model makes its logits in a way that this reader does not know, found by comparing the two once.

    Example:
        >>> from pyrite.backbones.render import Rendered
        >>> from pyrite.backbones.tiny import tiny_config, tiny_model
        >>> reader = SpanReader(tiny_model(tiny_config(), "lm"))
        >>> reader.read([Rendered(ids=(1, 40, 41, 42))], [(2, 4)]).mask
        tensor([[True, True]])
    """

    def __init__(self, model: Any, *, pad_id: int = 0, token_budget: int = TOKEN_BUDGET) -> None:
        self.model, self._pad_id, self._token_budget = model, pad_id, token_budget
        self.logits = output_layer(model)

    def read(
        self, rows: Sequence[Rendered], spans: Sequence[Span], *, differentiable: bool = False, label: str = "reading"
    ) -> SpanLogProbs:
        """The log-probability of each token of a span, log p(y_t | y_<t).

        Rows with the same tokens run once, whatever their spans are.

        Args:
            rows: N rows with status ok.
            spans: N spans in tokens, each inside its row and starting after its first token. It may be empty.
            differentiable: Keep the graph to the weights; otherwise inference mode is on.
            label: What the progress bar of long work says.

        Returns:
            float32; S is the longest span.

        Raises:
            InputError: A span that is not inside its row, or that begins at its first token, which nothing stands before.
        """
        _check(rows, spans)
        if not rows:
            return SpanLogProbs(torch.zeros(0, 0), torch.zeros(0, 0, dtype=torch.bool))
        cover: dict[tuple[int, ...], Span] = {}
        for row, (start, end) in zip(rows, spans, strict=True):
            low, high = cover.get(row.ids, (start, end))
            cover[row.ids] = min(low, start), max(high, end)
        width = max(end - start for start, end in cover.values())

        def forward(batch: Batch) -> Tensor:
            places = zip(batch.rows, batch.starts.tolist(), strict=True)
            covered = [(cover[rows[i].ids][0] - start, cover[rows[i].ids][1] - start) for i, start in places]
            return self._read_batch(batch, covered, width)

        sharing = Sharing(self.model.base_model, lambda row: cover[row.ids][0] - 1)
        options: dict[str, Any] = {"pad_id": self._pad_id, "token_budget": self._token_budget, "sharing": sharing}
        if differentiable:
            wide = run_batches(rows, forward, device=self.model.device, differentiable=True, **options)
        else:
            wide = run_stored(rows, forward, None, device=self.model.device, label=label, **options)
        return _cut(wide, [(a - cover[row.ids][0], b - cover[row.ids][0]) for row, (a, b) in zip(rows, spans, strict=True)])

    def _read_batch(self, batch: Batch, spans: Sequence[Span], width: int) -> Tensor:
        hidden = self.model.base_model(**{**batch.inputs(), "use_cache": False}).last_hidden_state
        log_probs = log_probs_at(hidden, batch.input_ids, batch.attention_mask, spans, self.logits)
        return torch.nn.functional.pad(log_probs, (0, width - log_probs.shape[1]))


def log_probs_at(
    hidden: Float[Tensor, "B T D"],
    input_ids: Tensor,
    mask: Tensor,
    spans: Sequence[Span],
    logits: Callable[[Tensor], Tensor],
) -> Float[Tensor, "B S"]:
    """Log-probabilities of the tokens of one span a row, from the hidden states one place before them.

    Args:
        hidden: Last hidden states.
        input_ids: (B, T) integer.
        mask: (B, T) integer, 1 where there is a token; padding may be on either side.
        spans: B spans, counted from the first real token of each row.
        logits: (P, D) hidden states -> (P, V) logits, float32.

    Returns:
        (B, S), 0 after the end of each span.
    """
    starts, ends = torch.tensor(spans, device=hidden.device).unbind(dim=1)
    inside = torch.arange(int((ends - starts).max()), device=hidden.device) < (ends - starts)[:, None]
    row, column = inside.nonzero().unbind(dim=1)
    place = (mask.long().argmax(dim=1) + starts)[row] + column
    states, targets = hidden[row, place - 1], input_ids[row, place]
    parts = []
    for some, wanted in zip(states.split(LOGIT_ROWS), targets.split(LOGIT_ROWS), strict=True):
        scores = logits(some)
        parts.append(scores.gather(1, wanted[:, None])[:, 0] - scores.logsumexp(dim=1))
    empty = torch.zeros(inside.shape, device=hidden.device)
    return empty.index_put((row, column), torch.cat(parts)) if parts else empty


def log_ratio(
    reader: SpanReader, reference: SpanReader, rows: Sequence[Rendered], spans: Sequence[Span], *, differentiable: bool = False
) -> SpanLogProbs:
    """By how much one model finds each token of a span likelier: log p(y_t | y_<t) - log p_ref(y_t | y_<t).

    Its sum times beta is the implicit reward of a model trained from the reference by a direct preference loss; its cumulative
    sums at the ends of steps are implicit process rewards.

    Args:
        reader: Of the model; its graph is kept where `differentiable` is set.
        reference: Of the frozen reference, with the same tokenizer.
        rows: As in `SpanReader.read`.
        spans: As in `SpanReader.read`.
        differentiable: Keep the graph to the weights of the model; never to those of the reference.

    Returns:
        The differences in place of the log-probabilities.

    Raises:
        InputError: As in `SpanReader.read`.
    """
    ours, theirs = reader.read(rows, spans, differentiable=differentiable), reference.read(rows, spans)
    return SpanLogProbs(ours.value - theirs.value, ours.mask)


def _check(rows: Sequence[Rendered], spans: Sequence[Span]) -> None:
    if len(rows) != len(spans):
        raise InputError(f"There are {len(rows)} rows and {len(spans)} spans; expected one span a row.")
    for i, (row, (start, end)) in enumerate(zip(rows, spans, strict=True)):
        if not 1 <= start <= end <= len(row.ids):
            raise InputError(
                f"Row {i} has {len(row.ids)} tokens and the span ({start}, {end}); expected 1 <= start <= end <= "
                f"{len(row.ids)}, since nothing stands before the first token."
            )


def _cut(wide: Tensor, spans: Sequence[Span]) -> SpanLogProbs:
    """Columns [start, end) of each row, moved to the left."""
    starts, ends = torch.tensor(spans).unbind(dim=1)
    steps = torch.arange(int((ends - starts).max()))
    places = (starts[:, None] + steps).clamp(max=max(wide.shape[1] - 1, 0)).to(wide.device)
    inside = (steps < (ends - starts)[:, None]).to(wide.device)
    return SpanLogProbs(torch.where(inside, wide.gather(1, places), 0.0), inside)


def output_layer(model: Any) -> Callable[[Tensor], Tensor]:
    """(P, D) hidden states -> (P, V) logits as the model makes them, checked against the model on two tokens.

    Raises:
        InputError: The model makes them in another way.
    """
    config = model.config.get_text_config().to_dict()
    cap, divide, times = (config.get(name) for name in ("final_logit_softcapping", "logits_scaling", "logit_scale"))

    def logits(hidden: Tensor) -> Tensor:
        raw = model.get_output_embeddings()(hidden)
        raw = raw if divide is None else raw / divide  # Granite
        raw = raw if times is None else raw * times  # Cohere
        return (raw if cap is None else torch.tanh(raw / cap) * cap).float()  # Gemma 2

    training = model.training
    model.eval()
    with torch.inference_mode():
        ids = torch.zeros(1, 2, dtype=torch.long, device=model.device)
        expected = model(input_ids=ids).logits[0].float()
        found = logits(model.base_model(input_ids=ids).last_hidden_state[0])
    model.train(training)
    if expected.shape != found.shape or not torch.allclose(expected, found, atol=1e-3, rtol=1e-3):
        raise InputError(
            f"{type(model).__name__} ({model.config.model_type}) does not make its logits from its last hidden states alone; "
            "its likelihoods cannot be read."
        )
    return logits
