"""A row for each wrong input: one clear sentence, the right exit code, finished work kept."""

import json
from pathlib import Path

import pytest

from pyrite.cli import main


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    told = capsys.readouterr()
    return int(stopped.value.code or 0), told.err + told.out


GOOD = {"prompt": "p", "completions": ["a b", "c"], "proxy": [1.0, 2.0], "gold": [0.5, 0.1]}
CHAT = {**GOOD, "prompt": [{"role": "user", "content": "p"}]}


@pytest.mark.parametrize(
    ("text", "arguments", "code", "says"),
    [
        (json.dumps({"question": "p", "completions": ["a"]}), ["column:proxy"], 2, "no column prompt"),
        ("", ["column:proxy"], 2, "data.jsonl"),
        (json.dumps(GOOD) + '\n{"prompt": "p", "comp', ["column:proxy"], 2, "data.jsonl line 2"),
        (json.dumps(GOOD) + "\n" + json.dumps(CHAT), ["column:proxy"], 2, "data.jsonl line 2"),
        (json.dumps(GOOD), ["column:absent"], 2, "absent"),
        (json.dumps(GOOD), ["python:FN:nan", "--gold", "column:gold"], 0, ""),
        (json.dumps(GOOD), ["python:FN:short"], 2, "1 "),
        (json.dumps(GOOD), ["python:FN:absent"], 2, "absent"),
        (json.dumps(GOOD), ["python:nowhere.py:fn"], 2, "nowhere.py"),
        (json.dumps(GOOD), ["column:gold", "--gold", "column:gold"], 2, "the reward itself"),
        (json.dumps(GOOD), ["colum:proxy"], 2, "column"),
        (json.dumps(GOOD), ["baseline:lenght"], 2, "Close: 'length'"),
        (json.dumps(GOOD), ["column:proxy | uow"], 2, "Close: 'uwo'"),
        (json.dumps(GOOD), ["column:proxy", "--gold", "column:gold", "--n-max", "9"], 2, "n_max is 9"),
        (json.dumps(GOOD), ["column:proxy", "--columns", "prompt"], 2, "new=old"),
        (json.dumps(GOOD), ["column:proxy", "--gold-kind", "exactly", "--gold", "column:gold"], 2, "exactly"),
        (json.dumps({"prompt": "p"}), ["baseline:length"], 2, "--policy"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wrong_input(text, arguments, code, says, functions: Path, tmp_path: Path, capsys):
    data = tmp_path / "data.jsonl"
    data.write_text(text)
    arguments = [word.replace("FN", str(functions)) for word in arguments]
    exit_code, told = run(["assay", *arguments, "--data", str(data), "--out", str(tmp_path / "out"), "--draws", "100"], capsys)
    assert exit_code == code, told
    assert says in told
    assert "Traceback" not in told


def test_a_reward_that_raises_on_one_sample_is_a_status(pool_file: Path, functions: Path, tmp_path: Path, capsys):
    out = tmp_path / "out"
    arguments = ["assay", f"python:{functions}:raises", "--gold", "column:gold", "--data", str(pool_file), "--out", str(out)]
    code, _ = run([*arguments, "--draws", "100", "--probe-samples", "0"], capsys)
    counts = json.loads((out / "result.json").read_text())["counts"]
    lines = [json.loads(line) for line in (out / "scores.jsonl").read_text().splitlines()]
    failed = [line for line in lines if line["status"] == "error"]
    assert code == 0
    assert counts["status"]["error"] == 1
    assert "cannot parse this one" in failed[0]["text"]


def test_changed_arguments_on_resume_are_named_and_work_is_kept(pool_file: Path, functions: Path, tmp_path: Path, capsys):
    out = tmp_path / "out"
    common = ["--data", str(pool_file), "--out", str(out), "--draws", "100", "--probe-samples", "0"]
    assert run(["assay", f"python:{functions}:score", *common], capsys)[0] == 0
    before = (out / "scores.journal").read_bytes()
    code, told = run(["assay", f"python:{functions}:raises", *common], capsys)
    assert code == 2
    assert "reward was" in told
    assert "--fresh" in told
    assert (out / "scores.journal").read_bytes() == before


def test_an_edited_function_is_noticed_on_resume(pool_file: Path, functions: Path, tmp_path: Path, capsys):
    common = ["--data", str(pool_file), "--out", str(tmp_path / "out"), "--draws", "100", "--probe-samples", "0"]
    assert run(["assay", f"python:{functions}:score", *common], capsys)[0] == 0
    functions.write_text(functions.read_text().replace("float(len(c.split()))", "float(-len(c.split()))"))
    code, told = run(["assay", f"python:{functions}:score", *common], capsys)
    assert code == 2
    assert "reward_digest" in told


def test_dry_run_writes_nothing(pool_file: Path, tmp_path: Path, capsys):
    out = tmp_path / "out"
    code, told = run(["assay", "column:proxy", "--data", str(pool_file), "--out", str(out), "--dry-run"], capsys)
    assert code == 0
    assert "1280 from 40 rows" in told
    assert not out.exists()
