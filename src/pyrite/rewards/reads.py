"""Which networks a reward runs, and the rows of token ids that they would read; nothing is run. For `--dry-run`.

Counted are the rewards that run every text through a network once: scalar models, heads, process models and models of pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pyrite.backbones import Rendered
from pyrite.protocols import PairwiseReward, Reward
from pyrite.rewards.ensemble import EnsembleReward
from pyrite.rewards.guarded import GuardedReward
from pyrite.rewards.heads import HeadsReward
from pyrite.rewards.pairwise import PairModel
from pyrite.rewards.process import ProcessReward
from pyrite.rewards.scalar import ScalarReward
from pyrite.rewards.sides import sides
from pyrite.rewards.weighted import WeightedReward
from pyrite.types import Sample


@dataclass(frozen=True)
class Reads:
    """What a reward's networks would read.

    Attributes:
        name: Of the reward.
        rows: Samples -> rows; those that cannot be read have another status than ok.
        bodies: The networks without their heads; each reads every row.
    """

    name: str
    rows: Callable[[Sequence[Sample]], Sequence[Rendered]]
    bodies: tuple[Any, ...]


def reads_in(reward: Reward | PairwiseReward | None) -> list[Reads]:
    """The networks that a reward is made of; none for rewards of another kind."""
    if isinstance(reward, ScalarReward):
        return [Reads(reward.name, reward.renderer.render_all, (reward.model.base_model,))]
    if isinstance(reward, HeadsReward):
        return [Reads(reward.name, reward.backbone.renderer.render_all, (reward.backbone.model,))]
    if isinstance(reward, ProcessReward):
        bodies = tuple(model.network.base_model for model in reward.models)
        return [Reads(reward.name, reward.renderer.render_all, bodies)]
    if isinstance(reward, PairModel):
        return [Reads(reward.name, lambda samples: reward.rows(*sides(samples)), (reward.model.base_model,))]
    if isinstance(reward, WeightedReward):
        return [found for _, term in reward.terms for found in reads_in(term)]
    if isinstance(reward, EnsembleReward):
        return [found for member in reward.rewards for found in reads_in(member)]
    return reads_in(reward.reward) if isinstance(reward, GuardedReward) else []
