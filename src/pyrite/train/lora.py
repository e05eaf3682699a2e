"""Train adapters (LoRA) with their heads on one frozen body, member by member; the task is that of whole models.

Read next: `full.py`, the task; `pyrite.rewards.lora`, what is begun, written and loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyrite.backbones import Rendered
from pyrite.protocols import Reward
from pyrite.rewards.folders import CARD, load_reward_folder, read_card
from pyrite.rewards.lora import LoraShape, begin_lora, save_adapter, save_members
from pyrite.rewards.lora_members import member_rewards
from pyrite.rewards.scalar import ScalarReward
from pyrite.train.checkpoint import Checkpoint
from pyrite.train.data import FitData
from pyrite.train.full import FullTask, body_options, fit_full
from pyrite.train.options import FitOptions


def begin_adapters(options: FitOptions) -> ScalarReward:
    """The body with an untrained adapter for each member."""
    shape = LoraShape(options.rank, options.alpha, options.lora_dropout, tuple(options.target_modules))
    return begin_lora(options.backbone, shape, [alone.seed for alone in each_member(options)], **body_options(options))


def each_member(options: FitOptions) -> list[FitOptions]:
    """The options of each member, with a seed of its own."""
    if options.members == 1:
        return [options]
    return [replace(options, members=1, seed=options.seed * 1000 + m) for m in range(options.members)]


def fit_lora(
    rendered: Sequence[Rendered],
    fitting: FitData,
    held_out: FitData,
    options: FitOptions,
    folder: Path | None,
) -> tuple[Reward, Mapping[str, Any]]:
    """Train an adapter for each member, one after the other; those whose folder is finished are left as they are.

    Args:
        rendered: S samples as token ids.
        fitting: The training rows.
        held_out: Rows for early stopping.
        options: How.
        folder: Where adapters, and the state of the one in training, are kept; None keeps none.

    Returns:
        The reward, and the facts that are kept with it.
    """
    reward, facts = begin_adapters(options), []
    several = options.members > 1
    for m, alone in enumerate(each_member(options)):
        place = folder / "members" / str(m) if folder and several else folder
        card = read_card(place) if place and (place / CARD).exists() else None
        if card is not None:
            facts.append(card["training"])
            continue
        reward.model.set_adapter(f"m{m}")
        checkpoint = None if place is None else Checkpoint(place / "checkpoint.pt", alone.as_dict())
        failed = None if place is None else place / "failed_step.json"
        run = fit_full(FullTask(reward, rendered, fitting, alone), held_out, checkpoint, failed)
        facts.append(run.facts())
        if place is not None and checkpoint is not None:
            reward.name = place.name
            kept = {"revision": options.revision, "trust_remote_code": options.trust_remote_code, "training": facts[-1]}
            save_adapter(place, reward, f"m{m}", options.backbone, kept)
            checkpoint.remove()
    told = facts[0] if not several else joined_facts(facts)
    if folder is None:
        return _in_memory(reward, options), told
    if several:
        save_members(folder, [f"members/{m}" for m in range(options.members)], folder.name, told)
    options_of_load = {"device": options.device, "batch_tokens": options.batch_tokens}
    return load_reward_folder(folder, trust_remote_code=options.trust_remote_code, **options_of_load), told


def joined_facts(facts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What is kept about an ensemble: the first member's facts, with epochs and losses of all, and each member's own."""
    joined = {name: [x for fact in facts for x in fact[name]] for name in ("best_epoch", "best_loss")}
    return {**facts[0], **joined, "members": list(facts)}


def _in_memory(reward: ScalarReward, options: FitOptions) -> Reward:
    """The adapters as they are, without files."""
    none: list[str | None] = [None] * options.members
    return member_rewards(reward.model, reward.renderer, name=reward.name, identities=none, batch_tokens=options.batch_tokens)
