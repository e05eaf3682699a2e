"""`pyrite assay` from arguments to verdict: read, score once, measure, judge, write.

The order of work is the order of `carry_out`. Everything that takes long goes through `scoring.score_all`, so that a killed
run goes on where it stopped; everything after it is a pure function of the scores. Read next: `measure.py`.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyrite.assay.curving import Case
from pyrite.assay.inputs import Inputs, read_inputs
from pyrite.assay.job import Job, make_job
from pyrite.assay.judging import check_kinds, judge_stage, repeats_of_gold, seats, services_in, tell
from pyrite.assay.measure import measure
from pyrite.assay.planning import lines_for
from pyrite.assay.probing import Subject, probe_stage
from pyrite.assay.sampling import expected_inputs, sample_inputs
from pyrite.assay.scoring import Clock, Record, first_cause, score_all, without_column
from pyrite.assay.terms import in_groups, plain_of, terms_part
from pyrite.assay.writing import command_line, machine, score_lines, write_run
from pyrite.errors import InputError, PyriteError
from pyrite.protocols import Reward
from pyrite.report.result import SCHEMA
from pyrite.rewards.drift import Drift, drifts
from pyrite.rewards.guarded import anchored
from pyrite.rewards.spec import load_reward
from pyrite.runtime.journal import Journal
from pyrite.runtime.session import Session
from pyrite.types import Sample, Scores


@dataclass(frozen=True)
class AssayResult:
    """What an assay found.

    Attributes:
        result: The content of `result.json`; `pyrite.report.result.FIELDS` says what each field means.
        folder: Where the page and the files are, or None where nothing was written.
    """

    result: Mapping[str, Any]
    folder: Path | None = None

    @property
    def verdict(self) -> str:
        """FALLS, HOLDS, CANNOT TELL or NO GOLD."""
        return self.result["verdict"]["word"]

    def summary(self) -> str:
        """The verdict, the figures behind it and the path of the page, as a few lines of text."""
        from pyrite.report.text import summary

        return summary(self.result, self.folder)

    def frame(self, part: str = "figures") -> Any:
        """The numbers as a pandas DataFrame.

        Args:
            part: "figures": every number with an interval, named by its path; "curve": one row an n; "scores": one row a
                sample, of a run that was written.

        Raises:
            UnknownName: There is no such part.
            InputError: The scores of a run without a folder were asked for.
            MissingExtra: pandas is not installed.
        """
        from pyrite.report.notebook import frame_of

        return frame_of(self.result, part, self.folder)

    def _repr_html_(self) -> str:
        from pyrite.report.notebook import framed
        from pyrite.report.page import page

        return framed(page(self.result))


def assay(
    reward: str | Reward, *, data: str, out: Path | str | None = None, fresh: bool = False, **options: Any
) -> AssayResult:
    """Find out how well a reward ranks, what it reacts to, what fools it, and whether gold falls when it is optimised.

    Args:
        reward: A spec, or an object with `score(samples) -> Scores`.
        data: File, folder, `hf:org/name@split` or `embedded:NAME`: candidates, pairs, or prompts with `policy`.
        out: Folder for the page and the files; an unfinished run there is gone on with. Without it nothing is written.
        fresh: Start over in `out`.
        **options: As the command line's, with `-` as `_`: gold, policy, samples, temperature, max_new_tokens, stop, guards,
            columns, rows, limit, skip_bad, cluster, subset, gold_kind, n_max, margin, draws, budget, probe_samples, seed,
            texts, device, dtype, quantize, batch_tokens, max_length, revision, base, chat_template, trust_remote_code;
            for judges concurrency, timeout, job_timeout, price (a list of texts), max_cost, repeat_share.

    Returns:
        The result, also written to `out`.

    Raises:
        InputError: An argument or the data, or an argument that changed on resume; the message names it.
        PyriteError: No sample got a score.

    Example:
        >>> found = assay("column:proxy", gold="column:gold", data="pool.jsonl")  # doctest: +SKIP
        >>> found.verdict  # doctest: +SKIP
        'FALLS'
    """
    job = make_job(reward, data, options)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch if out is None else out)
        work = carry_out(job, folder, fresh=fresh)
        if out is None:
            return AssayResult(work.result)
        write_run(folder, work.result, work.run, work.lines)
    return AssayResult(work.result, folder)


@dataclass(frozen=True)
class Work:
    """A finished assay before it is written: the result, what it took, and a line for each sample."""

    result: dict[str, Any]
    run: dict[str, Any]
    lines: list[str]


@dataclass(frozen=True)
class Stage:
    """An assay whose samples are scored and not yet measured.

    Attributes:
        job: As it was asked for.
        inputs: N samples.
        reward: The proxy.
        gold: What scored the gold, or None.
        proxy: The proxy's scores.
        golds: The gold's, or None.
        record: Where finished work is kept.
        clock: Time and samples of the proxy.
        session: Limits and account of calls to services.
        moved: By how much networks in a smaller number format moved their scores.
        seconds: By stage, so far.
        begun: When the work began, by `time.perf_counter`.
    """

    job: Job
    inputs: Inputs
    reward: Reward
    gold: Reward | None
    proxy: Scores
    golds: Scores | None
    record: Record
    clock: Clock
    session: Session
    moved: tuple[Drift, ...]
    seconds: dict[str, float]
    begun: float

    def done(self, stage: str) -> None:
        """Note that a stage has ended."""
        note(self.seconds, stage, self.begun)


def note(seconds: dict[str, float], stage: str, begun: float) -> None:
    """Write down how long a stage took, given when the first one began."""
    seconds[stage] = round(time.perf_counter() - begun - sum(seconds.values()), 3)


def carry_out(job: Job, folder: Path, *, fresh: bool) -> Work:
    """Do the work of one assay, keeping finished batches in `folder`."""
    return finish(score(job, folder, fresh=fresh))


def score(job: Job, folder: Path, *, fresh: bool, before: Stage | None = None) -> Stage:
    """Read and score.

    Args:
        job: As it was asked for.
        folder: Where finished batches are kept.
        fresh: Start over.
        before: Another assay of the same data and gold, which has read and scored both already; limits on calls are shared.
    """
    begun, seconds = time.perf_counter(), {}
    session = before.session if before else Session(job.calls)
    with drifts() as moved:
        reward = _load(job.reward, job, session)
        gold = before.gold if before else _load(job.gold, job, session)
    assert reward is not None
    note(seconds, "load", begun)
    inputs = before.inputs if before else _inputs(job, folder, fresh)
    note(seconds, "read", begun)
    check_kinds(reward, gold, inputs)
    reward = anchored(reward, shown_to_proxy(job, inputs))
    gold = gold if gold is None or before else anchored(gold, inputs.samples)
    record = Journal(folder / "scores.journal", job.identity(inputs.digest), fresh=fresh)
    clock = Clock()
    proxy, golds = score_both(job, inputs, (reward, gold), record, clock, before.golds if before else None)
    note(seconds, "score", begun)
    return Stage(job, inputs, reward, gold, proxy, golds, record, clock, session, tuple(moved), seconds, begun)


def finish(stage: Stage) -> Work:
    """Measure, probe, and put together what is written."""
    job, inputs, reward = stage.job, stage.inputs, stage.reward
    case = Case.of(job, inputs, in_groups(reward, stage.proxy, inputs), stage.golds)
    result = measure(case) | {"terms": terms_part(case, reward, stage.proxy)}
    stage.done("measure")
    there = seats(reward, stage.gold, shown_to_proxy(job, inputs), inputs.samples)
    result["judges"] = judge_stage(job, inputs, there, stage.record)
    result["gold_card"] |= repeats_of_gold(result["judges"])
    stage.done("judges")
    result |= probe_stage(Subject(job, inputs, plain_of(reward), stage.proxy, stage.session), stage.record, stage.clock)
    stage.done("probes")
    tell(stage.session)
    result["reward"] |= (moved := {"drift": [drift.as_json() for drift in stage.moved]} if stage.moved else {})
    result["counts"]["extra_scores"] = result.pop("extra_scores")
    result["counts"]["subsample"] = result.pop("subsample")
    run = {"schema": SCHEMA, "command": command_line(), "arguments": job.identity(inputs.digest)} | moved
    run |= {"versions": machine(), "seconds": stage.seconds, "calls": stage.session.ledger.as_json()}
    return Work(result, run, score_lines(inputs, case.scores, stage.golds, texts=job.settings.texts))


def _load(spec: str | Reward | None, job: Job, session: Session) -> Reward | None:
    return load_reward(spec, **job.model, session=session) if isinstance(spec, str) else spec


def _inputs(job: Job, folder: Path, fresh: bool) -> Inputs:
    if job.sampling is None:
        return read_inputs(job.reading)
    return sample_inputs(job, folder, fresh=fresh)


def score_both(
    job: Job,
    inputs: Inputs,
    rewards: tuple[Reward, Reward | None],
    record: Record,
    clock: Clock,
    golds: Scores | None = None,
) -> tuple[Scores, Scores | None]:
    """Proxy and gold of every sample; the proxy never sees the gold's column. `golds` is the gold where it is known already.

    A normalised sum is scored as the plain sum; `in_groups` normalises afterwards.

    Raises:
        PyriteError: One of them has no value on any sample.
        InputError: Both say the same everywhere.
    """
    reward, gold = rewards
    shown = shown_to_proxy(job, inputs)
    options = {"texts": job.settings.texts, "clock": clock, "asks_again": bool(services_in(reward))}
    proxy = score_all(plain_of(reward), shown, record, stage="proxy", **options)
    if gold is not None and golds is None:
        again = bool(services_in(gold))
        golds = score_all(gold, inputs.samples, record, stage="gold", texts=job.settings.texts, asks_again=again)
    for name, scores in ((job.reward_spec, proxy), (job.gold_spec, golds)):
        if scores is not None and not scores.ok.any():
            raise PyriteError(f"{name} has no value on any of {len(scores)} samples. {first_cause(scores)}".rstrip())
    if golds is not None and bool(golds.ok.all()) and bool(proxy.ok.all()) and bool((golds.value == proxy.value).all()):
        raise InputError(
            f"--gold {job.gold_spec} gives every sample the score that {job.reward_spec} gives it; name another gold."
        )
    return proxy, golds


def shown_to_proxy(job: Job, inputs: Inputs) -> Sequence[Sample]:
    """The samples without the gold's column."""
    return without_column(inputs.samples, job.gold_column) if job.gold_column else inputs.samples


