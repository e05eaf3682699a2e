import math

import numpy as np
import pytest

from pyrite.errors import InputError, ShapeError, UnknownName
from pyrite.stats.metrics import (
    auc_credit,
    brier,
    calibration_error,
    count_ties,
    group_rank_correlation,
    pair_accuracy,
    pair_credit,
    rank_correlation,
)


@pytest.mark.parametrize(("ties", "worth"), [("half", 0.5), ("wrong", 0.0), ("drop", math.nan)])
def test_ties_are_worth_what_the_policy_says(ties, worth):
    np.testing.assert_equal(pair_credit([2.0, 1.0, 0.0], [1.0, 1.0, 1.0], ties=ties), [1.0, worth, 0.0])


def test_missing_scores_are_not_losses():
    np.testing.assert_equal(pair_credit([math.nan, 1.0], [0.0, math.nan]), [math.nan, math.nan])
    assert pair_accuracy([1.0, math.nan, 1.0], [0.0, 0.0, 2.0]).value == 0.5
    assert count_ties([1.0, math.nan, 2.0], [1.0, math.nan, 3.0]) == 1


def test_unknown_policy_and_wrong_shape_name_themselves():
    with pytest.raises(UnknownName, match=r"'hlaf'\. Close: 'half'"):
        pair_credit([1.0], [0.0], ties="hlaf")
    with pytest.raises(ShapeError, match=r"rejected has shape \(2,\)"):
        pair_credit([1.0], [0.0, 1.0])


def test_brier_by_hand():
    np.testing.assert_allclose(brier([0.0, 0.5, 0.8], [0, 1, 1]), [0.0, 0.25, 0.04])
    with pytest.raises(InputError, match=r"probability holds 1\.2"):
        brier([1.2], [1])


def test_calibration_error_by_hand():
    # bin 0.2 to 0.3: stated 0.25, seen 0.5; bin 0.9 to 1: stated 1, seen 1
    assert calibration_error([0.25, 0.25, 1.0, 1.0], [0, 1, 1, 1]) == pytest.approx(0.125)
    assert math.isnan(calibration_error([math.nan], [1]))


def test_rank_correlation_by_hand():
    assert rank_correlation([1, 2, 3], [1, 3, 2]) == pytest.approx(1 / 3)
    assert rank_correlation([1, 2, 3], [1, 3, 2], kind="spearman") == pytest.approx(0.5)
    assert math.isnan(rank_correlation([1, 1], [1, 2]))
    found = group_rank_correlation([1, 2, 5, 5], [1, 2, 1, 2], [0, 0, 7, 7])
    np.testing.assert_equal(found, [1.0, math.nan])


def test_auc_is_the_share_of_pairs_in_order():
    scores, labels = np.array([3.0, 1.0, 2.0, 2.0, 0.0]), np.array([1, 0, 1, 0, 0])
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[labels == 1] for b in scores[labels == 0]]
    assert auc_credit(scores, labels).mean() == pytest.approx(np.mean(pairs))
    assert np.isnan(auc_credit([1.0, 2.0], [1, 1])).all()


def test_auc_influences_give_the_spread_of_the_area():
    rng = np.random.default_rng(0)
    areas, errors = [], []
    for _ in range(300):
        labels = rng.random(120) < 0.3
        credit = auc_credit(rng.normal(size=120) + labels, labels)
        areas.append(credit.mean())
        errors.append(credit.std(ddof=1) / math.sqrt(120))
    assert np.mean(errors) == pytest.approx(np.std(areas), rel=0.15)
