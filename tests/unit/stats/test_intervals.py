import math

import numpy as np
import pytest
from scipy import stats

from pyrite.errors import InputError, ShapeError
from pyrite.stats.intervals import (
    effect_size,
    holm,
    mean_interval,
    paired_interval,
    resample_counts,
    sign_flip_p,
)


def test_counts_add_up_and_depend_on_the_seed_only():
    counts = resample_counts(7, 50, seed=3)
    assert counts.shape == (50, 7)
    assert (counts.sum(axis=1) == 7).all()
    assert (counts == resample_counts(7, 50, seed=3)).all()
    assert (counts != resample_counts(7, 50, seed=4)).any()


def test_counts_of_a_cluster_are_equal():
    counts = resample_counts(4, 30, seed=0, clusters=["a", "b", "a", "a"])
    assert (counts[:, 0] == counts[:, 2]).all()
    assert (counts[:, 0] + counts[:, 1] == 2).all()


def test_mean_interval_agrees_with_the_t_interval_on_normal_data():
    values = np.random.default_rng(1).normal(size=60)
    found = mean_interval(values, draws=20_000)
    half = stats.t.ppf(0.975, 59) * values.std(ddof=1) / math.sqrt(60)
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.02)
    assert found.high == pytest.approx(values.mean() + half, abs=0.02)


@pytest.mark.parametrize("num", [8, 30])
def test_mean_interval_covers_for_few_units(num):
    rng = np.random.default_rng(num)
    hits = 0
    for _ in range(400):
        found = mean_interval(rng.normal(size=num), draws=400, seed=int(rng.integers(1 << 30)))
        hits += found.low <= 0 <= found.high
    assert 0.92 <= hits / 400 <= 0.985


def test_clusters_widen_the_interval():
    values = np.repeat(np.random.default_rng(0).normal(size=20), 10)
    alone, together = mean_interval(values), mean_interval(values, clusters=np.repeat(np.arange(20), 10))
    assert together.n == 20
    assert together.high - together.low > 2.5 * (alone.high - alone.low)


def test_large_samples_take_the_closed_form():
    values = np.random.default_rng(0).normal(size=6000)
    found = mean_interval(values)
    assert found.high - found.value == pytest.approx(1.96 * values.std() / math.sqrt(6000), rel=0.01)


def test_missing_units_leave_and_none_left_is_unknown():
    assert mean_interval([1.0, math.nan, 3.0]).n == 2
    empty = mean_interval([math.nan])
    assert empty.n == 0
    assert math.isnan(empty.value)
    assert not empty.excludes(0.0)


def test_units_that_agree_do_not_prove_certainty():
    found = mean_interval(np.ones(20), bounds=(0.0, 1.0))
    assert found.high == 1.0
    assert found.low == pytest.approx(0.025 ** (1 / 20))  # Clopper and Pearson for 20 of 20
    assert mean_interval(np.ones(20)).low == 1.0


def test_paired_interval_needs_the_same_units():
    assert paired_interval([2.0, 3.0], [1.0, 2.0]).value == 1.0
    with pytest.raises(ShapeError, match=r"first has shape \(1,\) and second \(2,\)"):
        paired_interval([1.0], [1.0, 2.0])


def test_effect_size_divides_by_the_scale():
    assert effect_size([1.0, 3.0, 2.0], 4.0).value == pytest.approx(0.5)
    with pytest.raises(InputError, match=r"scale is 0\.0"):
        effect_size([1.0, 2.0], 0.0)


def test_sign_flips_by_hand():
    assert sign_flip_p([1.0] * 5) == 1 / 32
    assert sign_flip_p([3.0, -1.0]) == 0.5  # 3-1, 3+1 of four patterns
    assert sign_flip_p([0.0, 0.0]) == 1.0


def test_sign_flips_beyond_sixteen_agree_with_the_exact_test():
    gaps = np.random.default_rng(0).normal(0.4, 1.0, size=16)
    exact = sign_flip_p(gaps)
    assert sign_flip_p(np.append(gaps, 0.0)) == pytest.approx(exact, abs=0.005)
    with pytest.raises(InputError, match="at least one"):
        sign_flip_p([])


def test_holm_by_hand():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06])
    np.testing.assert_allclose(holm([0.9, 0.8]), [1.0, 1.0])
    assert holm([]).tolist() == []
