"""Memory that was freed stays with the process: activations of the next batch then need no fresh pages.

A batch on a CPU makes and frees arrays of some megabytes for every layer. glibc gives such memory back to the system at once
and asks for it again a moment later, and the system clears each page before it hands it out.
"""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Mapping

KEPT = 512 * 2**20
"""Bytes of freed memory at the end of the heap that are not given back."""
LARGE = 256 * 2**20
"""Bytes from which an array still gets pages of its own, given back when it is freed: weights rather than activations."""
OLD_LARGE = 32 * 2**20
"""The most that older versions of glibc take for it."""
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""What `mallopt` calls the two."""
OWN = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "GLIBC_TUNABLES", "LD_PRELOAD")
"""Variables by which a user says how memory is to be handled."""


def keep_freed_memory(environ: Mapping[str, str] = os.environ) -> bool:
    """Let glibc keep up to `KEPT` bytes of freed memory; for the whole process, so for programs rather than libraries.

    Args:
        environ: Where a user may have settled it already (`OWN`).

    Returns:
        Whether it was done: not with another C library, nor against the user's own settings.
    """
    if platform.libc_ver()[0] != "glibc" or any(name in environ for name in OWN):
        return False
    mallopt = ctypes.CDLL(None).mallopt
    large = mallopt(MMAP_THRESHOLD, LARGE) or mallopt(MMAP_THRESHOLD, OLD_LARGE)
    return bool(large and mallopt(TRIM_THRESHOLD, KEPT))
