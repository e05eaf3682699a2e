"""From scores of a row's samples to its loss, and to the credit it earns: the only place that knows the kinds of rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pyrite.errors import InputError, close_names
from pyrite.losses import bradley_terry, centring, davidson, logistic, rao_kupper, squared
from pyrite.train.data import FitData
from pyrite.train.options import LOSSES, FitOptions

RowLoss = Callable[[Tensor, "Tensor | None", FitData], Tensor]
"""(scores (R,) of the first, scores (R,) of the second or None, the R rows) -> losses (R,)."""


def loss_name(data: FitData, options: FitOptions) -> str:
    """The loss that is meant: the one asked for, or the default for these rows.

    Raises:
        InputError: It does not fit the kind of rows, or the labels.
    """
    fitting = LOSSES[data.kind]
    shares = bool(((data.target >= 0) & (data.target <= 1)).all())
    if options.loss is None:
        return fitting[0] if data.paired or shares else fitting[1]
    if options.loss not in fitting:
        hint = close_names(options.loss, fitting)
        raise InputError(f"loss {options.loss!r} does not fit {data.kind} rows; these do: {', '.join(fitting)}.{hint}")
    if options.loss == "logistic" and not shares:
        raise InputError(
            f"loss 'logistic' wants labels in [0, 1]; these run from {data.target.min():g} to {data.target.max():g}. "
            "Use --loss squared."
        )
    return options.loss


def row_loss(data: FitData, options: FitOptions) -> RowLoss:
    """The loss of a fit as one function of scores and rows, centring included."""
    name = loss_name(data, options)

    def pairs(first: Tensor, second: Tensor | None, rows: FitData) -> Tensor:
        if second is None:
            raise InputError("A loss of pairs got rows without a second sample.")
        target, margin = rows.target.to(first.device), rows.margin.to(first.device) if options.use_margin else 0.0
        if name == "bradley_terry":
            loss = bradley_terry(first, second, margin=margin, probability=target, smoothing=options.smoothing)
        else:
            loss = {"davidson": davidson, "rao_kupper": rao_kupper}[name](first, second, probability=target)
        return loss + centring(first, second, options.centring) if options.centring else loss

    def graded(first: Tensor, second: Tensor | None, rows: FitData) -> Tensor:
        target = rows.target.to(first.device)
        return logistic(first, target, smoothing=options.smoothing) if name == "logistic" else squared(first, target)

    return pairs if data.paired else graded


def credit(first: np.ndarray, second: np.ndarray | None, rows: FitData, name: str) -> np.ndarray:
    """What each row earns, higher is better: the unit of every table of `fit`.

    Pairs: 1 where the better side scores higher, 0.5 where they tie, 0 otherwise; NaN where the label is a tie.
    Labels: 1 where score > 0 and label > 0.5 agree. Ratings: minus the squared error.

    Args:
        first: (R,) scores of the first samples.
        second: (R,) scores of the second ones, or None.
        rows: The rows.
        name: The loss that was fitted.

    Returns:
        (R,) float64.
    """
    target = rows.target.double().numpy()
    if second is not None:
        sign = np.sign(target - 0.5)
        gap = (np.asarray(first, float) - np.asarray(second, float)) * sign
        return np.where(sign == 0, np.nan, np.where(gap > 0, 1.0, np.where(gap == 0, 0.5, 0.0)) + 0 * gap)
    scores = np.asarray(first, float)
    if name == "squared":
        return -((scores - target) ** 2)
    return np.where(np.isfinite(scores), ((scores > 0) == (target > 0.5)).astype(float), np.nan)


METRIC = {"logistic": "accuracy", "squared": "minus squared error"}
"""What the mean credit is called for losses of single completions; for pairs it is the accuracy."""


def metric_name(name: str) -> str:
    """What the mean credit is called for a loss."""
    return METRIC.get(name, "accuracy")


def mean_losses(scores: Float[Tensor, "S M"], place: Tensor, rows: FitData, loss: RowLoss) -> Float[Tensor, "M"]:
    """Weighted mean loss of each member over some rows.

    Args:
        scores: Scores of some samples.
        place: (all samples,) where each sample stands in `scores`.
        rows: The rows.
        loss: As `row_loss` gives it.
    """
    weight = rows.weight / rows.weight.sum()
    parts = []
    for member in scores.unbind(1):
        second = None if rows.second is None else member[place[rows.second]]
        parts.append((weight * loss(member[place[rows.first]], second, rows)).sum())
    return torch.stack(parts)
