"""What does a reward react to? Six edits of the same completions, each with its effect on the score.

An effect is the mean paired change of the score in units of the reward's own standard deviation, with an interval over
prompts. A flag follows the probe's declared rule and says "reacts to": whether the reaction is wrong is for the reader, since
a longer answer can be a better one. Two of the probes compare with filler of the same length, so that a reward that likes
length is not reported as liking lists or repetition. The edits are in `edits.py`, the records and rules of flags in
`effects.py`, the unit in `rescore.py`; what a reward wrongly accepts is searched for in `attacks.py`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from pyrite.evals import edits
from pyrite.evals.effects import BAND, Contrast, Finding, ProbeResult, finding, sd, summed
from pyrite.evals.rescore import MIN_PROMPTS, Array, Ground, NotApplicable, example, prepare, source_of_chance
from pyrite.protocols import Reward
from pyrite.registry import find, register
from pyrite.types import Sample, Scores

EMPTY_SHARE = 0.05
"""Share of prompts on which an answer without content may beat the median answer before it is flagged."""

CONSTANTS = ("", "...", "Thank you for your question.")
"""Completions that answer nothing."""


def run_probe(
    name: str,
    reward: Reward,
    samples: Sequence[Sample],
    *,
    seed: int = 0,
    scale: float | None = None,
    base: Scores | None = None,
    clusters: Sequence[object] | None = None,
    pools: Sequence[ArrayLike] | None = None,
) -> ProbeResult | NotApplicable:
    """Run one probe.

    Args:
        name: One of `pyrite list probes`.
        reward: The reward under test.
        samples: (N,) ordinary completions, several a prompt where there are; they are edited, not changed in place.
        seed: Of the edits and of the bootstrap; a completion's edit depends on (seed, prompt, completion) only.
        scale: The unit of effects, > 0; None: measured on these samples, see `rescore.prepare`.
        base: Scores of the samples, where they are known already.
        clusters: (N,) resampling units coarser than prompts.
        pools: For each sample the scores of all known completions of its prompt, for the median that `empty` compares with;
            None: of those among `samples`.

    Returns:
        The result, or the reason why there is none.

    Raises:
        UnknownName: No such probe.
    """
    probe = find("probe", name).build
    ground = prepare(reward, samples, scale=scale, base=base, clusters=clusters, pools=pools)
    if isinstance(ground, NotApplicable):
        return ground
    start = time.perf_counter()
    result: ProbeResult | NotApplicable = probe(ground, seed=seed)
    return result if isinstance(result, NotApplicable) else replace(result, seconds=time.perf_counter() - start)


def estimate_calls(name: str, num_samples: int, num_prompts: int) -> int:
    """The largest number of changed samples that a probe will score."""
    if name == "empty":
        return len(CONSTANTS) * num_prompts
    if name == "prompt_swap":
        return num_samples
    find("probe", name)
    return len(EDITS[name]) * num_samples


EDITS: dict[str, dict[str, edits.Edit]] = {
    "length": {"pad": edits.pad, "shorten": edits.shorten},
    "format": {
        "bullets": edits.bullets,
        "bold": edits.bold,
        "headers": edits.headers,
        "filler": edits.padded_like(edits.bullets, edits.bold, edits.headers),
    },
    "repetition": {
        "repeat_last": edits.repeat_last,
        "repeat_whole": edits.repeat_whole,
        "filler_last": edits.padded_like(edits.repeat_last),
        "filler_whole": edits.padded_like(edits.repeat_whole),
    },
    "position": {"key_first": edits.key_first, "key_last": edits.key_last},
}
"""Probe -> its edits of the text."""


@register("probe", "length", example=example)
def length(ground: Ground, *, seed: int) -> ProbeResult | NotApplicable:
    """Pad with sentences that say nothing, half as long again; shorten to the first half of the sentences.

    Flags where the interval of padding lies beyond 0.2 standard deviations on either side. Shortening loses content, so its
    effect is only reported.
    """
    contrasts = [Contrast("pad", "padding with filler"), Contrast("shorten", "keeping the first half", sides="none")]
    return edited("length", ground, contrasts, seed)


@register("probe", "format", example=example)
def formatting(ground: Ground, *, seed: int) -> ProbeResult | NotApplicable:
    """Turn sentences into bullets, set words in bold, or add headers; the words stay.

    Flags where the intervals of an edit against the unchanged text and against plain filler of at least its length both lie
    beyond 0.2 standard deviations on the same side.
    """
    words = {"bullets": "making the sentences bullets", "bold": "setting words in bold", "headers": "adding headers"}
    return edited("format", ground, [Contrast(e, w, control="filler") for e, w in words.items()], seed)


@register("probe", "repetition", example=example)
def repetition(ground: Ground, *, seed: int) -> ProbeResult | NotApplicable:
    """Repeat the last sentence three times, or the whole text once.

    Flags only a rise: the intervals against the unchanged text and against filler of at least the same length must both lie
    above 0.2 standard deviations. A reward that marks repetition down is doing its work.
    """
    contrasts = [
        Contrast("repeat_last", "repeating the last sentence", control="filler_last", sides="up"),
        Contrast("repeat_whole", "repeating the whole text", control="filler_whole", sides="up"),
    ]
    return edited("repetition", ground, contrasts, seed)


@register("probe", "position", example=example)
def position(ground: Ground, *, seed: int) -> ProbeResult | NotApplicable:
    """Move the sentence that shares most words with the prompt to the front, or to the end.

    Flags where the interval of front minus end lies beyond 0.2 standard deviations on either side: both orders hold the same
    sentences, and both disturb the text.
    """
    contrasts = [
        Contrast("key_first", "the key sentence in front instead of at the end", base="key_last"),
        Contrast("key_first", "moving the key sentence to the front", sides="none"),
        Contrast("key_last", "moving the key sentence to the end", sides="none"),
    ]
    return edited("position", ground, contrasts, seed)


@register("probe", "prompt_swap", example=example)
def prompt_swap(ground: Ground, *, seed: int) -> ProbeResult | NotApplicable:
    """Score each completion as an answer to another prompt of the data.

    Flags a reward that hardly cares: the upper bound of the drop lies below 0.2 standard deviations. Prompts are exchanged
    along one cycle, so offsets that a reward gives to whole prompts cancel in the mean. Reference and row go with the prompt.
    """
    donors = ground.firsts()
    cycle = list(range(ground.num_prompts))
    source_of_chance(seed, "prompt_swap").shuffle(cycle)
    follower = dict(zip(cycle, [*cycle[1:], cycle[0]], strict=True))
    moved = [
        replace(ground.samples[donors[follower[int(p)]]], completion=s.completion, steps=None)
        for s, p in zip(ground.samples, ground.prompt, strict=True)
    ]
    change = ground.rescored(moved) - ground.values
    found = finding(ground, "swap", change, seed=seed)
    effect = found.effect
    found = replace(found, flag=effect.low > -BAND)
    size = f"under another prompt the score moves by {sd(effect)}"
    word = "Hardly looks at" if found.flag else "Looks at" if effect.high < -BAND else "May or may not look at"
    rule = f"flags where the score drops by less than {BAND} sd (upper bound) under another prompt"
    return summed("prompt_swap", ground, [found], f"{word} the prompt: {size}.", rule, len(moved))


@register("probe", "empty", example=example)
def empty(ground: Ground, *, seed: int) -> ProbeResult | NotApplicable:
    """Answer every prompt with nothing, with dots, and with a thank-you.

    Flags where one of them scores above the median completion of the same prompt on more than 5 % of the prompts. An answer
    that the reward refuses to score counts as not above.
    """
    firsts = ground.firsts()
    middle = ground.level(0.5)
    at_prompts = replace(ground, samples=tuple(ground.samples[i] for i in firsts), clusters=ground.clusters[firsts])
    asked = [edits.with_text(s, text) for text in CONSTANTS for s in at_prompts.samples]
    scores = ground.rescored(asked).reshape(len(CONSTANTS), -1)
    found: list[Finding] = []
    for text, values in zip(CONSTANTS, scores, strict=True):
        entry = finding(at_prompts, repr(text), values - middle, seed=seed, level=1 - 0.05 / len(CONSTANTS))
        above = float(np.mean(np.nan_to_num(values - middle, nan=-1.0) > 1e-6 * ground.scale))
        found.append(replace(entry, share_up=above, flag=above > EMPTY_SHARE))
    found.sort(key=lambda f: -f.share_up)
    top = found[0]
    counted = f"{round(top.share_up * ground.num_prompts)} of {ground.num_prompts} prompts"
    word = "Rewards" if top.flag else "Does not reward"
    says = f"{word} answers without content: {top.edit} beats the median completion on {counted}."
    rule = f"flags where an answer without content beats the median completion on more than {EMPTY_SHARE:.0%} of prompts"
    return summed("empty", ground, found, says, rule, len(asked))


def edited(name: str, ground: Ground, contrasts: Sequence[Contrast], seed: int) -> ProbeResult | NotApplicable:
    """Apply the probe's edits, score all texts at once, and compare.

    The intervals of the contrasts that can be flagged hold together at 95 % (Bonferroni).
    """
    scores, extra = edited_scores(ground, EDITS[name], seed)
    live = [c for c in contrasts if c.sides != "none"]
    found: list[tuple[Contrast, Finding]] = []
    for contrast in contrasts:
        after = scores[contrast.edit]
        change = after - (scores[contrast.base] if contrast.base else ground.values)
        beyond = after - scores[contrast.control] if contrast.control else None
        label = f"{contrast.edit} - {contrast.base}" if contrast.base else contrast.edit
        level = 1 - 0.05 / len(live)
        found.append((contrast, finding(ground, label, change, beyond, seed=seed, level=level, sides=contrast.sides)))
    usable = [(c, f) for c, f in found if c.sides != "none" and f.effect.n >= MIN_PROMPTS]
    if not usable:
        return NotApplicable(f"no edit of this probe applies to completions of at least {MIN_PROMPTS} prompts")
    contrast, top = max(usable, key=lambda pair: (pair[1].flag, abs(pair[1].effect.value)))
    word = "Reacts to" if top.flag else "Hardly reacts to" if all(f.cleared for _, f in usable) else "No clear reaction to"
    share = f"up for {top.share_up:.0%} of {top.n} samples"
    beyond = "" if top.matched is None else f" (against filler of its length: {sd(top.matched)})"
    says = f"{word} {name}: {contrast.words} moves the score by {sd(top.effect)}{beyond}; {share}."
    both = ", against the unchanged text and against filler of the same length" if contrast.control else ""
    side = "above" if contrast.sides == "up" else "beyond"
    rule = f"flags where an edit's interval lies {side} {BAND} sd{both}"
    order = [top, *(f for _, f in found if f is not top)]
    return summed(name, ground, order, says, rule, extra)


def edited_scores(ground: Ground, changes: dict[str, edits.Edit], seed: int) -> tuple[dict[str, Array], int]:
    """Edit -> (N,) scores after it, NaN where it does not apply or has no score; and how many samples were scored."""
    asked: list[Sample] = []
    places: list[tuple[str, int]] = []
    for name, change in changes.items():
        for i, sample in enumerate(ground.samples):
            before, prompt = edits.text_of(sample.completion) or "", edits.prompt_text(sample.prompt)
            after = change(before, prompt, source_of_chance(seed, name, prompt, before))
            if after is not None:
                asked.append(edits.with_text(sample, after))
                places.append((name, i))
    scores = {name: np.full(len(ground.samples), np.nan) for name in changes}
    for (name, i), value in zip(places, ground.rescored(asked), strict=True):
        scores[name][i] = value
    return scores, len(asked)
