"""Curves of a result made ready to draw: points that exist, at most as many as the eye can tell apart."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from pyrite.report.result import applies

MOST_POINTS = 128


@dataclass(frozen=True)
class Series:
    """One curve with its band.

    Attributes:
        n: (J,) numbers of completions, rising.
        mid: (J,) estimates.
        low: (J,) lower bounds; empty where the curve has no band.
        high: (J,) upper bounds; empty where the curve has no band.
    """

    n: tuple[int, ...]
    mid: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def values(self) -> tuple[float, ...]:
        """Everything a scale must cover."""
        return (*self.mid, *self.low, *self.high)

    def at(self, n: int) -> float | None:
        """The estimate at n; None where the curve has no such point."""
        return dict(zip(self.n, self.mid, strict=True)).get(n)


def series(block: Any, name: str, keep: Collection[int] = ()) -> Series | None:
    """The curve `name` of a block with arrays over `n`; None where the block or the curve does not apply.

    Args:
        block: A curve of the result.
        name: `gold` or `proxy`; bounds are `name_low` and `name_high`.
        keep: Values of n that are never thinned out.
    """
    if not isinstance(block, Mapping) or not applies(block) or not _along(block, name):
        return None
    mid, wanted = block[name], set(thinned(block["n"], keep))
    places = [i for i, n in enumerate(block["n"]) if n in wanted and mid[i] is not None]
    if not places:
        return None
    sides = (f"{name}_low", f"{name}_high")
    whole = all(_along(block, side) and all(block[side][i] is not None for i in places) for side in sides)
    low, high = ([block[side][i] for i in places] if whole else [] for side in sides)
    return Series(tuple(block["n"][i] for i in places), tuple(mid[i] for i in places), tuple(low), tuple(high))


def thinned(ns: Sequence[int], keep: Collection[int] = (), most: int = MOST_POINTS) -> list[int]:
    """At most about `most` values of n, evenly spaced on a log axis, with the ends and `keep` among them.

    Args:
        ns: Values of n, rising.
        keep: Values that stay.
        most: How many to aim for.
    """
    if len(ns) <= most:
        return list(ns)
    first, last = math.log(ns[0]), math.log(ns[-1])
    wanted = {ns[0], ns[-1], *(n for n in keep if ns[min(bisect_left(ns, n), len(ns) - 1)] == n)}
    for step in range(most):
        target = math.exp(first + (last - first) * step / (most - 1))
        place = min(bisect_left(ns, target), len(ns) - 1)
        wanted.add(min(ns[max(place - 1, 0)], ns[place], key=lambda n, target=target: abs(n - target)))
    return sorted(wanted)


def shaky_from(curve: Any) -> int | None:
    """The first n whose estimate rests on few completions (n above a quarter of the pool), or None."""
    flags = curve.get("high_variance") if isinstance(curve, Mapping) else None
    if not _listed(flags):
        return None
    return next((n for n, flag in zip(curve["n"], flags, strict=True) if flag), None)


def best_set(result: Mapping[str, Any]) -> tuple[list[int], int | None]:
    """The n not separable from the best and the n of the best estimate; nothing where there is no turning point."""
    turning = result["turning"]
    if not isinstance(turning, Mapping) or not applies(turning):
        return [], None
    return list(turning.get("set") or []), turning.get("best")


def kl_at(curve: Mapping[str, Any], n: int) -> float | None:
    """The bound on KL at n, from the curve's own array; None where the axis does not apply or lacks that n."""
    bound = curve.get("kl_bound")
    return dict(zip(curve["n"], bound, strict=True)).get(n) if _listed(bound) and bound else None


def _along(block: Mapping[str, Any], name: str) -> bool:
    """Whether a block has an array of that name with an entry for each n."""
    values = block.get(name)
    return _listed(values) and len(values) == len(block["n"])


def _listed(value: Any) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, list | tuple)
