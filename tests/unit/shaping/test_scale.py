"""Scales: worked numbers, what the reference gives, and refusals."""

from __future__ import annotations

import math

import pytest
import torch

from pyrite.errors import InputError
from pyrite.shaping import Scale, apply, centre, clip, sigmoid_centred, standardise
from pyrite.types import Scores, Status

REFERENCE = Scores(torch.tensor([0.0, 2.0, 4.0, torch.nan]))


def test_centre_subtracts_the_mean_of_the_reference() -> None:
    assert apply(centre(), Scores(torch.tensor([2.0, 5.0])), REFERENCE).value.tolist() == [0.0, 3.0]


def test_standardise_uses_the_population_standard_deviation() -> None:
    out = apply(standardise(), Scores(torch.tensor([2.0, 2.0 + math.sqrt(8 / 3)])), REFERENCE)
    assert out.value.tolist() == pytest.approx([0.0, 1.0])


def test_sigmoid_is_one_half_at_the_mean_and_slope_multiplies() -> None:
    out = apply(sigmoid_centred(2.0), Scores(torch.tensor([2.0, 3.0])), REFERENCE)
    assert out.value.tolist() == pytest.approx([0.5, 1 / (1 + math.exp(-2))])


def test_clip_bounds_on_one_or_both_sides() -> None:
    scores = Scores(torch.tensor([-9.0, 0.0, 9.0]))
    assert apply(clip(5.0), scores).value.tolist() == [-5.0, 0.0, 5.0]
    assert apply(clip(low=-1.0), scores).value.tolist() == [-1.0, 0.0, 9.0]
    assert apply(clip(low=-1.0, high=3.0), scores).value.tolist() == [-1.0, 0.0, 3.0]
    assert clip(low=-1.0).bounded == (-1.0, math.inf)
    assert (clip(5.0).name, clip(low=-1.0, high=3.0).name) == ("clip(5)", "clip(low=-1, high=3)")


def test_members_go_through_the_map_of_the_value() -> None:
    scores = Scores(torch.tensor([3.0]), members=torch.tensor([[2.0, 4.0]]))
    out = apply(centre(), scores, REFERENCE)
    assert out.members is not None
    assert (out.value.tolist(), out.members.tolist()) == ([1.0], [[0.0, 2.0]])


def test_samples_without_a_value_stay_so_and_enter_nothing() -> None:
    state = centre().init(REFERENCE)
    assert isinstance(state, Scale)
    assert (state.mean, state.std, state.num) == (2.0, pytest.approx(math.sqrt(8 / 3)), 3)
    lost = Scores(torch.tensor([torch.nan, 1.0]), torch.tensor([Status.ERROR, Status.OK], dtype=torch.int8))
    for transform in (centre(), standardise(), clip(1.0), sigmoid_centred()):
        out = apply(transform, lost, REFERENCE)
        assert out.status.tolist() == [Status.ERROR, Status.OK]
        assert math.isnan(out.value[0])


def test_the_gradient_goes_through() -> None:
    value = torch.tensor([1.0, 9.0], requires_grad=True)
    apply(standardise(), Scores(value), REFERENCE).value.sum().backward()
    assert value.grad is not None
    assert value.grad.tolist() == pytest.approx([math.sqrt(3 / 8)] * 2)


@pytest.mark.parametrize("transform", [centre(), standardise(), sigmoid_centred()])
def test_a_scale_without_a_reference_is_refused(transform: object) -> None:
    with pytest.raises(InputError, match=r"needs reference scores .* got none; pass reference="):
        apply(transform, Scores(torch.zeros(2)))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="none of the 2 reference samples has a value"):
        apply(transform, Scores(torch.zeros(2)), Scores(torch.full((2,), torch.nan)))  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [0.0, 0.1, 1e6])
def test_a_constant_reference_has_no_spread(number: float) -> None:
    with pytest.raises(InputError, match="all 7 of them are"):
        apply(standardise(), Scores(torch.zeros(1)), Scores(torch.full((7,), number)))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: clip(0.0), "limit is 0; expected a finite number above 0"),
        (lambda: clip(), r"clip got no bound; write clip\(5\) or clip\(low=-1, high=3\)"),
        (lambda: clip(5.0, low=1.0), "got both"),
        (lambda: clip(low=3.0, high=3.0), "low is 3 and high is 3; expected low below high"),
        (lambda: sigmoid_centred(-1.0), "slope is -1; expected a finite number above 0"),
    ],
)
def test_arguments_out_of_range_are_refused(make: object, told: str) -> None:
    with pytest.raises(InputError, match=told):
        make()  # type: ignore[operator]
