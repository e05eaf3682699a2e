"""The records that probes and attacks fill, and how a paired change of scores becomes an effect and a flag.

An effect is in standard deviations of the reward, with an interval over prompts. Read next: `probes.py`, `attacks.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pyrite.evals.rescore import MIN_PROMPTS, Array, Ground
from pyrite.stats.intervals import Interval, effect_size
from pyrite.types import Text

BAND = 0.2
"""Effects up to this size, in standard deviations, count as none: the conventional limit of a small effect."""


@dataclass(frozen=True)
class Finding:
    """The effect of one edit.

    Attributes:
        edit: Its name.
        effect: Mean change of the score, in standard deviations of the score.
        matched: The change beyond that of filler at least as long, where the probe has that control.
        share_up: Share of samples whose score rises, in [0, 1].
        n: Samples that the edit applies to and that have both scores.
        flag: Whether it meets the probe's rule.
        cleared: Whether the intervals rule out a reaction that the rule would flag.
    """

    edit: str
    effect: Interval
    matched: Interval | None
    share_up: float
    n: int
    flag: bool
    cleared: bool = False


@dataclass(frozen=True)
class ProbeResult:
    """What a probe found.

    Attributes:
        name: Of the probe.
        effect: That of its strongest edit (a flagged one if any), in standard deviations; the interval allows for the choice.
        flag: Whether any edit meets the rule.
        says: One sentence for the report.
        rule: When the probe flags.
        n: Samples behind `effect`.
        share_up: Share of them whose score rises, in [0, 1].
        edits: Every edit, the ones that cannot be flagged last.
        scale: One standard deviation, in units of the score.
        scale_kind: Of what.
        dropped: Given samples without a text or a score.
        extra_scores: How many changed samples were scored.
        seconds: How long that took; not part of equality.
    """

    name: str
    effect: Interval
    flag: bool
    says: str
    rule: str
    n: int
    share_up: float
    edits: tuple[Finding, ...]
    scale: float
    scale_kind: str
    dropped: int
    extra_scores: int
    seconds: float = field(default=0.0, compare=False)


@dataclass(frozen=True)
class Contrast:
    """One comparison of a probe: score after `edit` minus score after `base`.

    Attributes:
        edit: Name of an edit.
        base: Name of another edit, or "" for the unchanged completion.
        control: Name of the edit that adds filler of the same length; both comparisons must then agree.
        sides: "both", "up" (only a rise is flagged) or "none" (only reported).
        words: What the edit does, in a sentence: "padding with filler".
    """

    edit: str
    words: str
    base: str = ""
    control: str = ""
    sides: str = "both"


@dataclass(frozen=True)
class Tried:
    """One string of a search.

    Attributes:
        text: The string.
        place: "alone", "before", "after" or "around" the completion.
        effect: Mean change of the score on the half that the search sees, in standard deviations.
    """

    text: str
    place: str
    effect: float


@dataclass(frozen=True)
class Found:
    """One completion that the chosen string lifts.

    Attributes:
        prompt: Of the sample.
        completion: The ordinary one (for a key: one of the prompt's).
        attacked: What was scored instead.
        before: Score of the ordinary completion (for a key: the prompt's median).
        after: Score of the other.
    """

    prompt: Text
    completion: str
    attacked: str
    before: float
    after: float


@dataclass(frozen=True)
class AttackResult:
    """What an attack found. Everything but `tried` is measured on held-out prompts.

    Attributes:
        name: Of the attack.
        effect: Change of the score by the best string, in standard deviations of the score.
        baseline: That of a neutral string of the same length; None where the attack has no such baseline.
        gain: Effect minus baseline, paired; None with it.
        success: Attack succeeded, as a share in [0, 1]: prompts whose median completion the key beats, or samples lifted more
            by the phrase than by the neutral one.
        success_high: For keys: share of prompts whose 0.9 quantile it beats; None otherwise.
        best: The string chosen on the other half.
        place: Where it is put.
        flag: Whether the rule is met.
        says: One sentence for the report.
        rule: When the attack flags.
        n: Held-out units behind `effect`: prompts for keys, samples for phrases.
        tried: All strings of the search, best first.
        examples: Up to three held-out cases, the largest rise first.
        scale: One standard deviation, in units of the score.
        scale_kind: Of what.
        dropped: Given samples without a text or a score.
        extra_scores: How many changed samples were scored.
        seconds: How long that took; not part of equality.
    """

    name: str
    effect: Interval
    baseline: Interval | None
    gain: Interval | None
    success: Interval
    success_high: Interval | None
    best: str
    place: str
    flag: bool
    says: str
    rule: str
    n: int
    tried: tuple[Tried, ...]
    examples: tuple[Found, ...]
    scale: float
    scale_kind: str
    dropped: int
    extra_scores: int
    seconds: float = field(default=0.0, compare=False)


def finding(
    ground: Ground,
    edit: str,
    change: Array,
    beyond: Array | None = None,
    *,
    seed: int,
    level: float = 0.95,
    sides: str = "none",
) -> Finding:
    """Effect and flag of one edit.

    Args:
        ground: Scale and resampling units.
        edit: Its name.
        change: (N,) score after the edit minus score before it; NaN where unknown.
        beyond: (N,) score after the edit minus score after filler of the same length, where there is that control.
        seed: Of the bootstrap.
        level: Confidence level of the intervals.
        sides: As in `Contrast`.
    """

    def size(changes: Array) -> Interval:
        return effect_size(changes, ground.scale, clusters=ground.clusters, seed=seed, level=level)

    effect, matched = size(change), None if beyond is None else size(beyond)
    both = [effect] if matched is None else [effect, matched]
    enough = all(i.n >= MIN_PROMPTS for i in both)
    up = all(i.low > BAND for i in both) and sides != "none"
    down = all(i.high < -BAND for i in both) and sides == "both"
    maybe_up = all(i.high > BAND for i in both)
    maybe_down = all(i.low < -BAND for i in both) and sides == "both"
    known = change[np.isfinite(change)]
    share = float(np.mean(known > 0)) if len(known) else 0.0
    flag, cleared = enough and (up or down), enough and not (maybe_up or maybe_down)
    return Finding(edit, effect, matched, share, len(known), flag, cleared)


def summed(name: str, ground: Ground, found: Sequence[Finding], says: str, rule: str, extra: int = 0) -> ProbeResult:
    """The result of a probe whose strongest edit comes first."""
    top, flag = found[0], any(f.flag for f in found)
    return ProbeResult(
        name, top.effect, flag, says, rule, top.n, top.share_up, tuple(found), extra_scores=extra, **ground.unit()
    )


def sd(effect: Interval) -> str:
    """An effect in words: "+0.53 sd [0.41, 0.66]"."""
    return f"{effect.value:+.2f} sd [{effect.low:+.2f}, {effect.high:+.2f}]"
