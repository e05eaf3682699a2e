"""Rewards that err on what they never saw: a linear world for best-of-n and ensembles.

A completion is 15 numbers: eight core features, six rare "exotic" ones that appear only at deployment, and a style. Reward
models are linear Bradley-Terry fits on pairs without exotic features, so each keeps the random weights it started with
there: an error of its own, which another seed does not share. Style goes with gold in training and is heavy-tailed at
deployment: an error that all members share. Everything is exact, seeded and takes about a second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from pyrite.registry import register

Array = NDArray[np.float64]

CORE, EXOTIC = 8, 6
"""How many features carry gold, and how many are active at deployment only. The last feature is the style."""

FEATURES = CORE + EXOTIC + 1


@dataclass(frozen=True)
class TailWorld:
    """Pools of candidates with exact gold, and the preference pairs a reward model may learn from.

    Attributes:
        features: (P, N, 15) candidates at deployment.
        gold: (P, N) standardised over all candidates.
        pairs: (600, 15) features of chosen minus features of rejected, after label noise.
        seed: What everything was drawn from.
    """

    features: Array
    gold: Array
    pairs: Array
    seed: int


def _example() -> TailWorld:
    return tail_world(0, num_prompts=3, num_candidates=16)


@register("world", "tail", example=_example, source="Coste et al. 2023, arXiv:2310.02743, in the small")
def tail_world(
    seed: int,
    *,
    label_noise: float = 0.25,
    shared_exploit: bool = False,
    num_prompts: int = 40,
    num_candidates: int = 4096,
    num_pairs: int = 600,
) -> TailWorld:
    """Draw a world in which rewards err on features that training never shows.

    gold = w.core - 1.5 * (number of active exotic features) [- max(0, style - 1) with the shared exploit], w a random unit
    vector. In training style = 0.5 w.core + 0.5 N(0, 1) and no exotic feature is active; at deployment each is active with
    probability 0.02 and style = 0.5 w.core + 0.7 t_3.

    Args:
        seed: Of everything.
        label_noise: Share of training pairs whose label is flipped, in [0, 0.5].
        shared_exploit: Gold falls with style above 1, where few pairs lie: an error that all members share.
        num_prompts: P pools.
        num_candidates: N candidates each.
        num_pairs: Preference pairs.
    """
    rng = np.random.default_rng([seed, 1])
    direction = rng.normal(size=CORE)
    direction /= np.linalg.norm(direction)

    core = rng.normal(size=(num_pairs, 2, CORE))
    worth = core @ direction
    style = 0.5 * worth + 0.5 * rng.normal(size=worth.shape)
    exotic = np.zeros((num_pairs, 2, EXOTIC))
    gold = _gold(worth, exotic, style, shared_exploit)
    sides = np.concatenate([core, exotic, style[..., None]], axis=2)
    sign = np.where((gold[:, 0] > gold[:, 1]) ^ (rng.random(num_pairs) < label_noise), 1.0, -1.0)
    pairs = sign[:, None] * (sides[:, 0] - sides[:, 1])

    shape = (num_prompts, num_candidates)
    core = rng.normal(size=(*shape, CORE))
    worth = core @ direction
    exotic = (rng.random((*shape, EXOTIC)) < 0.02).astype(float)
    style = 0.5 * worth + 0.7 * rng.standard_t(3, size=shape)
    gold = _gold(worth, exotic, style, shared_exploit)
    features = np.concatenate([core, exotic, style[..., None]], axis=2)
    return TailWorld(features, (gold - gold.mean()) / gold.std(), pairs, seed)


def _gold(worth: Array, exotic: Array, style: Array, shared_exploit: bool) -> Array:
    """Gold before standardisation; same shape as `worth`."""
    penalty = np.maximum(style - 1, 0.0) if shared_exploit else 0.0
    return worth - 1.5 * exotic.sum(axis=-1) - penalty


def fit_members(world: TailWorld, num_members: int = 5, *, correlation: float = 0.0, seed: int = 0) -> Array:
    """Scores of an ensemble of linear reward models on every candidate: (P, N, M), each standardised over all candidates.

    Each member starts from weights of standard deviation 1.5 (0.15 for core and style), fits its own bootstrap of the pairs
    by 200 steps of gradient descent on the Bradley-Terry loss, and keeps its start where the pairs say nothing.

    Args:
        world: Where the pairs and the candidates come from.
        num_members: M.
        correlation: a in start = a * common + sqrt(1 - a^2) * own, in [0, 1]: 0 for members with their own pretraining
            seed, 0.8 for members that differ in fine-tuning only.
        seed: Of the starts and bootstraps; drawn apart from the world's own numbers.
    """
    rng = np.random.default_rng([world.seed, 2, seed])
    scale = np.full(FEATURES, 0.15)
    scale[CORE : CORE + EXOTIC] = 1.5
    common = rng.normal(size=FEATURES)
    own = rng.normal(size=(num_members, FEATURES))
    weights = scale * (correlation * common + np.sqrt(1 - correlation**2) * own)
    drawn = world.pairs[rng.integers(0, len(world.pairs), size=(num_members, len(world.pairs)))]
    for _ in range(200):
        slope = special.expit(-np.einsum("mnd,md->mn", drawn, weights))
        weights = weights + 0.3 * np.einsum("mn,mnd->md", slope, drawn) / drawn.shape[1]
    scores = world.features @ weights.T
    return (scores - scores.mean(axis=(0, 1))) / scores.std(axis=(0, 1))
