"""On real small models a score does not depend on what it is run with: sizes, order, padding, packing, shared beginnings."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from pyrite.backbones.batches import Batch
from pyrite.backbones.engine import run_batches
from pyrite.backbones.int8 import to_int8
from pyrite.backbones.packed import packs
from pyrite.backbones.prefixes import Sharing
from pyrite.backbones.render import Rendered
from pyrite.errors import MissingExtra
from pyrite.rewards.forms import sequence_logit
from pyrite.rewards.full import begin_full
from pyrite.types import Sample

PROMPTS = ("Name a river that ends in the sea, and the town at its mouth, in one sentence.", "Why is the sky blue at noon?")
ANSWERS = (
    "The Elbe ends in the North Sea at Cuxhaven.",
    "I do not know.",
    "Because the air scatters short waves of light more than long ones, so that blue comes from all sides.",
    "Blue.",
)
CLOSE = 1e-4


def rows_and_model(spec: str) -> tuple[Any, list[Rendered]]:
    try:
        reward = begin_full(spec, seed=0)
    except MissingExtra as absent:
        pytest.skip(str(absent))
    model = reward.model.eval().requires_grad_(False)
    samples = [Sample(2 * (prompt + " "), answer) for prompt in PROMPTS for answer in ANSWERS]
    return model, reward.renderer.render_all(samples)


def run(model: Any, rows: list[Rendered], budget: int, sharing: Sharing | None) -> torch.Tensor:
    def forward(batch: Batch) -> torch.Tensor:
        return sequence_logit(model, batch)

    return run_batches(rows, forward, pad_id=model.config.pad_token_id or 0, token_budget=budget, sharing=sharing)


@pytest.mark.parametrize("spec", ["embedded:smollm2", "embedded:minilm"])
def test_scores_of_real_models_do_not_depend_on_their_company(spec: str) -> None:
    model, rows = rows_and_model(spec)
    alone = torch.cat([run(model, [row], 8192, None) for row in rows])
    body = model.base_model
    assert packs(body) == (spec == "embedded:smollm2")
    mixed = torch.tensor([5, 2, 7, 0, 1, 4, 6, 3])
    for sharing in (None, Sharing(body, None), Sharing(body)):
        for budget in (60, 8192):
            assert torch.allclose(run(model, rows, budget, sharing), alone, atol=CLOSE), (sharing, budget)
        other = run(model, [rows[i] for i in mixed.tolist()], 200, sharing)
        assert torch.allclose(other, alone[mixed], atol=CLOSE), sharing
    assert float(alone.std()) > 100 * CLOSE, "the scores are too alike for this to say much"


@pytest.mark.parametrize("spec", ["embedded:smollm2", "embedded:minilm"])
def test_8_bit_scores_of_real_models_do_not_depend_on_their_company_either(spec: str) -> None:
    model, rows = rows_and_model(spec)
    to_int8(model, ("score", "classifier"))
    sharing = Sharing(model.base_model)
    alone = torch.cat([run(model, [row], 8192, None) for row in rows])
    for budget in (60, 200, 8192):
        assert torch.allclose(run(model, rows, budget, sharing), alone, atol=1e-6), budget
    padded = run(model, rows, 8192, None)
    assert float((padded - alone).abs().max()) > 0.05 * float(alone.std()), "padding would have done no harm"
