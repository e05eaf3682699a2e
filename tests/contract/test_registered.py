"""Every registered part keeps its contract on the tiny example that its row gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pyrite.errors import MissingExtra
from pyrite.evals.attacks import AttackResult, run_attack
from pyrite.evals.probes import ProbeResult, run_probe
from pyrite.registry import HOMES, Row, rows
from pyrite.testing import check_generator, check_loss, check_reward, check_transform
from pyrite.types import Sample

ROWS = [row for kind in HOMES for row in rows(kind)]


def check_probe(row: Row, example: Any) -> None:
    reward, samples = example
    first, second = (run_probe(row.name, reward, samples, seed=1) for _ in range(2))
    assert isinstance(first, ProbeResult), first
    assert first == second
    assert first.says
    assert first.rule


def check_attack(row: Row, example: Any) -> None:
    reward, samples = example
    first, second = (run_attack(row.name, reward, samples, seed=1) for _ in range(2))
    assert isinstance(first, AttackResult), first
    assert first == second
    assert first.says
    assert first.rule


def check_backbone(row: Row, example: Any) -> None:
    assert example.hidden_size > 0
    assert example.identity
    assert example.renderer.render(Sample("Name a colour.", "Red.")).ids


CHECKS: dict[str, Callable[[Row, Any], None]] = {
    "reward": lambda row, example: check_reward(*example),
    "verifier": lambda row, example: check_reward(*example),
    "guard": lambda row, example: check_transform(example),
    "generator": lambda row, example: check_generator(*example),
    "loss": lambda row, example: check_loss(row.build, **example),
    "probe": check_probe,
    "attack": check_attack,
    "backbone": check_backbone,
    "world": lambda row, example: None,
}


def test_every_kind_has_a_check_and_none_is_empty_by_mistake() -> None:
    assert set(CHECKS) == set(HOMES)
    assert {"reward", "guard", "loss", "probe", "attack"} <= {row.kind for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.kind}-{row.name}" for row in ROWS])
def test_a_registered_part_keeps_its_contract(row: Row) -> None:
    assert row.example is not None, f"{row.kind} {row.name} gives no example of itself; see pyrite.testing for its shape."
    try:
        example = row.example()
    except MissingExtra as absent:
        pytest.skip(str(absent))
    CHECKS[row.kind](row, example)


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.kind}-{row.name}" for row in ROWS])
def test_a_registered_part_says_what_it_is(row: Row) -> None:
    assert row.summary, f"{row.kind} {row.name} has no docstring."
    assert not row.summary.endswith(".")
    assert row.name == row.name.lower().replace("-", "_").replace(" ", "_")
