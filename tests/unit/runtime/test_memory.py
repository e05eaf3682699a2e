"""Freed memory stays with the process, unless the user said otherwise."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from pyrite.runtime.memory import OWN, keep_freed_memory

FAULTS = """
import resource, sys, torch
from pyrite.runtime.memory import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory({})
for turn in range(12):
    if turn == 4:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    some = [torch.ones(10_000_000) for _ in range(2)]
    del some
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    return int(subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told")
def test_arrays_of_some_megabytes_need_no_fresh_pages() -> None:
    assert faults("plain") > 4 * faults("kept") + 10_000


@pytest.mark.parametrize("name", OWN)
def test_settings_of_the_user_stay(name: str) -> None:
    assert not keep_freed_memory({name: "1"})
