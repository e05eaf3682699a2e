"""What best-of-n would return from pools that are already drawn: exactly, for every n at once.

Drawing n of N candidates without replacement and keeping the one with the highest proxy gives the k-th best candidate
(k = 0 is the best) with probability n/N * prod_{j<k} (N - n - j)/(N - 1 - j). The average over all draws is therefore a
weighted sum of the sorted pool; no resampling is needed. The weights fall off like (1 - n/N)^k, so that only the top
40 N/n ranks count and all n together cost about 40 N log N. Read next: `simultaneous.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from pyrite.errors import InputError, ShapeError

Array = NDArray[np.float64]

TAIL = 40.0
"""Ranks whose total weight is below exp(-40), about 4e-18, are left out: below the rounding of a sum in float64."""


def grid(n_max: int, *, most: int = 64, all_up_to: int = 128) -> NDArray[np.int64]:
    """The n at which a curve is drawn: every n up to 128, beyond that about 64 points in geometric progression.

    Args:
        n_max: The last n, >= 1. Both 1 and n_max are always on the grid.
        most: About how many points where the grid is thinned.
        all_up_to: The largest n_max for which nothing is left out.

    Returns:
        (J,) ascending integers.
    """
    if n_max < 1:
        raise InputError(f"n_max is {n_max}; expected at least 1.")
    if n_max <= all_up_to:
        return np.arange(1, n_max + 1)
    return np.unique(np.rint(np.geomspace(1, n_max, most)).astype(np.int64))


def rank_weights(num: int, n: int) -> Array:
    """The probability with which best-of-n returns each rank of a pool: (num,), best first, sums to 1.

    w_0 = n/N and w_k = w_{k-1} * (N - n - k + 1)/(N - k): the same numbers as C(N - 1 - k, n - 1)/C(N, n).

    Args:
        num: N, the size of the pool.
        n: How many candidates are drawn without replacement, 1 <= n <= N.

    Source: the unbiased estimator of Nakano et al. 2021, arXiv:2112.09332, without ties.
    """
    return _weight_block(num, np.array([n]), num)[0]


def _weight_block(num: int, ns: NDArray[np.int64], ranks: int) -> Array:
    """(len(ns), ranks) weights of the top ranks."""
    steps = np.arange(ranks - 1, dtype=np.float64)
    ratio = np.empty((len(ns), ranks))
    ratio[:, 0] = ns / num
    ratio[:, 1:] = np.maximum(num - ns[:, None] - steps, 0.0) / (num - 1.0 - steps)
    return np.cumprod(ratio, axis=1, out=ratio)


def _top_ranks(num: int, n: int) -> int:
    """How many top ranks hold all but exp(-TAIL) of the weight; the rest is at most (1 - K/N)^n."""
    return min(num, int(np.ceil(-num * np.expm1(-TAIL / n))) + 1)


def _blocks(num: int, ns: NDArray[np.int64]) -> Iterator[tuple[slice, int]]:
    """Runs of n that differ by at most a quarter, each with the number of ranks its smallest n needs."""
    start = 0
    while start < len(ns):
        stop = _end_of_block(ns, start)
        yield slice(start, stop), _top_ranks(num, int(ns[start]))
        start = stop


def _end_of_block(ns: NDArray[np.int64], start: int) -> int:
    """Where the run of n that differ by at most a quarter from ns[start] ends."""
    return int(np.searchsorted(ns, max(ns[start] * 1.25, ns[start] + 4), side="right"))


def sorted_values(proxy: Array, value: Array) -> Array:
    """One pool's values in descending order of its proxy, with every tie group replaced by its mean: (N,)."""
    order = np.argsort(-proxy, kind="stable")
    ranked = value[order]
    heads = np.flatnonzero(np.diff(proxy[order], prepend=np.nan) != 0)
    if len(heads) == len(ranked):
        return ranked
    sizes = np.diff(np.append(heads, len(ranked)))
    return np.repeat(np.add.reduceat(ranked, heads) / sizes, sizes)


