"""What the benchmarks time with: the clock on the wall, or the seconds of the processor, for a machine that does other work too."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}
"""Name, as `--clock` takes it -> seconds since some moment."""

Way = Callable[[list[Any]], Any]
"""Rows -> a tensor with a number for each."""


def in_turn(
    ways: dict[str, Way], clock: Callable[[], float], parts: Sequence[list[Any]]
) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Seconds of each way for each part of the rows, and what it gave; the ways take turns from one part to the next."""
    import torch

    took: dict[str, list[float]] = {name: [] for name in ways}
    values: dict[str, list[torch.Tensor]] = {name: [] for name in ways}
    for part in parts:
        for name, way in ways.items():
            begun = clock()
            values[name].append(way(part))
            took[name].append(clock() - begun)
    return took, {name: torch.cat(found) for name, found in values.items()}


def gain(took: dict[str, list[float]], slow: str, fast: str) -> dict[str, float]:
    """How many times as fast one way is as another: over all parts, and in the part where it is least and most so."""
    each = [a / b for a, b in zip(took[slow], took[fast], strict=True)]
    return {"ratio": sum(took[slow]) / sum(took[fast]), "least": min(each), "most": max(each)}
