"""Losses of one score against one label: a probability of being good, or a rating. For pairs see `pairwise.py`."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from pyrite.losses.shapes import matching_rows
from pyrite.registry import register


def _example() -> dict[str, Any]:
    return {"args": (torch.tensor([2.0, -1.0, 0.5]), torch.ones(3)), "better": 0}


def _rating_example() -> dict[str, Any]:
    return {"args": (torch.tensor([2.0, -1.0, 0.5]), torch.tensor([2.5, 0.0, 1.0])), "better": 0}


@register("loss", "logistic", example=_example, source="Cox 1958; Cobbe et al. 2021, arXiv:2110.14168, section 4.2")
def logistic(score: Float[Tensor, "..."], label: Float[Tensor, "..."] | float, *, smoothing: float = 0.0) -> Float[Tensor, "N"]:
    """Cross-entropy of the label under sigmoid(score), one value a row.

    Use it for completions that were judged one by one (right or wrong, desirable or not); the fitted score is a log-odds.

        loss = -q log sigmoid(score) - (1 - q) log sigmoid(-score),   q = (1 - smoothing) label + smoothing (1 - label)

    Args:
        score: (N,) log-odds that the completion is good.
        label: (N,) probability that it is good, in [0, 1]; 0 and 1 are hard labels.
        smoothing: Share of labels taken to be flipped, in [0, 0.5).

    Returns:
        (N,) losses in nats, >= 0.

    Raises:
        ShapeError: The two do not have the same shape (N,).

    Example:
        >>> logistic(torch.tensor([0.0]), torch.tensor([1.0]))
        tensor([0.6931])

    Source: logistic regression (Cox 1958); as a verifier's outcome loss in Cobbe et al. 2021, arXiv:2110.14168.
    """
    score, target = matching_rows(("score", score), ("label", label))
    target = (1 - smoothing) * target + smoothing * (1 - target)
    return F.binary_cross_entropy_with_logits(score, target, reduction="none")


@register("loss", "squared", example=_rating_example, source="Gauss 1809; Wang et al. 2023 (HelpSteer), arXiv:2311.09528")
def squared(score: Float[Tensor, "..."], rating: Float[Tensor, "..."] | float) -> Float[Tensor, "N"]:
    """Squared distance of the score from the rating, one value a row.

    Use it where people or models gave grades on a scale with equal steps; the fitted score is in the unit of the rating.

        loss = (score - rating)^2

    Args:
        score: (N,) predicted ratings.
        rating: (N,) given ratings, in any unit.

    Returns:
        (N,) losses in squared rating units, >= 0.

    Raises:
        ShapeError: The two do not have the same shape (N,).

    Example:
        >>> squared(torch.tensor([1.0]), torch.tensor([3.0]))
        tensor([4.])

    Source: least squares; as a reward-model loss in Wang et al. 2023 (HelpSteer), arXiv:2311.09528.
    """
    score, target = matching_rows(("score", score), ("rating", rating))
    return (score - target).square()
