"""Chains of transforms: order, flags, states and the way the reference takes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from pyrite.errors import InputError, ShapeError
from pyrite.shaping import (
    Alignment,
    Scale,
    align_members,
    apply,
    centre,
    chain,
    clip,
    parse_guard,
    record,
    sigmoid_centred,
    standardise,
    stateless,
    uncertainty_weighted,
    when,
)
from pyrite.types import Scores, Status

DOUBLE = stateless(lambda scores, **_: replace(scores, value=scores.value * 2), name="double", monotone=True)


def values(*numbers: float) -> Scores:
    return Scores(torch.tensor(numbers))


def test_links_run_in_order() -> None:
    assert apply(chain(DOUBLE, clip(3.0)), values(1.0, 2.0)).value.tolist() == [2.0, 3.0]
    assert apply(chain(clip(3.0), DOUBLE), values(1.0, 4.0)).value.tolist() == [2.0, 6.0]


def test_the_reference_goes_through_the_links_before() -> None:
    out = apply(chain(clip(2.0), centre()), values(0.0, 9.0), reference=values(0.0, 9.0))
    assert out.value.tolist() == [-1.0, 1.0]


def test_flags_follow_from_the_links() -> None:
    both = chain(standardise(), clip(2.0))
    assert (both.monotone, both.bounded, both.shift_invariant, both.needs_members) == (True, (-2.0, 2.0), True, False)
    assert both.needs_reference
    assert not chain(clip(2.0), standardise()).shift_invariant
    assert chain(sigmoid_centred(), DOUBLE).bounded is None
    assert not chain(clip(2.0), uncertainty_weighted()).monotone
    assert chain(clip(2.0), uncertainty_weighted()).needs_members


def test_names_join_and_can_be_given() -> None:
    assert chain(clip(2.0), DOUBLE).name == "clip(2) | double"
    assert chain(clip(2.0), DOUBLE, name="mine").name == "mine"


def test_an_empty_chain_is_refused() -> None:
    with pytest.raises(InputError, match="chain got no transforms"):
        chain()


def test_a_missing_extra_names_itself() -> None:
    penalty = stateless(lambda scores, *, kl, **_: replace(scores, value=scores.value - 0.1 * kl), name="penalty")
    assert apply(chain(DOUBLE, penalty), values(1.0), kl=torch.tensor([5.0])).value.tolist() == [1.5]
    with pytest.raises(TypeError, match="'kl'"):
        apply(chain(DOUBLE, penalty), values(1.0))


def test_when_leaves_the_other_samples_alone() -> None:
    scores = Scores(torch.tensor([1.0, 5.0, torch.nan]), members=torch.tensor([[0.0, 2.0], [4.0, 6.0], [torch.nan, torch.nan]]))
    out = apply(when(lambda scores, **_: scores.value > 2, clip(3.0)), scores)
    assert out.value[:2].tolist() == [1.0, 3.0]
    assert out.members is not None
    assert out.members[:2].tolist() == [[0.0, 2.0], [3.0, 3.0]]
    assert out.status.tolist() == scores.status.tolist()


def test_when_takes_one_answer_for_all_and_refuses_other_shapes() -> None:
    late = when(lambda scores, *, step, **_: step > 10, clip(3.0))
    assert apply(late, values(5.0), step=3).value.item() == 5.0
    assert apply(late, values(5.0), step=30).value.item() == 3.0
    with pytest.raises(ShapeError, match=r"condition has shape \(2,\); expected one bool or \(3,\)"):
        apply(when(lambda scores, **_: torch.ones(2), clip(3.0)), values(1.0, 2.0, 3.0))


def test_when_keeps_the_needs_and_drops_the_promises() -> None:
    guard = when(lambda scores, **_: True, parse_guard("wco"))
    assert (guard.needs_members, guard.needs_reference) == (True, True)
    assert (guard.monotone, guard.bounded, guard.shift_invariant) == (False, None, False)


def test_what_the_reference_gave_is_recorded() -> None:
    reference = Scores(torch.tensor([1.0, 3.0]), members=torch.tensor([[0.0, 2.0], [2.0, 4.0]]))
    state = chain(align_members(), uncertainty_weighted(), standardise()).init(reference)
    first, second = record(state)
    assert first == {"kind": "Alignment", "mean": (1.0, 3.0), "std": (1.0, 1.0), "num": 2}
    assert second == {"kind": "Scale", "mean": 0.0, "std": 1.0, "num": 2}
    assert isinstance(state[0], Alignment)
    assert isinstance(state[2], Scale)


def test_a_status_survives_every_link() -> None:
    status = torch.tensor([Status.OK, Status.OK, Status.TRUNCATED, Status.ERROR], dtype=torch.int8)
    members = torch.tensor([[0.0, 1.0], [2.0, 5.0], [torch.nan, torch.nan], [9.0, 9.0]])
    scores = Scores(torch.tensor([0.5, 3.5, torch.nan, torch.nan]), status, members=members)
    out = apply(parse_guard("uwo | sigmoid | clip(0.9)"), scores, reference=scores)
    assert out.status.tolist() == status.tolist()
    assert out.value.isnan().tolist() == [False, False, True, True]
