"""The rule on planted curves, and on the real samples of HumanEval."""

import gzip
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pyrite.errors import InputError
from pyrite.evals.curves import overoptimisation_curve
from pyrite.evals.verdict import compare_curves, decide, fall_bounds, judge


def planted(rate, prompts=60, num=48, seed=0):
    """A curve over binary gold whose chance to be 1 is `rate(u)` at proxy quantile u."""
    rng = np.random.default_rng(seed)
    u = rng.random((prompts, num))
    gold = rng.random((prompts, num)) < rate(u)
    return overoptimisation_curve(u.ravel(), gold.ravel().astype(float), np.repeat(np.arange(prompts), num), draws=500)


def test_a_planted_fall_is_found_with_its_turning_point():
    verdict = judge(planted(lambda u: 0.2 + 0.5 * (u > 0.7) - 0.5 * (u > 0.95)))
    assert verdict.word == "FALLS"
    assert verdict.fall_low > 0
    assert verdict.turning is not None
    assert 4 <= verdict.best_n <= 9
    assert verdict.best_n in verdict.turning
    assert 1 not in verdict.turning
    assert 48 not in verdict.turning
    assert verdict.loss_beyond.low > 0.1
    assert 1.0 < verdict.gain_given_back.value < 2.0  # planted: 0.27 lost of 0.18
    assert verdict.sentence.startswith("FALLS. Gold rises 0.")
    assert "do as well); by n = 48 it gives back" in verdict.sentence
    assert verdict.sentence.endswith("60 prompts. Best-of-n from this pool; not a KL budget for training.")


def test_a_curve_that_rises_to_the_end_holds():
    verdict = judge(planted(lambda u: 0.1 + 0.8 * u, prompts=300), gold_name="pass rate")
    assert verdict.word == "HOLDS"
    assert verdict.turning is None
    assert "may lie at or beyond n_max" in verdict.turning_reason
    assert verdict.fall_high < verdict.margin
    assert verdict.sentence.startswith("HOLDS. Pass rate goes from 0.5")


def test_little_data_cannot_tell_and_says_what_it_could_have_seen():
    verdict = judge(planted(lambda u: 0.4 + 0.0 * u, prompts=15))
    assert verdict.word == "CANNOT TELL"
    assert verdict.smallest_detectable > 0.1
    assert verdict.gain_given_back is None
    assert "includes 0" in verdict.gain_given_back_reason
    assert "The smallest fall this data would probably have shown is 0." in verdict.sentence


def test_a_fall_from_the_start_has_no_gain_to_give_back():
    verdict = judge(planted(lambda u: 0.9 - 0.8 * u))
    assert verdict.word == "FALLS"
    assert verdict.best_n == 1
    assert "falls from the start: 0." in verdict.sentence
    assert verdict.gain_given_back is None


@pytest.mark.parametrize(
    ("curve", "reason"),
    [
        (planted(lambda u: 1.0 - u, prompts=9), "only 9 prompts"),
        (planted(lambda u: 1.0 - u, num=1), "only one candidate"),
        (planted(lambda u: 2.0 + 0 * u), "the same for every candidate"),
    ],
)
def test_what_cannot_be_judged_says_why(curve, reason):
    verdict = judge(curve)
    assert verdict.word == "CANNOT TELL"
    assert reason in verdict.sentence


def test_without_gold_nothing_is_claimed():
    proxy = np.random.default_rng(0).random(80)
    verdict = judge(overoptimisation_curve(proxy, None, np.repeat(np.arange(20), 4)))
    assert verdict.word == "NO GOLD"
    assert "best-of-n" not in verdict.sentence.lower()


def test_a_small_certain_fall_is_a_fall_and_is_called_small():
    rng = np.random.default_rng(0)
    u = rng.random((200, 32))
    gold = rng.normal(size=(200, 1)) * 5 + 0.2 * (u < 0.5) + 0.05 * rng.normal(size=u.shape)
    verdict = judge(overoptimisation_curve(u.ravel(), gold.ravel(), np.repeat(np.arange(200), 32), draws=300))
    assert verdict.word == "FALLS"
    assert "certain but small: below the margin" in verdict.sentence


