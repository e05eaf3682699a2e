"""Keys and values of a growing batch of completions, without copying them at every step.

transformers joins the cache of each layer with `torch.cat` at every token, which copies it whole: at batch 128 a quarter of
the time of a decoding step. `GrowingLayer` writes into spare room instead. Used by `generate.py` alone.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer

ROOM = 64
"""Positions added whenever a layer is full."""


class GrowingLayer(DynamicLayer):
    """One layer's keys and values, (B, H, T, D) each, as views of buffers with room for more positions."""

    def __init__(self, keys: Tensor, values: Tensor) -> None:
        super().__init__()
        self.lazy_initialization(keys, values)
        self._take(keys, values)

    def _take(self, keys: Tensor, values: Tensor) -> None:
        batch, heads, length, size = keys.shape
        self._buffers = tuple(part.new_empty(batch, heads, length + ROOM, part.shape[-1]) for part in (keys, values))
        for buffer, part in zip(self._buffers, (keys, values), strict=True):
            buffer[:, :, :length] = part
        self._show(length)

    def _show(self, length: int) -> None:
        self.keys, self.values = (buffer[:, :, :length] for buffer in self._buffers)

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Add positions, and return all keys and values so far."""
        before = self.get_seq_length()
        after = before + key_states.shape[-2]
        if after > self._buffers[0].shape[-2]:
            self._take(self.keys, self.values)
        for buffer, part in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[:, :, before:after] = part
        self._show(after)
        return self.keys, self.values

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep these rows only, in this order."""
        self._take(self.keys[indices], self.values[indices])


def share_prefix(cache: Any, rows: int) -> None:
    """Turn the cache of one prompt into that of `rows` completions of it.

    Layers of other kinds than the plain growing one (sliding windows) are repeated as transformers does it.
    """
    for i, layer in enumerate(cache.layers):
        if type(layer) is DynamicLayer:
            cache.layers[i] = GrowingLayer(*(part.expand(rows, -1, -1, -1) for part in (layer.keys, layer.values)))
        else:
            layer.batch_repeat_interleave(rows)


def keep_rows(cache: Any, indices: Tensor) -> None:
    """Drop the finished rows of a batch from every layer."""
    for layer in cache.layers:
        layer.batch_select_indices(indices)


def empty_cache(config: Any) -> Any:
    """The cache that transformers itself would make for this model."""
    return DynamicCache(config=config)
