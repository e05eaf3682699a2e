"""How long does a full over-optimisation curve take? 200 prompts x 12,500 candidates, every n, 1,000 bootstrap draws.

    python benchmarks/curve.py [--quick] [--json]

Three timings: our curve of proxy and gold for every n; the bootstrap (simultaneous bounds of gold(m) - gold(n_max) over all
n); and the sequential way that public code takes, one weight vector for each prompt and n, on a stated share of the prompts
and n, scaled up to the whole. The same n of the same prompts must agree to 1e-9, or the script stops.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from pyrite.runtime.files import to_json
from pyrite.stats.bestofn import bestofn_curve, kl_atoms
from pyrite.stats.simultaneous import sup_t


def sequential(ranked: list[float], n: int) -> float:
    """Best-of-n of one prompt, worst first, by the recurrence w_i = w_(i+1) (i + 1 - n)/i over the whole pool."""
    num = len(ranked)
    weight = n / num
    total = weight * ranked[-1]
    for i in range(num - 1, n - 1, -1):
        weight *= (i + 1 - n) / i
        total += weight * ranked[i - 1]
    return total


def vectorised(ranked: np.ndarray, n: int) -> float:
    """The same recurrence as one cumulative product, still for one prompt and one n; worst first."""
    num = len(ranked)
    steps = np.arange(num - 1)
    weights = n / num * np.cumprod(np.concatenate([[1.0], np.maximum(num - n - steps, 0) / (num - 1 - steps)]))
    return float(weights @ ranked[::-1])


def timed(work, *arguments):
    """(seconds, result) of one call."""
    start = time.perf_counter()
    result = work(*arguments)
    return time.perf_counter() - start, result


def main() -> None:
    """Time the three, check that they agree, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20 prompts x 1,000 candidates")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    prompts, num, draws = (20, 1000, 200) if arguments.quick else (200, 12_500, 1000)
    rng = np.random.default_rng(0)
    proxies = list(rng.normal(size=(prompts, num)))
    golds = [proxy + rng.standard_t(3, size=num) for proxy in proxies]
    ns = np.arange(1, num + 1)

    seconds_curve, (_, gold) = timed(lambda: (bestofn_curve(proxies, proxies, ns), bestofn_curve(proxies, golds, ns)))
    seconds_bounds, bounds = timed(lambda: sup_t(gold[:, :-1] - gold[:, -1:], draws=draws))
    seconds_kl, _ = timed(lambda: kl_atoms(proxies, ns))

    some = np.unique(np.geomspace(1, num, 8).astype(int))
    few = np.linspace(1, num, 4).astype(int)
    ranked = [golds[p][np.argsort(proxies[p], kind="stable")] for p in range(4)]  # sorting is not timed
    seconds_vector, by_vector = timed(lambda: [[vectorised(pool, int(n)) for n in some] for pool in ranked])
    worst_first = ranked[0].tolist()
    seconds_loop, by_loop = timed(lambda: [sequential(worst_first, int(n)) for n in few])
    np.testing.assert_allclose(gold[:4, some - 1], by_vector, rtol=0, atol=1e-9)
    np.testing.assert_allclose(gold[0, few - 1], by_loop, rtol=0, atol=1e-9)

    whole = 2 * prompts * num  # proxy and gold
    found = {
        "prompts": prompts,
        "candidates": num,
        "points": num,
        "draws": draws,
        "curve_seconds": seconds_curve,
        "bounds_seconds": seconds_bounds,
        "kl_seconds": seconds_kl,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "vectorised_reference_seconds": seconds_vector / (4 * len(some)) * whole,
        "vectorised_reference_share": 4 * len(some) / whole,
        "loop_reference_seconds": seconds_loop / len(few) * whole,
        "loop_reference_share": len(few) / whole,
        "critical": bounds.critical[0],
    }
    if arguments.json:
        print(to_json(found, indent=1))
        return
    print(f"{prompts} prompts x {num} candidates, every n, proxy and gold: {seconds_curve:.1f} s")
    print(
        f"simultaneous bounds of {num - 1} differences, {draws} draws: {seconds_bounds:.1f} s; KL with ties: {seconds_kl:.1f} s"
    )
    print(f"peak memory {found['peak_memory_mb']:.0f} MB")
    for name in ("vectorised", "loop"):
        seconds, share = found[f"{name}_reference_seconds"], found[f"{name}_reference_share"]
        print(
            f"reference, {name}, one prompt and one n at a time: {seconds:.0f} s, scaled up from {share:.1g} of the work; "
            f"ours is {seconds / seconds_curve:.0f} times as fast"
        )


if __name__ == "__main__":
    main()
