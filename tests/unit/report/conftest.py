"""Each made-up result in turn, for the laws that every report obeys."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from pyrite.report.page import markdown, page
from pyrite.report.result import check_result
from tests.unit.report.parts import Result
from tests.unit.report.results import KINDS, RUN


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def result(request: pytest.FixtureRequest) -> Result:
    """Each kind of result."""
    made = request.param()
    check_result(made)
    return made


@dataclass(frozen=True)
class Printed:
    """A result with both of its reports."""

    result: Result
    html: str
    text: str


@pytest.fixture(scope="session", params=KINDS, ids=lambda kind: kind.__name__)
def printed(request: pytest.FixtureRequest) -> Printed:
    """Each kind of result, printed once."""
    made = request.param()
    return Printed(made, page(made, RUN), markdown(made, RUN))
