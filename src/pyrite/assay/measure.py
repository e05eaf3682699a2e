"""From scores to everything in `result.json` that needs no further score: ranking, curve, guards, verdict, cards.

Pure: the same scores give the same numbers. `ranking_part` works on pairs and pools alike; the curve, and what hangs on it,
needs candidates with gold. Read next: `cards.py`, `guarding.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from pyrite.assay.cards import gold_card, interval, pool_card, tie_share
from pyrite.assay.curving import (
    NO_GOLD,
    Measured,
    baselines_part,
    curve_part,
    draw_curve,
    fits,
    heterogeneity,
    verdict_of,
    verdict_parts,
)
from pyrite.assay.guarding import guards_part
from pyrite.assay.inputs import Inputs, sample_text
from pyrite.assay.job import Job
from pyrite.assay.mistakes import pair_mistakes, pool_mistakes
from pyrite.assay.scoring import status_counts
from pyrite.evals.accuracy import (
    TIES_RULE,
    Ranking,
    annotator_agreement,
    member_disagreement,
    pair_rankings,
    pool_rankings,
    subset_accuracy,
)
from pyrite.evals.curves import Curve
from pyrite.report.result import SCHEMA, not_applicable
from pyrite.rewards import baseline
from pyrite.types import Scores


def measure(job: Job, inputs: Inputs, proxy: Scores, gold: Scores | None) -> dict[str, Any]:
    """The result, all but probes and attacks."""
    arrays = Measured(
        proxy=_values(proxy),
        gold=None if gold is None else _values(gold),
        length=_values(baseline.length().score(inputs.samples)),
        random=_values(baseline.random(job.settings.seed).score(inputs.samples)),
    )
    usable = _usable_groups(inputs, arrays)
    curve = draw_curve(job, inputs, arrays, arrays.proxy)
    verdict = verdict_of(job, inputs, curve)
    proxies, golds, lengths = (_by_group(values, usable) for values in (arrays.proxy, arrays.gold, arrays.length))
    units = _units(inputs, usable)
    ranking = ranking_part(job, inputs, arrays, usable)
    return {
        "schema": SCHEMA,
        "reward": _reward_part(job, proxy),
        "gold": not_applicable(NO_GOLD) if gold is None else {"spec": job.gold_spec, "name": job.gold_spec},
        "gold_card": not_applicable(NO_GOLD)
        if golds is None
        else gold_card(job.reward_spec, str(job.gold_spec), job.settings.gold_kind, golds, lengths or [], units),
        "pool_card": pool_card(inputs, curve.dropped if isinstance(curve, Curve) else {}, tie_share(proxies or []), None),
        "n_prompts": curve.num_prompts if isinstance(curve, Curve) else len(usable),
        "ranking": ranking,
        "curve": curve_part(job, inputs, curve),
        "baselines": baselines_part(job, inputs, arrays, curve),
        **verdict_parts(curve, verdict),
        "heterogeneity": heterogeneity(job, inputs, arrays, curve, verdict),
        "fits": fits(inputs, curve),
        "guards": guards_part(job, inputs, proxy, arrays.gold, curve),
        "disagreement": _disagreement(job, inputs, proxy, usable),
        "counts": _counts(inputs, proxy, gold),
        "mistakes": _mistakes(job, inputs, arrays, usable),
        "settings": _settings(job, inputs),
        "verdict": {"word": verdict.word, "sentence": verdict.sentence},
    }


def _values(scores: Scores) -> np.ndarray:
    return scores.value.detach().cpu().double().numpy()


def _usable_groups(inputs: Inputs, arrays: Measured) -> list[np.ndarray]:
    """Per group the samples that have all scores; groups with fewer than two say nothing about ranking and are left out."""
    known = np.isfinite(arrays.proxy) & (np.isfinite(arrays.gold) if arrays.gold is not None else True)
    groups = [group[known[group]] for group in inputs.pool.indices()]
    return [group for group in groups if len(group) > 1]


def _by_group(values: np.ndarray | None, groups: Sequence[np.ndarray]) -> list[np.ndarray] | None:
    return None if values is None else [values[group] for group in groups]


def _units(inputs: Inputs, groups: Sequence[np.ndarray]) -> np.ndarray:
    return np.array([inputs.units[inputs.pool.group[group[0]]] for group in groups], dtype=int)


def _reward_part(job: Job, proxy: Scores) -> dict[str, Any]:
    return {
        "spec": job.reward_spec,
        "name": job.reward_spec,
        "members": 0 if proxy.members is None else int(proxy.members.shape[1]),
        "terms": list(proxy.objective_names),
    }


def ranking_part(job: Job, inputs: Inputs, arrays: Measured, usable: Sequence[np.ndarray]) -> dict[str, Any]:
    """How well the reward ranks: on the labels of pairs, or against gold inside each prompt."""
    options = {"draws": job.settings.draws, "seed": job.settings.seed}
    units = _units(inputs, usable)
    subsets: Any = not_applicable("the rows name no subsets")
    annotators: Any = not_applicable("unknown: no two annotators labelled the same row")
    found: Mapping[str, Ranking] = {}
    if inputs.pairs is not None:
        told = [i for i, group in enumerate(usable) if inputs.pairs[int(inputs.pool.group[group[0]])].probability != 0.5]
        chosen, rejected = _sides([usable[i] for i in told])
        if told:
            others = {name: (values[chosen], values[rejected]) for name, values in arrays.baselines().items()}
            found = pair_rankings(arrays.proxy[chosen], arrays.proxy[rejected], others, units[told], **options)
        if told and inputs.subsets is not None:
            names = [inputs.subsets[int(inputs.pool.group[i])] for i in chosen]
            parts = subset_accuracy(arrays.proxy[chosen], arrays.proxy[rejected], names, units[told], **options)
            subsets = {name: interval(part) for name, part in parts.items()}
        agreement = _annotators(inputs)
        annotators = annotators if agreement is None else agreement
    elif arrays.gold is not None:
        by = {name: _by_group(values, usable) or [] for name, values in arrays.baselines().items()}
        golds, proxies = _by_group(arrays.gold, usable) or [], _by_group(arrays.proxy, usable) or []
        found = pool_rankings(proxies, golds, by, units, **options)
    else:
        subsets = annotators = not_applicable("candidates without gold or labels cannot be ranked")
    metrics = {name: _ranking(part) for name, part in found.items()}
    rule = TIES_RULE["candidates" if inputs.pairs is None else "pairs"]
    return {"metrics": metrics, "subsets": subsets, "annotators": annotators, "ties_rule": rule}


def _ranking(part: Ranking) -> dict[str, Any]:
    baselines = {name: interval(figure) for name, figure in part.baselines.items()}
    reward = {**interval(part.reward), "ties": part.ties}
    return {"reward": reward, **baselines, "difference": {**interval(part.difference), "to": part.best_baseline}}


def _sides(groups: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the chosen and of the rejected samples of pairs."""
    both = np.array(groups, dtype=int).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _annotators(inputs: Inputs) -> dict[str, Any] | None:
    assert inputs.pairs is not None
    prompts, chosen, rejected = (
        [sample_text(part) for part in side]
        for side in zip(*((pair.prompt, pair.chosen, pair.rejected) for pair in inputs.pairs), strict=True)
    )
    found = annotator_agreement(prompts, chosen, rejected, [pair.annotator for pair in inputs.pairs])
    return None if found is None else interval(found)


