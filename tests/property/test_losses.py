import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pyrite.losses import bradley_terry, davidson, logistic, rao_kupper, squared

steady = settings(derandomize=True, deadline=None, max_examples=40)
score = st.floats(-8, 8, width=32)
rows = st.lists(st.tuples(score, score, st.floats(0, 1, width=32), st.floats(0, 2, width=32)), min_size=1, max_size=6)
PREFERENCE = (bradley_terry, davidson, rao_kupper)


def columns(given_rows):
    return torch.tensor(given_rows, dtype=torch.float64).T


@steady
@given(rows, score)
def test_a_common_shift_changes_nothing(given_rows, shift):
    chosen, rejected, probability, _ = columns(given_rows)
    for loss in PREFERENCE:
        there = loss(chosen, rejected, probability=probability)
        torch.testing.assert_close(there, loss(chosen + shift, rejected + shift, probability=probability))


@steady
@given(rows)
def test_swapping_the_sides_swaps_the_label(given_rows):
    chosen, rejected, probability, margin = columns(given_rows)
    for loss in PREFERENCE:
        torch.testing.assert_close(
            loss(chosen, rejected, probability=probability), loss(rejected, chosen, probability=1 - probability)
        )
    torch.testing.assert_close(
        bradley_terry(chosen, rejected, margin=margin, probability=probability),
        bradley_terry(rejected, chosen, margin=margin, probability=1 - probability),
    )


@steady
@given(rows)
def test_the_outcomes_have_probabilities_that_sum_to_one(given_rows):
    chosen, rejected, _, _ = columns(given_rows)
    won = torch.exp(-bradley_terry(chosen, rejected)) + torch.exp(-bradley_terry(rejected, chosen))
    torch.testing.assert_close(won, torch.ones_like(won))
    for loss in (davidson, rao_kupper):
        total = sum(torch.exp(-loss(chosen, rejected, probability=p)) for p in (0.0, 0.5, 1.0))
        torch.testing.assert_close(total, torch.ones_like(chosen))


@steady
@given(rows, st.floats(0.01, 0.49))
def test_a_soft_label_is_matched_at_its_log_odds(given_rows, smoothing):
    """At d = log(q / (1 - q)) the gradient of the smoothed loss is zero: the loss is a proper scoring rule."""
    probability = columns(given_rows)[2].clamp(0.01, 0.99)
    q = (1 - smoothing) * probability + smoothing * (1 - probability)
    d = torch.log(q / (1 - q)).requires_grad_()
    bradley_terry(d, torch.zeros_like(d), probability=probability, smoothing=smoothing).sum().backward()
    assert d.grad is not None
    torch.testing.assert_close(d.grad, torch.zeros_like(d), atol=1e-9, rtol=0)


@settings(derandomize=True, deadline=None, max_examples=8)
@given(rows)
def test_gradients_are_those_of_finite_differences(given_rows):
    chosen, rejected, probability, _ = columns(given_rows)
    probability = torch.where((probability - 0.5).abs() < 1e-3, 0.5, probability)
    for loss in PREFERENCE:
        inputs = (chosen.requires_grad_(), rejected.requires_grad_())
        assert torch.autograd.gradcheck(lambda a, b, loss=loss: loss(a, b, probability=probability), inputs)
    assert torch.autograd.gradcheck(lambda s: logistic(s, probability), (chosen,))
    assert torch.autograd.gradcheck(lambda s: squared(s, probability), (chosen,))


@steady
@given(rows)
def test_each_row_is_its_own(given_rows):
    chosen, rejected, probability, _ = columns(given_rows)
    for loss in PREFERENCE:
        whole = loss(chosen, rejected, probability=probability)
        alone = [
            loss(c, r, probability=p).item()
            for c, r, p in zip(chosen[:, None], rejected[:, None], probability[:, None], strict=True)
        ]
        assert all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12) for a, b in zip(whole.tolist(), alone, strict=True))


@steady
@given(rows)
def test_losses_are_not_negative(given_rows):
    chosen, rejected, probability, _ = columns(given_rows)
    assert all((loss(chosen, rejected, probability=probability) >= -1e-12).all() for loss in PREFERENCE)
    assert (logistic(chosen, probability) >= 0).all()
    assert (squared(chosen, rejected) >= 0).all()
