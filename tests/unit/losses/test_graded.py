import math

import pytest
import torch

from pyrite.errors import ShapeError
from pyrite.losses import logistic, squared


def test_logistic_by_hand():
    loss = logistic(torch.tensor([1.0, 1.0]), torch.tensor([1.0, 0.0]))
    assert loss.tolist() == pytest.approx([math.log1p(math.exp(-1)), math.log1p(math.exp(1))])


def test_logistic_smoothing_flips_a_share_of_the_labels():
    loss = logistic(torch.tensor([1.0]), torch.tensor([1.0]), smoothing=0.2)
    assert loss.item() == pytest.approx(0.8 * math.log1p(math.exp(-1)) + 0.2 * math.log1p(math.exp(1)))


def test_squared_by_hand():
    assert squared(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 2.0])).tolist() == [4.0, 0.0]


@pytest.mark.parametrize("loss", [logistic, squared])
def test_a_column_is_refused_before_it_broadcasts(loss):
    with pytest.raises(ShapeError, match=r"has shape \(4, 1\); expected \(4,\) to match score"):
        loss(torch.zeros(4), torch.zeros(4, 1))
