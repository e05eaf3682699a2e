"""Scores in, scores out: scales, aggregation over ensemble members, and guards built from them.

`parse_guard("uwo(0.5)")` gives a guard by name, `chain` joins transforms, `apply` runs one. Start reading at `chain.py`.
"""

from __future__ import annotations

from pyrite.shaping.chain import apply, chain, record, stateless, when
from pyrite.shaping.members import (
    Alignment,
    align_members,
    mean_minus_std,
    mean_of_members,
    median_of_members,
    quantile_of_members,
    uncertainty_weighted,
    worst_case,
)
from pyrite.shaping.scale import Scale, centre, clip, sigmoid_centred, standardise
from pyrite.shaping.spec import parse_guard

__all__ = [
    "Alignment",
    "Scale",
    "align_members",
    "apply",
    "centre",
    "chain",
    "clip",
    "mean_minus_std",
    "mean_of_members",
    "median_of_members",
    "parse_guard",
    "quantile_of_members",
    "record",
    "sigmoid_centred",
    "standardise",
    "stateless",
    "uncertainty_weighted",
    "when",
    "worst_case",
]
