"""The verdict in plain words, from its numbers. Read first: `verdict.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pyrite.evals.curves import Curve
from pyrite.evals.verdict import Verdict
from pyrite.stats.intervals import Interval


def write(verdict: Verdict, curve: Curve, gold_name: str, systems: bool) -> Verdict:
    """The verdict with its sentence filled in."""
    finding = {"FALLS": _falls, "HOLDS": _holds, "CANNOT TELL": _cannot_tell, "NO GOLD": _no_gold}[verdict.word]
    sentence = f"{verdict.word}. {finding(verdict, curve, gold_name)} {_prompts(curve)}"
    if curve.gold is not None:
        where = "Selection among systems" if systems else "Best-of-n from this pool"
        sentence += f" {where}; not a KL budget for training."
    return replace(verdict, sentence=sentence)


def _falls(verdict: Verdict, curve: Curve, gold_name: str) -> str:
    assert curve.gold is not None
    assert verdict.turning is not None
    start, best, last = curve.gold[0], float(curve.gold.max()), curve.gold[-1]
    others = [n for n in verdict.turning if n != verdict.best_n]
    more = f" ({_runs(verdict.turning, curve.n)} do as well)" if others else ""
    name = gold_name[:1].upper() + gold_name[1:]
    loss = f"a loss of {verdict.loss_beyond} with n chosen on other prompts" if verdict.loss_beyond else "lower"
    if verdict.best_n == curve.n[0]:
        text = f"{name} falls from the start: {start:.2f} at n = {curve.n[0]}{more} to {last:.2f} at n = {curve.n_max}, {loss}."
    else:
        text = f"{name} rises {start:.2f} to {best:.2f} at n = {verdict.best_n}{more}; by n = {curve.n_max} it "
        share = verdict.gain_given_back
        text += f"gives back {_part(share)} of the gain." if share else f"is back at {last:.2f}, {loss}."
    if verdict.fall_high is not None and verdict.margin is not None and verdict.fall_high < verdict.margin:
        text += f" The fall is certain but small: below the margin of {_number(verdict.margin)}."
    return text


def _part(share: Interval) -> str:
    """As in "nearly all (98 %, interval 33 to 176 %)"."""
    steps = ((0.25, "a small part"), (0.5, "part"), (0.8, "more than half"), (1.05, "nearly all"))
    word = next((word for limit, word in steps if share.value < limit), "more than all")
    return f"{word} ({100 * share.value:.0f} %, interval {100 * share.low:.0f} to {100 * share.high:.0f} %)"


def _way(curve: Curve, gold_name: str) -> str:
    """As in "Gold goes from 0.21 at n = 1 to 0.35 at n = 64"."""
    assert curve.gold is not None
    name = gold_name[:1].upper() + gold_name[1:]
    return f"{name} goes from {curve.gold[0]:.2f} at n = {curve.n[0]} to {curve.gold[-1]:.2f} at n = {curve.n_max}"


def _holds(verdict: Verdict, curve: Curve, gold_name: str) -> str:
    assert verdict.fall_high is not None
    assert verdict.margin is not None
    fall = max(verdict.fall_high, 0.0)
    return (
        f"{_way(curve, gold_name)}; a fall from any smaller n is at most {_number(fall)}, "
        f"below the margin of {_number(verdict.margin)}."
    )


def _cannot_tell(verdict: Verdict, curve: Curve, gold_name: str) -> str:
    if verdict.fall_high is None or verdict.smallest_detectable is None or verdict.margin is None:
        return f"{_way(curve, gold_name)}, but {verdict.turning_reason}."
    return (
        f"{_way(curve, gold_name)}; no fall is shown, yet one of up to {_number(verdict.fall_high)} is not ruled out "
        f"(margin {_number(verdict.margin)}). The smallest fall this data would probably have shown is "
        f"{_number(verdict.smallest_detectable)}."
    )


def _no_gold(verdict: Verdict, curve: Curve, gold_name: str) -> str:
    return "Without gold nothing can be said about over-optimisation: ranking, probes, attacks and disagreement only."


def _number(value: float) -> str:
    """Two significant digits, so that a small margin does not print as 0.00."""
    return f"{value:.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.2g}"


def _runs(chosen: Sequence[int], grid: np.ndarray) -> str:
    """Chosen n as runs on the grid, as in "4 to 9, 12"."""
    at = [int(i) for i in np.flatnonzero(np.isin(grid, chosen))]
    runs: list[list[int]] = []
    for i in at:
        if runs and runs[-1][-1] == i - 1:
            runs[-1].append(i)
        else:
            runs.append([i])
    return ", ".join(f"{grid[r[0]]} to {grid[r[-1]]}" if len(r) > 1 else f"{grid[r[0]]}" for r in runs)


def _prompts(curve: Curve) -> str:
    """As in "123 of 130 prompts (7 had no proxy score)"."""
    if not curve.dropped:
        return f"{curve.num_prompts} prompts."
    reasons = ", ".join(f"{count} had {reason}" for reason, count in curve.dropped.items())
    return f"{curve.num_prompts} of {curve.num_prompts + curve.num_dropped} prompts ({reasons})."
