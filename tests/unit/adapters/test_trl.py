"""The TRL adapter without TRL: columns become rows, statuses become None, guards remember."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pyrite.adapters.trl import reward_func, reward_funcs
from pyrite.errors import InputError
from pyrite.protocols import RewardTransform
from pyrite.types import Sample, Scores, Status


@dataclass
class Toy:
    """A reward made of a plain function of the samples."""

    scored: Callable[[Sequence[Sample]], Scores]
    name: str = "toy"
    needs: frozenset[str] = frozenset()
    differentiable: bool = False
    seen: list[Sample] = field(default_factory=list)

    def score(self, samples: Sequence[Sample]) -> Scores:
        self.seen.extend(samples)
        return self.scored(samples)


def words(samples: Sequence[Sample]) -> Scores:
    return Scores(torch.tensor([float(len(s.completion.split())) for s in samples]))


BATCH: dict[str, Any] = {"prompts": ["p", "p"], "completions": ["one", "one two"]}


def test_one_number_a_completion_in_order() -> None:
    assert reward_func(Toy(words))(**BATCH, completion_ids=[[1], [1, 2]]) == [1.0, 2.0]


def test_every_status_but_ok_becomes_none() -> None:
    status = torch.tensor([0, 1, 2, 3, 4], dtype=torch.int8)
    value = torch.tensor([0.0, *[torch.nan] * 4])
    function = reward_func(Toy(lambda samples: Scores(value, status, texts=("",) * 4 + ("the judge timed out",))))
    assert function(prompts=["p"] * 5, completions=["c"] * 5) == [0.0, None, None, None, None]


def test_errors_are_logged_with_cause_and_count(caplog: pytest.LogCaptureFixture) -> None:
    function = reward_func(Toy(lambda samples: Scores.missing(2, Status.ERROR, "the judge timed out")))
    with caplog.at_level(logging.WARNING):
        function(**BATCH)
    assert caplog.messages == ["toy gave no reward to 2 of 2 completions (error), the first because: the judge timed out"]


def test_an_abstention_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    reward_func(Toy(lambda samples: Scores.missing(2, Status.ABSTAIN)))(**BATCH)
    assert caplog.messages == []


def test_dataset_columns_reach_the_sample() -> None:
    toy = Toy(words)
    reward_func(toy)(**BATCH, answer=["4", "5"], reference=["four", "five"], context=[None, "page"])
    first, second = toy.seen
    assert first.meta["row"] == {"prompt": "p", "answer": "4", "reference": "four", "context": None}
    assert (second.reference, second.context) == ("five", "page")


def test_messages_stay_messages() -> None:
    toy = Toy(lambda samples: Scores(torch.zeros(len(samples))))
    prompt, completion = [{"role": "user", "content": "Hi"}], [{"role": "assistant", "content": "Hello"}]
    reward_func(toy)(prompts=[prompt], completions=[completion])
    assert toy.seen[0].prompt == prompt
    assert toy.seen[0].completion == completion


def test_what_trl_passes_for_itself_is_not_a_column() -> None:
    toy = Toy(words)
    reward_func(toy)(
        **BATCH, trainer_state=SimpleNamespace(global_step=3), log_extra=None, log_metric=None, environments=[1, 2]
    )
    assert set(toy.seen[0].meta["row"]) == {"prompt"}


@pytest.mark.parametrize(("needs", "column"), [({"column:tests"}, "tests"), ({"reference"}, "reference")])
def test_a_column_the_dataset_lacks_is_named(needs: set[str], column: str) -> None:
    function = reward_func(Toy(words, needs=frozenset(needs)))
    with pytest.raises(InputError, match=rf"'toy' reads the column '{column}', which the training dataset lacks.*: refrence\."):
        function(**BATCH, refrence=["a", "b"])


def test_a_reward_that_may_read_any_column_misses_none() -> None:
    assert reward_func(Toy(words, needs=frozenset({"column:*"})))(**BATCH) == [1.0, 2.0]


def test_a_column_of_another_length_is_named() -> None:
    with pytest.raises(InputError, match="answer has 1 entries; expected 2"):
        reward_func(Toy(words))(**BATCH, answer=["4"])


def with_members(samples: Sequence[Sample]) -> Scores:
    members = torch.tensor([[0.0, 4.0], [1.0, 3.0]])[: len(samples)]
    return Scores(members.mean(1), members=members)


# Members (0, 4) and (1, 3): means 0.5 and 3.5, both standard deviations 0.5; aligned to (-1, 1) and (1, -1).
START = [Sample("p", "one"), Sample("p", "one two")]


def test_guards_change_the_reward_and_the_name() -> None:
    function = reward_func(Toy(with_members), guards=["wco"], reference=START)
    assert function(**BATCH) == [-1.0, -1.0]
    assert function.__name__ == "toy | wco"


def test_members_terms_and_missing_shares_are_logged() -> None:
    def score(samples: Sequence[Sample]) -> Scores:
        objectives = torch.tensor([[1.0], [3.0]])
        return replace(with_members(samples), objectives=objectives, objective_names=("format",))

    logged: dict[str, float] = {}
    reward_func(Toy(score), guards=["wco"], reference=START, name="safe")(**BATCH, log_metric=logged.__setitem__)
    assert logged == {
        "safe/before_guards": 2.0,
        "safe/member_0": 0.5,
        "safe/member_1": 3.5,
        "safe/format": 2.0,
        "safe/abstain": 0.0,
        "safe/invalid": 0.0,
        "safe/truncated": 0.0,
        "safe/error": 0.0,
    }


def counting() -> RewardTransform:
    """Adds how often it ran before, and needs the trainer's step."""
    return RewardTransform(
        "counting",
        init=lambda reference: 0 if reference is None else int(reference.value.sum()),
        update=lambda scores, state, *, step, **_: (replace(scores, value=scores.value + state + 100 * step), state + 1),
    )


