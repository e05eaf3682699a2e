"""Proxy and gold against best-of-n, every point over the same prompts, with bands from resampling prompts.

`overoptimisation_curve` takes flat arrays of candidates; what it drops it counts. The length or a random number in place of
the proxy gives the baselines. Read next: `verdict.py`, which judges a curve.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyrite.errors import InputError, ShapeError
from pyrite.stats.bestofn import bestofn_curve, grid, kl_atoms, kl_bound
from pyrite.stats.simultaneous import sup_t

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Best-of-n from given pools, n by n; J values of n, P prompts that are the same at every n.

    Attributes:
        n: (J,) ascending.
        kl_bound: (J,) log n - (n - 1)/n in nats: the KL of best-of-n is at most this.
        kl_atoms: (J,) the KL for the pools as they are, ties included; never above the bound.
        proxy: (J,) mean proxy of the pick.
        proxy_low: (J,) lower end of its band.
        proxy_high: (J,) upper end of its band.
        gold: (J,) mean gold of the pick, or None without gold.
        gold_low: (J,) lower end of its band, or None.
        gold_high: (J,) upper end of its band, or None.
        band: What the bands are: "simultaneous 95 %", or why there are none (they are NaN then).
        high_variance: (J,) True where n is above a quarter of the median pool, where few draws back a prompt's value.
        num_prompts: P.
        dropped: Reason -> number of prompts left out for it.
        dropped_candidates: Candidates without proxy or gold, left out of pools that stay.
        n_max: The last n.
        gold_sd: Standard deviation of gold at n = 1, over prompts and candidates, each prompt weighing the same; or None.
        groups: (P,) the group numbers of the prompts that are used.
        clusters: (P,) their resampling units, or None where each prompt is its own.
        proxy_by_prompt: (P, J) the curve of each prompt.
        gold_by_prompt: (P, J) the curve of each prompt, or None.
        draws: Bootstrap samples behind the bands and the verdict.
        seed: Their seed.
    """

    n: NDArray[np.int64]
    kl_bound: Array
    kl_atoms: Array
    proxy: Array
    proxy_low: Array
    proxy_high: Array
    gold: Array | None
    gold_low: Array | None
    gold_high: Array | None
    band: str
    high_variance: NDArray[np.bool_]
    num_prompts: int
    dropped: Mapping[str, int]
    dropped_candidates: int
    n_max: int
    gold_sd: float | None
    groups: NDArray[np.int64]
    clusters: NDArray[np.int64] | None = field(repr=False)
    proxy_by_prompt: Array = field(repr=False)
    gold_by_prompt: Array | None = field(repr=False)
    draws: int = 1000
    seed: int = 0

    @property
    def num_dropped(self) -> int:
        """How many prompts were left out."""
        return sum(self.dropped.values())


