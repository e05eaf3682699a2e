"""Begin a whole reward model from a pretrained body, and write one so that Pyrite, transformers and TRL load it.

Training itself is in `pyrite.train.fit`; scoring in `scalar.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pyrite.backbones import Renderer
from pyrite.backbones.load import (
    context_length,
    kind_of_model,
    load_config_and_tokenizer,
    locate,
    read_template,
    torch_dtype,
)
from pyrite.backbones.locate import quiet_transformers
from pyrite.errors import CheckpointError, InputError
from pyrite.rewards.folders import CARD, FORMAT, LoadOptions
from pyrite.rewards.forms import CLASSIFIER, sharing_of
from pyrite.rewards.scalar import ScalarReward, load_scalar
from pyrite.runtime.files import to_json, write_whole

HEAD_PARTS = ("score.", "classifier.", "pooler.", "head.")
"""Beginnings of the names of weights that a body need not bring: they belong to the head, which is begun anew."""

NEW_PAD = "<|pad|>"


def begin_full(spec: str, **options: Any) -> ScalarReward:
    """A sequence classifier with one output on a pretrained body, ready to train; arguments and errors as in `begin_parts`."""
    return begin_parts(spec, **options)[0]


def begin_parts(
    spec: str,
    *,
    seed: int = 0,
    revision: str | None = None,
    dtype: str = "float32",
    device: str = "cpu",
    max_length: int | None = None,
    chat_template: str | None = None,
    trust_remote_code: bool = False,
) -> tuple[ScalarReward, frozenset[str]]:
    """A sequence classifier with one output on a pretrained body, its head begun from the seed: ready to train.

    The model is in training mode and differentiable. Padding differs from the end token: where the tokenizer has no such
    padding, one of its other special tokens serves, or a new one is added.

    Args:
        spec: `embedded:NAME`, a folder or a hub id, of a causal language model or an encoder.
        seed: Of the head's weights, normal with standard deviation 1 / sqrt(D + 1) (Departs from transformers' 0.02); bias 0.
        revision: Branch, tag or commit on the hub.
        dtype: Type of all weights.
        device: Where the model goes.
        max_length: Longest input in tokens; default is what the model takes.
        chat_template: In place of the tokenizer's own; saved with the tokenizer.
        trust_remote_code: Run Python code that comes with the model.

    Returns:
        The reward, and the names of the weights that the body did not bring and that were begun from the seed.

    Raises:
        CheckpointError: The body's weights are not in the files.
    """
    from transformers import AutoModelForSequenceClassification

    where = locate(spec, revision=revision)
    config, tokenizer = load_config_and_tokenizer(where, trust_remote_code=trust_remote_code)
    kind, limit = kind_of_model(config, spec), context_length(config, tokenizer, max_length)
    config.num_labels = 1
    with torch.random.fork_rng(devices=[]):  # transformers draws the head's weights; they are replaced below
        model, info = where.load(
            AutoModelForSequenceClassification,
            config=config,
            dtype=torch_dtype(dtype),
            trust_remote_code=trust_remote_code,
            output_loading_info=True,
        )
    absent = [key for key in info["missing_keys"] if not key.removeprefix(f"{model.base_model_prefix}.").startswith(HEAD_PARTS)]
    if absent:
        raise CheckpointError(f"{spec} lacks weights of its body: {', '.join(sorted(absent)[:4])}.")
    _begin_head(model, set(info["missing_keys"]), seed)
    template = read_template(chat_template)
    if template is not None:
        tokenizer.chat_template = template
    if kind == "causal":
        separate_padding(model, tokenizer)
    model.config.problem_type = "regression"
    renderer = Renderer(tokenizer, kind, limit, template)
    sharing = sharing_of(model, kind, CLASSIFIER)
    reward = ScalarReward(model.to(device).train(), renderer, name=Path(spec).name, differentiable=True, sharing=sharing)
    return reward, frozenset(info["missing_keys"])


def _begin_head(model: Any, missing: set[str], seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name in missing:
                begin_weight(weight, rng)


def begin_weight(weight: Tensor, rng: torch.Generator) -> None:
    """Draw a weight of a head, in place and without a gradient: a matrix normal, of deviation 1 / sqrt(D + 1); a bias 0."""
    if weight.ndim > 1:
        weight.copy_(torch.empty(weight.shape).normal_(0.0, (weight.shape[-1] + 1) ** -0.5, generator=rng))
    else:
        weight.zero_()


def separate_padding(model: Any, tokenizer: Any) -> None:
    """Give a causal classifier a padding token that is not its end token, in tokenizer and configuration alike."""
    eos, pad = tokenizer.eos_token, tokenizer.pad_token
    if pad is None or pad == eos:
        spare = [tokenizer.unk_token, *(t for t in tokenizer.all_special_tokens if "pad" in t)]
        pad = next((token for token in spare if token is not None and token != eos), None)
        if pad is None:
            tokenizer.add_special_tokens({"pad_token": NEW_PAD})
            pad = NEW_PAD
            with torch.random.fork_rng(devices=[]):
                model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        tokenizer.pad_token = pad
    model.config.get_text_config().pad_token_id = tokenizer.pad_token_id
    model.config.pad_token_id = tokenizer.pad_token_id


def save_full(folder: Path | str, reward: ScalarReward, metadata: Mapping[str, Any]) -> None:
    """Write a whole model so that Pyrite, transformers and TRL load it with equal scores.

    Args:
        folder: Made if it is not there.
        reward: The fitted reward, with its tokenizer. A chat template that replaced the tokenizer's own becomes it.
        metadata: JSON values about the training; kept under "training".
    """
    folder, renderer = Path(folder), reward.renderer
    if renderer.template is not None:
        renderer.tokenizer.chat_template = renderer.template
    card = {
        "format": FORMAT,
        "kind": "full",
        "name": reward.name,
        "dtype": str(next(reward.model.parameters()).dtype).removeprefix("torch."),
        "max_length": renderer.max_length,
        "template": renderer.template,
        "training": dict(metadata),
    }
    with quiet_transformers():
        reward.model.save_pretrained(folder)
        renderer.tokenizer.save_pretrained(folder)
    write_whole(folder / CARD, to_json(card, indent=1) + "\n")


def load_full(folder: Path, card: Mapping[str, Any], options: LoadOptions) -> ScalarReward:
    """A whole model that `save_full` wrote: its card gives template and length where the options leave them open.

    Raises:
        CheckpointError: As in `load_scalar`.
        InputError: Another chat template is asked for than the model was trained with.
    """
    if options.chat_template is not None:
        raise InputError(f"{folder} was trained with its own chat template; leave chat_template out.")
    settled = replace(
        options,
        chat_template=card["template"],
        max_length=options.max_length or card["max_length"],
        dtype=options.dtype or card["dtype"],
    )
    return load_scalar(str(folder), settled, name=card["name"])