def test_margin_moves_holds_and_not_falls():
    bounds = fall_bounds(planted(lambda u: 0.1 + 0.8 * u, prompts=300))
    assert decide(bounds, 10.0) == "HOLDS"
    assert decide(bounds, 1e-9) == "CANNOT TELL"
    with pytest.raises(InputError, match="margin is 0"):
        judge(planted(lambda u: u), margin=0)


def test_systems_are_not_best_of_n():
    assert "Selection among systems" in judge(planted(lambda u: u), systems=True).sentence


def test_shares_of_prompts_add_up():
    shares = judge(planted(lambda u: 0.2 + 0.6 * u)).heterogeneity
    assert shares.rising + shares.falling + shares.flat == pytest.approx(1.0)
    assert shares.rising > shares.falling


def test_a_better_guard_is_found_where_it_is_better():
    rng = np.random.default_rng(1)
    gold = rng.normal(size=(80, 32))
    group = np.repeat(np.arange(80), 32)
    raw = overoptimisation_curve(rng.normal(size=gold.size), gold.ravel(), group, draws=300)
    guarded = overoptimisation_curve((gold + rng.normal(size=gold.shape)).ravel(), gold.ravel(), group, draws=300)
    found = compare_curves(guarded, raw)
    assert found.worse == ()
    assert 32 in found.better
    assert 1 not in found.better
    assert found.at_n_max.low > 0.8
    assert compare_curves(raw, guarded).better == ()


def test_curves_are_compared_over_the_prompts_they_share():
    curve = planted(lambda u: u, prompts=20)
    fewer = replace(curve, groups=curve.groups[5:], gold_by_prompt=curve.gold_by_prompt[5:])
    found = compare_curves(curve, fewer)
    assert found.num_prompts == 15
    assert (found.difference == 0).all()
    with pytest.raises(InputError, match="share 0 prompts"):
        compare_curves(curve, replace(curve, groups=curve.groups + 100))


def humaneval():
    root = os.environ.get("PYRITE_DATA")
    if not root:
        pytest.skip("PYRITE_DATA is not set; it names the folder with humaneval_samples100")
    with gzip.open(Path(root) / "humaneval_samples100" / "test.jsonl.gz") as file:
        rows = [json.loads(line) for line in file]
    proxy = np.array([score for row in rows for score in row["proxy_scores"]], dtype=float)
    gold = np.array([label for row in rows for label in row["labels"]], dtype=float)
    return overoptimisation_curve(proxy, gold, np.repeat(np.arange(len(rows)), 100))


@pytest.mark.data
def test_humaneval_numbers():
    curve = humaneval()
    assert curve.num_prompts == 123
    assert curve.dropped == {"no proxy score": 7}
    at = np.searchsorted(curve.n, [1, 2, 4, 5, 8, 16, 32, 64, 100])
    assert curve.proxy[at].round(3).tolist() == [0.228, 0.301, 0.358, 0.373, 0.399, 0.427, 0.449, 0.469, 0.481]
    assert curve.gold[at].round(3).tolist() == [0.212, 0.263, 0.289, 0.291, 0.288, 0.268, 0.245, 0.226, 0.214]
    assert (curve.kl_atoms <= curve.kl_bound + 1e-12).all()


@pytest.mark.data
def test_humaneval_falls():
    curve = humaneval()
    verdict = judge(curve, gold_name="pass rate")
    assert verdict.word == "FALLS"
    assert verdict.best_n == 5
    assert set(verdict.turning) >= {4, 5, 6, 7, 8}
    assert verdict.sentence.startswith("FALLS. Pass rate rises 0.21 to 0.29 at n = 5 (4 to 9 do as well); by n = 100 it")
    assert "nearly all" in verdict.sentence
    assert "123 of 130 prompts (7 had no proxy score)." in verdict.sentence
    at = slice(4, 8)  # m = 5 to 8
    textbook, ours = fall_bounds(curve, plain=True).low[at], fall_bounds(curve).low[at]
    np.testing.assert_allclose(textbook, 0.023, atol=0.003)  # the number in the data set's own notes
    assert (ours > 0.01).all()
    assert (ours < textbook).all()
