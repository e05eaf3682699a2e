"""Several rewards as the members of one: their mean is the value, and guards read how far they disagree.

For many heads on one backbone see `heads.py`, which is far cheaper. Members are taken as they score; `shaping.align_members`
brings them to one scale.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from pyrite.errors import InputError
from pyrite.protocols import Reward
from pyrite.registry import register
from pyrite.types import Sample, Scores, Status


def example() -> tuple[EnsembleReward, list[Sample]]:
    """Two tiny reward models with different random weights, and samples for them."""
    from pyrite.backbones import Renderer
    from pyrite.backbones.tiny import byte_tokenizer, tiny_config, tiny_model
    from pyrite.rewards.rendered import example_samples
    from pyrite.rewards.scalar import ScalarReward

    renderer = Renderer(byte_tokenizer("encoder"), "encoder", 512)
    models = [tiny_model(tiny_config("encoder"), "score", kind="encoder", seed=seed) for seed in (0, 1)]
    return EnsembleReward([ScalarReward(model, renderer, name=f"m{i}") for i, model in enumerate(models)]), example_samples()


@register("reward", "ensemble", example=example, source="Coste et al. 2023, arXiv:2310.02743")
class EnsembleReward:
    """The mean of separate rewards, each kept as a member.

    value = (1 / M) * sum_m member_m. A sample has a value only where every member has one; otherwise its status is that of
    the first member without.

    Args:
        rewards: M >= 2 rewards.
        name: Shown in reports; default names the members.

    Raises:
        InputError: Fewer than two rewards.
    """

    def __init__(self, rewards: Sequence[Reward], name: str | None = None) -> None:
        if len(rewards) < 2:
            raise InputError(f"An ensemble has two or more members; given {len(rewards)}.")
        self.rewards = tuple(rewards)
        self.name = name or f"ensemble({', '.join(reward.name for reward in rewards)})"
        self.spec = self.name
        self.needs: frozenset[str] = frozenset().union(*(reward.needs for reward in rewards))
        self.differentiable = all(reward.differentiable for reward in rewards)

    def score(self, samples: Sequence[Sample]) -> Scores:
        """One score a sample, with (N, M) members; every member scores every sample."""
        parts = [reward.score(samples) for reward in self.rewards]
        status = torch.zeros(len(samples), dtype=torch.int8)
        texts = [""] * len(samples)
        for reward, part in zip(self.rewards, parts, strict=True):
            first = (status == int(Status.OK)) & ~part.ok
            status = torch.where(first, part.status, status)
            for i in first.nonzero().flatten().tolist():
                texts[i] = f"{reward.name}: {part.texts[i] if part.texts else Status(int(part.status[i])).name.lower()}"
        members = torch.stack([part.value for part in parts], dim=1)
        costs = [part.cost for part in parts if part.cost is not None]
        value = torch.where(status.to(members.device) == int(Status.OK), members.mean(dim=1), torch.nan)
        return Scores(
            value,
            status,
            members=members,
            texts=tuple(texts) if any(texts) else None,
            cost=torch.stack(costs).sum(dim=0) if costs else None,
        )
