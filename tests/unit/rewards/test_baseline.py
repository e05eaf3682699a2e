"""The baselines: what length counts, what random depends on."""

from __future__ import annotations

import pytest

from pyrite.rewards.baseline import constant, length, num_words, random, uniform
from pyrite.types import Sample, Status


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("one two", 2),
        ("It's 3 o'clock.", 8),
        ("def f(x): return x_1", 8),
        ("日本語です", 5),
        ("naïve café", 2),
        ("日本 is 2", 4),
    ],
)
def test_length_counts_words_and_marks(text: str, count: int) -> None:
    assert num_words(text) == count


def test_length_of_chat_is_that_of_its_contents() -> None:
    turns = [
        {"role": "assistant", "content": "one two"},
        {"role": "tool", "content": None},
        {"role": "assistant", "content": "three"},
    ]
    assert length().score([Sample("p", turns)]).value.tolist() == [3.0]


def test_length_of_an_object_is_invalid() -> None:
    assert length().score([Sample("p", {"pixels": 3})]).status.tolist() == [int(Status.INVALID)]


def test_random_depends_on_seed_prompt_and_completion_alone() -> None:
    sample = Sample("p", "c")
    value = random().score([sample]).value
    assert random().score([Sample("q", "x"), sample]).value[1] == value[0]
    assert random().score([Sample("p", "c", reference="r", meta={"slot": 3})]).value == value
    for other in (random(seed=1).score([sample]), random().score([Sample("q", "c")]), random().score([Sample("p", "d")])):
        assert other.value != value
    assert uniform(0, "ab", "c") != uniform(0, "a", "bc")


def test_random_is_uniform() -> None:
    values = random().score([Sample("p", str(i)) for i in range(2000)]).value
    assert values.min() >= 0
    assert values.max() < 1
    assert abs(values.mean() - 0.5) < 0.03
    assert abs(values.var() - 1 / 12) < 0.01


def test_constant_is_the_same_for_everything() -> None:
    assert constant().score([Sample("p", "c"), Sample("q", 7)]).value.tolist() == [0.0, 0.0]
