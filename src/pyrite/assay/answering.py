"""Ask rewards the questions of a benchmark, each answer once and on disk as soon as its batch is done.

Each reward has a journal of its own, so that a killed run goes on where it stopped and a later run may add rewards.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pyrite.assay.job import UNSEEN
from pyrite.assay.judging import services_in
from pyrite.assay.scoring import BATCH, Record, finite_numbers, first_cause, pack, score_all, unpack
from pyrite.errors import InputError, PyriteError
from pyrite.evals.heads import Represents, commonest, lengths, probe
from pyrite.evals.items import Item
from pyrite.evals.recorded import RecordedVerdicts
from pyrite.evals.rules import RULES, asked
from pyrite.evals.said import Said, from_preferences, from_scores
from pyrite.evals.suites import Suite
from pyrite.protocols import PairwiseReward, Reward
from pyrite.rewards.baseline import length
from pyrite.rewards.column import ColumnReward
from pyrite.rewards.guarded import anchored
from pyrite.rewards.judge import PairwiseJudge
from pyrite.rewards.spec import load_reward
from pyrite.rewards.spec_files import spec_digest
from pyrite.runtime.files import content_key
from pyrite.runtime.journal import Journal
from pyrite.runtime.progress import progress
from pyrite.runtime.session import Session
from pyrite.types import Preferences, Sample, Scores, Status

GUESSES = 10
"""How many random scores the row `random` is the mean of."""


@dataclass(frozen=True)
class Reading:
    """Which rows, and how."""

    data: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    limit: int | None = None
    skip_bad: bool = False


@dataclass(frozen=True)
class Answers:
    """What one reward said about a benchmark.

    Attributes:
        spec: As it was named.
        name: As it names itself.
        needs: What it reads.
        said: By question.
        status: Scores or verdicts, with their statuses.
        pairwise: Whether it compares.
    """

    spec: str
    name: str
    needs: frozenset[str]
    said: tuple[Said, ...]
    status: Scores
    pairwise: bool

    def as_json(self, number: int) -> dict[str, Any]:
        """What it said about one question."""
        said = self.said[number]
        if not self.pairwise and said.scores is not None:
            return {"scores": finite_numbers(said.scores)}
        games = {} if said.games is None else {"orders": [finite_numbers(pair) for pair in said.games]}
        return {"verdicts": finite_numbers(said.wins), **games}


@dataclass(frozen=True)
class Asking:
    """The questions of a suite, and where finished answers are kept."""

    suite: Suite
    items: tuple[Item, ...]
    digest: str
    reading: Reading
    model: Mapping[str, Any]
    folder: Path
    fresh: bool
    train: tuple[Item, ...] = ()
    session: Session = field(default_factory=Session)

    def answers(self, reward: str | Reward | PairwiseReward) -> Answers:
        """What one reward says about every question.

        Raises:
            PyriteError: It has no value on any of them.
        """
        spec = reward if isinstance(reward, str) else reward.name
        loaded = self.loaded(reward)
        record = self._record(spec)
        if RULES[self.suite.rule].wants == "features":
            return self._probed(spec, loaded, record)
        samples = [sample for item in self.items for sample in item.samples]
        if not isinstance(loaded, PairwiseReward):
            again = bool(services_in(loaded))
            scores = score_all(anchored(loaded, samples), samples, record, stage=f"{loaded.name}", asks_again=again)
            said, status, texts = from_scores(self.items, scores), scores, first_cause(scores)
        else:
            wanted = asked(self.suite, self.items)
            preferences = compare_all(loaded, self.items, wanted, record)
            said = from_preferences(self.items, wanted, preferences)
            status = Scores(preferences.probability, preferences.status, texts=preferences.texts)
            texts = first_cause(status)
        if not status.ok.any():
            raise PyriteError(f"{spec} has no value on any of {len(status)} completions. {texts}".rstrip())
        return Answers(spec, loaded.name, loaded.needs, tuple(said), status, isinstance(loaded, PairwiseReward))

    def _probed(self, spec: str, loaded: Reward | PairwiseReward, record: Record) -> Answers:
        """How a head on the reward's own features does."""
        if not isinstance(loaded, Represents):
            raise InputError(
                f"{spec} has no hidden states to probe; {self.suite.name} needs a reward model: a folder or a hub id."
            )
        if "probes" not in record:
            right = probe(self.train, self.items, lambda samples: loaded.features(samples)[0].double().numpy())
            record.append("probes", [None if np.isnan(one) else float(one) for one in right])
        return probed(spec, loaded.name, self.items, [_nan(one) for one in record["probes"]])

    def loaded(self, reward: str | Reward | PairwiseReward) -> Reward | PairwiseReward:
        """A reward by its spec; a column of recorded verdicts compares."""
        loaded = load_reward(reward, **self.model, session=self.session) if isinstance(reward, str) else reward
        if isinstance(loaded, ColumnReward) and loaded.column in self.suite.verdicts:
            return RecordedVerdicts(loaded, self.suite.verdicts[loaded.column])
        return loaded

    def shown(self, loaded: Reward | PairwiseReward) -> list[Sample]:
        """The samples that a reward is asked about; of one that compares, the sides of every pair."""
        if RULES[self.suite.rule].wants == "features":
            return [sample for item in (*self.train, *self.items) for sample in item.samples]
        if not isinstance(loaded, PairwiseReward):
            return [sample for item in self.items for sample in item.samples]
        wanted = asked(self.suite, self.items)
        places = [(number, at, slot) for number, i, j in wanted for at, slot in ((i, "chosen"), (j, "rejected"))]
        named = [(self.items[number].samples[at], slot) for number, at, slot in places]
        return [replace(sample, meta={**sample.meta, "slot": slot}) for sample, slot in named]

    def _record(self, spec: str) -> Record:
        name = re.sub(r"[^A-Za-z0-9]+", "-", spec).strip("-")[-40:]
        identity = {
            "suite": self.suite.version,
            "reward": spec,
            "reward_digest": spec_digest(spec),
            "data_digest": self.digest,
            "columns": dict(self.reading.columns),
            "limit": self.reading.limit,
            "model": {key: value for key, value in self.model.items() if key not in UNSEEN},
        }
        path = self.folder / "journals" / f"{name}-{content_key(spec)[:8]}.journal"
        return Journal(path, identity, fresh=self.fresh)

    def lines(self, answers: Sequence[Answers]) -> list[dict[str, Any]]:
        """For each question where it stands and what each reward said about it."""
        return [
            {
                "where": item.where,
                "subset": item.subset,
                "gold": list(item.gold),
                "rewards": {one.spec: one.as_json(number) for one in answers},
            }
            for number, item in enumerate(self.items)
        ]


