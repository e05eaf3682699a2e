"""Errors: the tree is what its picture says, messages are sentences, hints are near."""

from __future__ import annotations

import inspect

import pytest

from pyrite import errors
from pyrite.errors import InputError, MissingExtra, PyriteError, UnknownName, close_names, missing_extra

CLASSES = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, PyriteError)]


@pytest.mark.parametrize("error", CLASSES, ids=lambda c: c.__name__)
def test_every_error_is_drawn_with_its_exit_code(error: type[PyriteError]) -> None:
    drawn = errors.__doc__ or ""
    lines = [line for line in drawn.splitlines() if error.__name__ in line.split()[:2] or f" {error.__name__} " in f"{line} "]
    assert lines, f"{error.__name__} is missing from the tree"
    if error is not PyriteError:
        assert lines[0].endswith(f"exit {error.exit_code}")


def test_an_unknown_name_prints_its_sentence_and_not_a_repr() -> None:
    assert str(UnknownName("No guard is named 'uow'.")) == "No guard is named 'uow'."
    assert isinstance(UnknownName("x"), KeyError)


@pytest.mark.parametrize(("error", "builtin"), [(InputError, ValueError), (MissingExtra, ImportError)])
def test_errors_can_be_caught_as_their_builtin(error: type[PyriteError], builtin: type[Exception]) -> None:
    assert issubclass(error, builtin)


def test_a_near_miss_is_hinted_at() -> None:
    assert close_names("skywrok", ["skywork", "armo"]) == " Close: 'skywork'."


def test_nothing_near_gives_no_hint() -> None:
    assert close_names("zzz", ["skywork"]) == ""


def test_a_missing_extra_says_what_to_type() -> None:
    assert str(missing_extra("Reading hf: sources", "datasets", "hub")) == (
        'Reading hf: sources needs datasets, which is not installed. Run: pip install "pyrite[hub]".'
    )
    assert str(missing_extra("X", "gguf")).endswith("Run: pip install gguf.")
