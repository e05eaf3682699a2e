"""Every public format: rows in its exact fields, and what becomes of each.

The fixtures are our own texts: `formats/NAME.jsonl`, and `formats/NAME.becomes.jsonl` with the rows, or why there is none.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pyrite.data.kinds import missing_columns
from pyrite.data.read import Row, Rows, read_rows
from pyrite.data.rows import checked
from pyrite.data.schemas.neighbours import joined, runs
from pyrite.data.schemas.parts import Dropped
from pyrite.data.schemas.regroup import BECOMES, rows_of
from pyrite.data.schemas.table import SCHEMAS, fitting

FOLDER = Path(__file__).parent / "formats"


def said(text: str) -> list[dict[str, Any]]:
    return [{"role": "assistant", "content": text}]


def made(name: str, to: str | None = None, **how: Any) -> list[Any]:
    """What the fixture of a format becomes; reasons stand for what is dropped."""
    schema = SCHEMAS[name]
    lines = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    whole = [joined(schema, run) for run in runs(schema, map(json.loads, lines), lambda row: row)]
    rows = [row for values in whole for row in rows_of(schema, values, to or BECOMES[schema.kind][0], **how)]
    return [row.reason if isinstance(row, Dropped) else row for row in rows]


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_row_of_a_format_becomes_exactly_this(name: str) -> None:
    lines = [json.loads(line) for line in (FOLDER / f"{name}.becomes.jsonl").read_text(encoding="utf-8").splitlines()]
    assert made(name) == [line.get("dropped", line) for line in lines]


@pytest.mark.parametrize(("name", "to"), [(row.name, to) for row in SCHEMAS.values() for to in BECOMES[row.kind]])
@pytest.mark.parametrize("ties", [False, True])
def test_every_kind_that_a_format_becomes_is_read_as_that_kind(name: str, to: str, *, ties: bool) -> None:
    rows = [row for row in made(name, to, ties=ties) if isinstance(row, dict)]
    assert rows
    assert all(not missing_columns(tuple(row), to) for row in rows)
    for row in rows:
        assert len(checked(Rows((Row(row, "here"),), "fixture"), to)) == 1


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_columns_of_a_fixture_fit_its_format(name: str) -> None:
    rows = [row.values for row in read_rows(str(FOLDER / f"{name}.jsonl"))]
    assert all(name in fitting(row) for row in rows)


def test_ratings_become_pairs_by_the_grade_that_is_named() -> None:
    pairs = [row for row in made("ultrafeedback", "pairs") if isinstance(row, dict)]
    assert [(row["chosen"], row["rejected"]) for row in pairs] == [("An oak.", "A stone."), ("An oak.", "A cloud.")]
    assert pairs[0]["chosen_score"] == 9
    assert (pairs[0]["chosen_model"], pairs[0]["rejected_model"]) == ("b", "a")
    by_mean = [row for row in made("ultrafeedback", "pairs", grade="fine-grained_score") if isinstance(row, dict)]
    assert [(row["chosen"], row["rejected"]) for row in by_mean] == [
        ("An oak.", "A stone."),
        ("A cloud.", "A stone."),
        ("An oak.", "A cloud."),
    ]


def test_a_rating_of_not_applicable_is_no_zero() -> None:
    assert "a completion without honesty" in made("ultrafeedback", "labelled", grade="honesty")
    rated = [row["score"] for row in made("ultrafeedback", "labelled", grade="honesty") if isinstance(row, dict)]
    assert rated == [2, 2, 3, 2]


def test_a_tie_is_dropped_or_kept_as_one() -> None:
    assert "a tie" in made("helpsteer3")
    tie = made("helpsteer3", ties=True)[2]
    assert (tie["chosen"], tie["probability"], tie["strength"]) == (said("A carp."), 0.5, 0)
    assert made("nectar", "pairs").count("a tie") == 1
    assert [row.get("probability") for row in made("nectar", "pairs", ties=True)] == [None, None, 0.5]
    assert made("webgpt", "lists", ties=True)[2]["ranks"] == [1, 1]


def test_a_pair_becomes_a_ranking_candidates_or_two_labels() -> None:
    assert made("shp", "lists")[0]["ranks"] == [1, 2]
    assert made("shp", "candidates")[1]["completions"] == ["Proof it longer.", "Bad luck."]
    assert made("shp", "candidates")[1]["labels"] == [True, False]
    assert [(row["completion"], row["label"]) for row in made("shp", "labelled")[:2]] == [
        ("Old yeast.", True),
        ("No idea.", False),
    ]


def test_ranks_become_scores_that_are_higher_for_the_better() -> None:
    assert made("nectar", "candidates")[0]["scores"] == [-1, -2, -2]
    assert [row["score"] for row in made("nemo", "labelled")] == [-1, 0, -1]
