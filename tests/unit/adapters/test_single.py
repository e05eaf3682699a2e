"""verl's and OpenRLHF's functions without these hosts: threads share batches, missing rewards stop or have a stand-in."""

from __future__ import annotations

import logging
import math
import pickle
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from pyrite.adapters.openrlhf import reward_function
from pyrite.adapters.verl import score_function
from pyrite.errors import InputError, ServiceError
from pyrite.registry import find, rows
from pyrite.shaping.kept import encode_state
from pyrite.testing.parts import random_scores
from pyrite.types import Sample, Scores, Status


class Toy:
    """Counts words, with two members; the word "none" abstains, "broken" is an error."""

    name, differentiable = "toy", False

    def __init__(self, *needs: str) -> None:
        self.needs = frozenset(needs)
        self.batches: list[list[Sample]] = []
        self.begun, self.open = threading.Event(), threading.Event()

    def score(self, samples: Sequence[Sample]) -> Scores:
        self.batches.append(list(samples))
        self.begun.set()
        if samples[0].completion == "wait":
            assert self.open.wait(20)
        words = {"none": Status.ABSTAIN, "broken": Status.ERROR}
        status = torch.tensor([int(words.get(s.completion, Status.OK)) for s in samples], dtype=torch.int8)
        count = torch.tensor([float(len(s.completion.split())) for s in samples])
        value = torch.where(status == 0, count, math.nan)
        texts = tuple("the judge timed out" if s.completion == "broken" else "" for s in samples)
        return Scores(value, status, members=torch.stack([value, value + 1], 1), texts=texts)


def test_calls_that_wait_are_scored_together() -> None:
    toy = Toy()
    compute = score_function(toy, prompt_key=None)
    texts = ["wait", *["word " * n for n in range(1, 9)]]
    found: dict[str, float] = {}

    def call(text: str) -> None:
        found[text] = compute(solution_str=text)["score"]

    threads = [threading.Thread(target=call, args=(text,)) for text in texts]
    threads[0].start()
    assert toy.begun.wait(20)
    for thread in threads[1:]:
        thread.start()
    waiting = compute._scoring()._combined._waiting
    while len(waiting) < 8:
        threading.Event().wait(0.002)
    toy.open.set()
    for thread in threads:
        thread.join(20)
    assert [len(batch) for batch in toy.batches] == [1, 8]
    assert found == {text: float(len(text.split())) for text in texts}


def test_an_error_reaches_the_call_and_the_next_one_works() -> None:
    compute = score_function(Toy(), prompt_key=None)
    with pytest.raises(ServiceError, match=r"toy has no reward for a completion \(error: the judge timed out\)"):
        compute(solution_str="broken")
    with pytest.raises(InputError, match=r"abstain.*missing=NUMBER"):
        compute(solution_str="none")
    assert compute(solution_str="one two")["score"] == 2.0


def test_a_stand_in_is_marked_and_has_the_keys_of_the_others() -> None:
    compute = score_function(Toy(), prompt_key=None, missing=-3.0)
    good, absent = compute(solution_strs=["one", "none"], data_sources=np.array(["a", "b"], dtype=object))
    assert (absent["score"], absent["status"], absent["missing"]) == (-3.0, "abstain", 1.0)
    assert math.isnan(absent["member_0"])
    assert set(good) == set(absent) == {"score", "status", "missing", "member_0", "member_1"}


def test_verls_row_reaches_the_sample() -> None:
    toy = Toy("reference", "column:tests")
    turns = np.array([{"role": "user", "content": "Add."}], dtype=object)
    info: dict[str, Any] = {"question": turns, "tests": 3, "context": "page"}
    score_function(toy, prompt_key="question")(data_source="s", solution_str="4", ground_truth="four", extra_info=info)
    (sample,) = toy.batches[0]
    assert sample.prompt == [{"role": "user", "content": "Add."}]
    assert (sample.reference, sample.context, sample.meta["row"]["tests"]) == ("four", "page", 3)


def test_what_verls_row_lacks_is_named() -> None:
    with pytest.raises(InputError, match=r"extra_info has no .prompt.*It has question"):
        score_function(Toy())(solution_str="x", extra_info={"question": "Add."})
    with pytest.raises(InputError, match="reads the column 'tests'"):
        score_function(Toy("column:tests"), prompt_key=None)(solution_str="x", extra_info={"test": 1})


def test_a_process_loads_a_spec_once_and_pickles_carry_none_of_it() -> None:
    one, two = (score_function("baseline:length", prompt_key=None, guards=["clip(2)"]) for _ in range(2))
    assert one(solution_str="a b c")["score"] == 2.0
    assert one._scoring() is two._scoring() is pickle.loads(pickle.dumps(one))._scoring()
    again = pickle.loads(pickle.dumps(reward_function("baseline:length", missing=1.0)))
    assert again(["a b"], [""], [""])["rewards"].tolist() == [2.0]


def test_sums_within_groups_are_refused() -> None:
    with pytest.raises(InputError, match="normalised over the completions of a prompt; verl scores each alone"):
        score_function("sum(normalize_then_sum):1*baseline:length", prompt_key=None)(solution_str="x")


def test_openrlhf_gets_tensors_and_an_error_is_logged_before_it_is_swallowed(caplog: pytest.LogCaptureFixture) -> None:
    toy = Toy("label")
    function = reward_function(toy)
    found = function(["Say it: one two", "Say it: three"], ["Say it: "] * 2, ["x", ""])
    assert torch.equal(found["rewards"], torch.tensor([2.0, 1.0]))
    assert torch.equal(found["rewards"], found["scores"])
    assert {name: values.tolist() for name, values in found["extra_logs"].items()} == {
        "missing": [0.0, 0.0],
        "member_0": [2.0, 1.0],
        "member_1": [3.0, 2.0],
    }
    assert [sample.reference for sample in toy.batches[0]] == ["x", None]
    with caplog.at_level(logging.ERROR), pytest.raises(ServiceError):
        function(["broken"], [""], [""])
    assert any("the judge timed out" in message for message in caplog.messages)
    assert reward_function(toy, missing=0.5)(["none"], [""], [""])["rewards"].tolist() == [0.5]


@pytest.mark.parametrize("guard", [row.name for row in rows("guard")])
def test_the_guards_of_the_package_remember_nothing_of_a_batch_so_a_restart_loses_nothing(guard: str) -> None:
    transform = find("guard", guard).example()
    rng = torch.Generator().manual_seed(0)
    reference, *batches = (random_scores(rng) for _ in range(4))
    begun = state = transform.init(reference)
    for scores in batches:
        _, state = transform.update(scores, state)
    assert encode_state(state) == encode_state(begun)


def test_after_a_restart_guards_take_the_same_scale_from_the_reference() -> None:
    start = [Sample("p", "word " * k) for k in (1, 2, 6)]

    def begun() -> Callable[[str], float]:
        function = score_function(Toy(), guards=["mean", "sigmoid"], reference=start, prompt_key=None)
        return lambda text: function(data_source="d", solution_str=text)["score"]

    first = begun()
    early = [first("word " * k) for k in (9, 8, 7)]
    second = begun()
    assert second("word " * 3) == pytest.approx(0.5)
    assert [second("word " * k) for k in (9, 8, 7)] == early
    assert len(set(early)) == 3
