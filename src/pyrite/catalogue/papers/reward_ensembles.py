"""Coste et al. 2023, Reward Model Ensembles Help Mitigate Overoptimization, arXiv:2310.02743, on the tail world.

Five linear reward models differ in their start and in the pairs they saw. Best-of-n by one of them climbs into features that
no pair showed; an ensemble that counts its worst member (WCO) or its disagreement (UWO) does not. Departs: linear models and
a drawn gold instead of language models; n up to 4,096 instead of 12,500; gold in standard deviations over all candidates.
"""

from __future__ import annotations

import functools

import numpy as np
import torch

from pyrite.catalogue.recipe import Claim
from pyrite.shaping.chain import apply
from pyrite.shaping.members import mean_of_members, median_of_members, uncertainty_weighted, worst_case
from pyrite.stats.bestofn import bestofn_curve
from pyrite.types import Scores
from pyrite.worlds.tail import TailWorld, fit_members, tail_world

NS = (1, 4, 16, 64, 256, 1024, 4096)
NOISE = {"clean labels": 0.0, "25 % label noise": 0.25}
METHODS = {
    "single": None,
    "mean": mean_of_members(),
    "median": median_of_members(),
    "wco": worst_case(),
    "uwo": uncertainty_weighted(0.5),
}


@functools.lru_cache(maxsize=16)
def _world(seed: int, setting: str) -> tuple[TailWorld, np.ndarray]:
    world = tail_world(seed, label_noise=NOISE[setting])
    return world, fit_members(world, 5)


@functools.lru_cache(maxsize=256)
def run(seed: int, method: str, setting: str) -> tuple[float, ...]:
    """Mean gold of best-of-n at each of `NS`; "single" is the average over the five members used alone."""
    world, members = _world(seed, setting)
    transform = METHODS[method]
    if transform is None:
        proxies = [members[..., m] for m in range(members.shape[-1])]
    else:
        flat = torch.as_tensor(members.reshape(-1, members.shape[-1]), dtype=torch.float32)
        value = apply(transform, Scores(flat.mean(dim=1), members=flat)).value
        proxies = [value.double().numpy().reshape(world.gold.shape)]
    curves = [bestofn_curve(list(proxy), list(world.gold), NS).mean(axis=0) for proxy in proxies]
    return tuple(np.mean(curves, axis=0).tolist())


def last(curve: tuple[float, ...]) -> float:
    """Gold at the largest n."""
    return curve[-1]


def not_lost(curve: tuple[float, ...]) -> float:
    """Gold at the largest n minus the best gold on the way: 0 where nothing is lost, negative after a fall."""
    return curve[-1] - max(curve)


GOLD, NOISY, CLEAN = "gold at n = 4096, in sd", "25 % label noise", "clean labels"
CLAIMS = (
    Claim("WCO beats a single reward model", NOISY, "wco", "single", last, GOLD, minimum=0.5),
    Claim("UWO beats a single reward model", NOISY, "uwo", "single", last, GOLD, minimum=0.5),
    Claim("The mean beats a single reward model", NOISY, "mean", "single", last, GOLD),
    Claim("WCO beats the mean", NOISY, "wco", "mean", last, GOLD),
    Claim("UWO beats the mean", NOISY, "uwo", "mean", last, GOLD),
    Claim("A single model over-optimises, WCO does not", NOISY, "wco", "single", not_lost, "gold lost", 0.1, -0.1),
    Claim("WCO beats a single reward model", CLEAN, "wco", "single", last, GOLD, minimum=0.1),
    Claim("A single model over-optimises, WCO does not", CLEAN, "wco", "single", not_lost, "gold lost", 0.1, -0.1),
)
