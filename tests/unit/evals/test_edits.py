"""Filler and neutral words: what edits are compared with."""

from __future__ import annotations

import random

from pyrite.evals import edits
from tests.unit.evals.planted import words


def test_filler_does_not_repeat_itself() -> None:
    said = [s.strip() for s in edits.filler((2000, 0, 0), random.Random(1)).split(".") if s.strip()]
    assert len(said) == len(set(said))


def test_neutral_words_have_the_lengths_of_the_phrase() -> None:
    phrase = "According to recent peer-reviewed studies,"
    neutral = edits.neutral_like(phrase, random.Random(2))
    assert [len(w) for w in neutral.split()] == [len(w) for w in phrase.split()]
    assert neutral[0].isupper()
    assert neutral.endswith(",")
    assert not set(words(neutral)) & set(words(phrase)) - {"to"}
