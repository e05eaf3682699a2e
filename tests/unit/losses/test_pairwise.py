import math

import pytest
import torch

from pyrite.errors import ShapeError
from pyrite.losses import bradley_terry, centring, davidson, rao_kupper

ONE, ZERO = torch.tensor([1.0]), torch.tensor([0.0])


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def test_hard_label_is_softplus_of_the_negative_difference():
    loss = bradley_terry(torch.tensor([2.0, 0.0]), torch.tensor([0.5, 3.0]))
    assert loss.tolist() == pytest.approx([softplus(-1.5), softplus(3.0)])


def test_margin_asks_for_more_than_being_ahead():
    assert bradley_terry(ONE, ZERO, margin=1.0).item() == pytest.approx(math.log(2))


def test_soft_label_mixes_both_sides():
    loss = bradley_terry(ONE, ZERO, probability=torch.tensor([0.75]))
    assert loss.item() == pytest.approx(0.75 * softplus(-1) + 0.25 * softplus(1))


def test_smoothing_is_the_flip_share():
    assert bradley_terry(ONE, ZERO, smoothing=0.1).item() == pytest.approx(0.9 * softplus(-1) + 0.1 * softplus(1))


def test_a_tie_is_least_at_equal_scores_even_with_a_margin():
    d = torch.linspace(-2, 2, 41)
    loss = bradley_terry(d, torch.zeros(41), probability=0.5, margin=0.7)
    assert d[loss.argmin()].item() == pytest.approx(0.0, abs=1e-6)


def test_extreme_differences_stay_finite():
    loss = bradley_terry(torch.tensor([1e4, -1e4]), torch.zeros(2))
    assert loss.tolist() == pytest.approx([0.0, 1e4])


def test_centring_by_hand():
    assert centring(torch.tensor([3.0, 1.0]), torch.tensor([1.0, -1.0]), 0.01).tolist() == pytest.approx([0.16, 0.0])


def test_davidson_by_hand():
    z = math.exp(0.5) + math.exp(-0.5) + 2.0
    assert davidson(ONE, ZERO, tie_weight=2.0).item() == pytest.approx(-math.log(math.exp(0.5) / z))
    assert davidson(ONE, ZERO, probability=0.5, tie_weight=2.0).item() == pytest.approx(-math.log(2.0 / z))


def test_rao_kupper_by_hand():
    theta, strength = 1.5, math.e
    win = strength / (strength + theta)
    tie = (theta**2 - 1) * strength / ((strength + theta) * (1 + theta * strength))
    assert rao_kupper(ONE, ZERO, threshold=math.log(theta)).item() == pytest.approx(-math.log(win), rel=1e-5)
    assert rao_kupper(ONE, ZERO, probability=0.5, threshold=math.log(theta)).item() == pytest.approx(-math.log(tie), rel=1e-5)


def test_default_ties_are_one_in_three_between_equals():
    for loss in (davidson, rao_kupper):
        assert loss(ZERO, ZERO, probability=0.5).item() == pytest.approx(math.log(3), rel=1e-5)


@pytest.mark.parametrize("loss", [bradley_terry, davidson, rao_kupper, centring])
def test_a_column_is_refused_before_it_broadcasts(loss):
    with pytest.raises(ShapeError, match=r"rejected has shape \(8, 1\); expected \(8,\) to match chosen.*squeeze"):
        loss(torch.zeros(8), torch.zeros(8, 1))
    with pytest.raises(ShapeError, match=r"chosen has shape \(8, 1\); expected \(N,\)"):
        loss(torch.zeros(8, 1), torch.zeros(8, 1))


def test_a_margin_of_the_wrong_length_is_named():
    with pytest.raises(ShapeError, match=r"margin has shape \(3,\); expected \(2,\)"):
        bradley_terry(torch.zeros(2), torch.zeros(2), margin=torch.zeros(3))
