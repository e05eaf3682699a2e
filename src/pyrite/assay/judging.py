"""What an assay says about its judges: are they read, turned by the order, of one mind; what their calls will cost, and did.

The figures come from answers that are on disk already, and from a share of the calls that is made a second time.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyrite.assay.cards import interval
from pyrite.assay.inputs import Inputs
from pyrite.assay.job import Job
from pyrite.assay.scoring import Record
from pyrite.errors import InputError
from pyrite.evals.against import Against
from pyrite.protocols import PairwiseReward, Reward
from pyrite.report.result import not_applicable
from pyrite.rewards.ensemble import EnsembleReward
from pyrite.rewards.guarded import GuardedReward
from pyrite.rewards.judge import Judge, PairwiseJudge, PointwiseJudge
from pyrite.rewards.judge_bench import JudgeAccount
from pyrite.rewards.process_judge import ProcessJudge
from pyrite.rewards.remote import RemoteReward
from pyrite.rewards.served import ServedReward
from pyrite.rewards.weighted import WeightedReward
from pyrite.runtime.ledger import Totals
from pyrite.runtime.session import Session
from pyrite.stats.intervals import mean_interval
from pyrite.types import Sample

SECONDS = 1.5
"""Of a call to a service, for estimates before the first one."""


Service = Judge | RemoteReward | ServedReward | ProcessJudge
"""What asks others, and may be asked again where they failed."""


def services_in(reward: Reward | PairwiseReward | None) -> list[Service]:
    """Judges, engines and served models that a reward is made of.

    A judge of steps counts where its model is asked over the network. On this machine, where checkpoints run it, it works as
    any other network: Ray's workers may hold it, and its speed can be measured.
    """
    if isinstance(reward, ProcessJudge):
        return [reward] if reward.asker.model.paid else []
    if isinstance(reward, Service):
        return [reward]
    if isinstance(reward, WeightedReward):
        return [found for _, term in reward.terms for found in services_in(term)]
    if isinstance(reward, EnsembleReward):
        return [found for member in reward.rewards for found in services_in(member)]
    return services_in(reward.reward) if isinstance(reward, GuardedReward | Against) else []


def judges_in(reward: Reward | PairwiseReward | None) -> list[Judge]:
    """The judges that a reward is made of."""
    return [found for found in services_in(reward) if isinstance(found, PointwiseJudge | PairwiseJudge)]


def check_kinds(reward: Reward, gold: Reward | None, inputs: Inputs) -> None:
    """Refuse a pairwise reward where there are no labelled pairs to compare, or as gold.

    Raises:
        InputError: Says what to do.
    """
    if isinstance(gold, PairwiseReward):
        raise InputError(
            f"--gold {gold.name} compares two completions; gold gives each completion a score. "
            "Of judges, use a prompt of kind pointwise."
        )
    if isinstance(reward, PairwiseReward) and inputs.pairs is None:
        raise InputError(
            f"{reward.name} compares two completions of a prompt, and {inputs.source} is read as candidates, which are ranked "
            "by a score each. Use data with chosen and rejected (--rows pairs) or, of judges, a prompt of kind pointwise."
        )


@dataclass(frozen=True)
class Seat:
    """A judge in an assay: as what it serves, and on which samples."""

    role: str
    judge: Judge
    samples: Sequence[Sample]


def seats(reward: Reward, gold: Reward | None, shown: Sequence[Sample], samples: Sequence[Sample]) -> list[Seat]:
    """Every judge of the proxy and of the gold."""
    found = [Seat("proxy", judge, shown) for judge in judges_in(reward)]
    return found + [Seat("gold", judge, samples) for judge in judges_in(gold)]


def judge_stage(job: Job, inputs: Inputs, there: Sequence[Seat], record: Record) -> list[dict[str, Any]]:
    """The field `judges` of the result; an account is kept once all of its calls have an answer."""
    told = []
    for place, seat in enumerate(there):
        key = f"judge/{seat.role}/{place}/{job.settings.repeat_share:g}"
        if key not in record:
            share = repeated_share(job.settings.repeat_share, seat.judge)
            account = seat.judge.account(seat.samples, share)
            found = _figures(job, inputs, seat, account, share)
            if account.open:
                told.append(found)
                continue
            record.append(key, found)
        told.append(dict(record[key]))
    return told


def repeated_share(repeat_share: float, judge: Judge) -> float:
    """The share of calls to make twice: none where the answer cannot be another one."""
    model, prompt = judge.bench.asker.model, judge.bench.prompt
    return repeat_share if model.paid or prompt.temperature > 0 else 0.0


def _figures(job: Job, inputs: Inputs, seat: Seat, account: JudgeAccount, share: float) -> dict[str, Any]:
    prompt, model = seat.judge.bench.prompt, seat.judge.bench.asker.model

    def rate(entries: Sequence[tuple[int, float]], reason: str) -> dict[str, Any]:
        if not entries:
            return not_applicable(reason)
        units = inputs.units[[int(inputs.pool.group[i]) for i, _ in entries]]
        options = {"draws": job.settings.draws, "seed": job.settings.seed, "bounds": (0.0, 1.0)}
        return interval(mean_interval(np.array([value for _, value in entries]), clusters=units, **options))

    one = "one completion at a time has no order" if prompt.kind == "pointwise" else "one order was played, or none was read"
    if share == 0 and job.settings.repeat_share > 0:
        none = "a model of this machine at temperature 0 repeats itself"
    else:
        none = f"no call fell into the share of {share:g} that is asked twice"
    counted = np.isfinite(account.tokens)
    return {
        "role": seat.role,
        "name": seat.judge.name,
        "kind": prompt.kind,
        "prompt": prompt.name,
        "model": model.name,
        "calls": account.calls,
        "open": account.open,
        "repeated": len(account.repeats),
        "tokens": int(account.tokens) if counted else not_applicable("the service does not count tokens"),
        "unreadable": rate(account.unreadable, "the model answered nothing"),
        "order_flip": rate(account.flips, one),
        "repeat_agreement": rate(account.repeats, none),
    }


def repeats_of_gold(judges: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the gold card says of a gold that is a judge; nothing where it is none."""
    found = [judge["repeat_agreement"] for judge in judges if judge["role"] == "gold"]
    return {"repeat_agreement": found[0]} if len(found) == 1 else {}


def spent(session: Session) -> str:
    """What the calls of this run came to, in a sentence or two; empty where there were none."""
    totals = session.ledger.totals
    if not (totals.asked or totals.failed or totals.refused or totals.unmetered):
        return f"calls: none made, {totals.cached:,} answers were known" if totals.cached else ""
    parts = [f"calls: {totals.asked:,} answered, {totals.cached:,} known already, {totals.retries:,} retries"]
    parts.append(f"{totals.tokens_in:,} tokens read, {totals.tokens_out:,} written; {_money(totals)}")
    if totals.failed or totals.refused:
        parts.append(f"{totals.failed:,} calls failed and {totals.refused:,} were not made; the same command goes on with them")
    return "; ".join(parts)


def _money(totals: Totals) -> str:
    if totals.unpriced:
        return "cost unknown (no --price)"
    more = f" and at most {totals.unmetered_cost:.4f} for {totals.unmetered:,} broken calls" if totals.unmetered else ""
    return f"cost {totals.cost:.4f}{more}"


def tell(session: Session) -> None:
    """Print what the calls came to, and why some were not made."""
    if said := spent(session):
        print(said, file=sys.stderr)
    if session.ledger.totals.refused:
        print(f"--max-cost {session.ledger.max_cost:g} was reached: what is finished is kept.", file=sys.stderr)
