"""Drawing tokens: worked numbers, and that a draw needs nothing but its own uniform number."""

from __future__ import annotations

import math

import pytest
import torch

from pyrite.backbones.sampling import BLOCK, draw_tokens, invert_cumulative, keep_nucleus, log_probs_of, uniforms


def test_the_first_index_whose_sum_exceeds_the_target() -> None:
    weights = torch.tensor([[0.1, 0.0, 0.4, 0.5]]).expand(5, -1)
    uniform = torch.tensor([0.0, 0.0999, 0.11, 0.51, 1 - 2**-53], dtype=torch.float64)
    assert invert_cumulative(weights, uniform).tolist() == [0, 0, 2, 3, 3]


def test_an_index_of_weight_zero_is_never_drawn() -> None:
    weights = torch.zeros(2, 3 * BLOCK)
    weights[0, BLOCK + 7] = 0.3
    weights[1, 0], weights[1, 2 * BLOCK] = 1.0, 1.0
    at = [[u] * 2 for u in (0.0, 0.5, 1 - 2**-53)]
    drawn = torch.stack([invert_cumulative(weights, torch.tensor(u, dtype=torch.float64)) for u in at])
    assert drawn[:, 0].tolist() == [BLOCK + 7] * 3
    assert drawn[:, 1].tolist() == [0, 2 * BLOCK, 2 * BLOCK]


def test_frequencies_are_the_probabilities() -> None:
    logits = torch.log(torch.tensor([0.2, 0.3, 0.5])).repeat(20_000, 1)
    uniform = torch.linspace(0, 1 - 1e-9, 20_000, dtype=torch.float64)
    share = torch.bincount(draw_tokens(logits, uniform, 1.0, 1.0)) / 20_000
    assert torch.allclose(share, torch.tensor([0.2, 0.3, 0.5]), atol=1e-3)


def test_temperature_squares_and_zero_takes_the_best() -> None:
    logits = torch.log(torch.tensor([[0.2, 0.8]]))
    half = torch.tensor([0.06], dtype=torch.float64)
    assert draw_tokens(logits, half, 1.0, 1.0).item() == 0
    assert draw_tokens(logits, half, 0.5, 1.0).item() == 1  # 0.04 / 0.68 = 0.0588
    assert draw_tokens(logits, torch.zeros(1, dtype=torch.float64), 0.0, 1.0).item() == 1


def test_the_nucleus_is_the_fewest_tokens_that_reach_top_p() -> None:
    probs = torch.tensor([[0.1, 0.4, 0.3, 0.2]])
    assert keep_nucleus(probs, 0.6)[0].tolist() == pytest.approx([0.0, 0.4, 0.3, 0.0])
    assert keep_nucleus(probs, 0.4)[0].count_nonzero() == 1
    assert keep_nucleus(probs, 1e-9)[0].count_nonzero() == 1


def test_log_probabilities_at_temperature_one() -> None:
    logits = torch.log(torch.tensor([[1.0, 3.0]])) + 5
    assert log_probs_of(logits, torch.tensor([1])).item() == pytest.approx(math.log(0.75))


def test_a_stream_depends_on_its_key_alone_and_begins_the_same() -> None:
    alone, both = uniforms([(1, "p", 3)], 20), uniforms([(1, "p", 2), (1, "p", 3)], 20)
    assert torch.equal(alone[0], both[1])
    assert not torch.equal(both[0], both[1])
    assert torch.equal(uniforms([(1, "p", 3)], 7)[0], alone[0, :7])
