"""Laws of the public formats: any JSON is converted or refused, and what comes out is a row of the kind it claims to be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyrite.data.checks import CHECKS
from pyrite.data.schemas.neighbours import joined, runs
from pyrite.data.schemas.parts import Dropped
from pyrite.data.schemas.regroup import BECOMES, rows_of
from pyrite.data.schemas.table import SCHEMAS
from pyrite.errors import InputError

FORMATS = Path(__file__).parents[1] / "unit" / "data" / "formats"
MARKED = ["", "N/A", "+", "A", "ки", "Step 1: x", "\n\nHuman: h\n\nAssistant: a", "<extra_id_1>User\n", "quality:4", "1e999"]
scalars = st.none() | st.booleans() | st.integers(-4, 4) | st.floats() | st.sampled_from(MARKED) | st.just(10**400)
names = st.sampled_from(["role", "content", "text", "rating", "rank", "completion", "answer", "response", "Rating", "steps"])
cells = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4), max_leaves=6
)


@st.composite
def broken_rows(draw: Callable[..., Any], name: str) -> Any:
    """A row of the format's fixture in which some places hold something else, at any depth."""
    lines = (FORMATS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    row = json.loads(draw(st.sampled_from(lines)))
    for _ in range(draw(st.integers(1, 3))):
        place: Any = row
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and place[key] and draw(st.integers(0, 3)):
                place = place[key]
                continue
            place[key] = draw(cells)
            break
    return row


@pytest.mark.parametrize("name", SCHEMAS)
@settings(max_examples=8)
@given(st.data())
def test_any_row_is_converted_or_refused(name: str, data: st.DataObject) -> None:
    schema = SCHEMAS[name]
    rows = [data.draw(broken_rows(name)) for _ in range(2 if schema.together else 1)]
    row = joined(schema, next(runs(schema, rows, lambda row: row)))
    to = data.draw(st.sampled_from(BECOMES[schema.kind]))
    ties = data.draw(st.booleans())
    try:
        made = list(rows_of(schema, row, to, ties=ties))
    except InputError as error:
        assert str(error)  # noqa: PT017
        return
    assert all(isinstance(line, Dropped) or not CHECKS[to](line) for line in made)
    assert ties or all(isinstance(line, Dropped) or line.get("probability") != 0.5 for line in made)
