"""Low-rank adapters (LoRA) on a frozen body: begun from a seed, written as PEFT writes them, loaded, and merged into the body.

Several adapters share one body: they are members, and scoring switches between them (`lora_members.py`). The head belongs to
the adapter. Training itself is in `pyrite.train.lora`; the whole models that a merge gives are those of `full.py`.

    W x becomes W x + (alpha / rank) B A x, with A (rank, D_in) drawn from the seed and B (D_out, rank) begun at 0.

Source: Hu et al. 2021, arXiv:2106.09685, section 4.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pyrite.backbones.load import load_config_and_tokenizer, locate
from pyrite.backbones.locate import file_digest, quiet_transformers
from pyrite.backbones.quantize import settle_quantize
from pyrite.errors import CheckpointError, InputError, missing_extra
from pyrite.rewards.ensemble import EnsembleReward
from pyrite.rewards.folders import CARD, FORMAT, LoadOptions, load_reward_folder, read_card, save_ensemble
from pyrite.rewards.full import begin_parts, begin_weight, save_full
from pyrite.rewards.lora_members import member_rewards, sharing_of_body
from pyrite.rewards.scalar import ScalarReward
from pyrite.runtime.files import content_key, to_json, write_whole

WEIGHTS = "adapter_model.safetensors"
ALL_LINEAR = "all-linear"
HEADS = ("score", "classifier")
"""How transformers calls the head of a sequence classifier; it is trained whole, never adapted."""


@dataclass(frozen=True)
class LoraShape:
    """What is added to a body.

    Attributes:
        rank: Columns of each low-rank product, >= 1.
        alpha: The product is scaled by alpha / rank.
        dropout: Share of the inputs of each product that is dropped in training, in [0, 1).
        targets: Ends of the names of the layers that get one; ("all-linear",): every linear layer outside the head.
    """

    rank: int = 16
    alpha: float = 32.0
    dropout: float = 0.0
    targets: tuple[str, ...] = (ALL_LINEAR,)


def import_peft() -> Any:
    """PEFT.

    Raises:
        MissingExtra: It is not installed.
    """
    try:
        import peft
    except ImportError as error:
        raise missing_extra("adapter lora", "peft", "peft") from error
    return peft


def begin_lora(spec: str, shape: LoraShape, seeds: Sequence[int], **options: Any) -> ScalarReward:
    """A body with one adapter and head for each seed, called m0, m1, ...; the body is frozen, m0 is ready to train.

    Args:
        spec: As in `begin_full`.
        shape: Of each adapter.
        seeds: One for each adapter: of its head and of its A.
        **options: As in `begin_full`.

    Raises:
        MissingExtra: PEFT is not installed.
        InputError: No layer has such a name.
    """
    peft = import_peft()
    reward, missing = begin_parts(spec, **options)
    targets = list(shape.targets) if shape.targets != (ALL_LINEAR,) else linear_layers(reward.model, missing)

    def config() -> Any:
        return peft.LoraConfig(
            task_type="SEQ_CLS",
            r=shape.rank,
            lora_alpha=shape.alpha,
            lora_dropout=shape.dropout,
            target_modules=list(targets),
            modules_to_save=sorted({name.rpartition(".")[0] for name in missing} - set(HEADS)),
        )

    try:
        with torch.random.fork_rng(devices=[]):  # PEFT draws A; it is replaced below
            model = peft.get_peft_model(reward.model, config(), adapter_name="m0")
            for m in range(1, len(seeds)):
                model.add_adapter(f"m{m}", config())
    except ValueError as error:
        raise InputError(
            f"{spec} takes no adapter on {', '.join(shape.targets)}: {' '.join(str(error).split())[:200]}"
        ) from error
    for m, seed in enumerate(seeds):
        _begin_adapter(model, f"m{m}", missing, seed)
    model.set_adapter("m0")
    sharing = sharing_of_body(model, reward.renderer.kind)
    return ScalarReward(model, reward.renderer, name=reward.name, differentiable=True, sharing=sharing)


def linear_layers(model: nn.Module, missing: frozenset[str]) -> list[str]:
    """Names of every linear layer outside the head."""
    from transformers.pytorch_utils import Conv1D

    own = {*HEADS, *(name.rpartition(".")[0] for name in missing)}
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | Conv1D) and not any(name == head or name.startswith(f"{head}.") for head in own)
    ]


def _begin_adapter(model: Any, adapter: str, missing: frozenset[str], seed: int) -> None:
    """Draw the head of one adapter, as `begin_full` does, then A, from its seed; B is 0 already."""
    rng = torch.Generator().manual_seed(seed)
    named = [(name, weight) for name, weight in model.named_parameters() if f".{adapter}." in name]
    with torch.no_grad():
        for name, weight in sorted(named, key=lambda pair: ".lora_" in pair[0]):
            plain = name.removeprefix("base_model.model.").replace(f".modules_to_save.{adapter}.", ".")
            if f".modules_to_save.{adapter}." in name and plain in missing:
                begin_weight(weight, rng)
            elif f".lora_A.{adapter}." in name:
                bound = weight.shape[1] ** -0.5
                weight.copy_(torch.empty(weight.shape).uniform_(-bound, bound, generator=rng))


def save_adapter(folder: Path | str, reward: ScalarReward, adapter: str, backbone: str, options: Mapping[str, Any]) -> None:
    """Write one adapter with its head as PEFT writes it, and the tokenizer.

    Args:
        folder: Made if it is not there.
        reward: From `begin_lora`, trained.
        adapter: Which: "m0", ...
        backbone: The spec of its body; a folder is kept by its whole path.
        options: `revision`, `trust_remote_code` of the body; `training`, JSON values about the training.
    """
    from safetensors.torch import save_file

    folder, renderer, peft = Path(folder), reward.renderer, import_peft()
    folder.mkdir(parents=True, exist_ok=True)
    if renderer.template is not None:
        renderer.tokenizer.chat_template = renderer.template
    state = peft.get_peft_model_state_dict(reward.model, adapter_name=adapter, save_embedding_layers=False)
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}, folder / WEIGHTS)
    config = reward.model.peft_config[adapter]
    config.inference_mode = True
    config.save_pretrained(folder)
    config.inference_mode = False
    with quiet_transformers():
        renderer.tokenizer.save_pretrained(folder)
    revision = options["revision"]
    card = {
        "name": reward.name,
        "backbone": str(Path(backbone).expanduser().resolve()) if Path(backbone).expanduser().is_dir() else backbone,
        "revision": revision,
        "body": digest_of(backbone, revision, trust_remote_code=options["trust_remote_code"]),
        "dtype": "float32",
        "max_length": renderer.max_length,
        "template": renderer.template,
        "training": dict(options["training"]),
    }
    _write_card(folder, card, ["."])


def save_members(folder: Path | str, members: Sequence[str], name: str, metadata: Mapping[str, Any]) -> None:
    """Join adapters that are saved already, on the same body, into one reward with members.

    Args:
        folder: The reward's folder.
        members: Folders of the adapters, as seen from it.
        name: Shown in reports.
        metadata: JSON values about the training; kept under "training".
    """
    first = read_card(Path(folder) / members[0])
    if first is None:
        raise CheckpointError(f"{folder} has no adapter in {members[0]}.")
    _write_card(Path(folder), {**first, "name": name, "training": dict(metadata)}, members)


def _write_card(folder: Path, facts: Mapping[str, Any], members: Sequence[str]) -> None:
    card = {**facts, "format": FORMAT, "kind": "lora", "members": list(members)}
    write_whole(folder / CARD, to_json(card, indent=1) + "\n")


def digest_of(spec: str, revision: str | None, *, trust_remote_code: bool = False) -> str:
    """Which body it is: a hash of its files, or of the hub's commit."""
    where = locate(spec, revision=revision)
    return where.digest(load_config_and_tokenizer(where, trust_remote_code=trust_remote_code)[0], None)


