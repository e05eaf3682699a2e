"""The journal: finished work survives, half a line does not, other arguments are refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pyrite.errors import CheckpointError, InputError
from pyrite.runtime.journal import Journal

ARGUMENTS = {"seed": 1, "data": "f.jsonl"}


def test_finished_items_are_there_after_reopening(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "deep" / "j.jsonl", ARGUMENTS)
    journal.append("b", {"score": 1.5})
    journal.append("a", [1, None])
    again = Journal(tmp_path / "deep" / "j.jsonl", ARGUMENTS)
    assert list(again) == ["b", "a"]
    assert again["b"] == {"score": 1.5}
    assert "a" in again
    assert "c" not in again
    assert len(again) == 2


@pytest.mark.parametrize("half", [b'{"key": "c", "val', b'{"key": "c", "value": 1}', b"\xff"])
def test_a_half_written_last_line_is_dropped(tmp_path: Path, half: bytes) -> None:
    path = tmp_path / "j.jsonl"
    Journal(path, ARGUMENTS).append("a", 1)
    whole = path.read_bytes()
    path.write_bytes(whole + half)
    again = Journal(path, ARGUMENTS)
    assert list(again) == ["a"]
    again.append("c", 2)
    assert list(Journal(path, ARGUMENTS)) == ["a", "c"]


def test_half_a_first_line_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    path.write_bytes(b'{"format": "pyr')
    Journal(path, ARGUMENTS).append("a", 1)
    assert list(Journal(path, ARGUMENTS)) == ["a"]


def test_other_arguments_are_refused_and_named(tmp_path: Path) -> None:
    Journal(tmp_path / "j.jsonl", ARGUMENTS)
    with pytest.raises(InputError, match=r"seed was 1, now 2\. Repeat the old ones, use another --out, or add --fresh"):
        Journal(tmp_path / "j.jsonl", {**ARGUMENTS, "seed": 2})


def test_an_argument_that_only_one_run_has_is_named(tmp_path: Path) -> None:
    Journal(tmp_path / "j.jsonl", ARGUMENTS)
    with pytest.raises(InputError, match="limit was None, now 5"):
        Journal(tmp_path / "j.jsonl", {**ARGUMENTS, "limit": 5})


def test_arguments_are_compared_as_json(tmp_path: Path) -> None:
    Journal(tmp_path / "j.jsonl", {"guards": ("uwo", "wco")}).append("a", 1)
    assert "a" in Journal(tmp_path / "j.jsonl", {"guards": ["uwo", "wco"]})


def test_fresh_starts_over_and_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    Journal(path, ARGUMENTS).append("a", 1)
    fresh = Journal(path, {"seed": 2}, fresh=True)
    assert len(fresh) == 0
    assert '"a"' in (tmp_path / "j.jsonl.old").read_text()


def test_a_damaged_line_in_the_middle_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    Journal(path, ARGUMENTS)
    path.write_bytes(path.read_bytes() + b"{broken\n" + b'{"key": "a", "value": 1}\n')
    with pytest.raises(CheckpointError, match="is damaged"):
        Journal(path, ARGUMENTS)


def test_another_file_is_not_taken_for_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    path.write_text(json.dumps({"prompt": "hello"}) + "\n")
    with pytest.raises(CheckpointError, match=r"is not a pyrite.journal/1 file"):
        Journal(path, ARGUMENTS)


def test_a_value_that_json_lacks_is_refused_before_it_is_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.jsonl", ARGUMENTS)
    with pytest.raises(InputError, match="Cannot write JSON"):
        journal.append("a", float("nan"))
    assert "a" not in Journal(tmp_path / "j.jsonl", ARGUMENTS)


KILLED = """
import os, signal, sys
from pathlib import Path
from pyrite.runtime.journal import Journal
journal = Journal(Path(sys.argv[1]), {"seed": 1})
for i in range(3):
    journal.append(str(i), i)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_kill_minus_nine_loses_no_finished_item(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    run = subprocess.run([sys.executable, "-c", KILLED, str(path)], env=os.environ, check=False)
    assert run.returncode == -signal.SIGKILL
    assert list(Journal(path, {"seed": 1})) == ["0", "1", "2"]
