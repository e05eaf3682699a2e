"""Does a reward keep its contract: one score a sample, whatever the batch, from what it says it reads?

The laws are those of `protocols.Reward` and `protocols.PairwiseReward`. The package docstring lists all checks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from pyrite.protocols import PairwiseReward, Reward
from pyrite.types import Preferences, Sample, Scores, Status

PLAIN_NEEDS = frozenset({"reference", "context", "steps"})
"""What `needs` may hold besides "column:NAME"."""


def check_reward(reward: Reward, samples: Sequence[Sample], *, tolerance: float = 1e-4) -> None:
    """Check that a reward keeps the contract of `pyrite.Reward` on these samples.

    Name, needs and differentiable are declared and typed; one score a sample comes back in order; calling again, splitting,
    shuffling or doubling the batch changes nothing; no samples give no scores; what `needs` does not declare (reference,
    context, steps, and meta without a "column:" need) and the annotator never change a score.

    Args:
        reward: The reward under test.
        samples: At least two samples that it can score.
        tolerance: Largest allowed difference between two scores of one sample, relative to 1 + |score|.

    Raises:
        AssertionError: The first law that does not hold, in one sentence.

    Example:
        >>> from pyrite.types import Sample, Scores
        >>> class Brevity:
        ...     name, needs, differentiable = "brevity", frozenset(), False
        ...     def score(self, samples):
        ...         return Scores(torch.tensor([-float(len(s.completion)) for s in samples]))
        >>> check_reward(Brevity(), [Sample("Hi", "Hello"), Sample("Hi", "Good morning")])
    """
    expect(len(samples) >= 2, f"check_reward got {len(samples)} samples; it needs at least two.")
    check_declared(reward)
    differentiable: Any = reward.differentiable
    expect(isinstance(differentiable, bool), f"differentiable of {reward.name} is {differentiable!r}; expected a bool.")
    whole = _scored(reward, samples)
    _check_parts(reward, whole)
    _check_batches(reward, samples, whole, tolerance)
    for part, changed in _undeclared_changes(reward, samples):
        what = f"changing {part}, which needs does not declare,"
        expect_same(reward.name, what, _scored(reward, changed), whole, tolerance)


def check_pairwise_reward(
    reward: PairwiseReward, first: Sequence[Sample], second: Sequence[Sample], *, tolerance: float = 1e-4
) -> None:
    """Check that a pairwise reward keeps the contract of `pyrite.PairwiseReward` on these pairs.

    One probability a pair in order; swapping the two sides gives one minus it; calling again, splitting or reversing the
    batch changes nothing; no pairs give no probabilities; meta never matters without a "column:" need.

    Args:
        reward: The pairwise reward under test.
        first: (N,) samples, N >= 2.
        second: (N,) samples with the same prompts.
        tolerance: Largest allowed difference between two probabilities of one pair.

    Raises:
        AssertionError: The first law that does not hold, in one sentence.
    """
    expect(
        len(first) == len(second) >= 2, f"check_pairwise_reward got {len(first)} and {len(second)} samples; give two or more."
    )
    check_declared(reward)

    def compare(a: Sequence[Sample], b: Sequence[Sample]) -> Scores:
        found: Any = reward.compare(a, b)
        expect(isinstance(found, Preferences), f"{reward.name} returned {type(found).__name__}; expected Preferences.")
        expect(len(found.probability) == len(a), f"{reward.name} gave {len(found.probability)} values for {len(a)} pairs.")
        return Scores(found.probability, found.status)

    whole = compare(first, second)
    swapped = compare(second, first)
    expect_same(reward.name, "swapping the two sides", Scores(1 - swapped.value, swapped.status), whole, tolerance)
    expect_same(reward.name, "calling it again", compare(first, second), whole, tolerance)
    single = Scores.concat([compare(first[i : i + 1], second[i : i + 1]) for i in range(len(first))])
    expect_same(reward.name, "scoring one pair at a time", single, whole, tolerance)
    turned = compare(first[::-1], second[::-1])
    expect_same(reward.name, "reversing the batch", turned.take(range_down(len(first))), whole, tolerance)
    expect(len(compare([], [])) == 0, f"{reward.name} gave values for no pairs.")
    if not reads_row(reward.needs):
        bare = [[replace(s, meta={}) for s in side] for side in (first, second)]
        expect_same(reward.name, "removing meta", compare(*bare), whole, tolerance)


def check_declared(reward: Reward | PairwiseReward) -> None:
    """Check that name and needs are there and typed."""
    for part in ("name", "needs"):
        expect(part in dir(reward), f"{type(reward).__name__} has no attribute {part!r}; every reward declares one.")
    name: Any = reward.name
    expect(isinstance(name, str) and name.strip() != "", f"name is {name!r}; expected a short readable string.")
    needs: Any = reward.needs
    expect(isinstance(needs, frozenset), f"needs of {name} is {needs!r}; expected a frozenset of strings.")
    unknown = sorted(n for n in needs if n not in PLAIN_NEEDS and not n.startswith("column:"))
    known = ", ".join(sorted(PLAIN_NEEDS))
    expect(not unknown, f"needs of {name} holds {', '.join(unknown)}; expected {known} or column:NAME.")
    if isinstance(reward, Reward) or "score" in dir(reward):
        expect("differentiable" in dir(reward), f"{name} has no attribute 'differentiable'; every reward declares one.")


def reads_row(needs: frozenset[str]) -> bool:
    """Whether a reward with these needs may read columns of the row a sample came from."""
    return any(need.startswith("column:") for need in needs)


def expect(holds: bool, sentence: str) -> None:
    """Raise AssertionError with the sentence unless the law holds (also under `python -O`)."""
    if not holds:
        raise AssertionError(sentence)


def expect_same(name: str, what: str, got: Scores, wanted: Scores, tolerance: float) -> None:
    """Raise unless both scores agree in status, and in value where ok."""
    expect(len(got) == len(wanted), f"{name}: {what} changed the number of scores from {len(wanted)} to {len(got)}.")
    differ = (got.status != wanted.status).nonzero().flatten().tolist()
    if differ:
        i = differ[0]
        before, after = (Status(int(s.status[i])).name.lower() for s in (wanted, got))
        raise AssertionError(f"{name}: {what} changed the status of sample {i} from {before} to {after}.")
    ok = wanted.ok
    a, b = got.value.detach().cpu()[ok], wanted.value.detach().cpu()[ok]
    far = ((a - b).abs() > tolerance * (1 + b.abs())).nonzero().flatten().tolist()
    if far:
        i = int(ok.nonzero().flatten()[far[0]])
        was, now = float(wanted.value[i]), float(got.value[i])
        raise AssertionError(f"{name}: {what} changed the score of sample {i} from {was:.6g} to {now:.6g}.")


def range_down(num: int) -> Tensor:
    """The index num - 1, ..., 0, which undoes a reversal."""
    return torch.arange(num - 1, -1, -1)


def _scored(reward: Reward, samples: Sequence[Sample]) -> Scores:
    """The scores, or AssertionError where the reward raises, or returns something else or too little."""
    try:
        scores: Any = reward.score(samples)
    except Exception as error:
        raise AssertionError(
            f"{reward.name} raised {type(error).__name__} on {len(samples)} samples ({error}); a failure is a status."
        ) from error
    expect(isinstance(scores, Scores), f"{reward.name} returned {type(scores).__name__}; expected pyrite.Scores.")
    expect(len(scores) == len(samples), f"{reward.name} returned {len(scores)} scores for {len(samples)} samples.")
    return scores


def _check_parts(reward: Reward, scores: Scores) -> None:
    """Finite exactly where ok (a tensor may have been changed after construction), members finite where ok, true flag."""
    finite = torch.isfinite(scores.value.detach()).cpu()
    expect(bool((finite == scores.ok).all()), f"{reward.name}: a value is finite exactly where status is ok; here it is not.")
    if scores.members is not None:
        found = scores.members.detach().cpu()[scores.ok]
        expect(found.ndim == 2, f"{reward.name}: members has shape {tuple(scores.members.shape)}; expected (N, M).")
        expect(bool(torch.isfinite(found).all()), f"{reward.name}: a member has no finite score where status is ok.")
    kept = scores.value.requires_grad
    expect(reward.differentiable or not kept, f"{reward.name} keeps a gradient and declares differentiable = False.")


def _check_batches(reward: Reward, samples: Sequence[Sample], whole: Scores, tolerance: float) -> None:
    """Same scores again, one at a time, reversed, and with every sample twice; none for none."""
    num = len(samples)
    expect(len(_scored(reward, [])) == 0, f"{reward.name} gave scores for no samples.")
    expect_same(reward.name, "calling it again", _scored(reward, samples), whole, tolerance)
    single = Scores.concat([_scored(reward, samples[i : i + 1]) for i in range(num)])
    expect_same(reward.name, "scoring one sample at a time", single, whole, tolerance)
    turned = _scored(reward, list(samples)[::-1]).take(range_down(num))
    expect_same(reward.name, "reversing the batch", turned, whole, tolerance)
    double = _scored(reward, [*samples, *samples])
    expect_same(reward.name, "doubling the batch", double.take(range(num, 2 * num)), whole, tolerance)


def _undeclared_changes(reward: Reward, samples: Sequence[Sample]) -> list[tuple[str, list[Sample]]]:
    """For every part that the reward does not declare: its name, and the samples with that part changed."""
    decoys: dict[str, Any] = {"reference": "a decoy", "context": "a decoy", "steps": ("a decoy",)}
    changes = [(part, {part: decoy}) for part, decoy in decoys.items() if part not in reward.needs]
    changes.append(("annotator", {"annotator": "a decoy"}))
    if not reads_row(reward.needs):
        changes.append(("meta", {"meta": {}}))
    return [(part, [replace(s, **change) for s in samples]) for part, change in changes]
