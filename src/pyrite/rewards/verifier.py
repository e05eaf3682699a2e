"""Rewards that check exactly. `verifier:constraints` gives the share of listed constraints that a completion meets.

Each verifier is registered under its name; what a constraint is stands in `constraints.py`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import torch

from pyrite.data.texts import contents
from pyrite.errors import InputError, UnknownName
from pyrite.registry import register
from pyrite.rewards.constraints import share_met
from pyrite.types import Sample, Scores, Status


class ConstraintsReward:
    """The share of a sample's constraints that its completion meets, in [0, 1], with partial credit.

    The constraints are read from the sample's `reference`: a list of `{"kind": ..., ...}`, or that list as JSON text.
    Without a reference the sample gets no value (abstain); with one that cannot be read, or a kind that is not known, neither
    (invalid, and the text says why). Of a chat completion the contents of its turns are checked.
    """

    name = "constraints"
    spec = "verifier:constraints"
    needs = frozenset({"reference"})
    differentiable = False

    def score(self, samples: Sequence[Sample]) -> Scores:
        """One share a sample."""
        found = [_check(sample) for sample in samples]
        return Scores(
            torch.tensor([value for value, _, _ in found], dtype=torch.float32),
            torch.tensor([int(status) for _, status, _ in found], dtype=torch.int8),
            texts=tuple(why for _, _, why in found),
        )


def _check(sample: Sample) -> tuple[float, Status, str]:
    if not sample.reference:
        return float("nan"), Status.ABSTAIN, "The sample has no reference with constraints."
    texts = contents(sample.completion)
    if not texts:
        return float("nan"), Status.INVALID, f"The completion is of type {type(sample.completion).__name__}; expected text."
    try:
        return share_met("\n".join(texts), _constraints(sample.reference)), Status.OK, ""
    except (InputError, UnknownName) as error:
        return float("nan"), Status.INVALID, str(error)


def _constraints(reference: Any) -> list[dict[str, Any]]:
    try:
        listed = json.loads(reference) if isinstance(reference, str) else reference
    except json.JSONDecodeError:
        listed = None
    if not isinstance(listed, list | tuple) or not all(isinstance(part, dict) for part in listed):
        raise InputError(f"The reference is {str(reference)[:80]!r}; expected a list of constraints such as {EXAMPLE}.")
    return list(listed)


EXAMPLE = [{"kind": "max_words", "n": 3}, {"kind": "contains", "words": ["blue"]}]
"""Two constraints, for messages and tests."""


def example() -> tuple[ConstraintsReward, list[Sample]]:
    """A tiny example for the contract tests."""
    texts = ("Deep blue.", "A red that is nearly orange.", "Blue")
    samples = [Sample("Name a colour.", text, reference=EXAMPLE) for text in texts]
    return ConstraintsReward(), [*samples, Sample("Name a colour.", "Red.")]


@register("verifier", "constraints", example=example, source="the idea of IFEval: Zhou et al. 2023, arXiv:2311.07911")
def constraints() -> ConstraintsReward:
    """The share of the constraints in the column `reference` that a completion meets, checked exactly."""
    return ConstraintsReward()
