"""The four nouns that parts implement: rewards, pairwise rewards, transforms of scores, generators.

Each has one method (a transform is a pair of pure functions, as in optax). Records are in `types.py`; named parts are found
through `registry.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from pyrite.types import Preferences, Sample, Scores, Text


@runtime_checkable
class Reward(Protocol):
    """A map from samples to scores. Higher is better, always.

    Attributes:
        name: Short and readable; used in reports and as the metric name in trainers.
        needs: What is read beyond prompt and completion: any of "reference", "context", "steps", or "column:NAME".
        differentiable: Whether `score` keeps a gradient with respect to its inputs or weights.
    """

    name: str
    needs: frozenset[str]
    differentiable: bool

    def score(self, samples: Sequence[Sample]) -> Scores:
        """One score a sample, in the order given; failures are statuses, not exceptions."""
        ...


@runtime_checkable
class PairwiseReward(Protocol):
    """A map from two completions of one prompt to the probability that the first is better."""

    name: str
    needs: frozenset[str]

    def compare(self, first: Sequence[Sample], second: Sequence[Sample]) -> Preferences:
        """One probability a pair, averaged over both orders where order can matter."""
        ...


@dataclass(frozen=True)
class RewardTransform:
    """Scores in, scores out: a guard, a scale or an aggregation over members.

    Attributes:
        name: As written in a spec, arguments included: `uwo(0.5)`.
        init: Reference scores (the n = 1 candidates, or None where there are none) -> state.
        update: (scores, state, **extras) -> (scores, state). Extras are asked for by keyword; a missing one is a TypeError.
        monotone: On one score it never changes the order of two samples.
        bounded: (low, high) that `value` cannot leave, or None.
        shift_invariant: Adding a constant to scores and reference alike changes nothing.
        needs_members: Reads `Scores.members`; refuses a single model.
        needs_reference: `init` wants reference scores and refuses None.
    """

    name: str
    init: Callable[[Scores | None], Any]
    update: Callable[..., tuple[Scores, Any]]
    monotone: bool = False
    bounded: tuple[float, float] | None = None
    shift_invariant: bool = False
    needs_members: bool = False
    needs_reference: bool = False


@dataclass(frozen=True)
class Generation:
    """One completion as a generator returned it.

    Attributes:
        text: The completion, without special tokens.
        token_ids: Its tokens, the end token included where one was drawn.
        log_probs: Natural log-probability of each token under the sampling model at temperature 1, or None.
        finished: True where the model ended it; False where a length limit cut it.
        prompt_index: Which prompt it answers.
        sample_index: Which of the prompt's samples it is, from 0.
    """

    text: str
    token_ids: tuple[int, ...]
    finished: bool
    prompt_index: int
    sample_index: int
    log_probs: tuple[float, ...] | None = None


@runtime_checkable
class Generator(Protocol):
    """A model that writes completions. Every draw depends only on (seed, prompt, sample index)."""

    name: str

    def sample(self, prompts: Sequence[Text], num_samples: int, *, seed: int) -> Iterator[Generation]:
        """Yield `num_samples` completions of each prompt, as soon as each batch is done."""
        ...
