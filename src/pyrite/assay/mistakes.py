"""The completions a reader should look at: where the reward is most sure and most wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pyrite.assay.inputs import Inputs, sample_text
from pyrite.report.result import not_applicable

MOST = 10
LONGEST = 4000


def pair_mistakes(
    inputs: Inputs, chosen: np.ndarray, rejected: np.ndarray, kept: np.ndarray, *, texts: bool
) -> list[dict[str, Any]]:
    """The labelled pairs that the reward gets most wrong, by its own margin.

    Args:
        inputs: Read from pairs.
        chosen: (K,) scores of the preferred completions.
        rejected: (K,) scores of the others.
        kept: (K,) which pairs these are.
        texts: Whether prompts and completions are written.
    """
    gap = rejected - chosen
    order = [int(i) for i in np.argsort(-gap, kind="stable")[:MOST] if gap[i] > 0]
    found = []
    for i in order:
        better, preferred = 2 * int(kept[i]), 2 * int(kept[i]) + 1
        proxy = (float(rejected[i]), float(chosen[i]))
        found.append(_mistake("pair", inputs, preferred, better, proxy, None, texts))
    return found


def pool_mistakes(
    inputs: Inputs, proxy: Sequence[np.ndarray], gold: Sequence[np.ndarray], index: Sequence[np.ndarray], *, texts: bool
) -> list[dict[str, Any]]:
    """Per prompt the reward's favourite against gold's, those with the largest loss of gold first.

    Args:
        inputs: Read from candidates.
        proxy: Per prompt the scores of its usable candidates.
        gold: The same for gold.
        index: Their positions among all samples.
        texts: Whether prompts and completions are written.
    """
    picks = [(int(p.argmax()), int(g.argmax())) for p, g in zip(proxy, gold, strict=True)]
    loss = np.array([g[best] - g[pick] for (pick, best), g in zip(picks, gold, strict=True)])
    found = []
    for i in np.argsort(-loss, kind="stable")[:MOST]:
        pick, best = picks[i]
        if loss[i] > 0:
            scores = (float(proxy[i][pick]), float(proxy[i][best]))
            golds = (float(gold[i][pick]), float(gold[i][best]))
            found.append(_mistake("candidate", inputs, int(index[i][pick]), int(index[i][best]), scores, golds, texts))
    return found


def _mistake(
    kind: str,
    inputs: Inputs,
    preferred: int,
    better: int,
    proxy: tuple[float, float],
    gold: tuple[float, float] | None,
    texts: bool,
) -> dict[str, Any]:
    liked, right = inputs.samples[preferred], inputs.samples[better]

    def show(part: Any) -> Any:
        text = sample_text(part)
        cut = text if len(text) <= LONGEST else text[:LONGEST] + f" ... ({len(text) - LONGEST} more characters)"
        return cut if texts else not_applicable("--no-texts")

    named = ("preferred", "better")
    return {
        "kind": kind,
        "where": str(liked.meta.get("where", "")),
        "prompt": show(liked.prompt),
        "preferred": show(liked.completion),
        "better": show(right.completion),
        "proxy": dict(zip(named, proxy, strict=True)),
        "gold": dict(zip(named, gold, strict=True)) if gold else not_applicable("the label of the pair is the gold"),
    }
