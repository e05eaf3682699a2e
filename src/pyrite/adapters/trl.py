"""A Pyrite reward as `reward_funcs` of a TRL trainer (GRPO, RLOO, ...), with the guards that hold off over-optimisation.

    from pyrite.adapters.trl import reward_funcs
    trainer = GRPOTrainer(model, reward_funcs=reward_funcs("runs/rm5", guards=["uwo(0.5)"], reference="start.jsonl"), ...)

TRL calls each function once a batch with `prompts`, `completions`, `completion_ids`, the other dataset columns repeated for
each completion, `trainer_state`, `log_extra` and `log_metric`, and wants one number or None a completion; None is left out of
the sum over functions. Here every status but ok becomes None. TRL itself is not imported.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from pyrite.errors import InputError, close_names
from pyrite.protocols import Reward, RewardTransform
from pyrite.shaping.chain import chain
from pyrite.shaping.spec import parse_guard
from pyrite.types import Sample, Scores, Status

LOG = logging.getLogger(__name__)

HOST_COLUMNS = frozenset({"trainer_state", "log_extra", "log_metric", "environments"})
"""What TRL passes beside the dataset's columns."""

ANY_COLUMN = "column:*"
"""The need of a reward that may read any column, and misses none."""

RewardFunction = Callable[..., list[float | None]]
"""What TRL calls: keywords in, one reward a completion out, None where there is none."""


def reward_funcs(
    rewards: Reward | str | Sequence[Reward | str],
    *,
    guards: Sequence[RewardTransform | str] = (),
    reference: Sequence[Sample] | str | None = None,
    **options: Any,
) -> list[RewardFunction]:
    """One function a reward, for the `reward_funcs` argument of a TRL trainer.

    Args:
        rewards: A reward or a reward spec, or several; weigh them by TRL's `reward_weights`.
        guards: Applied in this order to each of them, with states of their own.
        reference: Candidates of the starting policy, or the data source that holds them ("candidates.jsonl"): guards take
            their means and standard deviations from the scores of these. Every guard that reads members needs it.
        **options: As in `pyrite.load_reward`, for specs.

    Returns:
        Functions in the order of `rewards`.
    """
    several = [rewards] if isinstance(rewards, str | Reward) else list(rewards)
    return [reward_func(reward, guards=guards, reference=reference, **options) for reward in several]


def reward_func(
    reward: Reward | str,
    *,
    guards: Sequence[RewardTransform | str] = (),
    reference: Sequence[Sample] | str | None = None,
    name: str | None = None,
    **options: Any,
) -> RewardFunction:
    """A reward as one TRL reward function.

    Dataset columns reach the reward as `meta["row"]`, and the columns `reference`, `context` and `annotator` as those fields of
    the sample. Every call logs the mean of each ensemble member and each term of a sum, and the share without a value.

    Args:
        reward: A reward, or a reward spec.
        guards: Transforms or guard specs such as "uwo(0.5)", applied in this order; what they remember is kept between calls.
            They may ask for `step`, the trainer's step.
        reference: Candidates of the starting policy, scored when the first batch arrives; see `reward_funcs`.
        name: What TRL logs it as, `rewards/NAME/mean`; by default the reward's name with its guards.
        **options: As in `pyrite.load_reward`, for specs.

    Returns:
        A plain function that raises InputError where the data lacks a column that the reward needs.

    Raises:
        InputError: A guard wants reference candidates and got none.

    Example:
        >>> reward_func("baseline:length")(prompts=["Hi"], completions=["one two three"])
        [3.0]
    """
    scorer = load(reward, options)
    guard = _Guard(scorer, [parse_guard(g) if isinstance(g, str) else g for g in guards], reference)
    label = name or " | ".join([scorer.name, *(link.name for link in guard.links)])

    def function(
        prompts: Sequence[Any], completions: Sequence[Any], completion_ids: Any = None, **columns: Any
    ) -> list[float | None]:
        samples = samples_of(prompts, completions, columns)
        refuse_missing(scorer, columns)
        state, log_metric = columns.get("trainer_state"), columns.get("log_metric")
        with torch.no_grad():
            scores = scorer.score(samples)
            guarded = guard(scores, {} if state is None else {"step": state.global_step})
        warn_of_errors(label, guarded)
        if log_metric is not None:
            for metric, value in metrics_of(label, scores, guarded).items():
                log_metric(metric, value)
        return [float(v) if ok else None for v, ok in zip(guarded.value, guarded.ok, strict=True)]

    function.__name__ = function.__qualname__ = label
    return function


def load(reward: Reward | str, options: Mapping[str, Any]) -> Reward:
    """The reward itself, or the one that a spec names."""
    if not isinstance(reward, str):
        return reward
    from pyrite.rewards.spec import load_reward

    return load_reward(reward, **options)


