"""Score a file of any size: rows in, the same rows with their scores out, in bounded memory, with nothing lost or done twice.

Rows are scored in chunks that are cut by position alone. After each, its lines are appended and `NAME.state.json` says how far
the output counts; whatever a killed run wrote beyond that is cut off when it goes on. Several processes (`accelerate launch`)
take turns at the chunks, and the first joins their parts; the workers of a Ray cluster score chunks for one process, which
writes them. Read next: `bulk_part.py`.
"""

from __future__ import annotations

from typing import Any

from pyrite.assay.bulk_job import Bulk, chunks
from pyrite.assay.bulk_part import Part
from pyrite.assay.bulk_ray import workers_for
from pyrite.assay.bulk_score import good_part, reward_of, score_in_turn
from pyrite.assay.judging import spent
from pyrite.assay.lines import samples_of
from pyrite.assay.planning import plans_of
from pyrite.assay.turns import Turns
from pyrite.backbones.tally import record, tallied
from pyrite.errors import InputError
from pyrite.rewards.drift import drifts, due
from pyrite.runtime.session import Session

__all__ = ["Bulk", "plan_file", "score_file"]

ENGINES = ("local", "ray")
"""Where chunks are scored: in this process, or by the workers of a Ray cluster."""


def score_file(job: Bulk, *, fresh: bool = False, engine: str = "local", workers: int | None = None) -> dict[str, Any]:
    """Write the scores of every row of a file.

    Args:
        job: What is scored.
        fresh: Start over instead of going on from what is there.
        engine: "local", or "ray" for the workers of a Ray cluster; either goes on from what the other has written.
        workers: How many of them; None: one a card, and without cards one for every two cores.

    Returns:
        rows, samples by status, bad rows, tokens, seconds, the share of the machine's matrix rate, and the drift of networks in
        a smaller number format, as JSON values.

    Raises:
        InputError: The output belongs to other arguments, the data has no rows of a known kind, or a row is bad.
        CheckpointError: The output is shorter than its state says.
        MissingExtra: The engine is not installed.
        ServiceError: Workers of the engine fail.
    """
    check_out(job)
    turns = Turns.here()
    check_engine(engine, workers, turns)
    part = Part.begin(job, turns, fresh=fresh)
    session = Session(job.calls)
    with drifts() as moved:  # before the tally, which is not to count the probes
        load = not part.state.done and (engine == "local" or due(job.model))
        reward = reward_of(job, turns.on_device(job.model), session) if load else None
    with tallied() as tally:
        if not part.state.done and engine == "ray":
            reward = None  # it was loaded for its drift alone; the workers load their own
            _run_on_ray(part, workers)
        elif reward is not None:
            part.run(lambda numbered: score_in_turn(reward, job, turns, numbered))
    turns.wait()
    if turns.first and turns.count > 1:
        part.join()
    turns.wait()
    state = part.state if turns.count == 1 else part.all_states()
    told = {"rows": state.rows, "samples": state.statuses, "bad_rows": state.bad, "bad": state.bad_rows}
    speed = {
        "tokens": tally.tokens,
        "unique_tokens": tally.unique,
        "seconds": round(tally.seconds, 3),
        "rate_share": tally.share,
    }
    return {
        "out": str(job.out),
        **told,
        **speed,
        "known": tally.known,
        "drift": [drift.as_json() for drift in moved],
        "calls": session.ledger.as_json(),
        "spent": spent(session),
    }


def plan_file(job: Bulk) -> str:
    """What `score_file` would do with the same job, as text; nothing is scored, asked or written.

    Raises:
        InputError: As `score_file`.
    """
    check_out(job)
    reward = reward_of(job, job.model, Session(job.calls))
    plans, rows, bad, samples = plans_of("reward", reward), 0, 0, 0
    for chunk in chunks(job):
        good, kind = good_part(job, chunk)
        rows, bad = rows + len(good), bad + len(good.bad)
        if good.rows:
            together = samples_of(good, kind)
            samples += len(together)
            for plan in plans:
                plan.see(together)
    left_out = f", without {bad:,} bad ones" if bad else ""
    lines = [f"reward   {job.spec}", f"samples  {samples:,} from {rows:,} rows of {job.data}{left_out}"]
    return "\n".join([*lines, *(line for plan in plans for line in plan.lines()), f"out      {job.out}"])


def _run_on_ray(part: Part, workers: int | None) -> None:
    with workers_for(part.job, workers) as crew:
        part.run(crew.score)
    record(crew.tally)


def check_out(job: Bulk) -> None:
    """Refuse an output of another kind.

    Raises:
        InputError: Names it.
    """
    if job.out.suffix != ".jsonl":
        raise InputError(f"--out is {job.out}; expected a name that ends in .jsonl.")


def check_engine(engine: str, workers: int | None, turns: Turns) -> None:
    """Refuse an engine that does not exist, and options that do not go with it.

    Raises:
        InputError: Says which.
    """
    if engine not in ENGINES:
        raise InputError(f"--engine is {engine!r}; expected {' or '.join(ENGINES)}.")
    if engine == "local" and workers is not None:
        raise InputError(
            f"--workers is {workers}, but only --engine ray has workers. For several processes use accelerate launch."
        )
    if engine == "ray" and turns.count > 1:
        raise InputError(
            f"--engine ray was started {turns.count} times. Start it once, without a launcher: Ray starts the workers."
        )
