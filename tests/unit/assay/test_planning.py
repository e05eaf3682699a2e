"""`--dry-run` of scores and benchmarks: the tokens and calls that the run then takes, and nothing run or asked for them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pyrite.assay.bulk import Bulk, plan_file, score_file
from pyrite.backbones import tally
from pyrite.backbones.tiny import save_tiny
from pyrite.cli import cli
from pyrite.testing.chat_server import ChatServer
from tests.unit.evals.bench_rows import write


@pytest.fixture(autouse=True)
def rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYRITE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(tally, "matrix_rate", lambda *_, **__: 1e6)


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


def rows_file(tmp_path: Path) -> str:
    rows = [{"prompt": f"Question {k}?", "completions": [f"Answer {k}, {j}." for j in range(3)]} for k in range(6)]
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prompt": "p", "completions": 1}\n' + "".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_the_tokens_of_a_file_are_those_that_are_then_read(tmp_path: Path) -> None:
    model = save_tiny(tmp_path / "rm")
    job = Bulk(str(model), rows_file(tmp_path), tmp_path / "out.jsonl", chunk=9, skip_bad=True)
    said = plan_file(job)
    assert not job.out.exists()
    assert "18 from 6 rows of" in said
    assert "without 1 bad ones" in said
    told = score_file(job)
    assert f"18 texts, {told['tokens']:,} tokens ({told['unique_tokens']:,} unique)" in said
    seconds, weights = re.findall(r"at least ([\d.]+) s: 2 x ([\d,]+) weights", said)[0]
    expected = 2 * int(weights.replace(",", "")) * told["unique_tokens"] / 1e6
    assert float(seconds) == pytest.approx(expected, rel=0.06)


def test_each_part_of_a_reward_has_its_lines_and_a_judge_is_not_asked(tmp_path: Path) -> None:
    model, data, out = save_tiny(tmp_path / "rm"), rows_file(tmp_path), tmp_path / "out.jsonl"
    with ChatServer(lambda body: "Grade: 5") as server:
        judge = f"judge:pointwise@{server.url}:m"
        words = ["score", f"sum:1*{model},1*{judge}", "--data", data, "--out", str(out), "--skip-bad", "--concurrency", "2"]
        said = run(*words, "--dry-run", "--price", "in=1,out=2")
        assert not server.requests
        assert said.exit_code == 0, said.output
        assert "network  reward: rm: 18 texts" in said.output
        assert "pointwise@m: 18 calls (0 more are known already)" in said.output
        assert re.search(r"cost     at most [\d.]+\ntime     about 0.2 minutes at 1.5 s a call, 2 at once", said.output)
        assert not out.exists()
        assert run(*words).exit_code == 0
        assert "0 calls (18 more are known already)" in run(*words, "--dry-run").output


def test_a_benchmark_counts_completions_of_a_score_and_both_orders_of_a_comparison(tmp_path: Path) -> None:
    model, data = save_tiny(tmp_path / "rm"), str(write(tmp_path, "judgebench"))
    with ChatServer(lambda body: "[[A]]") as server:
        words = ["bench", "judgebench", "--data", data, "--reward", str(model), "--reward", f"judge:pairwise@{server.url}:m"]
        words += ["--out", str(tmp_path / "out")]
        said = run(*words, "--dry-run")
        assert said.exit_code == 0, said.output
        assert not server.requests
        assert not (tmp_path / "out").exists()
        assert "suite    judgebench/2024-10: 5 questions from 5 rows" in said.output
        assert f"reward   {model}: 10 scores\nnetwork  reward: rm: 10 texts" in said.output
        assert "m: 5 pairs compared\njudge    reward: pairwise@m: 10 calls" in said.output
        assert run(*words).exit_code == 0
        assert len(server.requests) == 10
