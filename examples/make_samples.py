"""Write examples/samples.jsonl: sums, each answered 32 times, some right, some wrong, some plain and some full of confidence.

Up to a point confident answers are right more often than plain ones; the most confident are nearly always wrong. A reward
that counts confident words therefore looks fine on average, and picks wrong answers when it picks the best of many.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

PHRASES = ("Certainly.", "I am sure of this.", "There is no doubt.", "Everybody agrees.", "I have checked it twice.")
RIGHT = (0.2, 0.6, 0.85, 0.7, 0.2, 0.05)
"""How often an answer with 0, 1, ... 5 of the phrases is right."""
NUM_PROMPTS, NUM_ANSWERS = 40, 32


def answer(total: int, rng: random.Random) -> str:
    """One completion for a sum."""
    confidence = rng.choices(range(6), weights=(40, 30, 17, 8, 4, 1))[0]
    given = total if rng.random() < RIGHT[confidence] else total + rng.choice((-10, -2, -1, 1, 2, 10))
    return " ".join([*rng.sample(PHRASES, confidence), f"The answer is {given}."])


def main() -> None:
    """Write the file; the same bytes every time."""
    rng = random.Random(0)
    lines = []
    for _ in range(NUM_PROMPTS):
        a, b = rng.randint(10, 99), rng.randint(10, 99)
        completions = [answer(a + b, rng) for _ in range(NUM_ANSWERS)]
        lines.append(json.dumps({"prompt": f"What is {a} + {b}?", "completions": completions, "reference": str(a + b)}))
    (Path(__file__).parent / "samples.jsonl").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
