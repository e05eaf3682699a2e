"""Adapters (LoRA) of one body as rewards: the one that is scored is switched on before the body runs, whoever runs it.

Read next: `lora.py`, which loads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from torch import Tensor

from pyrite.backbones import Batch, Renderer
from pyrite.backbones.engine import TOKEN_BUDGET
from pyrite.backbones.prefixes import Sharing
from pyrite.rewards.ensemble import EnsembleReward
from pyrite.rewards.forms import CLASSIFIER, sequence_logit, sharing_of
from pyrite.rewards.scalar import ScalarReward


@dataclass(frozen=True)
class ReadAdapter:
    """Reads the score of one adapter of a body that several share.

    Attributes:
        adapter: Its name.
        differentiable: Keep the graph to the adapter's weights.
    """

    adapter: str
    differentiable: bool = False

    def switch_on(self, model: Any) -> None:
        """Make this adapter the one that the body and the head run with."""
        if model.active_adapter != self.adapter or self.differentiable:
            model.set_adapter(self.adapter, inference_mode=not self.differentiable)

    def __call__(self, model: Any, batch: Batch) -> Tensor:
        """The (B,) logits, with this adapter switched on."""
        self.switch_on(model)
        return sequence_logit(model, batch)


def sharing_of_body(model: Any, kind: str) -> Sharing:
    """How common beginnings run once through the body inside PEFT's wrappers, with the adapter that is on.

    PEFT's own `base_model` is a wrapper of the classifier; the layers, whose configuration names the attention, are inside it.

    Args:
        model: A sequence classifier with adapters.
        kind: "causal" or "encoder".
    """
    return sharing_of(model.get_base_model(), kind, CLASSIFIER)


def member_rewards(
    model: Any,
    renderer: Renderer,
    *,
    name: str,
    identities: Sequence[str | None],
    ensemble_name: str | None = None,
    differentiable: bool = False,
    batch_tokens: int = TOKEN_BUDGET,
) -> ScalarReward | EnsembleReward:
    """The adapters m0, m1, ... of a model as one reward; several are the members of an ensemble.

    Args:
        model: A sequence classifier with adapters, in evaluation mode.
        renderer: Writes samples for it.
        name: Of a reward with one adapter; members are called as their adapters are.
        identities: For each adapter, what names its weights, template and dtype; None keeps no scores on disk.
        ensemble_name: Of several; default names the members.
        differentiable: Keep the graph to the weights where gradients are enabled.
        batch_tokens: Most tokens in a batch.
    """
    sharing = sharing_of_body(model, renderer.kind)
    rewards = []
    for m, identity in enumerate(identities):
        read = ReadAdapter(f"m{m}", differentiable)
        rewards.append(
            ScalarReward(
                model,
                renderer,
                name=name if len(identities) == 1 else f"m{m}",
                read=read,
                identity=identity,
                batch_tokens=batch_tokens,
                differentiable=differentiable,
                sharing=replace(sharing, prepare=partial(read.switch_on, model)),
            )
        )
    return rewards[0] if len(rewards) == 1 else EnsembleReward(rewards, ensemble_name)
