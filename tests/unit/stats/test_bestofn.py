import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from pyrite.errors import InputError, ShapeError
from pyrite.stats.bestofn import bestofn_curve, grid, kl_atoms, kl_bound, rank_weights


@pytest.mark.parametrize(("num", "n"), [(1, 1), (7, 3), (60, 1), (100, 5), (100, 99), (100, 100), (400, 37)])
def test_weights_are_ratios_of_binomials(num, n):
    exact = [float(Fraction(math.comb(num - 1 - k, n - 1), math.comb(num, n))) for k in range(num)]
    np.testing.assert_allclose(rank_weights(num, n), exact, rtol=1e-12, atol=0)


def by_enumeration(proxy, value, n):
    picks = []
    for subset in itertools.combinations(range(len(proxy)), n):
        top = max(proxy[i] for i in subset)
        picks.append(np.mean([value[i] for i in subset if proxy[i] == top]))
    return np.mean(picks)


@pytest.mark.parametrize("proxy", [[3.0, 1.0, 2.0, 5.0, 4.0, 0.0], [1.0, 1.0, 2.0, 2.0, 2.0, 0.0], [1.0] * 6])
def test_curve_is_the_mean_over_all_subsets(proxy):
    value = [0.0, 7.0, -1.0, 2.0, 11.0, 3.0]
    curve = bestofn_curve([np.array(proxy)], [np.array(value)], range(1, 7))
    np.testing.assert_allclose(curve[0], [by_enumeration(proxy, value, n) for n in range(1, 7)], rtol=1e-13)


def test_curve_of_a_large_pool_leaves_nothing_visible_out():
    rng = np.random.default_rng(0)
    proxy, value = rng.normal(size=3000), rng.standard_t(3, size=3000)
    ns = np.unique(np.geomspace(1, 3000, 40).astype(int))
    ranked = value[np.argsort(-proxy)]
    direct = [rank_weights(3000, int(n)) @ ranked for n in ns]
    np.testing.assert_allclose(bestofn_curve([proxy], [value], ns)[0], direct, rtol=0, atol=1e-13)


def test_pools_of_different_sizes_keep_their_rows():
    proxies = [np.arange(3.0), np.arange(5.0), np.arange(3.0)[::-1]]
    values = [np.array([0.0, 0.0, 9.0]), np.arange(5.0), np.array([0.0, 0.0, 9.0])]
    curve = bestofn_curve(proxies, values, [1, 3])
    np.testing.assert_allclose(curve, [[3.0, 9.0], [2.0, 3.5], [3.0, 0.0]], rtol=1e-14)


def test_grid_keeps_both_ends_and_thins_only_long_curves():
    assert grid(1).tolist() == [1]
    assert grid(128).tolist() == list(range(1, 129))
    long = grid(12_500)
    assert (long[0], long[-1]) == (1, 12_500)
    assert 50 <= len(long) <= 64


def test_kl_bound_is_reached_only_without_ties():
    assert kl_bound([1, 2]).tolist() == pytest.approx([0.0, math.log(2) - 0.5])
    ns = np.array([1, 2, 8, 1024])
    even = kl_atoms([np.arange(50.0)], ns)
    assert even[0] == pytest.approx(0.0, abs=1e-14)
    assert even[-1] == pytest.approx(math.log(50), abs=1e-6)
    assert kl_bound([1024])[0] == pytest.approx(5.93, abs=0.005)


def test_kl_of_two_tie_groups_by_hand():
    # three of four candidates tie at the top: best of 2 is one of them with probability 1 - (1/4)^2
    top, bottom = 15 / 16, 1 / 16
    expected = top * math.log(top / 0.75) + bottom * math.log(bottom / 0.25)
    assert kl_atoms([np.array([1.0, 1.0, 0.0, 1.0])], [2])[0] == pytest.approx(expected, rel=1e-12)


def test_a_constant_proxy_selects_nothing():
    assert kl_atoms([np.ones(10)], [1, 10]).tolist() == [0.0, 0.0]


def test_refuses_n_beyond_the_smallest_pool():
    with pytest.raises(InputError, match=r"smallest pool, 3"):
        bestofn_curve([np.arange(3.0)], [np.arange(3.0)], [1, 4])


def test_refuses_missing_scores_and_wrong_shapes():
    with pytest.raises(InputError, match="Pool 0 holds a number that is not finite"):
        bestofn_curve([np.array([1.0, np.nan])], [np.ones(2)], [1])
    with pytest.raises(ShapeError, match=r"Pool 0 has proxies \(2,\) and values \(3,\)"):
        bestofn_curve([np.ones(2)], [np.ones(3)], [1])
