"""Small training rows with a rule that a model can learn: the chosen completion is written with "a", the rejected with "z"."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from pyrite.data.read import Row, Rows
from pyrite.train.data import FitData, from_pairs
from pyrite.types import Pair


def pairs(num: int = 24, *, per_prompt: int = 2, seed: int = 0) -> list[Pair]:
    """Pairs of different lengths over num / per_prompt prompts."""
    rng = torch.Generator().manual_seed(seed)
    sizes = torch.randint(2, 20, (num, 2), generator=rng).tolist()
    return [
        Pair(
            f"prompt {i // per_prompt}", "ab" * good + str(i), "zy" * poor + str(i), meta={"where": f"pairs.jsonl line {i + 1}"}
        )
        for i, (good, poor) in enumerate(sizes)
    ]


def pair_data(num: int = 24, **options: int) -> FitData:
    """The same as training data."""
    return from_pairs(pairs(num, **options))


def as_rows(num: int = 24, *, first: int = 0) -> Rows:
    """The same as rows that a file would give; prompts are numbered from `first`."""
    made = tuple(
        Row({"prompt": f"{p.prompt} of {first}", "chosen": p.chosen, "rejected": p.rejected}, f"rows line {i + 1}")
        for i, p in enumerate(pairs(num))
    )
    return Rows(made, f"rows{first}", digest=f"digest{first}-{num}")


def write_rows(path: Path, num: int = 24, *, first: int = 0) -> Path:
    """The same as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(dict(row.values)) + "\n" for row in as_rows(num, first=first)))
    return path