def compare_all(
    reward: PairwiseReward, items: Sequence[Item], wanted: Sequence[tuple[int, int, int]], record: Record
) -> Preferences:
    """Verdicts on all pairs, in order; finished batches are read from `record` and new ones put there.

    Args:
        reward: What compares.
        items: The questions.
        wanted: (question, place, place) of each pair.
        record: Where finished batches live.
    """
    parts: list[Scores] = []
    orders: list[torch.Tensor | None] = []
    with progress(f"comparing: {reward.name}", len(wanted), "pairs") as advance:
        for start in range(0, len(wanted), BATCH):
            batch, key = wanted[start : start + BATCH], f"pairs/{start}"
            if key not in record or (isinstance(reward, PairwiseJudge) and int(Status.ERROR) in record[key]["status"]):
                record.append(key, _compared(reward, items, batch))
            parts.append(unpack(record[key]))
            both = record[key].get("orders")
            orders.append(None if both is None else torch.tensor([[_nan(p) for p in pair] for pair in both]))
            advance(len(batch))
    whole = Scores.concat(parts)
    kept = [part for part in orders if part is not None]
    table = torch.cat(kept) if len(kept) == len(orders) and kept else None
    return Preferences(whole.value, whole.status, texts=whole.texts, orders=table)


def _compared(reward: PairwiseReward, items: Sequence[Item], batch: Sequence[tuple[int, int, int]]) -> dict[str, Any]:
    first, second = ([items[number].samples[place] for number, place in side] for side in _sides(batch))
    said = reward.compare(first, second)
    if len(said.probability) != len(batch):
        raise InputError(f"{reward.name} returned {len(said.probability)} verdicts for {len(batch)} pairs; expected one each.")
    packed = pack(Scores(said.probability, said.status, texts=said.texts))
    if said.orders is not None:
        packed["orders"] = [[None if p != p else p for p in pair] for pair in said.orders.tolist()]
    return packed


def _sides(batch: Sequence[tuple[int, int, int]]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    return [(number, i) for number, i, _ in batch], [(number, j) for number, _, j in batch]


def _nan(value: float | None) -> float:
    return float("nan") if value is None else value


def probed(spec: str, name: str, items: Sequence[Item], right: Sequence[float]) -> Answers:
    """The answers of a head: right or wrong by question, NaN where the reward has no features."""
    said = [
        Said(item, None, np.array([one]), None, np.zeros(1, bool), judged=False) for item, one in zip(items, right, strict=True)
    ]
    return Answers(spec, name, frozenset(), tuple(said), Scores(torch.tensor(right, dtype=torch.float32)), False)


def baseline_answers(suite: Suite, items: Sequence[Item], train: Sequence[Item] = ()) -> dict[str, list[Answers]]:
    """Length, and random scores several times over; of heads, the commonest class and a head on the length."""
    if RULES[suite.rule].wants == "features":
        known = {"commonest class": commonest, "length": lengths}
        return {name: [probed(name, name, items, probe(train, items, f).tolist())] for name, f in known.items()}
    samples: list[Sample] = [sample for item in items for sample in item.samples]

    def answers(name: str, scores: Scores) -> Answers:
        return Answers(f"baseline:{name}", name, frozenset(), tuple(from_scores(items, scores)), scores, False)

    rng = torch.Generator().manual_seed(0)
    guesses = [Scores(torch.rand(len(samples), generator=rng)) for _ in range(GUESSES)]
    return {"length": [answers("length", length().score(samples))], "random": [answers("random", one) for one in guesses]}
