"""Linear layers of 8 bits for CPUs with 8-bit dot products: weights per output channel, activations per token, no calibration.

    x = (x_1 ... x_K) of one token, w_m row m of the weight
    s = max_k |x_k| / 127,  q = round(x / s);  t_m = max_k |w_mk| / 127,  v_m = round(w_m / t_m)
    y_m = s t_m sum_k q_k v_mk + b_m

The sum is of integers, so it is exact, and a token's output depends on no other token. The error is that of rounding q and v,
each by at most a half:

    |y_m - (w_m x + b_m)| <= s / 2 sum_k |w_mk| + t_m / 2 sum_k |x_k| + K s t_m / 4

Between the layers there are sums of floats, whose last bits depend on padding and on how attention is split. Rounding makes
such a bit into a step of 1/127, and the layers after it make that into the whole error of quantising. So the engine runs
networks with these layers in whole rows without padding, where every bit is that of the row alone (`engine.py`).

Read next: `quantize.py`, which calls this; `pyrite.rewards.drift`, which measures what it does to scores.

Source: Dettmers et al. 2022, arXiv:2208.07339 (vector-wise quantisation; here without the part for outliers).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pyrite.errors import InputError
from pyrite.runtime.machine import say_int8

BLOCK = 256
"""Tokens that are quantised, multiplied and scaled together: what is between them then stays in the processor's cache."""
LEAST = 16
"""A layer with fewer inputs or outputs stays whole: it gains nothing, and routers of experts decide by small differences."""
MOST = 127
"""The largest integer used, so that both signs reach equally far."""


class Int8Linear(nn.Module):
    """A frozen linear layer whose weight is 8-bit integers with a scale for each output.

    Args:
        weight: (M, K), of any float type.
        bias: (M,), or None.
    """

    weight: Tensor
    scale: Tensor
    bias: Tensor | None

    def __init__(self, weight: Float[Tensor, "M K"], bias: Float[Tensor, "M"] | None = None) -> None:
        super().__init__()
        whole = weight.detach().float()
        scale = whole.abs().amax(dim=1).div(MOST).clamp(min=torch.finfo(torch.float32).tiny)
        self.register_buffer("weight", (whole / scale[:, None]).round().to(torch.int8))
        self.register_buffer("scale", scale)
        self.register_buffer("bias", None if bias is None else bias.detach().float())

    def forward(self, x: Float[Tensor, "*axes K"]) -> Float[Tensor, "*axes M"]:
        """The layer's output, in the type of its input.

        Raises:
            InputError: A gradient is wanted, which rounding does not have.
        """
        if x.requires_grad and torch.is_grad_enabled():
            raise InputError("A network of --quantize int8 has no gradients; load it without --quantize to differentiate it.")
        rows = x.reshape(-1, x.shape[-1])
        out = x.new_empty(len(rows), len(self.weight), dtype=torch.float32)
        for at in range(0, len(rows), BLOCK):
            self._block(rows[at : at + BLOCK].float(), out[at : at + BLOCK])
        return out.to(x.dtype).reshape(*x.shape[:-1], len(self.weight))

    def _block(self, rows: Float[Tensor, "B K"], out: Float[Tensor, "B M"]) -> None:
        scale = rows.abs().amax(dim=1, keepdim=True).div_(MOST).clamp_(min=torch.finfo(torch.float32).tiny)
        integers = (rows / scale).round_().to(torch.int8)
        out.copy_(torch.ops.aten._int_mm(integers, self.weight.t())).mul_(scale).mul_(self.scale)
        if self.bias is not None:
            out.add_(self.bias)


def has_int8(model: nn.Module) -> bool:
    """Whether a network has such layers."""
    return any(isinstance(module, Int8Linear) for module in model.modules())


def to_int8(model: Any, whole: Sequence[str]) -> Any:
    """The model with its linear layers converted in place, GPT-2's `Conv1D` among them; heads and output matrix stay.

    Args:
        model: On the CPU; its embeddings, norms and attention stay as they are, in the type that they have.
        whole: Names of parts that are left alone, with all that is in them.

    Raises:
        InputError: It has no linear layer to convert.
    """
    from transformers.pytorch_utils import Conv1D

    say_int8()
    output = model.get_output_embeddings()
    found = [
        (name, module)
        for name, module in model.named_modules()
        if type(module) in {nn.Linear, Conv1D}
        and module is not output
        and not set(name.split(".")) & set(whole)
        and min(module.weight.shape) >= LEAST
    ]
    if not found:
        raise InputError(f"{type(model).__name__} has no linear layer for --quantize int8 to convert; leave it out.")
    for name, module in found:
        weight = module.weight.T if isinstance(module, Conv1D) else module.weight
        model.set_submodule(name, Int8Linear(weight, module.bias))
    return model.eval()
