"""Laws of transforms: the declared flags of every registered guard, and what aggregation must never do."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pyrite.protocols import RewardTransform
from pyrite.registry import rows
from pyrite.shaping import (
    apply,
    chain,
    clip,
    mean_minus_std,
    mean_of_members,
    median_of_members,
    parse_guard,
    quantile_of_members,
    sigmoid_centred,
    standardise,
    uncertainty_weighted,
    worst_case,
)
from pyrite.testing import scores
from pyrite.testing.parts import check_flags, check_structure
from pyrite.types import Scores

pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # beartype looks at a random entry

steady = settings(derandomize=True, deadline=None, max_examples=15)

GUARDS = [row.example() for row in rows("guard") if row.example] + [
    parse_guard("uwo(0.1) | sigmoid(2)"),
    parse_guard("standardise | clip(1)"),
    parse_guard("clip(low=-1, high=3)"),
    parse_guard("mean | standardise"),
]
AGGREGATORS = [
    mean_of_members(),
    median_of_members(),
    worst_case(),
    uncertainty_weighted(0.3),
    mean_minus_std(1.0),
    quantile_of_members(0.25),
]

spread_out = st.builds(
    lambda start, steps: start + torch.cumsum(torch.tensor(steps), dim=0),
    st.floats(-20, 20, width=32),
    st.lists(st.floats(0.25, 4.0, width=32), min_size=4, max_size=8),
)
"""Reference values that differ clearly from each other, as those of any reward worth a guard do."""


def reference_of(values: torch.Tensor) -> Scores:
    """A reference whose three members are the values at other scales and offsets."""
    members = torch.stack([values, 3 * values.flip(0) - 5, 0.5 * values + 2], dim=1)
    return Scores(members.mean(dim=1), members=members)


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
@given(given=scores(members=3), values=spread_out)
@steady
def test_declared_flags_hold(guard: RewardTransform, given: Scores, values: torch.Tensor) -> None:
    check_structure(guard, given, reference_of(values), {})
    check_flags(guard, given, reference_of(values), {})


@pytest.mark.parametrize("guard", [g for g in GUARDS if not g.needs_members], ids=lambda guard: guard.name)
@given(given=scores(), values=spread_out)
@steady
def test_declared_flags_hold_on_a_single_score(guard: RewardTransform, given: Scores, values: torch.Tensor) -> None:
    check_flags(guard, given, reference_of(values), {})


@pytest.mark.parametrize("aggregate", AGGREGATORS, ids=lambda guard: guard.name)
@given(given=scores(members=4))
@steady
def test_the_order_of_members_does_not_matter(aggregate: RewardTransform, given: Scores) -> None:
    assert given.members is not None
    turned = Scores(given.value, given.status, members=given.members.flip(1))
    one, other = (apply(aggregate, s).value.nan_to_num() for s in (given, turned))
    assert torch.allclose(one, other, atol=1e-2)


@pytest.mark.parametrize("aggregate", AGGREGATORS, ids=lambda guard: guard.name)
@given(given=scores(min_ok=1))
@steady
def test_members_that_agree_are_believed(aggregate: RewardTransform, given: Scores) -> None:
    agreed = Scores(given.value, given.status, members=given.value[:, None].expand(-1, 3))
    out = apply(aggregate, agreed).value[given.ok]
    assert torch.allclose(out, given.value[given.ok], atol=1e-3)


@given(given=scores(members=5, min_ok=1))
@steady
def test_caution_orders_the_aggregators(given: Scores) -> None:
    worst, low, middle, mean = (
        apply(a, given).value[given.ok]
        for a in (worst_case(), quantile_of_members(0.25), median_of_members(), mean_of_members())
    )
    slack = 1e-4
    assert (worst <= low + slack).all()
    assert (low <= middle + slack).all()
    assert (worst <= mean + slack).all()
    for cautious in (uncertainty_weighted(0.2), mean_minus_std(0.7)):
        assert (apply(cautious, given).value[given.ok] <= mean + slack).all()


@given(given=scores(members=3, min_ok=1), weight=st.floats(0, 3), more=st.floats(0, 3))
@steady
def test_a_larger_weight_never_raises_a_score(given: Scores, weight: float, more: float) -> None:
    low, high = (apply(uncertainty_weighted(w), given).value[given.ok] for w in (weight + more, weight))
    assert (low <= high + 1e-3).all()


@given(values=spread_out, shifts=st.lists(st.floats(-50, 50, width=32), min_size=3, max_size=3))
@steady
def test_alignment_ignores_an_offset_of_each_member(values: torch.Tensor, shifts: list[float]) -> None:
    reference = reference_of(values)
    assert reference.members is not None
    moved_members = reference.members + torch.tensor(shifts)
    moved = Scores(moved_members.mean(dim=1), members=moved_members)
    for guard in (parse_guard("wco"), parse_guard("uwo")):
        one, other = apply(guard, reference, reference).value, apply(guard, moved, moved).value
        assert torch.allclose(one, other, atol=1e-3)


@given(given=scores(min_ok=2), values=spread_out)
@steady
def test_monotone_scales_keep_the_best_of_a_single_score(given: Scores, values: torch.Tensor) -> None:
    reference = reference_of(values)
    best = given.value[given.ok].argmax()
    for scale in (standardise(), sigmoid_centred(0.1), clip(50.0), chain(standardise(), clip(1.0))):
        out = apply(scale, given, reference).value[given.ok]
        assert out[best] == out.max(), scale.name


@given(given=scores(members=3, max_size=4), values=spread_out)
@steady
def test_one_sample_alone_gets_the_score_it_gets_in_company(given: Scores, values: torch.Tensor) -> None:
    for guard in (parse_guard("uwo | sigmoid"), parse_guard("standardise | clip(1)")):
        whole = apply(guard, given, reference_of(values)).value
        alone = torch.cat([apply(guard, given.take([i]), reference_of(values)).value for i in range(len(given))])
        assert torch.allclose(whole.nan_to_num(), alone.nan_to_num(), rtol=1e-4, atol=1e-4), guard.name