def load_lora(folder: Path, card: Mapping[str, Any], options: LoadOptions) -> ScalarReward | EnsembleReward:
    """What `save_adapter` or `save_members` wrote: one body in memory, an adapter for each member.

    Raises:
        CheckpointError: The body or an adapter is not there, or the body is not the one it was trained on.
        InputError: Another chat template is asked for than the model was trained with.
        MissingExtra: PEFT is not installed.
    """
    peft = import_peft()
    if settle_quantize(options.quantize):
        raise InputError(f"{folder} holds adapters, which run on whole weights. Merge them (--merge), and quantise that.")
    if options.chat_template is not None:
        raise InputError(f"{folder} was trained with its own chat template; leave chat_template out.")
    found = digest_of(card["backbone"], card["revision"], trust_remote_code=options.trust_remote_code)
    if found != card["body"]:
        raise CheckpointError(f"{folder} adapts another {card['backbone']} than the one there: its files have changed.")
    dtype = options.dtype or card["dtype"]
    base, _ = begin_parts(
        card["backbone"],
        revision=card["revision"],
        dtype=dtype,
        max_length=options.max_length or card["max_length"],
        chat_template=card["template"],
        trust_remote_code=options.trust_remote_code,
    )
    places = [folder / part for part in card["members"]]
    for place in places:
        if not (place / WEIGHTS).is_file():
            raise CheckpointError(f"{folder} has no adapter in {place}: {WEIGHTS} is not there.")
    model = peft.PeftModel.from_pretrained(base.model, str(places[0]), adapter_name="m0")
    for m, place in enumerate(places[1:], start=1):
        model.load_adapter(str(place), adapter_name=f"m{m}")
    model = model.to(options.device).eval().requires_grad_(False)
    key = [card["body"], card["template"], dtype]
    return member_rewards(
        model,
        base.renderer,
        name=card["name"],
        identities=[content_key("lora", *key, file_digest(place / WEIGHTS)) if options.cache else None for place in places],
        ensemble_name=card["name"],
        differentiable=options.differentiable,
        batch_tokens=options.batch_tokens,
    )


def merge_lora(folder: Path | str, **options: Any) -> Path:
    """Write FOLDER/merged: the adapter multiplied into its body, a plain folder of transformers; several become an ensemble.

    Args:
        folder: What `save_adapter` or `save_members` wrote.
        **options: `device` and `trust_remote_code`, as in `LoadOptions`.

    Returns:
        The new folder. A finished one is left as it is.
    """
    folder = Path(folder)
    out, card = folder / "merged", read_card(folder)
    if card is None or card["kind"] != "lora":
        raise InputError(f"{folder} holds no adapter to merge.")
    if (out / CARD).exists():
        return out
    if len(card["members"]) > 1:
        places = [out / part for part in card["members"]]
        for part, place in zip(card["members"], places, strict=True):
            _merge_one(folder / part, place, options)
        save_ensemble(out, card["members"], card["name"], card["training"])
    else:
        _merge_one(folder, out, options)
    return out


def _merge_one(folder: Path, out: Path, options: Mapping[str, Any]) -> None:
    reward = load_reward_folder(folder, cache=False, **options)
    card = read_card(folder)
    assert isinstance(reward, ScalarReward)
    assert card is not None
    reward.model = reward.model.merge_and_unload()
    save_full(out, reward, card["training"])
