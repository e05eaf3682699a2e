"""Hypothesis strategies for the core records, for property tests of rewards, transforms and metrics.

hypothesis is imported on use: `import pyrite.testing` works without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from pyrite.errors import missing_extra
from pyrite.types import Pair, Sample, Scores, Status

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def samples(*, chat: bool | None = None) -> SearchStrategy[Sample]:
    """A strategy for one sample with a short prompt and completion.

    Args:
        chat: True for chat turns, False for strings, None for either.

    Example:
        >>> from hypothesis import strategies as st
        >>> batch = st.lists(samples(), max_size=5)
    """
    st = _strategies()
    strings = st.builds(Sample, prompt=_texts(), completion=_texts())
    turns = st.builds(
        lambda p, c: Sample([{"role": "user", "content": p}], [{"role": "assistant", "content": c}]), _texts(), _texts()
    )
    return turns if chat else strings if chat is False else st.one_of(strings, turns)


def pairs() -> SearchStrategy[Pair]:
    """A strategy for one pair of strings with two different completions, some soft labels and margins."""
    st = _strategies()
    share = st.floats(0.5, 1.0, width=32)
    margin = st.none() | st.floats(0.0, 5.0, width=32)
    two = st.lists(_texts(), min_size=2, max_size=2, unique=True)
    return st.builds(
        lambda prompt, both, m, p: Pair(prompt, both[0], both[1], margin=m, probability=p), _texts(), two, margin, share
    )


def scores(
    *, min_size: int = 1, max_size: int = 12, members: int | None = None, min_ok: int = 0, largest: float = 100.0
) -> SearchStrategy[Scores]:
    """A strategy for the scores of one batch, some of them without a value.

    Args:
        min_size: Fewest samples.
        max_size: Most samples.
        members: M for (N, M) members whose mean is the value; None for a single score.
        min_ok: At least so many samples have a value.
        largest: Bound on the size of a score.
    """
    st = _strategies()
    number = st.floats(-largest, largest, width=32)

    @st.composite
    def build(draw: Any) -> Scores:
        num = draw(st.integers(max(min_size, min_ok), max_size))
        columns = torch.tensor(draw(st.lists(number, min_size=num * (members or 1), max_size=num * (members or 1))))
        columns = columns.reshape(num, members or 1)
        lost = st.sampled_from([Status.OK, Status.OK, Status.ABSTAIN, Status.INVALID, Status.TRUNCATED, Status.ERROR])
        status = [Status.OK] * min_ok + [draw(lost) for _ in range(num - min_ok)]
        marks = torch.tensor([int(s) for s in status], dtype=torch.int8)
        columns = torch.where((marks == int(Status.OK))[:, None], columns, torch.nan)
        return Scores(columns.mean(dim=1), marks, members=columns if members else None)

    return build()


def _texts() -> SearchStrategy[str]:
    """Short texts, the empty one and several sentences among them."""
    st = _strategies()
    words = st.text(alphabet="abcdefgh é漢", min_size=1, max_size=8)
    return st.lists(words, max_size=8).map(" ".join) | st.just("One fact. Another fact! A third?")


def _strategies() -> Any:
    """The module `hypothesis.strategies`.

    Raises:
        MissingExtra: hypothesis is not installed.
    """
    try:
        from hypothesis import strategies
    except ImportError:
        raise missing_extra("A strategy of pyrite.testing", "hypothesis", "testing") from None
    return strategies
