"""Ranking quality: does the reward put the better completion first, on pairs or within the candidates of a prompt?

Every figure stands beside the baselines `length` and `random` on the same rows, with an interval over prompts. Metric kernels
and intervals are in `stats`; this module only cuts the data for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyrite.stats.intervals import Interval, mean_interval, paired_interval
from pyrite.stats.metrics import pair_credit, rank_correlation

TIES_RULE = {
    "pairs": "a tie of the reward is wrong in accuracy, half right in accuracy_ties_half; rows labelled a tie are left out",
    "candidates": "a tie of the reward is half right; two candidates with equal gold say nothing and are left out",
}
"""What a tie is worth, by how the rows are read."""


@dataclass(frozen=True)
class Ranking:
    """One metric of a reward and of its baselines on the same rows.

    Attributes:
        reward: The reward's figure; None where it had no value on any row.
        baselines: Baseline name -> its figure on the same rows.
        difference: Reward minus the best baseline, paired by row.
        best_baseline: Which one that is.
        ties: Rows (or pairs of candidates) on which the reward ties.
    """

    reward: Interval
    baselines: Mapping[str, Interval]
    difference: Interval
    best_baseline: str
    ties: int


def rank_metric(reward: np.ndarray, baselines: Mapping[str, np.ndarray], *, ties: int, **options: Any) -> Ranking:
    """A mean with its interval, and the paired difference to the best baseline.

    Args:
        reward: (N,) credit a row.
        baselines: Name -> (N,) credit on the same rows.
        ties: How many rows the reward ties on.
        **options: Of `mean_interval`: clusters (N,), draws, seed.
    """
    figures = {name: mean_interval(credit, **options) for name, credit in baselines.items()}
    best = max(figures, key=lambda name: figures[name].value)
    difference = paired_interval(reward, baselines[best], **options)
    return Ranking(mean_interval(reward, **options), figures, difference, best, ties)


def pair_rankings(
    chosen: np.ndarray,
    rejected: np.ndarray,
    baselines: Mapping[str, tuple[np.ndarray, np.ndarray]],
    units: np.ndarray,
    *,
    draws: int = 2000,
    seed: int = 0,
) -> dict[str, Ranking]:
    """Accuracy on labelled pairs, strict and with ties as half.

    Args:
        chosen: (N,) scores of the preferred completions, all finite.
        rejected: (N,) scores of the others.
        baselines: Name -> the same two arrays for a baseline.
        units: (N,) prompt of each pair; pairs of one prompt are resampled together.
        draws: Bootstrap draws.
        seed: Of the bootstrap.

    Returns:
        `accuracy`, and `accuracy_ties_half` where anything ties.
    """
    count = int((chosen == rejected).sum())
    tied = count or any((c == r).any() for c, r in baselines.values())
    rules = {"accuracy": "wrong", "accuracy_ties_half": "half"} if tied else {"accuracy": "wrong"}
    return {
        name: rank_metric(
            pair_credit(chosen, rejected, ties=rule),
            {other: pair_credit(c, r, ties=rule) for other, (c, r) in baselines.items()},
            ties=count,
            clusters=units,
            draws=draws,
            seed=seed,
        )
        for name, rule in rules.items()
    }


def pool_rankings(
    reward: Sequence[np.ndarray],
    gold: Sequence[np.ndarray],
    baselines: Mapping[str, Sequence[np.ndarray]],
    units: np.ndarray,
    *,
    draws: int = 2000,
    seed: int = 0,
) -> dict[str, Ranking]:
    """Agreement with gold inside each prompt: share of candidate pairs ordered rightly, and Kendall's tau-b.

    Args:
        reward: For each of P prompts the scores of its candidates, all finite.
        gold: The same for gold.
        baselines: Name -> the same for a baseline.
        units: (P,) resampling unit of each prompt.
        draws: Bootstrap draws.
        seed: Of the bootstrap.

    Returns:
        `pair_accuracy` (a tie of the reward counts half, pairs that gold ties are left out) and `rank_correlation`. Prompts on
        which gold, or for the correlation the score itself, is constant say nothing about ranking and are left out.
    """
    told = [i for i, values in enumerate(gold) if np.ptp(values) > 0]
    found: dict[str, Ranking] = {}
    for name, kernel in (("pair_accuracy", concordance), ("rank_correlation", _tau_or_zero)):
        credit = {
            other: np.array([kernel(scores[i], gold[i]) for i in told]) for other, scores in {"": reward, **baselines}.items()
        }
        ties = sum(int(len(reward[i]) - len(np.unique(reward[i]))) for i in told)
        if told:
            mine = credit.pop("")
            found[name] = rank_metric(mine, credit, ties=ties, clusters=units[told], draws=draws, seed=seed)
    return found


def concordance(scores: np.ndarray, gold: np.ndarray) -> float:
    """Share of the pairs that gold tells apart which the scores order the same way; ties of the scores count half.

    From Kendall's tau-b: tau_b = (C - D) / sqrt((P - T_s)(P - T_g)) with C and D the concordant and discordant pairs, P all
    pairs, T the tied ones; the share is ((C - D) / (P - T_g) + 1) / 2.

    Args:
        scores: (N,) scores of one prompt's candidates.
        gold: (N,) their gold, not all equal.
    """
    untied_scores, untied_gold = _untied_pairs(scores), _untied_pairs(gold)
    return (_tau_or_zero(scores, gold) * np.sqrt(untied_scores / untied_gold) + 1) / 2


def _untied_pairs(values: np.ndarray) -> float:
    _, counts = np.unique(values, return_counts=True)
    return (len(values) * (len(values) - 1) - (counts * (counts - 1)).sum()) / 2


def _tau_or_zero(scores: np.ndarray, gold: np.ndarray) -> float:
    return 0.0 if np.ptp(scores) == 0 else rank_correlation(scores, gold)


def subset_accuracy(
    chosen: np.ndarray, rejected: np.ndarray, subsets: Sequence[str], units: np.ndarray, *, draws: int = 2000, seed: int = 0
) -> dict[str, Interval]:
    """Strict accuracy by subset, and by family of subsets where names share a stem: `mmlu-pro-*`.

    Args:
        chosen: (N,) scores of the preferred completions.
        rejected: (N,) scores of the others.
        subsets: N names.
        units: (N,) prompt of each pair.
        draws: Bootstrap draws.
        seed: Of the bootstrap.
    """
    names = np.array(subsets, dtype=object)
    credit = pair_credit(chosen, rejected, ties="wrong")
    groups = {name: names == name for name in sorted(set(subsets))}
    stems: dict[str, list[str]] = {}
    for name in groups:
        if "-" in name:
            stems.setdefault(name.rsplit("-", 1)[0], []).append(name)
    families = {f"{stem}-*": np.isin(names, members) for stem, members in stems.items() if len(members) > 1}
    return {
        name: mean_interval(credit[mask], clusters=units[mask], draws=draws, seed=seed)
        for name, mask in {**groups, **families}.items()
    }


def annotator_agreement(
    prompts: Sequence[str], chosen: Sequence[str], rejected: Sequence[str], annotators: Sequence[str | None]
) -> Interval | None:
    """How often two annotators of the same two completions agree; None where no two labelled the same row.

    Args:
        prompts: N prompts as text.
        chosen: N preferred completions as text.
        rejected: N others.
        annotators: N names, None where unknown.
    """
    votes: dict[tuple[str, str, str], dict[str, bool]] = {}
    for prompt, better, worse, who in zip(prompts, chosen, rejected, annotators, strict=True):
        if who is not None:
            first, second = sorted((better, worse))
            votes.setdefault((prompt, first, second), {})[who] = better == first
    rates = []
    for row in votes.values():
        said = np.array(list(row.values()), dtype=float)
        if len(said) > 1:
            agreeing = said.sum() * (said.sum() - 1) + (len(said) - said.sum()) * (len(said) - said.sum() - 1)
            rates.append(agreeing / (len(said) * (len(said) - 1)))
    return mean_interval(np.array(rates)) if rates else None


def member_disagreement(
    members: Sequence[np.ndarray], units: np.ndarray, *, draws: int = 2000, seed: int = 0
) -> dict[str, Interval]:
    """How far the members of an ensemble part, inside each prompt.

    Args:
        members: For each of P prompts an (N_p, M) array of member scores, all finite.
        units: (P,) resampling unit of each prompt.
        draws: Bootstrap draws.
        seed: Of the bootstrap.

    Returns:
        `rank_correlation`: mean over pairs of members of their rank correlation on a prompt's candidates.
        `picks_differ`: share of prompts on which not all members have the same best candidate.
    """
    correlations, differ = [], []
    for table in members:
        first, second = np.triu_indices(table.shape[1], k=1)
        correlations.append(np.mean([_tau_or_zero(table[:, a], table[:, b]) for a, b in zip(first, second, strict=True)]))
        differ.append(float(len(set(table.argmax(axis=0).tolist())) > 1))
    options = {"clusters": units, "draws": draws, "seed": seed}
    return {
        "rank_correlation": mean_interval(np.array(correlations), **options),
        "picks_differ": mean_interval(np.array(differ), **options),
    }
