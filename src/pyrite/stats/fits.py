"""The two-parameter curves of Gao et al., fitted to gold against the square root of KL.

With d = sqrt(KL) and gold measured from its value at d = 0, each form is linear in (alpha, beta), so least squares has a
closed solution. A fit describes a curve; whether gold falls is decided in `pyrite.evals.verdict`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyrite.errors import InputError, ShapeError, UnknownName, close_names

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """A fitted curve.

    Attributes:
        form: "bestofn", "rl" or "null".
        alpha: Slope of the rise.
        beta: Strength of the fall; at or below 0 the curve has no peak.
        rmse: Root mean square residual, in gold units.
        peak_d: Where the fitted curve peaks, or None without a peak. May lie outside the data.
        peak_value: Gained there, in gold units above d = 0; None without a peak.
        num_points: Points used.
    """

    form: str
    alpha: float
    beta: float
    rmse: float
    peak_d: float | None
    peak_value: float | None
    num_points: int

    def predict(self, d: ArrayLike) -> Array:
        """Gold above its start at the distances `d`, same shape."""
        at = np.asarray(d, dtype=np.float64)
        rise, fall = FORMS[self.form](np.maximum(at, 1e-300))
        return np.where(at > 0, self.alpha * rise - self.beta * fall, 0.0)


FORMS: dict[str, Callable[[Array], tuple[Array, Array]]] = {
    "bestofn": lambda d: (d, d**2),
    "rl": lambda d: (d, d * np.log(d)),
    "null": lambda d: (d**2, d**4),
}
"""Form -> what alpha and -beta multiply. Best-of-n: d (alpha - beta d). RL: d (alpha - beta log d). Null: quadratic in KL."""

PEAKS: dict[str, Callable[[float, float], tuple[float, float]]] = {
    "bestofn": lambda a, b: (a / (2 * b), a * a / (4 * b)),
    "rl": lambda a, b: (math.exp(min(a / b - 1, 700.0)), b * math.exp(min(a / b - 1, 700.0))),
    "null": lambda a, b: (math.sqrt(a / (2 * b)), a * a / (4 * b)),
}
"""Form -> (d, value) of the peak for alpha, beta > 0."""


def fit_form(form: str, d: ArrayLike, gain: ArrayLike, *, smallest_d: float | None = None) -> Fit:
    """Least squares for one form.

    Args:
        form: "bestofn" d (alpha - beta d), "rl" d (alpha - beta log d), or "null" alpha d^2 - beta d^4.
        d: (J,) sqrt(KL), KL in nats, >= 0.
        gain: (J,) gold minus gold at d = 0.
        smallest_d: Points below are left out. Default 0 (excluded); 0.3 for "rl", whose slope at 0 is infinite.

    Raises:
        UnknownName: No such form.
        InputError: Fewer than two points are left.

    Source: Gao et al. 2022, arXiv:2210.10760, section 3.1.
    Departs: "null" is ours, the plain quadratic in KL that a claim about either form should beat.
    """
    if form not in FORMS:
        raise UnknownName(f"No functional form is named {form!r}.{close_names(form, FORMS)} Known: {', '.join(FORMS)}.")
    at, values = np.asarray(d, dtype=np.float64), np.asarray(gain, dtype=np.float64)
    if at.shape != values.shape or at.ndim != 1:
        raise ShapeError(f"gain has shape {values.shape}; expected (J,) to match d, which has {at.shape}.")
    least = (0.3 if form == "rl" else 0.0) if smallest_d is None else smallest_d
    used = np.isfinite(at) & np.isfinite(values) & (at > 0) & (at >= least)
    if used.sum() < 2:
        raise InputError(f"Form {form!r} has {used.sum()} points with d above {least}; expected at least 2.")
    rise, fall = FORMS[form](at[used])
    design = np.stack([rise, -fall], axis=1)
    (alpha, beta), *_ = np.linalg.lstsq(design, values[used], rcond=None)
    residual = values[used] - design @ np.array([alpha, beta])
    has_peak = beta > 0 and (alpha > 0 or form == "rl")
    peak = PEAKS[form](float(alpha), float(beta)) if has_peak else (None, None)
    return Fit(form, float(alpha), float(beta), float(np.sqrt(np.mean(residual**2))), *peak, int(used.sum()))


def fit_all(kl: ArrayLike, gold: ArrayLike) -> dict[str, Fit]:
    """Every form on one curve, gold taken relative to its first point, which must have KL 0.

    Args:
        kl: (J,) nats, ascending from 0.
        gold: (J,) mean gold.

    Returns:
        Form -> its fit; forms with too few points are absent.
    """
    nats, values = np.asarray(kl, dtype=np.float64), np.asarray(gold, dtype=np.float64)
    if not len(nats) or abs(nats[0]) > 1e-9:
        raise InputError(f"kl starts at {nats[:1].tolist()}; expected 0, the unselected policy, as the first point.")
    d = np.sqrt(np.maximum(nats, 0.0))
    enough = {form: ((d > 0) & (d >= (0.3 if form == "rl" else 0.0))).sum() >= 2 for form in FORMS}
    return {form: fit_form(form, d, values - values[0]) for form in FORMS if enough[form]}
