import numpy as np
import pytest

from pyrite.errors import ShapeError
from pyrite.stats.crossfit import crossfit


def test_measures_rise_and_fall_around_the_peak():
    found = crossfit(np.tile([0.0, 5.0, 3.0], (10, 1)), splits=4, draws=50)
    assert (found.chosen == 1).all()
    assert (found.gain.value, found.loss.value) == pytest.approx((5.0, 2.0))
    assert found.share.value == pytest.approx(0.4)
    assert found.share.high == pytest.approx(0.4)


def test_pure_noise_is_not_flattered():
    rng = np.random.default_rng(6)
    losses, naive = [], []
    for r in range(80):
        curves = rng.normal(size=(30, 12))
        losses.append(crossfit(curves, splits=10, draws=2, seed=r).loss.value)
        naive.append(curves.mean(axis=0).max() - curves.mean(axis=0)[-1])
    assert abs(np.mean(losses)) < 0.05
    assert np.mean(naive) > 0.2


def test_the_interval_of_the_loss_covers_where_the_peak_is_uncertain():
    rng = np.random.default_rng(0)
    covered = 0
    for r in range(80):
        found = crossfit(rng.normal(size=(40, 12)), splits=8, draws=200, seed=r).loss
        covered += found.low <= 0 <= found.high
    assert covered / 80 >= 0.92


def test_a_cluster_stays_in_one_half():
    curves = np.array([[1.0, 0.0]] * 4 + [[0.0, 1.0]] * 4)
    found = crossfit(curves, clusters=[0] * 4 + [1] * 4, splits=6, draws=20)
    # each half is one cluster; the second chooses the last point for the first (loss 0), the first the other way (loss -1)
    assert found.loss.value == pytest.approx(-0.5)
    assert found.loss.n == 2


def test_a_gain_that_may_be_nothing_has_no_share():
    assert crossfit(np.random.default_rng(0).normal(size=(20, 5))).share is None


def test_refuses_one_point_or_one_unit():
    for shape in ((10, 1), (1, 10)):
        with pytest.raises(ShapeError, match="at least two units and two points"):
            crossfit(np.zeros(shape))


def test_a_share_is_finite_or_absent_even_where_a_draw_has_no_gain():
    rng = np.random.default_rng(0)
    seen = set()
    for r in range(60):
        curves = np.array([0.0, 1.0, 0.5]) + 2.0 * rng.normal(size=(16, 3))
        found = crossfit(curves, splits=4, draws=200, seed=r)
        seen.add(found.share is None)
        assert found.share is None or (found.gain.low > 0 and np.isfinite(found.share.high))
    assert seen == {True, False}
