"""Chat models: answers are asked once and outlive a kill; choices are read off the first token."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
import torch

from pyrite.backbones.chat import Asker, ChatAnswer, ChatCall, NoAnswer, choice_log_probs
from pyrite.backbones.chat_local import LocalChat
from pyrite.backbones.chat_remote import RemoteChat, endpoint
from pyrite.backbones.generate import prompt_ids
from pyrite.backbones.tiny import CHATML, byte_tokenizer, tiny_config, tiny_model
from pyrite.errors import InputError
from pyrite.runtime.cache import ByteStore, MemoryStore
from pyrite.runtime.session import CallOptions, Session
from pyrite.testing.chat_server import ChatServer, Reply
from pyrite.types import Status


def call(text: str, **ways: object) -> ChatCall:
    return ChatCall(({"role": "user", "content": text},), **ways)


@pytest.fixture(scope="module")
def tiny() -> LocalChat:
    return LocalChat("tiny", Session(), loaded=(tiny_model(tiny_config(), "lm"), byte_tokenizer(chat_template=CHATML)))


def test_choices_are_read_off_one_forward_pass(tiny: LocalChat) -> None:
    calls = [call(text, choices=("y", "n"), max_tokens=1) for text in ("a", "a rather longer question", "a")]
    answers = Asker(tiny, MemoryStore()).ask(calls)
    model, tokenizer = tiny._loaded
    for one, answer in zip(calls, answers, strict=True):
        ids = prompt_ids(tokenizer, one.messages)
        expected = torch.log_softmax(model(torch.tensor([ids])).logits[0, -1].double(), dim=-1)
        assert answer.tokens_in == len(ids)
        for token, log_prob in answer.top:
            assert log_prob == pytest.approx(expected[tokenizer.convert_tokens_to_ids(token)].item(), abs=1e-4)
    assert {token.lower() for token, _ in answers[0].top} == {"y", "n"}
    assert answers[0] == answers[2]


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_a_long_instruction_runs_once_and_the_head_once_a_question(attention: str) -> None:
    model = tiny_model(tiny_config(), "lm")
    model.set_attn_implementation(attention)
    chat = LocalChat("tiny", Session(), loaded=(model, byte_tokenizer(chat_template=CHATML)))
    calls = [call(20 * "Which is better? " + end, choices=("y", "n")) for end in ("a", "bc", 9 * "d", "efgh", 20 * "i")]
    chat.answer(calls[:1], lambda at, answer: None)  # the first run tries head and packing
    seen, read = [], []
    hooks = [
        model.base_model.layers[0].register_forward_pre_hook(lambda m, args: seen.append(args[0].shape[:2].numel())),
        model.lm_head.register_forward_pre_hook(lambda m, args: read.append(args[0].shape[:-1].numel())),
    ]
    kept: dict[int, ChatAnswer] = {}
    answers = chat.answer(calls, kept.__setitem__)
    for hook in hooks:
        hook.remove()
    rows = [prompt_ids(chat._loaded[1], one.messages) for one in calls]
    common = next(i for i, same in enumerate(zip(*rows, strict=False)) if len(set(same)) > 1)
    longest = max(map(len, rows)) - common
    assert sum(seen) == common + (sum(map(len, rows)) - 5 * common if attention == "sdpa" else 5 * longest)
    assert sum(read) == 5
    assert [kept[at] for at in range(5)] == answers
    for ids, answer in zip(rows, answers, strict=True):
        assert isinstance(answer, ChatAnswer)
        expected = torch.log_softmax(model(torch.tensor([ids])).logits[0, -1], dim=-1)
        for token, log_prob in answer.top or ():
            assert log_prob == pytest.approx(expected[chat._loaded[1].convert_tokens_to_ids(token)].item(), abs=1e-5)


def test_a_model_whose_output_layer_is_not_known_is_run_whole(tiny: LocalChat, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = [call(20 * "Which is better? " + end, choices=("y", "n")) for end in ("a", "bc", 9 * "d")]
    wanted = tiny.answer(calls, lambda at, answer: None)

    def unknown(model: object) -> None:
        raise InputError("It makes its logits in its own way.")

    monkeypatch.setattr("pyrite.backbones.chat_local.output_layer", unknown)
    other = LocalChat("tiny", Session(), loaded=tiny._loaded)
    seen: list[int] = []
    hook = tiny._loaded[0].lm_head.register_forward_pre_hook(lambda m, args: seen.append(args[0].shape[:-1].numel()))
    found = other.answer(calls, lambda at, answer: None)
    hook.remove()
    assert sum(seen) == 9, "the model's own head, at the last places of all rows"
    for one, two in zip(wanted, found, strict=True):
        assert isinstance(one, ChatAnswer)
        assert isinstance(two, ChatAnswer)
        assert dict(two.top or ()) == pytest.approx(dict(one.top or ()), abs=1e-5)


def test_a_written_answer_depends_on_the_call_alone(tiny: LocalChat) -> None:
    calls = [call("a", max_tokens=6, temperature=1.0, repeat=i) for i in (0, 1, 2)]
    one_way, other = (Asker(tiny, MemoryStore()).ask(some) for some in (calls, calls[::-1]))
    assert one_way == other[::-1]
    assert len({answer.text for answer in one_way}) > 1


def test_a_question_that_does_not_fit_is_truncated(tiny: LocalChat) -> None:
    (answer,) = Asker(tiny, MemoryStore()).ask([call("a " * 4000)])
    assert isinstance(answer, NoAnswer)
    assert answer.status is Status.TRUNCATED
    assert "the model takes" in answer.why


def test_equal_questions_are_asked_once_and_repeats_again(tmp_path: Path) -> None:
    with ChatServer(lambda body: "fine") as server:
        session = Session(CallOptions())
        asker = Asker(RemoteChat(server.url, "m", session), ByteStore(tmp_path / "calls.sqlite", "answers"))
        asker.ask([call("a"), call("a"), call("b")])
        assert asker.known([call("a"), call("c"), call("a", repeat=1)]) == 1
        asker.ask([call("a"), call("a", repeat=1), call("a", temperature=0.5)])
        assert len(server.requests) == 4
    assert session.ledger.totals.cached == 1


def test_another_model_or_address_does_not_share_answers(tmp_path: Path) -> None:
    keys = {
        Asker(RemoteChat(f"http://127.0.0.1:{port}/v1", model, Session())).key(call("a")) for port in (1, 2) for model in "ab"
    }
    assert len(keys) == 4


def test_a_killed_run_loses_only_the_calls_in_flight(tmp_path: Path) -> None:
    calls = [call(f"question {i}") for i in range(40)]

    def run(url: str) -> list[object]:
        chat = RemoteChat(url, "m", Session(CallOptions(concurrency=3)))
        return Asker(chat, ByteStore(tmp_path / "calls.sqlite", "answers")).ask(calls)

    with ChatServer(lambda body: Reply("fine", delay=0.01)) as server:
        child = os.fork()
        if child == 0:
            try:
                run(server.url)
            finally:
                os._exit(0)
        end = time.monotonic() + 20
        while len(server.requests) < 15 and time.monotonic() < end:
            time.sleep(0.005)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        before = len(server.requests)
        assert all(isinstance(answer, ChatAnswer) for answer in run(server.url))
        times = Counter(body["messages"][0]["content"] for body in server.requests)
    assert 15 <= before < 40
    assert len(times) == 40
    assert sum(times.values()) - 40 <= 3


@pytest.mark.parametrize(
    ("top", "found"),
    [
        ([("Yes", -0.1), (" YES", -3.0), ("Yeah", -4.0), ("No", -5.0)], [[-0.1, -3.0], [-5.0]]),
        ([("Y", -0.1), ("", -0.2), (" ", -0.3), ("Nope", -0.4)], [[], []]),
    ],
)
def test_tokens_count_for_the_choice_that_only_they_begin(top: list[tuple[str, float]], found: list[list[float]]) -> None:
    assert choice_log_probs(top, ("yes", "no")) == found


def test_choices_that_no_token_begins_are_refused_by_name(tiny: LocalChat) -> None:
    with pytest.raises(InputError, match=r"begins 'correct' or 'wrong' and no other of the choices correct, wrong, y, so its"):
        tiny.answer([call("a", choices=("correct", "wrong", "y"), max_tokens=1)], lambda at, answer: None)


def test_the_beginning_of_two_choices_counts_for_neither() -> None:
    assert choice_log_probs([("co", -1.0), ("cor", -1.5), ("inc", -2.0)], ("correct", "coarse", "incorrect")) == [
        [-1.5],
        [],
        [-2.0],
    ]


@pytest.mark.parametrize("url", ["ftp://host/v1", "host:8000/v1", "http://me:secret@host/v1"])
def test_an_address_that_is_none_or_holds_a_secret_is_refused(url: str) -> None:
    with pytest.raises(InputError) as error:
        endpoint(url)
    assert "secret" not in str(error.value)
