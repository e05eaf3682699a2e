"""Coste et al. on the tail world: every claim holds against its baseline, and fails with the baseline in its place."""

import numpy as np
import pytest

from pyrite.catalogue.papers import reward_ensembles as recipe
from pyrite.catalogue.recipe import FAIL, NOT_SUPPORTED, PASS, check_claims


@pytest.fixture(scope="module")
def outcomes():
    return list(check_claims(recipe, num_seeds=8))


def test_claims_hold_over_eight_paired_seeds(outcomes):
    words = [outcome.word for outcome in outcomes]
    assert words[:-1] == [PASS] * 7
    assert all(outcome.difference.low > 0 for outcome in outcomes[:-1])


def test_what_this_setting_does_not_show_is_said(outcomes):
    last = outcomes[-1]
    assert last.claim.setting == "clean labels"
    assert last.word == NOT_SUPPORTED
    assert "does not show the problem" in last.reason


@pytest.mark.parametrize("null", sorted({claim.baseline for claim in recipe.CLAIMS}))
def test_the_null_in_the_place_of_the_method_fails(null):
    swapped = [outcome for outcome in check_claims(recipe, num_seeds=8, method=null) if outcome.claim.baseline == null]
    assert swapped
    assert all(outcome.word in (FAIL, NOT_SUPPORTED) for outcome in swapped)
    assert all(outcome.difference.value == 0 for outcome in swapped)


def test_the_single_model_has_the_hump_and_conservative_ensembles_do_not():
    curves = {
        name: np.mean([recipe.run(seed, name, "25 % label noise") for seed in range(8)], axis=0)
        for name in ("single", "wco", "uwo")
    }
    assert 4 <= recipe.NS[int(curves["single"].argmax())] <= 64
    for name in ("wco", "uwo"):
        assert (np.diff(curves[name]) > 0).all()
