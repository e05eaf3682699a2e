"""Calling other people's functions: one bad sample alone, a broken function at once, batches, async."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from pyrite.errors import PyriteError
from pyrite.rewards.calls import BATCH
from pyrite.rewards.function import KeywordReward, reward
from pyrite.types import Sample, Scores, Status


def samples(*texts: str) -> list[Sample]:
    return [Sample("p", text) for text in texts]


def statuses(scores: Scores) -> list[Status]:
    return [Status(int(status)) for status in scores.status]


def test_one_bad_sample_does_not_take_the_others_with_it() -> None:
    calls: list[int] = []

    def picky(completions: list[str], **_: Any) -> list[float]:
        calls.append(len(completions))
        if "bad" in completions:
            raise ValueError("cannot parse 'bad'")
        return [float(len(text)) for text in completions]

    scores = KeywordReward(picky).score(samples("a", "bad", "abc"))
    assert calls == [3, 1, 1, 1]
    assert statuses(scores) == [Status.OK, Status.ERROR, Status.OK]
    assert scores.value[[0, 2]].tolist() == [1.0, 3.0]
    assert scores.texts == ("", "ValueError: cannot parse 'bad'", "")


def test_a_culprit_keeps_the_members_of_the_others() -> None:
    @reward
    def members(items: Sequence[Sample]) -> Scores:
        if any(s.completion == "bad" for s in items):
            raise ValueError
        return Scores(torch.ones(len(items)), members=torch.ones(len(items), 2))

    scores = members.score(samples("a", "bad"))
    assert scores.members is not None
    assert scores.members[0].tolist() == [1.0, 1.0]
    assert scores.texts == ("", "ValueError")


def test_a_function_that_always_raises_stops_the_run() -> None:
    def broken(**_: Any) -> list[float]:
        raise KeyError("no_such_key")

    with pytest.raises(
        PyriteError, match=r"broken raised on every one of 3 samples; the first time KeyError: 'no_such_key'"
    ) as error:
        KeywordReward(broken).score(samples("a", "b", "c"))
    assert isinstance(error.value.__cause__, KeyError)


def test_after_a_success_a_batch_of_failures_is_only_counted() -> None:
    def picky(completions: list[str], **_: Any) -> list[float]:
        if "bad" in completions:
            raise ValueError("no")
        return [1.0] * len(completions)

    made = KeywordReward(picky)
    made.score(samples("a"))
    assert statuses(made.score(samples("bad", "bad"))) == [Status.ERROR, Status.ERROR]


def test_long_inputs_come_in_batches_and_in_order() -> None:
    sizes: list[int] = []

    def count(completions: list[str], **_: Any) -> list[float]:
        sizes.append(len(completions))
        return [float(text) for text in completions]

    scores = KeywordReward(count).score(samples(*(str(i) for i in range(BATCH + 3))))
    assert sizes == [BATCH, 3]
    assert scores.value.tolist() == [float(i) for i in range(BATCH + 3)]


async def slow(completions: list[str], **_: Any) -> list[float]:
    await asyncio.sleep(0)
    return [float(len(text)) for text in completions]


def test_async_functions_are_waited_for() -> None:
    assert KeywordReward(slow).score(samples("abc")).value.tolist() == [3.0]


def test_async_functions_work_within_a_running_loop() -> None:
    async def inside() -> Scores:
        return KeywordReward(slow).score(samples("abc"))

    assert asyncio.run(inside()).value.tolist() == [3.0]


def test_an_async_exception_within_a_running_loop_is_a_status() -> None:
    async def fails(completions: list[str], **_: Any) -> list[float]:
        raise ValueError("no")

    async def inside() -> Scores:
        return KeywordReward(fails).score(samples("abc"))

    with pytest.raises(PyriteError, match="ValueError: no"):
        asyncio.run(inside())
