"""Each made-up result in turn, for the laws that every report obeys."""

from __future__ import annotations

import pytest

from pyrite.report.result import check_result
from tests.unit.report.parts import Result
from tests.unit.report.results import KINDS


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def result(request: pytest.FixtureRequest) -> Result:
    """Each kind of result."""
    made = request.param()
    check_result(made)
    return made
