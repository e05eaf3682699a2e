"""Whole files, JSON without NaN, and keys that differ exactly where the content does."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyrite.errors import InputError
from pyrite.runtime.files import cache_dir, content_key, to_json, write_whole


def test_cache_dir_obeys_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYRITE_CACHE", str(tmp_path / "kept"))
    assert cache_dir() == tmp_path / "kept"
    assert cache_dir().is_dir()


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_json_lacks_are_refused(number: float) -> None:
    with pytest.raises(InputError, match="Replace missing numbers by null"):
        to_json({"x": [number]})


def test_json_keeps_the_order_and_the_letters() -> None:
    assert to_json({"b": "é", "a": None}) == '{"b": "é", "a": null}'


def test_write_whole_replaces_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "a" / "f.txt"
    write_whole(path, "old")
    write_whole(path, b"new")
    assert path.read_text() == "new"
    assert [p.name for p in path.parent.iterdir()] == ["f.txt"]


def test_a_failed_write_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f.txt"
    write_whole(path, "old")

    def full_disk(fd: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("pyrite.runtime.files.os.fsync", full_disk)
    with pytest.raises(OSError, match="no space"):
        write_whole(path, "new")
    assert path.read_text() == "old"


def test_keys_are_equal_for_equal_content_only() -> None:
    assert content_key({"a": 1, "b": 2}) == content_key({"b": 2, "a": 1})
    assert content_key("ab", "c") != content_key("a", "bc")
    assert content_key(b"x") != content_key("x")
    assert len(content_key()) == 64
