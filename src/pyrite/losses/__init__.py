"""Losses as pure functions of tensors, one value a row; the caller weights and averages.

`pairwise.py` compares two scores, `graded.py` holds one score against a label or a rating.
"""

from pyrite.losses.graded import logistic, squared
from pyrite.losses.pairwise import bradley_terry, centring, davidson, rao_kupper

__all__ = ["bradley_terry", "centring", "davidson", "logistic", "rao_kupper", "squared"]
