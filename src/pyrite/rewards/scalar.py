"""A whole model that reads a sample and gives one number: the sequence classifiers of transformers, and their relatives.

Causal models are read by a head without bias at their last token, encoders by their own classifier. Scores equal those of
transformers. Read next: `forms.py` (kinds of networks), `checkpoints.py` (public models), `full.py` (training one), `heads.py`
(heads on frozen features).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from pyrite.backbones import Batch, Renderer, run_batches
from pyrite.backbones.engine import TOKEN_BUDGET
from pyrite.backbones.load import kind_of_model
from pyrite.backbones.prefixes import Sharing
from pyrite.backbones.readers import features_of, run_stored
from pyrite.backbones.store import FeatureStore
from pyrite.errors import InputError
from pyrite.registry import register
from pyrite.rewards.folders import LoadOptions
from pyrite.rewards.forms import (
    CLASSIFIER,
    Form,
    Parts,
    ReadOff,
    load_parts,
    make_renderer,
    normalisation,
    sequence_logit,
    sharing_of,
)
from pyrite.rewards.remembered import Remembered
from pyrite.rewards.rendered import example_samples, scores_of
from pyrite.runtime.files import content_key
from pyrite.types import Sample, Scores, Status

log = logging.getLogger("pyrite")


def example() -> tuple[ScalarReward, list[Sample]]:
    """A tiny reward model with random weights, and samples for it."""
    from pyrite.backbones.tiny import byte_tokenizer, tiny_config, tiny_model

    model = tiny_model(tiny_config("causal"), "score")
    reward = ScalarReward(model, Renderer(byte_tokenizer("causal"), "causal", 512), sharing=Sharing(model.base_model))
    return reward, example_samples()


@register("reward", "scalar", example=example, source="Stiennon et al. 2020, arXiv:2009.01325")
class ScalarReward:
    """A reward model that is a whole network.

    value = (logit - mean) / std; mean and std are 0 and 1 unless the checkpoint brings others.

    Args:
        model: A transformers model in evaluation mode.
        renderer: Writes samples for it.
        name: Shown in reports.
        read: Gets the score from the model.
        objectives: Names of the numbers that `read` gives beside the score; they become `objectives` of the scores.
        identity: Names weights, template and dtype; scores are kept on disk under it. None keeps none.
        mean: Subtracted from each score.
        std: Divides it afterwards, > 0.
        batch_tokens: Most tokens in a batch, padding included.
        differentiable: Keep the graph to the weights where gradients are enabled.
        sharing: How common beginnings may be run once; None runs every row whole. Not used where a graph is kept.
    """

    needs: frozenset[str] = frozenset()

    def __init__(
        self,
        model: Any,
        renderer: Renderer,
        *,
        name: str = "scalar",
        read: ReadOff = sequence_logit,
        objectives: Sequence[str] = (),
        identity: str | None = None,
        mean: float = 0.0,
        std: float = 1.0,
        batch_tokens: int = TOKEN_BUDGET,
        differentiable: bool = False,
        sharing: Sharing | None = None,
    ) -> None:
        if not std > 0:
            raise InputError(f"std is {std}; expected a number above 0.")
        self.model, self.renderer, self.name, self.spec = model, renderer, name, name
        self.differentiable = differentiable
        self._read, self._identity, self._mean, self._std = read, identity, mean, std
        self._batch_tokens, self._objectives, self.sharing = batch_tokens, tuple(objectives), sharing
        self._pad_id = settle_padding(model.config, renderer.tokenizer)
        self._remembered = None
        if identity is not None:
            self._remembered = Remembered(content_key(identity, *renderer.signature, mean, std), 1, self._objectives)

    def score(self, samples: Sequence[Sample]) -> Scores:
        """One score a sample; truncated or invalid samples keep that status."""
        if self._remembered is None or (self.differentiable and torch.is_grad_enabled()):
            return self._score(samples)
        return self._remembered.score(samples, self._score)

    def _score(self, samples: Sequence[Sample]) -> Scores:
        rendered = self.renderer.render_all(samples)
        rows = [row for row in rendered if row.status == Status.OK]
        if not rows:
            return scores_of(rendered, torch.zeros(0, 1))
        device = next(self.model.parameters()).device

        def forward(batch: Batch) -> Tensor:
            return self._read(self.model, batch).float().reshape(len(batch.rows), -1)

        if self.differentiable and torch.is_grad_enabled():
            raw = run_batches(
                rows,
                forward,
                pad_id=self._pad_id,
                token_budget=self._batch_tokens,
                device=device,
                differentiable=True,
            )
        else:
            store = None if self._identity is None else FeatureStore(self._identity, 1 + len(self._objectives))
            raw = run_stored(
                rows,
                forward,
                store,
                pad_id=self._pad_id,
                token_budget=self._batch_tokens,
                device=device,
                label=f"scoring with {self.name}",
                sharing=self.sharing,
            )
        beside = raw[:, 1:] if self._objectives else None
        return scores_of(rendered, (raw[:, :1] - self._mean) / self._std, beside, self._objectives)

    def features(self, samples: Sequence[Sample]) -> tuple[Float[Tensor, "N D"], Tensor]:
        """The hidden states that the head reads, NaN where there are none, and statuses; for probing heads."""
        network = self.sharing or Sharing(self.model.base_model)
        return features_of(network, self.renderer, samples, pad_id=self._pad_id, token_budget=self._batch_tokens)


def settle_padding(config: Any, tokenizer: Any) -> int:
    """The padding id to use with a model, written into its configuration where it had none.

    Classifiers on causal models look for the last token that is not padding, so padding must not be the end token; a model
    that was trained so keeps it, and its score is read before the end token, as transformers does everywhere.
    """
    text = config.get_text_config()
    eos = tokenizer.eos_token_id
    if text.pad_token_id is None:
        choices = (tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.bos_token_id, 0, 1)
        text.pad_token_id = next(i for i in choices if i is not None and i != eos)
    elif text.pad_token_id == eos:
        log.info("padding id = end id %s: the score is read at the last token that is not it", eos)
    return int(text.pad_token_id)


def load_scalar(spec: str, options: LoadOptions, *, form: Form = CLASSIFIER, name: str = "") -> ScalarReward:
    """A reward model from transformers files.

    Args:
        spec: A folder, a hub id or embedded:NAME.
        options: How to load and run it.
        form: Its class, and how the score is read; default a sequence classifier.
        name: Shown in reports; default the last part of the spec.

    Raises:
        CheckpointError: Not a reward model: weights are missing (transformers would fill them with random numbers and say
            nothing that a script can see), or it has several outputs.
        InputError: `options.base` names a model, and nothing of it is wanted.
    """
    return reward_of(load_parts(spec, options, form), form, options, name or Path(spec).name)


def reward_of(parts: Parts, form: Form, options: LoadOptions, name: str, *more: str) -> ScalarReward:
    """The reward that a network's parts make; `more` names what its scores depend on beside its files."""
    kind = "causal" if form.layout else kind_of_model(parts.config, parts.where.spec)
    renderer = make_renderer(parts.config, parts.tokenizer, kind, form, options)
    how = (form.layout.name if form.layout else form.auto_class, form.read.__name__)
    digest = parts.where.digest(parts.config, renderer.template)
    mean, std = normalisation(parts.config)
    return ScalarReward(
        parts.model,
        renderer,
        name=name,
        read=form.read,
        objectives=form.objectives,
        identity=content_key("score", *how, digest, parts.precision, *more) if options.cache else None,
        mean=mean,
        std=std,
        batch_tokens=options.batch_tokens,
        differentiable=options.differentiable,
        sharing=sharing_of(parts.model, kind, form),
    )