def candidates_in(source: str) -> Sequence[Sample]:
    """The samples in a data source with completions."""
    from pyrite.data.read import read_rows
    from pyrite.data.rows import to_pool

    return to_pool(read_rows(source)).samples


class _Guard:
    """Guards with what they remember from one batch to the next."""

    def __init__(self, scorer: Reward, links: list[RewardTransform], reference: Sequence[Sample] | str | None) -> None:
        self.links = links
        self.transform = chain(*links) if links else None
        self.scorer = scorer
        self.reference = candidates_in(reference) if isinstance(reference, str) else reference
        self.state: Any = None
        self.begun = False
        if self.transform is not None and self.transform.needs_reference and reference is None:
            raise InputError(
                f"The guard {self.transform.name!r} takes its scale from candidates of the starting policy; "
                "pass samples, or a file with completions, as reference=."
            )

    def __call__(self, scores: Scores, extras: Mapping[str, Any]) -> Scores:
        """The scores after every guard."""
        if self.transform is None:
            return scores
        if not self.begun:
            self.state = self.transform.init(None if self.reference is None else self.scorer.score(self.reference))
            self.begun = True
        guarded, self.state = self.transform.update(scores, self.state, **extras)
        return guarded


def samples_of(prompts: Sequence[Any], completions: Sequence[Any], columns: Mapping[str, Any]) -> list[Sample]:
    """TRL's keyword arguments as samples, in order.

    Args:
        prompts: N strings, or N lists of messages.
        completions: N strings, or N lists of messages.
        columns: N values a column; TRL's own arguments among them are passed over.

    Raises:
        InputError: A column has another length than `completions`.
    """
    own = {name: values for name, values in columns.items() if name not in HOST_COLUMNS}
    for column, values in {"prompts": prompts, **own}.items():
        if len(values) != len(completions):
            raise InputError(f"{column} has {len(values)} entries; expected {len(completions)}, one a completion.")
    samples = []
    for i, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
        row = {"prompt": prompt, **{name: values[i] for name, values in own.items()}}
        fields = {field: row.get(field) for field in ("reference", "context", "annotator")}
        samples.append(
            Sample(prompt, completion, **fields, meta={"row": row, "where": f"completion {i} of the batch", "slot": 0})
        )
    return samples


def refuse_missing(reward: Reward, columns: Mapping[str, Any]) -> None:
    """Raise where the dataset lacks a column that the reward reads.

    Raises:
        InputError: Names the column and those there are.
    """
    there = sorted(set(columns) - HOST_COLUMNS)
    for need in sorted(reward.needs):
        column = need.removeprefix("column:")
        if column not in there and need not in {"steps", ANY_COLUMN}:
            raise InputError(
                f"The reward {reward.name!r} reads the column {column!r}, which the training dataset lacks."
                f"{close_names(column, there)} Columns besides prompt: {', '.join(there) or 'none'}."
            )


def warn_of_errors(name: str, scores: Scores) -> None:
    """Log how many samples have no value though the reward did not decline them, and the first cause."""
    for status in (Status.ERROR, Status.INVALID, Status.TRUNCATED):
        at = (scores.status == int(status)).nonzero().flatten().tolist()
        if at:
            cause = scores.texts[at[0]] if scores.texts else ""
            LOG.warning(
                "%s gave no reward to %d of %d completions (%s)%s",
                name,
                len(at),
                len(scores),
                status.name.lower(),
                f", the first because: {cause}" if cause else ".",
            )


def metrics_of(name: str, scores: Scores, guarded: Scores) -> dict[str, float]:
    """Means over the batch for the trainer's log: members, terms, the value before guards, the share of each missing status.

    Args:
        name: Prefix of each metric.
        scores: As the reward gave them.
        guarded: After the guards.
    """
    found: dict[str, float] = {}
    ok = scores.ok
    if ok.any():
        if guarded is not scores:
            found[f"{name}/before_guards"] = float(scores.value[ok].mean())
        if scores.members is not None:
            found |= {f"{name}/member_{m}": float(mean) for m, mean in enumerate(scores.members[ok].mean(0))}
        if scores.objectives is not None:
            named = zip(scores.objective_names, scores.objectives.unbind(1), strict=True)
            found |= {f"{name}/{term}": float(column.nanmean()) for term, column in named}
    counts = Counter(int(status) for status in guarded.status)
    # Zeros too: TRL averages over the calls in which a metric was logged.
    missing = (status for status in Status if status is not Status.OK)
    return found | {f"{name}/{status.name.lower()}": counts[status] / len(guarded) for status in missing}