def bestofn_curve(proxies: Sequence[Array], values: Sequence[Array], ns: Sequence[int] | NDArray[np.int64]) -> Array:
    """The expected value of the candidate that best-of-n picks, for every prompt and every n.

    curve[p, j] = mean over all subsets of ns[j] candidates of prompt p of the value at the highest proxy, where tied
    candidates are equally likely to be picked. Unbiased for a fresh pool of n candidates.

    Args:
        proxies: P pools, (N_p,) each, finite: what is maximised.
        values: P pools, (N_p,) each, finite: what is averaged; the proxy itself, gold, a length.
        ns: (J,) ascending, 1 <= n <= the smallest N_p.

    Returns:
        (P, J) float64. Weights that add up to less than 1e-17 are left out.

    Raises:
        ShapeError: A pool's proxies and values differ in number.
        InputError: An n is out of range or not ascending, or a number is not finite.

    Example:
        >>> bestofn_curve([np.array([1.0, 2.0, 3.0])], [np.array([0.0, 6.0, 3.0])], [1, 2, 3])
        array([[3., 4., 3.]])

    Source: Nakano et al. 2021, arXiv:2112.09332; used by Gao et al. 2022, arXiv:2210.10760.
    Departs: Ties are averaged, where the usual code takes whatever the sort puts last.
    """
    wanted = _checked(proxies, values, ns)
    by_size: dict[int, list[int]] = defaultdict(list)
    for p, proxy in enumerate(proxies):
        by_size[len(proxy)].append(p)
    curve = np.empty((len(proxies), len(wanted)))
    for num, members in by_size.items():
        ranked = np.stack([sorted_values(np.asarray(proxies[p], float), np.asarray(values[p], float)) for p in members])
        for block, ranks in _blocks(num, wanted):
            # in this order, since two-threaded BLAS is ten times slower on a short block times a tall matrix
            curve[members, block] = ranked[:, :ranks] @ _weight_block(num, wanted[block], ranks).T
    return curve


def _checked(proxies: Sequence[Array], values: Sequence[Array], ns: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """The ns as an array, after the checks that `bestofn_curve` promises."""
    wanted = np.asarray(ns, dtype=np.int64)
    if len(proxies) != len(values):
        raise ShapeError(f"There are {len(proxies)} pools of proxies and {len(values)} of values; expected as many.")
    for p, (proxy, value) in enumerate(zip(proxies, values, strict=True)):
        if np.shape(proxy) != np.shape(value) or np.ndim(proxy) != 1:
            raise ShapeError(f"Pool {p} has proxies {np.shape(proxy)} and values {np.shape(value)}; expected (N,) both.")
        if not (np.isfinite(proxy).all() and np.isfinite(value).all()):
            raise InputError(f"Pool {p} holds a number that is not finite; leave candidates without a score out first.")
    smallest = min((len(proxy) for proxy in proxies), default=0)
    if wanted.ndim != 1 or len(wanted) == 0 or (np.diff(wanted) <= 0).any() or wanted[0] < 1 or wanted[-1] > smallest:
        raise InputError(f"ns runs from {ns[0]} to {ns[-1]}; expected ascending n between 1 and the smallest pool, {smallest}.")
    return wanted


def kl_bound(n: Sequence[int] | NDArray[np.int64]) -> Array:
    """An upper bound on KL(best-of-n, base) in nats: log n - (n - 1)/n, same shape as `n`.

    Equal to the KL where no two completions can tie on the proxy; otherwise above it. Say "at most" beside it.

    Source: Stiennon et al. 2020, arXiv:2009.01325, G.3; the bound for ties is Beirami et al. 2024, arXiv:2401.01879.
    """
    count = np.asarray(n, dtype=np.float64)
    return np.log(count) - (count - 1) / count


def kl_atoms(proxies: Sequence[Array], ns: Sequence[int] | NDArray[np.int64]) -> Array:
    """KL(best-of-n, base) in nats for the pools as they are, ties and all: (J,), the mean over prompts.

    Takes each pool as the base distribution. A tie group a with base mass p and distribution function F gets the mass
    q = F(a)^n - F(a-)^n, shared inside the group as in the base, so that KL = sum_a q log(q/p). Never above `kl_bound`.
    Without ties it is still below the bound where n is no longer small beside N, because a pool of N has N atoms.

    Args:
        proxies: P pools, (N_p,) each, finite.
        ns: (J,) ascending, >= 1.
    """
    wanted = np.asarray(ns, dtype=np.int64)
    known: dict[bytes, Array] = {}
    total = np.zeros(len(wanted))
    for proxy in proxies:
        sizes = np.unique(-np.asarray(proxy, float), return_counts=True)[1]
        key = sizes.tobytes()
        if key not in known:
            known[key] = _kl_of_atoms(sizes / sizes.sum(), wanted)
        total += known[key]
    return np.minimum(total / max(len(proxies), 1), kl_bound(wanted))


def _kl_of_atoms(mass: Array, ns: NDArray[np.int64]) -> Array:
    """KL of best-of-n for atoms listed best first; atoms out of reach of the largest share are left out."""
    above = np.concatenate([[0.0], np.cumsum(mass)[:-1]])
    with np.errstate(divide="ignore"):
        log_at = np.log1p(-above)  # log F(a): the mass at or below each atom
        log_below = np.log1p(-np.minimum(above + mass, 1.0))
    kl, start = np.empty(len(ns)), 0
    while start < len(ns):
        stop = _end_of_block(ns, start)
        reach = int(np.searchsorted(-log_at, TAIL / ns[start], side="right"))
        n, top, below = ns[start:stop, None], log_at[:reach], log_below[:reach]
        picked = -np.exp(n * top) * np.expm1(n * (below - top))
        kl[start:stop] = np.sum(picked * np.log(np.maximum(picked, 1e-300) / mass[:reach]), axis=1)
        start = stop
    return kl
