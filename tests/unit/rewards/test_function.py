"""Functions as rewards: our form and TRL's, what they may return, and the files they stand in."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import pyrite
from pyrite.errors import InputError, ShapeError
from pyrite.rewards.function import FunctionReward, KeywordReward, keywords_of, load_function, reward
from pyrite.types import Sample, Scores, Status


def samples(*texts: str, row: dict[str, Any] | None = None) -> list[Sample]:
    return [Sample("p", text, meta={"row": row or {}, "slot": i, "num": len(texts)}) for i, text in enumerate(texts)]


def statuses(scores: Scores) -> list[Status]:
    return [Status(int(status)) for status in scores.status]


def test_the_decorator_makes_a_reward_that_is_still_a_function() -> None:
    @reward
    def brevity(items: Sequence[Sample]) -> list[float]:
        """Shorter is better."""
        return [-float(len(s.completion)) for s in items]

    assert isinstance(brevity, pyrite.Reward)
    assert brevity.name == "brevity"
    assert brevity(samples("abc")) == [-3.0]
    assert brevity.score(samples("abc", "")).value.tolist() == [-3.0, 0.0]


def test_the_decorator_takes_name_needs_and_differentiable() -> None:
    weight = torch.tensor(2.0, requires_grad=True)

    @reward(name="scaled", needs=["reference"], differentiable=True)
    def scaled(items: Sequence[Sample]) -> torch.Tensor:
        return weight * torch.tensor([float(len(s.completion)) for s in items])

    assert (scaled.name, scaled.needs, scaled.differentiable) == ("scaled", frozenset({"reference"}), True)
    scaled.score(samples("abc", "d")).value.sum().backward()
    assert weight.grad is not None
    assert weight.grad.item() == 4.0
    assert not FunctionReward(scaled.function).score(samples("abc")).value.requires_grad


def test_native_functions_may_return_scores_with_members() -> None:
    @reward
    def two(items: Sequence[Sample]) -> Scores:
        return Scores(torch.zeros(len(items)), members=torch.ones(len(items), 2))

    assert two.score(samples("a", "b")).members is not None


@pytest.mark.parametrize(
    ("returned", "value", "status"),
    [
        (1, 1.0, Status.OK),
        (True, 1.0, Status.OK),
        (np.float64(0.5), 0.5, Status.OK),
        (torch.tensor(0.25), 0.25, Status.OK),
        (None, None, Status.ABSTAIN),
        (math.nan, None, Status.INVALID),
        (math.inf, None, Status.INVALID),
        (1e39, None, Status.INVALID),
    ],
)
def test_what_a_function_may_return(returned: Any, value: float | None, status: Status) -> None:
    scores = KeywordReward(lambda **_: [returned]).score(samples("a"))
    assert statuses(scores) == [status]
    assert math.isnan(scores.value[0]) if value is None else scores.value[0].item() == value
    assert (scores.texts is not None) == (status == Status.INVALID)


def test_arrays_and_tensors_are_lists_too() -> None:
    for made in (np.array([1.0, math.nan]), torch.tensor([1.0, math.nan]), (1.0, math.nan)):
        scores = KeywordReward(lambda made=made, **_: made).score(samples("a", "b"))
        assert statuses(scores) == [Status.OK, Status.INVALID]


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        ([1.0], InputError, "returned 1 values for 2 completions; expected one each"),
        (1.0, InputError, "returned float 1.0; expected a list of 2 numbers"),
        (None, InputError, "returned NoneType None; expected a list of 2 numbers"),
        ("ab", InputError, "returned str 'ab'; expected a list"),
        ({"score": [1, 2]}, InputError, "returned dict"),
        ([1.0, "2"], InputError, "returned str '2' for completion 2 of its batch; expected a number or None"),
        (np.zeros((2, 1)), ShapeError, r"shape \(2, 1\); expected \(2,\)"),
    ],
)
def test_what_a_function_may_not_return_stops_the_run(returned: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        KeywordReward(lambda **_: returned, name="mine").score(samples("a", "b"))


def test_trl_keywords_repeat_every_other_column() -> None:
    row = {"prompt": "p", "completions": ["a", "b"], "answer": "42", "tags": [1, 2]}
    other = Sample("q", "c", meta={"row": {"prompt": "q", "completion": "c", "level": 3}, "slot": 0, "num": 1})
    keywords = keywords_of([*samples("a", "b", row=row), other])
    assert keywords == {
        "prompts": ["p", "p", "q"],
        "completions": ["a", "b", "c"],
        "answer": ["42", "42", None],
        "tags": [[1, 2], [1, 2], None],
        "level": [None, None, 3],
    }


def test_pair_texts_are_not_handed_over_as_columns() -> None:
    pair = pyrite.Pair("p", "good", "bad", meta={"row": {"prompt": "p", "chosen": "good", "rejected": "bad", "id": 1}})
    assert keywords_of(pair.sides()) == {"prompts": ["p", "p"], "completions": ["good", "bad"], "id": [1, 1]}


def test_chat_is_handed_over_as_turns() -> None:
    chat = [{"role": "user", "content": "Hi"}]
    turn = [{"role": "assistant", "content": "Yo"}]
    assert keywords_of([Sample(chat, "Yo"), Sample(chat, turn)])["completions"] == [turn, turn]


def test_a_rejected_keyword_is_one_clear_sentence() -> None:
    def strict(prompts: list[str], completions: list[str]) -> list[float]:
        return [1.0] * len(completions)

    with pytest.raises(
        InputError, match=r"strict cannot be called with the keywords prompts, completions, answer: .*'answer'.*kwargs"
    ):
        KeywordReward(strict).score(samples("a", row={"answer": "42"}))
    assert KeywordReward(strict).score(samples("a")).value.tolist() == [1.0]


def test_a_missing_column_is_the_same_sentence() -> None:
    def wants(prompts: list[str], completions: list[str], truth: list[str], **_: Any) -> list[float]:
        return [1.0]

    with pytest.raises(InputError, match=r"missing 1 required positional argument: 'truth'.*--columns"):
        KeywordReward(wants).score(samples("a", row={"answer": "42"}))


def test_a_rejected_keyword_is_seen_through_a_wrapper() -> None:
    def strict(prompts: list[str], completions: list[str]) -> list[float]:
        return [1.0]

    @functools.wraps(strict)
    def wrapper(**keywords: Any) -> list[float]:
        return strict(**keywords)

    with pytest.raises(InputError, match="Add \\*\\*kwargs"):
        KeywordReward(wrapper).score(samples("a", row={"answer": "42"}))


def test_a_type_error_inside_the_function_is_its_own() -> None:
    def adds(completions: list[str], **_: Any) -> list[float]:
        return [1.0 if text != "bad" else text + 1 for text in completions]  # type: ignore[operator]

    scores = KeywordReward(adds).score(samples("a", "bad"))
    assert statuses(scores) == [Status.OK, Status.ERROR]


def script(tmp_path: Path, text: str) -> str:
    (tmp_path / "mine.py").write_text(text)
    return str(tmp_path / "mine.py")


def test_a_marked_function_in_a_file_keeps_our_form(tmp_path: Path) -> None:
    file = script(
        tmp_path, "import pyrite\n@pyrite.reward\ndef score(samples):\n    return [s.prompt == 'p' for s in samples]\n"
    )
    made = load_function(file, "score")
    assert isinstance(made, FunctionReward)
    assert made.score(samples("a")).value.tolist() == [1.0]


def test_an_object_with_score_is_taken_as_it_is(tmp_path: Path) -> None:
    text = (
        "from pyrite import Scores\nimport torch\nclass Zero:\n    name, needs, differentiable = 'zero', frozenset(), False\n"
        "    def score(self, samples):\n        return Scores(torch.zeros(len(samples)))\nzero = Zero()\nnumber = 3\n"
    )
    file = script(tmp_path, text)
    assert load_function(file, "zero").name == "zero"
    with pytest.raises(InputError, match=r"'Zero' in .* is a type; expected a function, or a reward object"):
        load_function(file, "Zero")
    with pytest.raises(InputError, match=r"'number' in .* is a int"):
        load_function(file, "number")


def test_a_file_may_import_what_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "beside_it.py").write_text("BONUS = 2.0\n")
    file = script(
        tmp_path, "from beside_it import BONUS\ndef score(completions, **_):\n    return [BONUS for _ in completions]\n"
    )
    assert load_function(file, "score").score(samples("a")).value.tolist() == [2.0]


def test_an_absent_file_or_function_names_what_is_there(tmp_path: Path) -> None:
    file = script(tmp_path, "def score(**_):\n    return []\ndef _hidden():\n    pass\n")
    with pytest.raises(InputError, match=r"There is no file .*min\.py\. Close: 'mine\.py'"):
        load_function(str(tmp_path / "min.py"), "score")
    with pytest.raises(InputError, match=r"has no function 'scor'\. Close: 'score'\. It has: score\."):
        load_function(file, "scor")


@pytest.mark.parametrize(
    ("text", "message"),
    [("x = 1\ny = 1 / 0\n", "line 2: ZeroDivisionError: division by zero"), ("x = 1\n\ndef f(:\n", "line 3: SyntaxError")],
)
def test_a_file_that_does_not_run_names_the_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=f"mine.py does not run: {message}"):
        load_function(script(tmp_path, text), "score")


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("hello")
    with pytest.raises(InputError, match=r"notes\.md is not a Python file"):
        load_function(str(tmp_path / "notes.md"), "score")
