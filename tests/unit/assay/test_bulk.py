"""Files of scores: the right score beside each row, whatever kills the run, however many processes share it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pyrite.assay import bulk_score
from pyrite.assay.bulk import Bulk, score_file
from pyrite.errors import CheckpointError, InputError


def write(path: Path, rows: Sequence[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def candidates(count: int) -> list[dict[str, Any]]:
    return [{"id": k, "prompt": f"p{k}", "completions": ["x " * (j + k % 7) for j in range(3)]} for k in range(count)]


def test_candidates_get_a_score_and_a_status_each(tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl", candidates(10))
    told = score_file(Bulk("baseline:length", data, tmp_path / "out.jsonl", chunk=7))
    rows = read(tmp_path / "out.jsonl")
    assert [row["scores"] for row in rows] == [[float(j + k % 7) for j in range(3)] for k in range(10)]
    assert rows[3] == {**candidates(10)[3], "scores": [3.0, 4.0, 5.0], "statuses": ["ok"] * 3}
    assert (told["rows"], told["samples"]) == (10, {"ok": 30})


def test_pairs_and_single_completions_have_columns_of_their_own(tmp_path: Path) -> None:
    pairs = write(tmp_path / "pairs.jsonl", [{"prompt": "p", "chosen": "one two three four", "rejected": "x"}])
    score_file(Bulk("baseline:length", pairs, tmp_path / "a.jsonl", only_scores=True))
    assert read(tmp_path / "a.jsonl") == [{"score_chosen": 4.0, "score_rejected": 1.0, "statuses": ["ok", "ok"]}]
    single = write(tmp_path / "single.jsonl", [{"prompt": "p", "completion": "one two three four", "id": "a"}])
    score_file(Bulk("baseline:length", single, tmp_path / "b.jsonl", only_scores=True))
    assert read(tmp_path / "b.jsonl") == [{"id": "a", "score": 4.0, "status": "ok"}]


def test_a_sample_without_a_score_has_null_and_the_reason(tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl", [{"prompt": "p", "completions": ["a", "b"], "proxy": [0.5, None]}])
    told = score_file(Bulk("column:proxy", data, tmp_path / "out.jsonl"))
    (row,) = read(tmp_path / "out.jsonl")
    assert row["scores"] == [0.5, None]
    assert row["statuses"] == ["ok", "abstain"]
    assert told["samples"] == {"ok": 1, "abstain": 1}


def test_bad_rows_stop_the_run_or_are_left_out_and_told(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    lines = [json.dumps(row) for row in candidates(4)]
    path.write_text(
        "\n".join([lines[0], '{"prompt": "half', lines[1], json.dumps({"prompt": "p", "completions": 3}), lines[2]])
    )
    with pytest.raises(InputError, match="line 2"):
        score_file(Bulk("baseline:length", str(path), tmp_path / "out.jsonl"))
    told = score_file(Bulk("baseline:length", str(path), tmp_path / "good.jsonl", skip_bad=True, chunk=1))
    assert [row["id"] for row in read(tmp_path / "good.jsonl")] == [0, 1, 2]
    assert told["bad_rows"] == 2
    assert "line 2" in told["bad"][0]
    assert "line 4" in told["bad"][1]


class Killed(BaseException):
    """Stands for kill -9: nothing in the package catches it."""


@pytest.mark.parametrize("torn", [0, 17])
@pytest.mark.parametrize("after", [1, 2, 5])
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int, torn: int) -> None:
    data = write(tmp_path / "data.jsonl", candidates(40))
    score_file(Bulk("baseline:length", data, tmp_path / "whole.jsonl", chunk=20))
    job = Bulk("baseline:length", data, tmp_path / "out.jsonl", chunk=20)
    plain, calls = bulk_score.scored_lines, []

    def dies(*args: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) > after:
            raise Killed
        return plain(*args, **options)

    monkeypatch.setattr(bulk_score, "scored_lines", dies)
    with pytest.raises(Killed):
        score_file(job)
    monkeypatch.setattr(bulk_score, "scored_lines", lambda *args, **options: (calls.append(1), plain(*args, **options))[1])
    with job.out.open("ab") as file:
        file.write(b'{"prompt": "torn'[:torn])
    done = len(calls) - 1
    score_file(job)
    assert len(calls) - 1 - done == 6 - after, "a chunk that is on disk is not scored again"
    assert job.out.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_a_finished_run_says_so_without_scoring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write(tmp_path / "data.jsonl", candidates(5))
    job = Bulk("baseline:length", data, tmp_path / "out.jsonl")
    first = score_file(job)
    monkeypatch.setattr(bulk_score, "scored_lines", lambda *args, **options: pytest.fail("scored again"))
    assert score_file(job)["samples"] == first["samples"]


def test_other_arguments_other_data_and_foreign_files_are_refused(tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl", candidates(5))
    out = tmp_path / "out.jsonl"
    score_file(Bulk("baseline:length", data, out))
    with pytest.raises(InputError, match="reward was 'baseline:length', now 'baseline:random'"):
        score_file(Bulk("baseline:random", data, out))
    write(tmp_path / "data.jsonl", candidates(6))
    with pytest.raises(InputError, match="content was"):
        score_file(Bulk("baseline:length", data, out))
    score_file(Bulk("baseline:length", data, out), fresh=True)
    assert len(read(out)) == 6
    out.write_text("short")
    with pytest.raises(CheckpointError, match="5 bytes"):
        score_file(Bulk("baseline:length", data, out))
    foreign = tmp_path / "notes.jsonl"
    foreign.write_text("mine\n")
    with pytest.raises(InputError, match="not written by pyrite score"):
        score_file(Bulk("baseline:length", data, foreign))
    assert foreign.read_text() == "mine\n"
    with pytest.raises(InputError, match=r"ends in \.jsonl"):
        score_file(Bulk("baseline:length", data, tmp_path / "out.csv"))


def test_a_normalised_sum_is_refused(tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl", candidates(5))
    with pytest.raises(InputError, match="normalised within prompts"):
        score_file(Bulk("sum(normalize_then_sum):1*baseline:length,1*baseline:random", data, tmp_path / "out.jsonl"))


def test_a_command_that_failed_before_it_scored_does_not_stand_in_the_way(tmp_path: Path) -> None:
    data, out = write(tmp_path / "data.jsonl", candidates(3)), tmp_path / "out.jsonl"
    with pytest.raises(InputError, match="does not say who writes it"):
        score_file(Bulk("http://127.0.0.1:9/classify", data, out))
    score_file(Bulk("baseline:length", data, out))
    assert len(read(out)) == 3
    with pytest.raises(InputError, match="begun with other arguments"):
        score_file(Bulk("baseline:random", data, out))


@pytest.mark.slow
def test_two_processes_write_what_one_does(tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl", [*candidates(30), {"prompt": "p"}, *candidates(9)])
    one = tmp_path / "one.jsonl"
    score_file(Bulk("baseline:length", data, one, skip_bad=True, chunk=10))
    two = tmp_path / "two.jsonl"
    command = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", "--num_machines", "1"]
    command += ["--mixed_precision", "no", "--dynamo_backend", "no", "-m", "pyrite", "score", "baseline:length"]
    command += ["--data", data, "--out", str(two), "--skip-bad", "--chunk", "10", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False)
    assert done.returncode == 0, done.stderr
    assert two.read_bytes() == one.read_bytes()
    told = json.loads(done.stdout.strip().splitlines()[-1])
    assert (told["rows"], told["samples"], told["bad_rows"]) == (40, {"ok": 117}, 1)
    score_file(Bulk("baseline:length", data, one, skip_bad=True, chunk=10))
    with pytest.raises(InputError, match="chunk was 10"):
        score_file(Bulk("baseline:length", data, two, skip_bad=True))


def test_the_commands_of_the_page_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pyrite.cli import main

    root = Path(__file__).resolve().parents[3]
    (block,) = re.findall(r"```bash\n(.*?)```", (root / "docs" / "score.md").read_text(), re.DOTALL)
    shutil.copy(root / "examples" / "samples.jsonl", tmp_path / "samples.jsonl")
    monkeypatch.chdir(tmp_path)
    commands = block.strip().splitlines()
    assert len(commands) == 5
    for command in commands:
        with pytest.raises(SystemExit) as stopped:
            main(shlex.split(command)[1:])
        assert not stopped.value.code, command
    assert len(read(tmp_path / "scored.jsonl")) == 40
    assert set(read(tmp_path / "small.jsonl")[0]) == {"scores", "statuses"}