def _disagreement(job: Job, inputs: Inputs, proxy: Scores, usable: Sequence[np.ndarray]) -> dict[str, Any]:
    if proxy.members is None or proxy.members.shape[1] < 2:
        return not_applicable("a single model has no members to disagree")
    members = proxy.members.detach().double().numpy()
    tables = [members[group] for group in usable]
    found = member_disagreement(tables, _units(inputs, usable), draws=job.settings.draws, seed=job.settings.seed)
    return {"members": int(members.shape[1]), **{name: interval(part) for name, part in found.items()}}


def _counts(inputs: Inputs, proxy: Scores, gold: Scores | None) -> dict[str, Any]:
    return {
        "rows": inputs.num_rows,
        "samples": len(inputs.samples),
        "scored": int(proxy.ok.sum()),
        "bad_rows": inputs.bad_rows,
        "status": status_counts(proxy),
        "gold_status": not_applicable(NO_GOLD) if gold is None else status_counts(gold),
    }


def _mistakes(job: Job, inputs: Inputs, arrays: Measured, usable: Sequence[np.ndarray]) -> list[dict[str, Any]]:
    texts = job.settings.texts
    if inputs.pairs is not None:
        chosen, rejected = _sides(usable)
        kept = inputs.pool.group[chosen]
        return pair_mistakes(inputs, arrays.proxy[chosen], arrays.proxy[rejected], kept, texts=texts)
    if arrays.gold is None:
        return []
    proxies, golds = _by_group(arrays.proxy, usable) or [], _by_group(arrays.gold, usable) or []
    return pool_mistakes(inputs, proxies, golds, usable, texts=texts)


def _settings(job: Job, inputs: Inputs) -> dict[str, Any]:
    settings = {name: value for name, value in asdict(job.settings).items() if name not in {"guards", "budget", "texts"}}
    rule = "as asked" if job.settings.n_max else "the largest n that at least 90 % of the prompts have"
    return settings | {
        "level": 0.95,
        "n_max_rule": rule,
        "limit": job.reading.limit,
        "cluster": job.reading.cluster or "prompt",
    }
