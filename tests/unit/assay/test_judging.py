"""Judges in an assay: what they cost, what they say of themselves, and what a stopped run keeps."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pyrite.assay.benching import bench
from pyrite.assay.run import assay, plan
from pyrite.backbones.chat import Asker
from pyrite.backbones.chat_remote import RemoteChat
from pyrite.cli import main
from pyrite.errors import InputError, PyriteError
from pyrite.report.result import check_result
from pyrite.rewards.process_judge import ProcessJudge
from pyrite.rewards.process_models import THINKPRM
from pyrite.runtime import remote
from pyrite.runtime.session import CallOptions, Session
from pyrite.testing.chat_server import ChatServer, Reply

QUICK = {"draws": 100, "probe_samples": 0}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYRITE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(remote, "FIRST_PAUSE", 0.002)


def longer(body: dict[str, Any]) -> str:
    """Likes long completions, and whatever is shown first where both are equally long."""
    text = body["messages"][-1]["content"]
    parts = [
        text.split(f"<{name}>\n")[1].split("\n</")[0] for name in ("answer_A", "answer_B", "answer") if f"<{name}>" in text
    ]
    if len(parts) == 2:
        return "[[A]]" if len(parts[0]) >= len(parts[1]) else "[[B]]"
    return f"Grade: {min(10, len(parts[0].split()))}"


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(longer) as running:
        yield running


def told(out: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    return json.loads((out / "result.json").read_text()), json.loads((out / "run.json").read_text())["calls"]


def test_a_pairwise_judge_ranks_pairs_with_ties_counted(server: ChatServer, pair_file: Path, tmp_path: Path) -> None:
    options = {"draws": 100, "probe_samples": 4, "repeat_share": 1.0, "out": tmp_path / "run"}
    found = assay(f"judge:pairwise@{server.url}:m", data=str(pair_file), **options)
    accuracy = found.result["ranking"]["metrics"]["accuracy"]["reward"]
    assert accuracy["value"] == 24 / 30
    assert accuracy["ties"] == 6  # "short" against "brief": A in both orders
    (judge,) = found.result["judges"]
    assert judge["order_flip"]["value"] == pytest.approx(6 / 30)
    assert judge["repeat_agreement"]["value"] == 1.0
    assert judge["unreadable"]["value"] == 0.0
    assert judge["calls"] == judge["repeated"] * 2 == 120
    assert "at least 5 are needed" in found.result["probes"]["length"]["not_applicable"]
    assert "preferences that turn with the order 20" in found.summary()
    result, calls = told(tmp_path / "run")
    check_result(result)
    assert [calls["asked"], calls["tokens_in"], calls["tokens_out"]] == server.billed


def test_a_run_that_reaches_its_limit_keeps_what_it_has_and_goes_on(
    server: ChatServer, pair_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {"data": str(pair_file), "price": ["in=10,out=10"], "out": tmp_path / "run", "repeat_share": 0.0, **QUICK}
    spec = f"judge:pointwise@{server.url}:m"
    assay(spec, max_cost=0.05, **options)
    result, calls = told(tmp_path / "run")
    assert 0 < result["counts"]["status"]["ok"] < 60
    assert result["counts"]["status"]["ok"] + result["counts"]["status"]["error"] == 60
    assert result["judges"][0]["open"] > 0
    assert calls["refused"] > 0
    assert calls["cost"] <= 0.05
    assert calls["cost"] == pytest.approx(10 * (server.billed[1] + server.billed[2]) / 1e6)
    assert "--max-cost 0.05 was reached" in capsys.readouterr().err
    assay(spec, max_cost=1.0, **options)
    result, calls = told(tmp_path / "run")
    distinct = {json.dumps(body["messages"]) for body in server.requests}
    assert result["counts"]["status"]["ok"] == 60
    assert result["judges"][0]["open"] == 0
    assert len(server.requests) == len(distinct)
    before = (tmp_path / "run" / "result.json").read_bytes()
    assay(spec, **options)
    assert len(server.requests) == len(distinct)
    assert (tmp_path / "run" / "result.json").read_bytes() == before


def test_probes_of_a_stopped_judge_are_not_kept(server: ChatServer, pair_file: Path, tmp_path: Path) -> None:
    options = {"data": str(pair_file), "price": ["in=10,out=10"], "out": tmp_path / "run", "draws": 100}
    limits = {"max_cost": 0.1, "probe_samples": 8, "repeat_share": 0.0}
    assay(f"judge:pointwise@{server.url}:m", **options, **limits)
    result, _ = told(tmp_path / "run")
    stopped = [name for name, found in result["probes"].items() if "were not made" in found.get("not_applicable", "")]
    assert stopped
    kept = (tmp_path / "run" / "scores.journal").read_text()
    assert not [name for name in stopped if f'"probe/{name}"' in kept]


def test_a_judge_of_steps_behind_a_server_is_asked_again_where_it_failed(pair_file: Path, tmp_path: Path) -> None:
    failing = True

    def reply(body: dict[str, Any]) -> Reply:
        if failing and "Question 3?" in json.dumps(body["messages"]):
            return Reply("overloaded", code=403)
        return Reply("no", top=((" yes", -0.5), (" no", -1.0))) if body.get("logprobs") else Reply("thought")

    with ChatServer(reply) as server:

        def run() -> dict[str, Any]:
            chat = RemoteChat(server.url, "m", Session(CallOptions(concurrency=2)))
            options = {"data": str(pair_file), "limit": 6, "out": tmp_path / "run", **QUICK}
            return assay(ProcessJudge(THINKPRM, Asker(chat)), **options).result

        assert run()["counts"]["status"]["error"] == 2
        failing, asked = False, len(server.requests)
        assert run()["counts"]["status"]["ok"] == 12
        again = server.requests[asked:]
        assert again
        assert all("Question 3?" in json.dumps(body["messages"]) for body in again)


def test_a_judge_as_gold_says_so_and_how_far_it_agrees_with_itself(tmp_path: Path) -> None:
    moods = iter(range(10**6))
    texts = [f"answer {j} of it" + " word" * j for j in range(5)]
    rows = [{"prompt": f"Question {i}?", "completions": texts, "proxy": [1, 2, 3, 4, 5 + i]} for i in range(3)]
    path = tmp_path / "pool.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def moody(body: dict[str, Any]) -> str:
        again = "answer 1 of" in body["messages"][-1]["content"]
        return f"Grade: {1 + next(moods) % 2}" if again else longer(body)

    with ChatServer(moody) as server:
        spec = f"judge:pointwise@{server.url}:m"
        found = assay("column:proxy", gold=spec, data=str(path), repeat_share=1.0, concurrency=1, **QUICK)
    card = found.result["gold_card"]
    assert card["kind"] == "judge"
    assert card["repeat_agreement"]["n"] == 3
    assert card["repeat_agreement"]["value"] == pytest.approx(12 / 15)  # the second answer of each prompt
    assert found.result["judges"][0]["role"] == "gold"


def test_what_a_pairwise_judge_cannot_do_is_refused(server: ChatServer, pool_file: Path, pair_file: Path) -> None:
    spec = f"judge:pairwise@{server.url}:m"
    with pytest.raises(InputError, match="read as candidates, which are ranked by a score each"):
        assay(spec, data=str(pool_file), **QUICK)
    with pytest.raises(InputError, match="gold gives each completion a score"):
        assay("column:proxy", gold=spec, data=str(pool_file), **QUICK)
    assert not server.requests


def test_a_dry_run_asks_nothing_and_counts_what_is_known(server: ChatServer, pair_file: Path, tmp_path: Path) -> None:
    spec, options = f"judge:pairwise@{server.url}:m", {"data": str(pair_file), "repeat_share": 0.0, **QUICK}
    said = plan(spec, **options)
    assert "60 calls (0 more are known already), 0 repeats" in said
    assert "cost     unknown: give --price" in said
    assert not server.requests
    assert not (tmp_path / "cache" / "calls").exists()
    assay(spec, **options)
    assert "0 calls (60 more are known already)" in plan(spec, **options)
    assert "for probes and attacks" in plan(spec.replace("pairwise", "pointwise"), **{**options, "probe_samples": 8})


def test_a_judge_without_any_answer_fails_in_a_sentence(pair_file: Path) -> None:
    with ChatServer(lambda body: Reply("bad key", code=401)) as server, pytest.raises(PyriteError) as error:
        assay(f"judge:pointwise@{server.url}:m", data=str(pair_file), **QUICK)
    assert "no value on any of 60 samples" in str(error.value)
    assert "HTTP 401: bad key" in str(error.value)


def test_the_options_reach_the_calls_from_the_command_line(
    server: ChatServer, pair_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = ["assay", f"judge:pointwise@{server.url}:m", "--data", str(pair_file)]
    limits = ["--price", "in=1,out=2", "--price", "other:in=3,out=4", "--max-cost", "3", "--concurrency", "4", "--timeout", "9"]
    with pytest.raises(SystemExit) as done:
        main([*base, *limits, "--job-timeout", "60", "--repeat-share", "0.5", "--probe-samples", "0", "--dry-run"])
    assert done.value.code == 0
    said = capsys.readouterr().out
    assert "at most 0.0" in said
    assert "at 1.5 s a call, 4 at once" in said
    with pytest.raises(SystemExit) as done:
        main([*base, "--max-cost", "3", "--dry-run"])
    assert done.value.code == 2
    assert "needs the price of m" in capsys.readouterr().err


def test_a_benchmark_pays_no_more_for_a_judge_than_it_may(server: ChatServer, pair_file: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in pair_file.read_text().splitlines()]
    data = tmp_path / "suite.jsonl"
    data.write_text("".join(json.dumps({**row, "subset": "s"}) + "\n" for row in rows))
    options = {"data": str(data), "price": ["in=1000,out=1000"], "concurrency": 1, "out": tmp_path / "bench"}
    bench("hhh", [f"judge:pairwise@{server.url}:m"], max_cost=2.0, **options)
    calls = json.loads((tmp_path / "bench" / "run.json").read_text())["calls"]
    assert 0 < calls["cost"] <= 2.0
    assert calls["refused"] > 0


def test_a_dry_run_with_a_policy_bounds_what_the_judges_cost(server: ChatServer, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text("".join(json.dumps({"prompt": f"Question {i}?"}) + "\n" for i in range(5)))
    judge = f"judge:pointwise@{server.url}:m"
    options: dict[str, Any] = {"data": str(prompts), "policy": "never/loaded", "samples": 4, "repeat_share": 0.0, **QUICK}
    priced = {**options, "price": ["in=1000,out=1000"]}
    said = plan(judge, max_new_tokens=100, **priced)
    assert "20 calls (0 more are known already), 0 repeats" in said
    assert "as if every completion had 100 tokens" in said
    longer_ones = plan(judge, max_new_tokens=200, **priced)
    read = [int(re.findall(r"about ([\d,]+) read", text)[0].replace(",", "")) for text in (said, longer_ones)]
    assert read[1] - read[0] == 20 * 100
    assert read[0] >= 20 * 100
    assert "cost     at most " in said
    gold = plan("baseline:length", gold=judge, **options)
    assert "judge    gold: pointwise@m: 20 calls" in gold
    with pytest.raises(InputError, match="read as candidates"):
        plan(judge.replace("pointwise", "pairwise"), **options)
    assert not server.requests


def test_a_judge_as_gold_from_the_command_line(server: ChatServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = [f"answer {j}" + " word" * j for j in range(6)]
    rows = [{"prompt": f"Question {i}?", "completions": texts, "proxy": [1, 2, 3, 4, 5, -1 - i]} for i in range(12)]
    (tmp_path / "pool.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["assay", "column:proxy", "--gold", f"judge:pointwise@{server.url}:m", "--data", str(tmp_path / "pool.jsonl")]
    words += ["--price", "in=1,out=1", "--max-cost", "3", "--draws", "100", "--out", str(tmp_path / "run")]
    with pytest.raises(SystemExit) as done:
        main([*words, "--fail-if", "gold_card.kind == 'judge'"])
    assert done.value.code == 3
    said = capsys.readouterr()
    assert "cost 0.0" in said.err
    result, calls = told(tmp_path / "run")
    assert calls["asked"] == len(server.requests) == server.billed[0]
    assert result["counts"]["gold_status"]["ok"] == 72
    assert result["curve"]["gold"][0] == pytest.approx(4.5)  # the mean grade: two words and up to five more
    assert result["gold_card"]["repeat_agreement"]["value"] == 1.0
    assert result["judges"][0]["role"] == "gold"
    with pytest.raises(SystemExit) as done:
        main(words)
    assert not done.value.code
    assert len(server.requests) == calls["asked"]
