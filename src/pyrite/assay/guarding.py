"""The same curve under each guard: does it hold where the raw reward falls?"""

from __future__ import annotations

from typing import Any

from pyrite.assay.cards import interval
from pyrite.assay.curving import Case, arrays_of
from pyrite.errors import InputError
from pyrite.evals.curves import Curve, overoptimisation_curve
from pyrite.evals.rescore import values_of
from pyrite.evals.verdict import compare_curves, judge
from pyrite.protocols import RewardTransform
from pyrite.report.result import not_applicable
from pyrite.shaping.chain import record
from pyrite.shaping.spec import parse_guard

MONOTONE = (
    "on one score this guard keeps the order of candidates, so best-of-n picks the same ones; it can matter in training, "
    "where the size of a reward counts"
)


def guards_part(case: Case, raw: Curve | str) -> dict[str, Any]:
    """Guard -> its curve, verdict and difference to the raw reward, or why it has none.

    The reference of every guard is the pool itself: its candidates are what n = 1 would return.

    Args:
        case: Names the guards.
        raw: The curve of the raw reward, or the reason for having none.
    """
    found: dict[str, Any] = {}
    for spec in case.job.settings.guards:
        guard = parse_guard(spec)
        if isinstance(raw, str):
            found[spec] = not_applicable(raw)
        elif guard.monotone and not guard.needs_members:
            found[spec] = not_applicable(MONOTONE)
        else:
            try:
                found[spec] = _guarded(guard, case, raw)
            except InputError as error:
                found[spec] = not_applicable(str(error))
    return found


def _guarded(guard: RewardTransform, case: Case, raw: Curve) -> dict[str, Any]:
    state = guard.init(case.scores)
    scores, _ = guard.update(case.scores, state)
    curve = overoptimisation_curve(
        values_of(scores),
        case.gold,
        case.inputs.pool.group,
        n_max=raw.n_max,
        clusters=case.inputs.units,
        draws=case.job.settings.draws,
        seed=case.job.settings.seed,
    )
    verdict = judge(curve, margin=case.job.settings.margin, systems=len(case.inputs.generators) > 1)
    compared = compare_curves(curve, raw)
    alignment = next((entry for entry in record(state) if entry["kind"] == "Alignment"), None)
    return {
        "curve": arrays_of(curve),
        "verdict": {"word": verdict.word, "sentence": verdict.sentence},
        "difference": interval(compared.at_n_max),
        "better": list(compared.better),
        "worse": list(compared.worse),
        "alignment": not_applicable("this guard does not compare members")
        if alignment is None
        else {"mean": list(alignment["mean"]), "std": list(alignment["std"])},
    }