def plan(reward: str | Reward, *, data: str, out: Path | str | None = None, fresh: bool = False, **options: Any) -> str:
    """What `assay` would do with the same arguments, as text; nothing is scored or written."""
    job = make_job(reward, data, options)
    session = Session(job.calls)
    proxy, gold = (_load(spec, job, session) for spec in (job.reward, job.gold))
    assert proxy is not None
    inputs = read_inputs(job.reading) if job.sampling is None else expected_inputs(job)
    source = f"{inputs.num_rows} rows of {inputs.source}"
    if job.sampling is not None:
        source = f"{inputs.num_rows} prompts, answered by {job.sampling.policy}"
    check_kinds(proxy, gold, inputs)
    shown, count = {"proxy": shown_to_proxy(job, inputs), "gold": inputs.samples}, len(inputs.samples)
    calls = lines_for(job, {"proxy": proxy, "gold": gold}, shown)
    scores = count * (1 if job.gold is None else 2)
    lines = [
        f"reward   {job.reward_spec}",
        f"gold     {job.gold_spec or 'none: probes, attacks and ranking on labelled pairs only'}",
        f"samples  {count} from {source}",
        f"scores   {scores}, and those of probes and attacks on up to {job.settings.probe_samples} samples "
        f"within {job.settings.budget:g} minutes",
        *calls,
        f"guards   {', '.join(job.settings.guards) or 'none'}",
        f"out      {out or 'not written'}",
    ]
    return "\n".join(lines)