def test_a_guard_remembers_between_calls_and_knows_the_step() -> None:
    function = reward_func(Toy(words), guards=[counting()])
    state = SimpleNamespace(global_step=0)
    assert function(**BATCH, trainer_state=state) == [1.0, 2.0]
    state.global_step = 1
    assert function(**BATCH, trainer_state=state) == [102.0, 103.0]


def test_each_reward_has_guard_states_of_its_own() -> None:
    state = SimpleNamespace(global_step=0)
    first, second = reward_funcs([Toy(words, "a"), Toy(words, "b")], guards=[counting()])
    first(**BATCH, trainer_state=state)
    assert second(**BATCH, trainer_state=state) == [1.0, 2.0]
    assert [first.__name__, second.__name__] == ["a | counting", "b | counting"]


def test_the_reference_sets_a_guards_scale() -> None:
    reference = [Sample("p", "one two three"), Sample("p", "one")]
    function = reward_func(Toy(words), guards=["centre"], reference=reference)
    assert function(**BATCH) == [-1.0, 0.0]


def test_the_reference_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "start.jsonl").write_text('{"prompt": "p", "completions": ["one two three", "one"]}\n')
    function = reward_func(Toy(words), guards=["centre"], reference=str(tmp_path / "start.jsonl"))
    assert function(**BATCH) == [-1.0, 0.0]


def test_a_guard_that_wants_a_reference_refuses_to_go_without() -> None:
    guard = replace(counting(), needs_reference=True)
    with pytest.raises(InputError, match="as reference="):
        reward_func(Toy(words), guards=[guard])


def test_no_graph_is_kept() -> None:
    weight = torch.ones(1, requires_grad=True)
    function = reward_func(Toy(lambda samples: Scores(weight.expand(len(samples)) * 2), differentiable=True))
    assert function(**BATCH) == [2.0, 2.0]
