"""What `--dry-run` says of a reward: calls of judges and engines, tokens of networks, money and time. Nothing is asked or run.

`run.py`, `bulk.py` and `benching.py` show it the samples they would score.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyrite.assay.job import Job
from pyrite.assay.judging import SECONDS, repeated_share, services_in
from pyrite.assay.probing import extra_scores_each
from pyrite.backbones.chat import ChatCall
from pyrite.backbones.prefixes import unique_tokens
from pyrite.backbones.tally import floor_seconds, multiplied
from pyrite.protocols import PairwiseReward, Reward
from pyrite.rewards.judge import Judge, PairwiseJudge, PointwiseJudge
from pyrite.rewards.judge_bench import Verdict
from pyrite.rewards.reads import Reads, reads_in
from pyrite.rewards.remote import RemoteReward
from pyrite.runtime.ledger import Price
from pyrite.types import Sample, Status


@dataclass
class JudgePlan:
    """Calls of one judge.

    Attributes:
        role: What it serves as, such as "gold".
        judge: Who is asked.
        share: Of its calls that are made twice.
        probes: Further scores that probes and attacks need at most.
        new: Calls to make.
        known: Calls whose answer is on disk.
        repeats: Calls to make a second time.
        size: Tokens that new and known calls read.
    """

    role: str
    judge: Judge
    share: float = 0.0
    probes: int = 0
    new: int = 0
    known: int = 0
    repeats: int = 0
    size: float = 0.0

    def see(self, samples: Sequence[Sample]) -> None:
        """Count what these samples take; they are scored together."""
        bench = self.judge.bench
        questions = [one for one in self.judge.questions(samples) if not isinstance(one, Verdict)]
        calls = [bench.call(question) for question in questions]
        known = bench.asker.known(calls)
        self.new, self.known, self.size = self.new + len(calls) - known, self.known + known, self.size + tokens_of(calls)
        self.repeats += len(bench.repeated(questions, self.share))

    def lines(self) -> list[str]:
        """Calls, tokens, money and minutes."""
        model, prompt, extra = self.judge.bench.asker.model, self.judge.bench.prompt, self.probes * self.judge.calls_each
        options, most = model.session.options, self.new + self.repeats + extra
        calls = f"{self.new:,} calls ({self.known:,} more are known already), {self.repeats:,} repeats"
        calls += f", up to {extra:,} for probes and attacks (--probe-samples 0: none)" if extra else ""
        read, written = most * self.size / max(self.new + self.known, 1), most * prompt.max_tokens
        lines = [
            f"judge    {self.role}: {self.judge.name}: {calls}",
            f"tokens   about {read:,.0f} read (4 characters each), at most {written:,} written",
        ]
        if not model.paid:
            return [*lines, "cost     none: the model runs on this machine; --limit 20 shows how fast"]
        price: Price | None = options.price_of(model.name) or prompt.price
        money = "unknown: give --price in=..,out=.." if price is None else f"at most {price.of(read, written):.2f}"
        return [*lines, f"cost     {money}", _service_time(most, options.concurrency)]


@dataclass
class EnginePlan:
    """Calls of one scoring engine; attributes as in `JudgePlan`."""

    role: str
    engine: RemoteReward
    probes: int = 0
    new: int = 0
    known: int = 0

    def see(self, samples: Sequence[Sample]) -> None:
        """Count what these samples take; they are scored together."""
        calls, known = self.engine.calls(samples)
        self.new, self.known = self.new + calls, self.known + known

    def lines(self) -> list[str]:
        """Calls and minutes."""
        place, options = self.engine.place, self.engine.session.options
        most = math.ceil(self.probes / place.batch)
        more = f", up to {most:,} scores for probes and attacks (--probe-samples 0: none)" if most else ""
        told = f"{self.new:,} calls of up to {place.batch} samples"
        told += f" ({self.known:,} samples more are known already)" if self.known else ""
        line = f"engine   {self.role}: {place.wire.engine} at {place.url}{place.path}: {told}{more}"
        return [line, _service_time(self.new + most, options.concurrency)]


@dataclass
class NetworkPlan:
    """Tokens of one network.

    Attributes:
        role: As in `JudgePlan`.
        reads: The network, and what it would read.
        rows: Texts, of samples or pairs.
        refused: Texts that it cannot read.
        tokens: Of all others.
        unique: Of these, tokens that no common beginning saves; equal texts count once.
    """

    role: str
    reads: Reads
    rows: int = 0
    refused: int = 0
    tokens: int = 0
    unique: int = 0

    def see(self, samples: Sequence[Sample]) -> None:
        """Count what these samples take; they are scored together."""
        rows = self.reads.rows(samples)
        good = [row.ids for row in rows if row.status == Status.OK]
        self.rows, self.refused = self.rows + len(rows), self.refused + len(rows) - len(good)
        self.tokens += sum(len(ids) for ids in good)
        self.unique += unique_tokens(list(set(good))) if good else 0

    def lines(self) -> list[str]:
        """Tokens, and the time that the matrix products alone take."""
        refused = f", {self.refused:,} that it cannot read" if self.refused else ""
        told = f"{self.rows:,} texts{refused}, {self.tokens:,} tokens ({self.unique:,} unique), as if none was known"
        seconds = sum(floor_seconds(body, self.unique, took=math.inf) for body in self.reads.bodies) if self.unique else 0.0
        weights = sum(multiplied(body) for body in self.reads.bodies)
        by = f"2 x {weights:,} weights x {self.unique:,} tokens at the measured rate of matrix products"
        return [f"network  {self.role}: {self.reads.name}: {told}", f"time     at least {seconds:.2g} s: {by}"]


Plan = JudgePlan | EnginePlan | NetworkPlan


def plans_of(
    role: str, reward: Reward | PairwiseReward | None, *, repeat_share: float = 0.0, probes: int = 0, networks: bool = True
) -> list[Plan]:
    """A plan for each judge, engine and network that a reward is made of.

    Args:
        role: What the reward serves as.
        reward: As loaded, or None.
        repeat_share: Share of a judge's calls that are made twice.
        probes: Further scores that probes and attacks need at most.
        networks: Whether networks are counted too.
    """
    found: list[Plan] = []
    for service in services_in(reward):
        if isinstance(service, PointwiseJudge | PairwiseJudge):
            found.append(JudgePlan(role, service, repeated_share(repeat_share, service), probes))
        elif isinstance(service, RemoteReward):
            found.append(EnginePlan(role, service, probes))
    return found + [NetworkPlan(role, reads) for reads in reads_in(reward)] if networks else found


def lines_of(plans: Sequence[Plan], shown: Mapping[str, Sequence[Sample]]) -> list[str]:
    """What the plans say once they have seen the samples of their role."""
    for plan in plans:
        plan.see(shown[plan.role])
    return [line for plan in plans for line in plan.lines()]


def lines_for(job: Job, rewards: Mapping[str, Reward | None], shown: Mapping[str, Sequence[Sample]]) -> list[str]:
    """What an assay's rewards would take.

    Args:
        job: The assay.
        rewards: Role -> reward: "proxy", whose scores probes and attacks need too, and "gold".
        shown: Role -> samples.
    """
    extra = int(job.settings.probe_samples * extra_scores_each())
    how = {"repeat_share": job.settings.repeat_share, "networks": job.sampling is None}
    plans = [
        plan
        for role, reward in rewards.items()
        for plan in plans_of(role, reward, probes=extra if role == "proxy" else 0, **how)
    ]
    lines = lines_of(plans, shown)
    if job.sampling is not None and any(isinstance(plan, JudgePlan) for plan in plans):
        lines.append(f"         as if every completion had {job.sampling.max_new_tokens:,} tokens (--max-new-tokens)")
    return lines


def tokens_of(calls: Sequence[ChatCall]) -> float:
    """Roughly how many tokens questions have: one for every four characters, and eight a turn."""
    return sum(len(str(turn["content"])) / 4 + 8 for call in calls for turn in call.messages)


def _service_time(calls: int, concurrency: int) -> str:
    minutes = calls * SECONDS / concurrency / 60
    return f"time     about {minutes:.1f} minutes at {SECONDS:g} s a call, {concurrency} at once"
