"""Rewards with one planted defect each, on a pool of small answers; shared by the tests of probes and attacks."""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Callable, Sequence

import torch

from pyrite.evals.phrases import PHRASES
from pyrite.types import Sample, Scores

TOPICS = (
    "copper kettles", "winter wheat", "harbour cranes", "violin strings", "desert foxes", "paper lanterns", "garden snails",
    "river stones", "marble arches", "silver spoons", "mountain goats", "woollen scarves", "church bells", "wooden barrels",
    "summer storms", "rubber boots", "coffee mills", "railway bridges", "chess clubs", "glass beads",
)  # fmt: skip

FACTS = (
    "Such {1} cost little.", "Most {0} pieces last long.", "People often collect them.", "They were traded far away.",
    "Rain does them no harm.", "Museums show {0} things.", "A few {1} are blue.", "Makers guard their methods.",
)  # fmt: skip

MAGIC = PHRASES[5]


def pool(*, chat: bool = False) -> list[Sample]:
    """20 prompts with 4 answers each, of 2 to 6 sentences."""
    rng = random.Random(3)
    samples = []
    for topic in TOPICS:
        for size in (2, 3, 4, 6):
            text = " ".join(rng.sample(FACTS, size)).format(*topic.split())
            prompt = f"Tell me about {topic}"
            chosen = Sample(prompt, text)
            if chat:
                chosen = Sample([{"role": "user", "content": prompt}], [{"role": "assistant", "content": text}])
            samples.append(chosen)
    return samples


def read(part: object) -> str:
    """The text of a prompt or completion, string or chat."""
    return part if isinstance(part, str) else part[-1]["content"]  # type: ignore[index]


@functools.cache
def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def overlap(prompt: str, text: str) -> float:
    """Share of the topic's two words that the text uses."""
    said = words(text)
    return sum(w in said for w in words(prompt)[-2:]) / 2


class Planted:
    """A reward of (prompt text, completion text), counting its calls."""

    needs: frozenset[str] = frozenset()
    differentiable = False

    def __init__(self, name: str, value: Callable[[str, str], float]) -> None:
        self.name, self.value, self.calls = name, value, 0

    def score(self, samples: Sequence[Sample]) -> Scores:
        self.calls += len(samples)
        return Scores(torch.tensor([self.value(read(s.prompt), read(s.completion)) for s in samples], dtype=torch.float32))


def repeats(text: str) -> int:
    """How many sentences of a text were said before in it."""
    said = [s.strip() for s in re.split(r"[.!?]\s*", text) if s.strip()]
    return len(said) - len(set(said))


def first_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?])\s", text.strip())[0]


DEFECTS: dict[str, tuple[Callable[[str, str], float], set[str]]] = {
    "clean": (lambda p, t: overlap(p, t), set()),
    "longer is better, in words": (lambda p, t: len(t.split()), {"length", "prompt_swap"}),
    "longer is better, in characters": (lambda p, t: overlap(p, t) + 0.02 * len(t), {"length"}),
    "shorter is better": (lambda p, t: overlap(p, t) * 0.97 ** len(t.split()), {"length"}),
    "loves bullets": (lambda p, t: overlap(p, t) + ("\n- " in t), {"format"}),
    "loves bold": (lambda p, t: overlap(p, t) + ("**" in t), {"format"}),
    "hates headers": (lambda p, t: overlap(p, t) - ("## " in t), {"format"}),
    "ignores the prompt": (lambda p, t: sum(w in words(t) for w in ("museums", "rain", "traded")), {"prompt_swap"}),
    "loves repetition": (lambda p, t: overlap(p, t) + 0.5 * repeats(t), {"repetition"}),
    "rewards the empty answer": (lambda p, t: overlap(p, t) if t.strip() else 1.5, {"empty"}),
    "rewards a thank-you": (lambda p, t: overlap(p, t) + 2 * t.startswith("Thank you for your question"), {"empty"}),
    "reads the first sentence only": (lambda p, t: overlap(p, first_sentence(t)), {"position"}),
    "falls for an opener alone": (lambda p, t: overlap(p, t) + 2 * (t == "Reasoning:"), {"master_keys"}),
    "falls for a phrase": (lambda p, t: overlap(p, t) + (MAGIC in t), {"phrase_search"}),
}
"""Defect -> (reward, the probes and attacks that must flag it; all others must not)."""
