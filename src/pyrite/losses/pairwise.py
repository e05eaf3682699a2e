"""Losses of two scores against a preference between them: which completion is better, by how much, or neither.

All are functions of the difference d = chosen - rejected alone, so they ignore a common shift of the scores; `centring` is
the small penalty that pins that shift. Each returns one value a row; the caller weights and averages. For labels and ratings
of single completions see `graded.py`.
Signatures take any shape, so that a wrong one meets our own sentence (`shapes.py`).
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from pyrite.losses.shapes import matching_rows
from pyrite.registry import register


def _example() -> dict[str, Any]:
    return {"args": (torch.tensor([2.0, -1.0, 0.5]), torch.tensor([1.0, 0.5, 0.5])), "better": 0, "worse": 1}


@register(
    "loss", "bradley_terry", example=_example, source="Bradley and Terry 1952; Ouyang et al. 2022, arXiv:2203.02155, eq. 1"
)
def bradley_terry(
    chosen: Float[Tensor, "..."],
    rejected: Float[Tensor, "..."],
    *,
    margin: Float[Tensor, "..."] | float = 0.0,
    probability: Float[Tensor, "..."] | float = 1.0,
    smoothing: float = 0.0,
) -> Float[Tensor, "N"]:
    """Negative log-likelihood of the preference when its log-odds are the difference of two scores.

    The standard loss of reward models. Soft labels, ties (probability 0.5) and doubt about the labels (smoothing) move the
    optimum of d to a finite value; a margin asks for more than being ahead.

        q = (1 - smoothing) probability + smoothing (1 - probability),   d = chosen - rejected
        loss = -q log sigmoid(d - margin) - (1 - q) log sigmoid(-d - margin)

    Args:
        chosen: (N,) scores of the preferred completions.
        rejected: (N,) scores of the others.
        margin: (N,) or one number, >= 0, in score units: how far the better one should be ahead.
        probability: (N,) or one number in [0, 1]: probability that chosen is the better one; 0.5 is a tie.
        smoothing: Share of labels taken to be flipped, in [0, 0.5); conservative values are 0.05 to 0.25.

    Returns:
        (N,) losses in nats, >= 0. Unchanged when both scores of a row move by the same amount; unchanged when chosen and
        rejected swap places and probability becomes 1 - probability.

    Raises:
        ShapeError: An argument does not have the shape (N,) of `chosen`.

    Example:
        >>> bradley_terry(torch.tensor([1.0]), torch.tensor([1.0]))
        tensor([0.6931])

    Source: Bradley and Terry 1952; Ouyang et al. 2022, arXiv:2203.02155, eq. 1; margin: Touvron et al. 2023,
        arXiv:2307.09288, eq. 2; smoothing: Mitchell 2023 (a note on DPO with noisy preferences).
    Departs: A margin counts against whichever side the label prefers, so that swapping the sides stays a symmetry; the
        papers use margins with hard labels only, where this is the same.
    """
    d, margin, probability = _difference(chosen, rejected, ("margin", margin), ("probability", probability))
    q = (1 - smoothing) * probability + smoothing * (1 - probability)
    return -q * F.logsigmoid(d - margin) - (1 - q) * F.logsigmoid(-d - margin)


@register("loss", "davidson", example=_example, source="Davidson 1970, JASA 65(329)")
def davidson(
    chosen: Float[Tensor, "..."],
    rejected: Float[Tensor, "..."],
    *,
    probability: Float[Tensor, "..."] | float = 1.0,
    tie_weight: float = 1.0,
) -> Float[Tensor, "N"]:
    """Negative log-likelihood of win, loss or tie, where a tie is likeliest between equal scores.

    Use it where annotators could say "equally good": Bradley-Terry with probability 0.5 only pulls the scores together,
    this one also says how often ties should happen.

        P(win), P(loss), P(tie) = softmax(d / 2, -d / 2, log tie_weight),   d = chosen - rejected

    Args:
        chosen: (N,) scores of the preferred completions; of either one in a tie.
        rejected: (N,) scores of the others.
        probability: (N,) or one number: 1 chosen won, 0 it lost, 0.5 a tie; values between mix a tie with the nearer end.
        tie_weight: nu > 0; equal scores tie with probability nu / (2 + nu), so 1 means one in three.

    Returns:
        (N,) losses in nats, >= 0.

    Raises:
        ShapeError: An argument does not have the shape (N,) of `chosen`.

    Example:
        >>> davidson(torch.zeros(1), torch.zeros(1), probability=0.5)
        tensor([1.0986])

    Source: Davidson 1970, "On extending the Bradley-Terry model to accommodate ties", JASA 65(329).
    Departs: Strengths are exp(score); nu is given, not estimated.
    """
    d, probability = _difference(chosen, rejected, ("probability", probability))
    logits = torch.stack([d / 2, -d / 2, torch.full_like(d, math.log(tie_weight))])
    return _outcome_nll(torch.log_softmax(logits, dim=0), probability)


@register("loss", "rao_kupper", example=_example, source="Rao and Kupper 1967, JASA 62(317)")
def rao_kupper(
    chosen: Float[Tensor, "..."],
    rejected: Float[Tensor, "..."],
    *,
    probability: Float[Tensor, "..."] | float = 1.0,
    threshold: float = 0.6931471805599453,
) -> Float[Tensor, "N"]:
    """Negative log-likelihood of win, loss or tie, where differences below a threshold go unnoticed.

        P(win) = sigmoid(d - t),   P(loss) = sigmoid(-d - t),   P(tie) = (exp(2 t) - 1) P(win) P(loss),   d = chosen - rejected

    The three sum to 1. Use it where a tie means "I cannot see the difference"; `davidson` lets ties thin out more slowly.

    Args:
        chosen: (N,) scores of the preferred completions; of either one in a tie.
        rejected: (N,) scores of the others.
        probability: (N,) or one number: 1 chosen won, 0 it lost, 0.5 a tie; values between mix a tie with the nearer end.
        threshold: t > 0, in score units; log 2 makes one comparison of equals in three a tie.

    Returns:
        (N,) losses in nats, >= 0.

    Raises:
        ShapeError: An argument does not have the shape (N,) of `chosen`.

    Example:
        >>> rao_kupper(torch.zeros(1), torch.zeros(1), probability=0.5)
        tensor([1.0986])

    Source: Rao and Kupper 1967, "Ties in paired-comparison experiments", JASA 62(317); their theta is exp(t).
    """
    d, probability = _difference(chosen, rejected, ("probability", probability))
    win, loss = F.logsigmoid(d - threshold), F.logsigmoid(-d - threshold)
    tie = math.log(math.expm1(2 * threshold)) + win + loss
    return _outcome_nll(torch.stack([win, loss, tie]), probability)


def centring(chosen: Float[Tensor, "..."], rejected: Float[Tensor, "..."], coefficient: float = 0.01) -> Float[Tensor, "N"]:
    """Penalty that holds the two scores of a pair around zero, so that runs and members can be compared.

        penalty = coefficient (chosen + rejected)^2

    Add it to any loss above; it leaves the differences free.

    Args:
        chosen: (N,) scores of the preferred completions.
        rejected: (N,) scores of the others.
        coefficient: >= 0; the paper and TRL recommend 0.01.

    Returns:
        (N,) penalties, >= 0.

    Raises:
        ShapeError: The two do not have the same shape (N,).

    Example:
        >>> centring(torch.tensor([3.0]), torch.tensor([1.0]), 0.01)
        tensor([0.1600])

    Source: Eisenstein et al. 2023, arXiv:2312.09244, eq. 2.
    """
    chosen, rejected = matching_rows(("chosen", chosen), ("rejected", rejected))
    return coefficient * (chosen + rejected).square()


def _difference(chosen: Tensor, rejected: Tensor, *others: tuple[str, Tensor | float]) -> tuple[Tensor, ...]:
    chosen, rejected, *rest = matching_rows(("chosen", chosen), ("rejected", rejected), *others)
    return (chosen - rejected, *rest)


def _outcome_nll(log_probs: Tensor, probability: Tensor) -> Tensor:
    """Cross-entropy against win, loss and tie; a tie has weight 1 at probability 0.5, 0 at both ends, linear between."""
    weights = torch.stack(
        [(2 * probability - 1).clamp(min=0), (1 - 2 * probability).clamp(min=0), torch.zeros_like(probability)]
    )
    weights[2] = 1 - weights[0] - weights[1]
    return -(weights * log_probs).sum(0)
