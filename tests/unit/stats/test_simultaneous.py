import numpy as np
import pytest

from pyrite.errors import InputError, ShapeError
from pyrite.stats.simultaneous import separably_beaten, sup_t


def test_bounds_of_one_column_are_near_the_t_bounds():
    values = np.random.default_rng(0).normal(0.3, 1.0, size=(200, 1))
    found = sup_t(values, draws=4000)
    assert found.critical[0] == found.critical[1]
    assert found.critical[0] == pytest.approx(1.68, abs=0.12)
    assert found.low[0] == pytest.approx(values.mean() - found.critical[0] * values.std(ddof=1) / np.sqrt(200))


def test_more_columns_cost_a_larger_critical_value():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(100, 50))
    assert sup_t(values).critical[0] > sup_t(values[:, :1]).critical[0] + 0.8
    assert sup_t(values, two_sided=True).critical[0] > sup_t(values).critical[0]


def test_simultaneous_bounds_hold_for_all_columns_at_once():
    rng = np.random.default_rng(2)
    wrong = 0
    for r in range(300):
        values = rng.exponential(size=(60, 1)) + rng.normal(size=(60, 20)) - 1.0
        wrong += bool((sup_t(values, draws=300, seed=r).low > 0).any())
    assert wrong / 300 <= 0.08


def test_a_column_that_hardly_varies_does_not_decide():
    rng = np.random.default_rng(3)
    values = np.stack([rng.normal(size=80), np.full(80, 1e-9)], axis=1)  # certain, and of no size
    found = sup_t(values)
    assert found.error[1] == pytest.approx(0.1 * found.error[0])
    assert found.low[1] < 0


def test_columns_of_zeros_stay_zero():
    found = sup_t(np.zeros((10, 3)))
    assert found.low.tolist() == [0.0, 0.0, 0.0]
    assert found.high.tolist() == [0.0, 0.0, 0.0]


def test_clusters_of_one_change_nothing_and_doubled_rows_do():
    values = np.random.default_rng(4).normal(size=(40, 5))
    plain = sup_t(values)
    np.testing.assert_allclose(sup_t(values, clusters=np.arange(40)).low, plain.low)
    doubled = sup_t(np.repeat(values, 2, axis=0), clusters=np.repeat(np.arange(40), 2))
    np.testing.assert_allclose(doubled.low, plain.low, rtol=1e-9)


def test_refuses_a_single_unit():
    with pytest.raises(ShapeError, match=r"shape \(1, 3\)"):
        sup_t(np.zeros((1, 3)))
    with pytest.raises(InputError, match="at least two clusters"):
        sup_t(np.zeros((4, 3)), clusters=[0, 0, 0, 0])


def test_only_points_that_are_clearly_worse_are_beaten():
    rng = np.random.default_rng(5)
    curves = np.array([0.0, 1.0, 0.98, 0.2]) + 0.3 * rng.normal(size=(100, 4)) + rng.normal(size=(100, 1))
    assert separably_beaten(curves).tolist() == [True, False, False, True]
