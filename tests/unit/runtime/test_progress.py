"""Progress: silent when asked to be, two plain lines at most in a log."""

from __future__ import annotations

import pytest

from pyrite.runtime.progress import progress


def test_quiet_prints_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYRITE_QUIET", "1")
    with progress("scoring", 3, "samples") as advance:
        advance(3)
    assert capsys.readouterr() == ("", "")


def test_a_log_file_gets_a_plain_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYRITE_QUIET")
    with progress("scoring", 3, "samples") as advance:
        advance(3)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("scoring: 3 samples\n")
    assert "\x1b" not in err
