"""The verdict's error rates on data of known shape: a light version of benchmarks/verdict_calibration.py."""

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest

from pyrite.evals.verdict import decide
from pyrite.stats.bestofn import rank_weights, sorted_values
from pyrite.stats.crossfit import crossfit
from pyrite.stats.intervals import resample_counts
from pyrite.stats.simultaneous import sup_t

NUM = 48
WEIGHTS = np.stack([rank_weights(NUM, n) for n in range(1, NUM + 1)], axis=1)


def curves_of(rate, prompts, rng):
    """(P, 48) gold curves of pools whose gold is 1 with probability `rate(u, base)` at proxy quantile u."""
    u = np.sort(rng.random((prompts, NUM)), axis=1)[:, ::-1]
    gold = rng.random(u.shape) < rate(u, rng.beta(0.5, 1.5, size=(prompts, 1)))
    return gold.astype(float) @ WEIGHTS, gold.std()


def words(rate, prompts, runs, seed):
    rng = np.random.default_rng(seed)
    said = []
    for r in range(runs):
        curves, spread = curves_of(rate, prompts, rng)
        bounds = sup_t(curves[:, :-1] - curves[:, -1:], draws=400, seed=r)
        said.append(decide(bounds, 0.1 * spread))
    return np.array(said)


@pytest.mark.parametrize("prompts", [20, 120])
@pytest.mark.parametrize(
    "rate",
    [lambda u, base: base + 0 * u, lambda u, base: 0.1 + 0.5 * base + 0.3 * (u > 0.6)],
    ids=["null", "saturating"],
)
def test_no_true_fall_is_rarely_called_one(rate, prompts):
    said = words(rate, prompts, runs=300, seed=prompts)
    assert np.mean(said == "FALLS") <= 0.075  # 5 % and two standard errors of 300 runs


def test_a_large_fall_is_nearly_always_found():
    said = words(lambda u, base: 0.4 + 0.25 * (u > 0.7) - 0.55 * (u > 0.95), 120, runs=60, seed=1)
    assert np.mean(said == "FALLS") > 0.9


def test_a_curve_that_rises_to_the_end_holds():
    said = words(lambda u, base: 0.1 + 0.8 * u**4, 400, runs=40, seed=2)
    assert np.mean(said == "HOLDS") > 0.9


def test_a_fall_beyond_the_margin_is_rarely_said_to_hold():
    said = words(lambda u, base: 0.4 + 0.25 * (u > 0.7) - 0.25 * (u > 0.95), 400, runs=60, seed=3)
    assert np.mean(said == "HOLDS") <= 0.05


@pytest.mark.parametrize("depth", [0.0, 0.4])
def test_the_interval_of_the_loss_covers_the_truth(depth):
    def rate(u, base):
        return 0.45 + 0.25 * (u > 0.7) - depth * (u > 0.95)

    n = np.arange(1, NUM + 1)
    truth = 0.25 * (1 - 0.7**n) - depth * (1 - 0.95**n)
    rng, covered = np.random.default_rng(4), 0
    for r in range(150):
        curves, _ = curves_of(rate, 60, rng)
        loss = crossfit(curves, draws=300, seed=r).loss
        covered += loss.low <= truth.max() - truth[-1] <= loss.high
    assert covered / 150 >= 0.90


@pytest.mark.data
def test_shuffled_humaneval_labels_say_falls_in_at_most_one_run_in_twenty():
    root = os.environ.get("PYRITE_DATA")
    if not root:
        pytest.skip("PYRITE_DATA is not set; it names the folder with humaneval_samples100")
    with gzip.open(Path(root) / "humaneval_samples100" / "test.jsonl.gz") as file:
        rows = [json.loads(line) for line in file]
    rows = [row for row in rows if row["proxy_scores"][0] is not None]
    proxy = np.array([row["proxy_scores"] for row in rows], dtype=float)
    gold = np.array([row["labels"] for row in rows], dtype=float)
    weights = np.stack([rank_weights(100, n) for n in range(1, 101)], axis=1)
    table = resample_counts(len(rows), 1000, seed=0)
    falls = 0
    for seed in range(200):
        shuffled = np.random.default_rng(seed).permuted(gold, axis=1)
        curves = np.stack([sorted_values(a, b) for a, b in zip(proxy, shuffled, strict=True)]) @ weights
        falls += decide(sup_t(curves[:, :-1] - curves[:, -1:], counts=table), 0.1 * gold.std()) == "FALLS"
    assert falls <= 10
