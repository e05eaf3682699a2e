"""How numbers are written."""

from __future__ import annotations

from typing import Any

import pytest

from pyrite.report.numbers import count, decimals, interval, number, reason, runs, set_words, share, share_interval
from pyrite.report.result import not_applicable


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.7334, "0.733"), (-0.05, "−0.050"), (0.0, "0.000"), (12.345, "12.3"), (123.45, "123"), (12345.6, "12,346")],
)
def test_a_number_has_about_three_digits_and_a_true_minus(value: float, text: str) -> None:
    assert number(value) == text


def test_small_numbers_keep_three_digits() -> None:
    assert number(0.00421) == "0.00421"
    assert decimals(0.00421, 0.5) == 3  # the largest of a group decides


def test_a_number_that_rounds_to_nothing_has_no_minus() -> None:
    assert number(-0.0001, 3) == "0.000"


def test_differences_carry_their_sign() -> None:
    assert number(0.25, sign=True) == "+0.250"
    assert number(0.0, sign=True) == "0.000"


def test_an_interval_is_written_in_the_digits_of_its_largest_number() -> None:
    assert interval({"value": 0.0712, "low": 0.0404, "high": 0.1, "n": 9}) == "0.071 [0.040,\u00a00.100]"
    assert interval({"value": 0.3, "low": -0.1, "high": 0.7, "n": 9}, sign=True) == "+0.300 [−0.100,\u00a00.700]"


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (not_applicable("no gold"), "n/a"),
        (None, "n/a"),
        ({"value": None, "low": None, "high": None, "n": 0}, "n/a"),
        ({"value": 0.5, "low": None, "high": None, "n": 1}, "0.500 (no interval)"),
        ({"value": 0.5, "low": None, "high": 0.9, "n": 1}, "0.500 [?,\u00a00.900]"),
    ],
)
def test_an_interval_never_makes_up_a_bound(found: Any, text: str) -> None:
    assert interval(found) == text


def test_shares_are_per_cent_and_may_exceed_a_hundred() -> None:
    assert share(0.24) == "24\u202f%"
    assert share(0.083) == "8.3\u202f%"
    assert share(0) == "0\u202f%"
    assert share_interval({"value": 0.94, "low": 0.66, "high": 1.22, "n": 3}) == "94\u202f% [66\u202f%,\u00a0122\u202f%]"


def test_counts_have_thousands_apart_and_medians_keep_their_half() -> None:
    assert count(12345) == "12,345"
    assert count(100.0) == "100"
    assert count(2.5) == "2.5"


def test_a_set_of_n_is_told_by_its_stretches_of_the_grid() -> None:
    grid = [1, 2, 4, 8, 16, 32]
    assert runs([2, 4, 16], grid) == [(2, 4), (16, 16)]
    assert set_words([2, 4, 16], grid) == "2 to 4 and 16"
    assert set_words([1, 4, 16, 32], grid) == "1, 4 and 16 to 32"
    assert set_words([], grid) == "none"


def test_the_reason_is_found_beside_other_keys() -> None:
    assert reason({"not_applicable": "no pairs", "ties": 0}) == "no pairs"
    assert reason({"value": 1}) == ""
