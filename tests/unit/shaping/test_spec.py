"""Guard specs: what parses, to what, and what each mistake is told."""

from __future__ import annotations

import pytest
import torch

from pyrite.errors import InputError, UnknownName
from pyrite.registry import rows
from pyrite.shaping import align_members, apply, chain, parse_guard, uncertainty_weighted
from pyrite.types import Scores


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("uwo", "uwo(0.5)"),
        ("uwo(0.1)", "uwo(0.1)"),
        (" UWO ( weight = 0.1 ) ", "uwo(0.1)"),
        ("wco()", "wco"),
        ("mean-minus-std(2)", "mean_minus_std(2)"),
        ("quantile(q=.1)", "quantile(0.1)"),
        ("clip(5)", "clip(5)"),
        ("clip(low=-1, high=3)", "clip(low=-1, high=3)"),
        ("clip(high=1e3)", "clip(high=1000)"),
        ("sigmoid(2)", "sigmoid(2)"),
        ("uwo(0.1) | sigmoid", "uwo(0.1) | sigmoid(1)"),
    ],
)
def test_a_guard_and_its_name(text: str, name: str) -> None:
    assert parse_guard(text).name == name
    assert parse_guard(name).name == name


def test_there_are_ten_guards_and_each_parses_with_its_defaults() -> None:
    names = [row.name for row in rows("guard")]
    assert names == sorted(
        ["centre", "standardise", "clip", "sigmoid", "mean", "median", "wco", "uwo", "mean_minus_std", "quantile"]
    )
    for name in set(names) - {"clip"}:
        assert parse_guard(name).name.startswith(name)


def test_a_guard_over_members_aligns_them_first() -> None:
    members = torch.tensor([[0.0, 10.0], [1.0, 30.0], [5.0, 20.0]])
    scores = Scores(members.mean(dim=1), members=members)
    wanted = apply(chain(align_members(), uncertainty_weighted(0.3)), scores, scores)
    assert apply(parse_guard("uwo(0.3)"), scores, scores).value.tolist() == wanted.value.tolist()


@pytest.mark.parametrize("text", ["mean", "median", "wco", "uwo", "mean_minus_std", "quantile"])
def test_a_single_model_is_refused_under_the_guards_name_or_its_alignment(text: str) -> None:
    with pytest.raises(InputError, match="fit --members 5"):
        apply(parse_guard(text), Scores(torch.zeros(3)), Scores(torch.zeros(3)))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("uwo(0.5", r"Cannot read the guard 'uwo\(0.5'; expected NAME or NAME\(NUMBER, KEY=NUMBER\)"),
        ("", "Cannot read the guard ''"),
        ("uwo | ", "Cannot read the guard"),
        ("uwo(half)", r"In the guard 'uwo\(half\)' 'half' is not a finite number"),
        ("uwo(nan)", "'nan' is not a finite number"),
        ("uwo(wieght=1)", "has no argument 'wieght'. Close: 'weight'. It takes weight=0.5"),
        ("uwo(1, 2)", r"arguments that do not fit \(too many positional arguments\); It takes weight=0.5"),
        ("uwo(weight=1, 2)", "a plain number follows a named one"),
        ("uwo(1, weight=2)", "multiple values for argument 'weight'"),
        ("wco(1)", "It takes no arguments"),
        ("clip", "clip got no bound"),
        ("clip(1, 3)", "It takes limit, low, high"),
        ("uwo(-1)", "weight is -1; expected a finite number, 0 or more"),
        ("quantile(2)", r"q is 2; expected a number in \[0, 1\]"),
    ],
)
def test_each_mistake_has_its_sentence(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse_guard(text)


def test_an_unknown_guard_is_hinted_at() -> None:
    with pytest.raises(UnknownName, match=r"No guard is named 'uow'\. Close: 'uwo'"):
        parse_guard("uow(0.5)")