def overoptimisation_curve(
    proxy: ArrayLike,
    gold: ArrayLike | None,
    group: ArrayLike,
    *,
    ns: Sequence[int] | NDArray[np.int64] | None = None,
    n_max: int | None = None,
    clusters: ArrayLike | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> Curve:
    """Mean proxy and gold of the candidate that best-of-n picks by proxy, for a grid of n.

    Candidates without proxy or gold (NaN) leave first; a prompt with none left leaves with its reason. Prompts with fewer
    than n_max candidates leave too, so that every n is an average over the same prompts.

    Args:
        proxy: (N,) what best-of-n maximises; NaN where there is no score. A length or a random number gives a baseline.
        gold: (N,) what it stands for; NaN where unknown. None: the proxy's own curve only.
        group: (N,) integers, equal for candidates of one prompt.
        ns: Which n; left out: `stats.bestofn.grid(n_max)`.
        n_max: The last n. Left out: the largest n that at least 90 % of the prompts with a candidate have.
        clusters: (G,) label of the resampling unit of each group number. Left out: each prompt is its own.
        draws: Bootstrap samples.
        seed: Same seed, same bands.

    Raises:
        ShapeError: The arrays differ in length.
        InputError: No prompt is left, or n_max exceeds every pool.
    """
    pools = _pools(proxy, gold, group)
    sizes = np.array([len(rows) for rows in pools.rows], dtype=np.int64)
    last = _last_n(sizes, ns, n_max)
    kept = [rows for rows, size in zip(pools.rows, sizes, strict=True) if size >= last]
    dropped = Counter(pools.dropped)
    if len(kept) < len(sizes):
        dropped[f"fewer than {last} candidates"] = len(sizes) - len(kept)
    wanted = grid(last) if ns is None else np.asarray(sorted(set(ns)), dtype=np.int64)
    proxies = [pools.proxy[rows] for rows in kept]
    groups = np.array([pools.group[rows[0]] for rows in kept], dtype=np.int64)
    units = None if clusters is None else np.unique(np.asarray(clusters)[groups], return_inverse=True)[1]
    proxy_curves = bestofn_curve(proxies, proxies, wanted)
    golds = None if pools.gold is None else [pools.gold[rows] for rows in kept]
    gold_curves = None if golds is None else bestofn_curve(proxies, golds, wanted)
    proxy_low, proxy_high, band = _band(proxy_curves, units, draws, seed)
    gold_low, gold_high = (None, None) if gold_curves is None else _band(gold_curves, units, draws, seed)[:2]
    return Curve(
        n=wanted,
        kl_bound=kl_bound(wanted),
        kl_atoms=kl_atoms(proxies, wanted),
        proxy=proxy_curves.mean(axis=0),
        proxy_low=proxy_low,
        proxy_high=proxy_high,
        gold=None if gold_curves is None else gold_curves.mean(axis=0),
        gold_low=gold_low,
        gold_high=gold_high,
        band=band,
        high_variance=wanted > np.median([len(rows) for rows in kept]) / 4,
        num_prompts=len(kept),
        dropped=dict(dropped),
        dropped_candidates=pools.num_missing,
        n_max=last,
        gold_sd=None if golds is None else _spread(golds),
        groups=groups,
        clusters=units,
        proxy_by_prompt=proxy_curves,
        gold_by_prompt=gold_curves,
        draws=draws,
        seed=seed,
    )


@dataclass(frozen=True)
class _Pools:
    """Candidates that have all they need, prompt by prompt."""

    proxy: Array
    gold: Array | None
    group: NDArray[np.int64]
    rows: list[NDArray[np.int64]]
    dropped: Counter[str]
    num_missing: int


def _pools(proxy: ArrayLike, gold: ArrayLike | None, group: ArrayLike) -> _Pools:
    """Split candidates by prompt, and leave out those without proxy or gold."""
    scores, labels = np.asarray(proxy, float), np.asarray(group)
    truth = None if gold is None else np.asarray(gold, float)
    for name, part in (("gold", truth), ("group", labels)):
        if part is not None and part.shape != scores.shape:
            raise ShapeError(f"{name} has shape {part.shape}; expected {scores.shape} to match proxy, one a candidate.")
    has_proxy = np.isfinite(scores)
    has_gold = np.ones_like(has_proxy) if truth is None else np.isfinite(truth)
    usable = has_proxy & has_gold
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order], prepend=labels.min(initial=0) - 1))
    dropped: Counter[str] = Counter()
    rows: list[NDArray[np.int64]] = []
    missing = 0
    for members in np.split(order, starts[1:]) if len(order) else []:
        left = members[usable[members]]
        if len(left):
            rows.append(left)
            missing += len(members) - len(left)
        elif not has_proxy[members].any():
            dropped["no proxy score"] += 1
        elif not has_gold[members].any():
            dropped["no gold"] += 1
        else:
            dropped["no candidate with both proxy and gold"] += 1
    return _Pools(scores, truth, labels.astype(np.int64), rows, dropped, missing)


def _last_n(sizes: NDArray[np.int64], ns: Sequence[int] | NDArray[np.int64] | None, n_max: int | None) -> int:
    """The n_max asked for, or the largest n that nine prompts in ten have."""
    if not len(sizes):
        raise InputError("No prompt has a candidate with both proxy and gold; there is no curve to draw.")
    last = n_max if n_max is not None else (max(ns) if ns is not None else None)
    if last is None:
        return int(np.sort(sizes)[::-1][int(np.ceil(0.9 * len(sizes))) - 1])
    if not 1 <= last <= sizes.max():
        raise InputError(f"n_max is {last}; expected between 1 and the largest pool, {sizes.max()} candidates.")
    return int(last)


def _band(curves: Array, clusters: NDArray[np.int64] | None, draws: int, seed: int) -> tuple[Array, Array, str]:
    """Simultaneous two-sided band of the mean curve; NaN where there are not two units to resample."""
    units = len(curves) if clusters is None else len(np.unique(clusters))
    if units < 2:
        unknown = np.full(curves.shape[1], np.nan)
        return unknown, unknown, "none: a band needs at least two prompts or clusters"
    bounds = sup_t(curves, clusters=clusters, draws=draws, seed=seed, two_sided=True)
    return bounds.low, bounds.high, "simultaneous 95 %"


def _spread(golds: Sequence[Array]) -> float:
    """Standard deviation of gold at n = 1, each prompt weighing the same."""
    mean = np.mean([pool.mean() for pool in golds])
    return float(np.sqrt(np.mean([np.mean((pool - mean) ** 2) for pool in golds])))
