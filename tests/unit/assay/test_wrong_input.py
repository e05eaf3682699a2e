"""A row for each wrong input: one clear sentence, the right exit code, finished work kept."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from pyrite.backbones.tiny import save_tiny
from pyrite.cli import main


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    told = capsys.readouterr()
    return int(stopped.value.code or 0), told.err + told.out


GOOD = {"prompt": "p", "completions": ["a b", "c"], "proxy": [1.0, 2.0], "gold": [0.5, 0.1]}
CHAT = {**GOOD, "prompt": [{"role": "user", "content": "p"}]}


GOLD = ["--gold", "column:gold"]
ROWS = {
    "one": json.dumps(GOOD),
    "no prompt": json.dumps({"question": "p", "completions": ["a"]}),
    "empty": "",
    "half a line": json.dumps(GOOD) + '\n{"prompt": "p", "comp',
    "mixed": json.dumps(GOOD) + "\n" + json.dumps(CHAT),
    "prompts": json.dumps({"prompt": "p"}),
}
"""Name -> the content of data.jsonl."""


@dataclass(frozen=True)
class Wrong:
    """What is typed, on which data, and what must be said; FILE stands for the file of functions."""

    data: str
    words: tuple[str, ...]
    says: str
    code: int = 2


@pytest.mark.parametrize(
    "wrong",
    [
        Wrong("no prompt", ("column:proxy",), "no column prompt"),
        Wrong("empty", ("column:proxy",), "data.jsonl"),
        Wrong("half a line", ("column:proxy",), "data.jsonl line 2"),
        Wrong("mixed", ("column:proxy",), "data.jsonl line 2"),
        Wrong("prompts", ("baseline:length",), "--policy"),
        Wrong("one", ("column:absent",), "absent"),
        Wrong("one", ("python:FILE:nan", *GOLD), "", code=0),
        Wrong("one", ("python:FILE:short",), "1 "),
        Wrong("one", ("python:FILE:absent",), "absent"),
        Wrong("one", ("python:nowhere.py:fn",), "nowhere.py"),
        Wrong("one", ("column:gold", *GOLD), "the reward itself"),
        Wrong("one", ("colum:proxy",), "column"),
        Wrong("one", ("baseline:lenght",), "Close: 'length'"),
        Wrong("one", ("column:proxy | uow",), "Close: 'uwo'"),
        Wrong("one", ("column:proxy", *GOLD, "--n-max", "9"), "n_max is 9"),
        Wrong("one", ("column:proxy", "--columns", "prompt"), "new=old"),
        Wrong("one", ("column:proxy", *GOLD, "--gold-kind", "exactly"), "exactly"),
        Wrong("one", ("BARE",), "has no tokenizer", code=1),
    ],
    ids=lambda wrong: f"{wrong.data}: {' '.join(wrong.words)}",
)
def test_wrong_input(wrong: Wrong, functions: Path, capsys):
    folder = functions.parent
    (folder / "data.jsonl").write_text(ROWS[wrong.data])
    if "BARE" in wrong.words:
        save_tiny(folder / "bare")
        for file in (*(folder / "bare").glob("tokenizer*"), *(folder / "bare").glob("*.jinja")):
            file.unlink()
    words = [word.replace("FILE", str(functions)).replace("BARE", str(folder / "bare")) for word in wrong.words]
    words = ["assay", *words, "--data", str(folder / "data.jsonl"), "--out", str(folder / "out"), "--draws", "100"]
    code, told = run(words, capsys)
    assert code == wrong.code, told
    assert wrong.says in told
    assert "Traceback" not in told


def test_a_completion_longer_than_the_context_is_truncated_not_cut(tmp_path: Path, capsys):
    save_tiny(tmp_path / "rm", max_position_embeddings=64)
    rows = [{"prompt": f"p{i}", "completions": ["short", "long " * 40], "gold": [1.0, 0.0]} for i in range(3)]
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["assay", str(tmp_path / "rm"), "--data", str(tmp_path / "data.jsonl"), "--out", str(tmp_path / "out")]
    code, told = run([*words, *GOLD, "--max-length", "64", "--draws", "100", "--probe-samples", "0"], capsys)
    status = json.loads((tmp_path / "out" / "result.json").read_text())["counts"]["status"]
    assert code == 0, told
    assert status == {"ok": 3, "abstain": 0, "invalid": 0, "truncated": 3, "error": 0}


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
