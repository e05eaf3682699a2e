"""The completions a reader should look at: where the reward is most sure and most wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyrite.assay.inputs import Inputs, sample_text
from pyrite.report.result import not_applicable

MOST = 10
LONGEST = 4000


@dataclass(frozen=True)
class Blunder:
    """One place where the reward prefers the wrong completion.

    Attributes:
        preferred: Position of the sample that the reward likes.
        better: Position of the one that gold or the label likes.
        proxy: Their proxy scores, in that order.
        gold: Their gold, or None where the label of a pair is all there is.
    """

    preferred: int
    better: int
    proxy: tuple[float, float]
    gold: tuple[float, float] | None = None


def pair_blunders(chosen: np.ndarray, rejected: np.ndarray, at: tuple[np.ndarray, np.ndarray]) -> list[Blunder]:
    """The labelled pairs that the reward gets most wrong, by its own margin.

    Args:
        chosen: (K,) scores of the preferred completions.
        rejected: (K,) scores of the others.
        at: (K,) and (K,) positions of both among all samples.
    """
    gap = rejected - chosen
    order = [int(i) for i in np.argsort(-gap, kind="stable")[:MOST] if gap[i] > 0]
    return [Blunder(int(at[1][i]), int(at[0][i]), (float(rejected[i]), float(chosen[i]))) for i in order]


def pool_blunders(proxy: Sequence[np.ndarray], gold: Sequence[np.ndarray], index: Sequence[np.ndarray]) -> list[Blunder]:
    """Per prompt the reward's favourite against gold's, those with the largest loss of gold first.

    Args:
        proxy: Per prompt the scores of its usable candidates.
        gold: The same for gold.
        index: Their positions among all samples.
    """
    picks = [(int(p.argmax()), int(g.argmax())) for p, g in zip(proxy, gold, strict=True)]
    loss = np.array([g[best] - g[pick] for (pick, best), g in zip(picks, gold, strict=True)])
    found = []
    for i in [int(i) for i in np.argsort(-loss, kind="stable")[:MOST] if loss[i] > 0]:
        places = list(picks[i])
        scores, golds = (tuple(float(x) for x in values[i][places]) for values in (proxy, gold))
        found.append(Blunder(int(index[i][places[0]]), int(index[i][places[1]]), scores, golds))  # pyright: ignore
    return found


def told(blunders: Sequence[Blunder], inputs: Inputs, *, texts: bool) -> list[dict[str, Any]]:
    """Blunders as JSON, with or without their texts."""
    kind = "candidate" if inputs.pairs is None else "pair"
    return [_told(blunder, kind, inputs, texts) for blunder in blunders]


def _told(blunder: Blunder, kind: str, inputs: Inputs, texts: bool) -> dict[str, Any]:
    liked, right = inputs.samples[blunder.preferred], inputs.samples[blunder.better]

    def show(part: Any) -> Any:
        text = sample_text(part)
        cut = text if len(text) <= LONGEST else text[:LONGEST] + f" ... ({len(text) - LONGEST} more characters)"
        return cut if texts else not_applicable("--no-texts")

    named = ("preferred", "better")
    no_gold = not_applicable("the label of the pair is the gold")
    return {
        "kind": kind,
        "where": str(liked.meta.get("where", "")),
        "prompt": show(liked.prompt),
        "preferred": show(liked.completion),
        "better": show(right.completion),
        "proxy": dict(zip(named, blunder.proxy, strict=True)),
        "gold": dict(zip(named, blunder.gold, strict=True)) if blunder.gold else no_gold,
    }
