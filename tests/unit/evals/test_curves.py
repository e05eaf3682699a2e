import numpy as np
import pytest

from pyrite.errors import InputError, ShapeError
from pyrite.evals.curves import overoptimisation_curve


def flat(*pools):
    values = np.concatenate([np.asarray(pool, dtype=float) for pool in pools])
    return values, np.repeat(np.arange(len(pools)), [len(pool) for pool in pools])


def test_means_over_prompts_by_hand():
    proxy, group = flat([1, 2, 3], [3, 2, 1])
    gold = np.array([0.0, 6.0, 3.0, 0.0, 0.0, 6.0])
    curve = overoptimisation_curve(proxy, gold, group)
    assert curve.n.tolist() == [1, 2, 3]
    np.testing.assert_allclose(curve.gold, [2.5, 2.0, 1.5])  # pools give 3, 4, 3 and 2, 0, 0
    np.testing.assert_allclose(curve.proxy, [2.0, 8 / 3, 3.0])
    np.testing.assert_allclose(curve.gold_by_prompt, [[3.0, 4.0, 3.0], [2.0, 0.0, 0.0]], atol=1e-14)
    assert curve.gold_sd == pytest.approx(np.sqrt(np.mean((gold - 2.5) ** 2)))
    assert curve.band == "simultaneous 95 %"


def test_candidates_without_a_score_leave_and_are_counted():
    nan = np.nan
    proxy, group = flat([1, 2, nan], [nan, nan, nan], [1, 2, 3], [1, nan, nan])
    gold = np.array([1, 1, 1, 1, 1, 1, nan, nan, nan, nan, 1, 1])
    curve = overoptimisation_curve(proxy, gold, group)
    assert curve.num_prompts == 1
    assert curve.n_max == 2
    assert curve.dropped == {"no proxy score": 1, "no gold": 1, "no candidate with both proxy and gold": 1}
    assert curve.dropped_candidates == 1
    assert np.isnan(curve.gold_low).all()
    assert "two prompts" in curve.band


def test_the_last_n_is_what_nine_prompts_in_ten_have():
    pools = [np.arange(8)] * 18 + [np.arange(5), np.arange(3)]
    proxy, group = flat(*pools)
    curve = overoptimisation_curve(proxy, proxy, group)
    assert curve.n_max == 8
    assert curve.dropped == {"fewer than 8 candidates": 2}
    wider = overoptimisation_curve(proxy, proxy, group, n_max=5)
    assert (wider.num_prompts, wider.num_dropped) == (19, 1)
    assert overoptimisation_curve(proxy, proxy, group, ns=[1, 3]).num_prompts == 20


def test_every_point_uses_the_same_prompts():
    proxy, group = flat(*[np.arange(6)] * 9, [9.0])
    curve = overoptimisation_curve(proxy, proxy, group)
    assert curve.groups.tolist() == list(range(9))
    assert curve.proxy_by_prompt.shape == (9, 6)


def test_group_numbers_need_not_be_in_order():
    proxy, group = flat([1, 2], [4, 3], [0, 0])
    order = np.array([5, 0, 3, 1, 4, 2])
    one = overoptimisation_curve(proxy, proxy, group)
    two = overoptimisation_curve(proxy[order], proxy[order], group[order])
    np.testing.assert_array_equal(one.gold_by_prompt, two.gold_by_prompt)


def test_marks_where_few_draws_stand_behind_a_point():
    proxy, group = flat(*[np.arange(8)] * 4)
    assert overoptimisation_curve(proxy, proxy, group).high_variance.tolist() == [False] * 2 + [True] * 6


def test_without_gold_there_is_a_proxy_curve():
    proxy, group = flat([1, 2], [3, 4])
    curve = overoptimisation_curve(proxy, None, group)
    assert curve.gold is None
    assert curve.gold_sd is None
    np.testing.assert_allclose(curve.proxy, [2.5, 3.0])


def test_clusters_are_given_by_group_number():
    rng = np.random.default_rng(0)
    proxy, group = flat(*rng.normal(size=(12, 4)))
    curve = overoptimisation_curve(proxy, proxy, group, clusters=np.repeat([7, 8, 9], 4))
    assert curve.clusters.tolist() == [0] * 4 + [1] * 4 + [2] * 4


def test_complains_in_one_sentence():
    with pytest.raises(ShapeError, match=r"gold has shape \(3,\); expected \(2,\)"):
        overoptimisation_curve(np.ones(2), np.ones(3), np.zeros(2, int))
    with pytest.raises(InputError, match="No prompt has a candidate"):
        overoptimisation_curve(np.array([np.nan]), np.ones(1), np.zeros(1, int))
    with pytest.raises(InputError, match="n_max is 9"):
        overoptimisation_curve(np.ones(4), np.ones(4), np.array([0, 0, 1, 1]), n_max=9)
