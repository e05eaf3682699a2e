"""Train every weight of a model: rows of similar length share a step, and a step is cut into passes that waste few tokens.

Padding is the largest cost of a plain loop (half of all tokens at usual lengths). It is cut twice: steps are made of rows of
similar length (`bucketing`), and within a step samples of different length run apart, because a loss of two scores needs
neither their rows nor their padding in common. Read next: `loop.py`, which runs this task.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from pyrite.backbones import Rendered, run_batches
from pyrite.backbones.engine import collate
from pyrite.errors import InputError
from pyrite.rewards.full import begin_full
from pyrite.rewards.scalar import ScalarReward
from pyrite.train.checkpoint import Checkpoint
from pyrite.train.data import FitData
from pyrite.train.heads import member_rng
from pyrite.train.loop import Run, Step, train
from pyrite.train.objective import level_of, loss_name, row_loss
from pyrite.train.options import FitOptions

POOL = 32
"""Steps whose rows are sorted together: large enough to fill them evenly, small enough to keep the order random."""

OVERHEAD = {"cpu": 128}
"""Padded tokens that one more forward and backward pass must save to be worth its own cost, by kind of device."""

OVERHEAD_ELSEWHERE = 4096

LEVEL_SAMPLES = 32
"""Samples whose mean score is moved to the mean rating before training."""


class FullTask:
    """A whole model over rendered samples; it has one member.

    Args:
        reward: From `begin_full`.
        rendered: S samples as token ids; those that a row names have status ok.
        fitting: The training rows.
        options: How.
    """

    num_members = 1

    def __init__(self, reward: ScalarReward, rendered: Sequence[Rendered], fitting: FitData, options: FitOptions) -> None:
        self.module: nn.Module = reward.model
        self.reward, self.rendered, self.fitting, self.options = reward, rendered, fitting, options
        self.pad_id = int(reward.model.config.get_text_config().pad_token_id)
        self.lengths = torch.tensor([len(row.ids) for row in rendered])
        self.row_length = self.lengths[fitting.sides].amax(dim=1)
        self.sides = fitting.sides.shape[1]
        self.overhead = OVERHEAD.get(torch.device(options.device).type, OVERHEAD_ELSEWHERE)
        self.recomputed = recompute(reward.model) if options.gradient_checkpointing else []
        self.dropped = [module for name, module in self.module.named_modules() if name.endswith("lora_dropout")]

    def steps(self, epoch: int) -> list[Step]:
        """Steps of `batch_size` rows, in random order; with bucketing, of similar length each."""
        rng = member_rng(self.options.seed, 0, epoch)
        size = self.options.batch_size
        order = torch.randperm(len(self.fitting), generator=rng)
        if self.options.bucketing:
            pools = [pool[torch.argsort(self.row_length[pool], stable=True)] for pool in order.split(size * POOL)]
            batches = [batch for pool in pools for batch in pool.split(size)]
            order_of_steps = torch.randperm(len(batches), generator=rng).tolist()
        else:
            batches = list(order.split(size))
            order_of_steps = range(len(batches))
        return [self._passes(batches[i]) for i in order_of_steps]

    def _passes(self, rows: Int[Tensor, "B"]) -> Step:
        """The rows of a step, longest first, in forward passes within the token budget."""
        rows = rows[torch.argsort(self.row_length[rows], descending=True, stable=True)]
        passes: list[list[int]] = []
        for row in rows.tolist():
            longest = int(self.row_length[passes[-1][0]]) if passes else 0
            if passes and (len(passes[-1]) + 1) * self.sides * longest <= self.options.batch_tokens:
                passes[-1].append(row)
            else:
                passes.append([row])
        return [torch.tensor([rows]) for rows in passes]

    def scores(self, module: nn.Module, samples: Int[Tensor, "M S"]) -> Float[Tensor, "M S"]:
        """Scores with a gradient; equal samples run once, samples of different length apart where that saves tokens."""
        self._set_mode(module)
        distinct, place = torch.unique(samples[0], return_inverse=True)
        order = torch.argsort(self.lengths[distinct], stable=True)
        ends = cheapest_cuts(self.lengths[distinct[order]].tolist(), self.overhead)
        parts = [self._logits(module, distinct[order[start:end]].tolist()) for start, end in ends]
        back = torch.empty_like(order)
        back[order] = torch.arange(len(order))
        return torch.cat(parts)[back[place].to(parts[0].device)][None]

    def _set_mode(self, module: nn.Module) -> None:
        """Dropout as the options say. A layer recomputes where its own flag says training; the flags below it say dropout."""
        module.train(self.options.dropout)
        for layer in self.recomputed:
            layer.training = True
        for adapter in self.dropped:
            adapter.train()

    def _logits(self, module: nn.Module, samples: list[int]) -> Float[Tensor, "B"]:
        batch = collate([self.rendered[i] for i in samples], pad_id=self.pad_id, device=self.options.device)
        return module(**batch.inputs()).logits[:, 0].float()

    def predict(self, module: nn.Module, samples: Int[Tensor, "S"]) -> Float[Tensor, "S M"]:
        """Scores without dropout, on the CPU. In mixed precision rows are run whole: only the module as it is called mixes."""
        module.eval()
        rows = [self.rendered[i] for i in samples.tolist()]
        return run_batches(
            rows,
            lambda batch: module(**batch.inputs()).logits[:, :1].float().cpu(),
            pad_id=self.pad_id,
            token_budget=self.options.batch_tokens,
            device=self.options.device,
            sharing=self.reward.sharing if self.options.dtype == "float32" else None,
        )


def cheapest_cuts(lengths: Sequence[int], overhead: int) -> list[tuple[int, int]]:
    """Cut rows of ascending length into runs so that padded tokens plus `overhead` for each run are least.

    cost(i, j) = (j - i) * lengths[j - 1] + overhead, minimised over all cuts by dynamic programming.

    Args:
        lengths: Ascending, at least one.
        overhead: What one more run costs, in tokens.

    Returns:
        (start, end) of each run.

    Example:
        >>> cheapest_cuts([10, 11, 300], 64)
        [(0, 2), (2, 3)]
    """
    best, cut = [0.0], [0]
    for j in range(1, len(lengths) + 1):
        costs = [best[i] + (j - i) * lengths[j - 1] + overhead for i in range(j)]
        cut.append(min(range(j), key=costs.__getitem__))
        best.append(costs[cut[-1]])
    ends, j = [], len(lengths)
    while j:
        ends.append((cut[j], j))
        j = cut[j]
    return ends[::-1]


def recompute(model: Any) -> Sequence[nn.Module]:
    """Let the layers of a model keep only their inputs, and compute the rest again in the backward pass; returns the layers.

    Raises:
        InputError: The model cannot, or its layers would turn dropout on with it.
    """
    from transformers.modeling_layers import GradientCheckpointingLayer

    layers = [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]
    if not layers or not model.supports_gradient_checkpointing:
        raise InputError(
            f"{model.config.model_type} models have no gradient checkpointing; leave --gradient-checkpointing out."
        )
    rates = {name for layer in layers for name, value in vars(layer).items() if "drop" in name and value}
    if rates:
        raise InputError(
            f"The layers of {model.config.model_type} apply {', '.join(sorted(rates))} themselves, which gradient "
            "checkpointing would turn on; leave it out."
        )
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    return layers


def begin(options: FitOptions) -> ScalarReward:
    """The model to train, its head begun from the seed."""
    return begin_full(options.backbone, seed=options.seed, **body_options(options))


def body_options(options: FitOptions) -> dict[str, Any]:
    """How the body of a model to train is loaded."""
    names = ("revision", "device", "max_length", "chat_template", "trust_remote_code")
    return {name: getattr(options, name) for name in names}


@torch.enable_grad()
def begin_level(task: FullTask, mean: float, std: float) -> None:
    """Let an untrained model score around the ratings: spread its last layer by `std`, then move its mean score to `mean`.

    The score is linear in the last layer, w. The least change that moves the mean score m over some samples is along its
    gradient g = dm/dw: w + (mean - m) g / |g|^2. It holds for heads with and without a bias.

    Args:
        task: The model with its rows.
        mean: Of the ratings.
        std: Of the ratings.
    """
    last = [m for m in task.module.modules() if isinstance(m, nn.Linear) and m.out_features == 1]
    weights = [weight for module in last for weight in module.parameters() if weight.requires_grad]
    some = task.fitting.used()
    some = some[torch.linspace(0, len(some) - 1, min(len(some), LEVEL_SAMPLES)).long()]
    with torch.no_grad():
        for weight in weights:
            weight *= std
    score = task.scores(task.module, some[None]).mean()
    slopes = torch.autograd.grad(score, weights, allow_unused=True, materialize_grads=True)
    size = torch.stack([g.square().sum() for g in slopes]).sum()
    with torch.no_grad():
        for weight, slope in zip(weights, slopes, strict=True):
            weight += (mean - score.item()) / size * slope


def fit_full(task: FullTask, held_out: FitData, checkpoint: Checkpoint | None, failed: Path | None = None) -> Run:
    """Train a whole model, and leave it in evaluation mode and in the precision of its weights.

    Args:
        task: The model with its rows.
        held_out: Rows for early stopping.
        checkpoint: Where the state is kept, and resumed from.
        failed: File for the rows of a step whose loss is not finite.
    """
    folder = None if checkpoint is None else checkpoint.path.parent
    if loss_name(task.fitting, task.options) == "squared":
        begin_level(task, *level_of(task.fitting))
    run = Run(task, task.fitting, held_out, row_loss(task.fitting, task.options), task.options, folder)
    train(run, checkpoint=checkpoint, failed=failed)
    own = vars(task.module).pop("_original_forward", None)  # what Accelerate wrapped; its `unwrap_model` takes off more
    if own is not None:
        task.module.forward = own
    if task.recomputed:
        task.reward.model.gradient_checkpointing_disable()
    task.module.eval().requires_grad_(False)
    return run
