"""Laws of the estimators that must hold for every pool."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pyrite.evals.verdict import decide
from pyrite.stats.bestofn import bestofn_curve, kl_atoms, kl_bound, rank_weights
from pyrite.stats.crossfit import crossfit
from pyrite.stats.intervals import holm, resample_counts, sign_flip_p
from pyrite.stats.metrics import auc_credit, pair_credit
from pyrite.stats.simultaneous import sup_t

law = settings(derandomize=True, deadline=None, max_examples=60)
numbers = st.floats(-100, 100, width=32)
levels = st.integers(0, 3).map(float)


@st.composite
def pools(draw):
    size = draw(st.integers(1, 24))
    tied = draw(st.booleans())
    proxy = draw(hnp.arrays(np.float64, size, elements=levels if tied else numbers))
    value = draw(hnp.arrays(np.float64, size, elements=numbers))
    return proxy, value


@law
@given(st.integers(1, 300), st.data())
def test_weights_are_a_distribution_that_favours_the_top(num, data):
    weights = rank_weights(num, data.draw(st.integers(1, num)))
    assert abs(weights.sum() - 1) < 1e-9
    assert (weights >= 0).all()
    assert (np.diff(weights) <= 1e-15).all()


@law
@given(pools())
def test_best_of_one_is_the_mean_and_best_of_all_is_the_top_group(pool):
    proxy, value = pool
    curve = bestofn_curve([proxy], [value], sorted({1, len(proxy)}))[0]
    np.testing.assert_allclose(curve[0], value.mean(), atol=1e-9)
    np.testing.assert_allclose(curve[-1], value[proxy == proxy.max()].mean(), atol=1e-9)


@law
@given(pools())
def test_the_proxy_itself_never_falls(pool):
    proxy, _ = pool
    curve = bestofn_curve([proxy], [proxy], range(1, len(proxy) + 1))[0]
    assert (np.diff(curve) >= -1e-9).all()


@law
@given(pools(), st.randoms(use_true_random=False))
def test_order_of_candidates_and_monotone_maps_of_the_proxy_change_nothing(pool, random):
    proxy, value = pool
    order = list(range(len(proxy)))
    random.shuffle(order)
    ns = range(1, len(proxy) + 1)
    before = bestofn_curve([proxy], [value], ns)
    after = bestofn_curve([np.cbrt(proxy[order]) * 3 + 1], [value[order]], ns)
    assume(len(np.unique(proxy)) == len(np.unique(np.cbrt(proxy) * 3 + 1)))
    np.testing.assert_allclose(after, before, atol=1e-9)


@law
@given(pools())
def test_gold_of_reversed_sign_is_the_mirrored_curve(pool):
    proxy, value = pool
    ns = range(1, len(proxy) + 1)
    np.testing.assert_allclose(bestofn_curve([proxy], [-value], ns), -bestofn_curve([proxy], [value], ns), atol=1e-9)


@law
@given(pools(), st.integers(1, 5000))
def test_kl_lies_between_zero_and_the_bound(pool, n):
    ns = np.unique([1, n])
    found = kl_atoms([pool[0]], ns)
    assert (found >= -1e-9).all()
    assert (found <= kl_bound(ns) + 1e-12).all()
    assert found[-1] <= np.log(len(pool[0])) + 1e-9


@law
@given(st.integers(1, 40), st.integers(1, 20), st.integers(0, 10_000))
def test_every_bootstrap_sample_has_as_many_units(units, draws, seed):
    counts = resample_counts(units, draws, seed)
    assert (counts.sum(axis=1) == units).all()
    assert (counts >= 0).all()


@law
@given(hnp.arrays(np.float64, st.tuples(st.integers(3, 12), st.integers(1, 5)), elements=numbers), st.floats(0.1, 10))
def test_bounds_scale_with_the_numbers_and_mirror(values, scale):
    found = sup_t(values, draws=100)
    np.testing.assert_allclose(sup_t(values * scale, draws=100).low, found.low * scale, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(sup_t(-values, draws=100).low, -found.high, rtol=1e-6, atol=1e-6)
    assert (found.low <= found.value).all()


@law
@given(hnp.arrays(np.float64, (12, 4), elements=numbers), st.floats(0.01, 5), st.floats(0.01, 5))
def test_a_wider_margin_never_takes_holds_away(values, one, other):
    bounds = sup_t(values, draws=100)
    small, large = decide(bounds, min(one, other)), decide(bounds, max(one, other))
    assert small != "HOLDS" or large == "HOLDS"
    assert (small == "FALLS") == (large == "FALLS")


@law
@given(hnp.arrays(np.float64, (8, 5), elements=numbers))
def test_crossfit_gain_minus_loss_is_last_minus_first(curves):
    found = crossfit(curves, splits=6, draws=20)
    step = curves[:, -1].mean() - curves[:, 0].mean()
    np.testing.assert_allclose(found.gain.value - found.loss.value, step, atol=1e-6)


@law
@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_holm_only_raises_and_keeps_the_order(pvalues):
    adjusted = holm(pvalues)
    assert (adjusted >= np.asarray(pvalues) - 1e-15).all()
    assert (adjusted <= 1).all()
    order = np.argsort(pvalues, kind="stable")
    assert (np.diff(adjusted[order]) >= 0).all()


@law
@given(st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=8))
def test_both_sides_of_the_sign_flip_cover_everything(gaps):
    one, other = sign_flip_p(gaps), sign_flip_p([-g for g in gaps])
    assert one + other >= 1 - 1e-12
    assert one >= 2.0 ** -len(gaps)


@law
@given(hnp.arrays(np.float64, 9, elements=levels), hnp.arrays(np.float64, 9, elements=levels))
def test_swapping_chosen_and_rejected_gives_credits_that_sum_to_one(first, second):
    np.testing.assert_allclose(pair_credit(first, second) + pair_credit(second, first), 1.0)


@law
@given(hnp.arrays(np.float64, 12, elements=levels), hnp.arrays(np.bool_, 12))
def test_the_area_of_reversed_scores_is_the_complement(scores, labels):
    assume(labels.any() and not labels.all())
    np.testing.assert_allclose(auc_credit(scores, labels).mean() + auc_credit(-scores, labels).mean(), 1.0)
