"""The embedded world: tasks with constraints that a program checks, completions by a small chat model, and noisy pairs.

Gold is the share of constraints that a completion meets, known exactly. Pairs come from low-temperature completions only, so a
reward fitted on them has never seen what best-of-n can find at high temperature. Made by `make_constraints.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from pyrite.rewards.constraints import ask

DATA = resources.files("pyrite.data") / "embedded"
"""Where the package keeps the world's files."""


@dataclass(frozen=True)
class Task:
    """One prompt of the world.

    Attributes:
        id: Short and stable.
        task: What to write about, without the constraints.
        constraints: What gold checks; see `rewards/constraints.py`.
    """

    id: str
    task: str
    constraints: tuple[Mapping[str, Any], ...]

    @property
    def prompt(self) -> str:
        """The task and one sentence for each constraint."""
        return " ".join([self.task, *(ask(constraint) for constraint in self.constraints)])


def load_tasks() -> list[Task]:
    """The tasks of the world, in their fixed order."""
    lines = (DATA / "constraint_tasks.jsonl").read_text().splitlines()
    return [Task(row["id"], row["task"], tuple(row["constraints"])) for row in map(json.loads, lines)]
