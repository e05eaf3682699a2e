"""Small files that an assay reads: a pool whose proxy is over-optimised, pairs, and functions as rewards."""

import json
from pathlib import Path

import numpy as np
import pytest


def write_rows(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def pool_file(tmp_path: Path) -> Path:
    """40 prompts x 32 candidates; the proxy follows gold up to a point, and its favourites are bad."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(40):
        gold = rng.normal(size=32)
        proxy = gold + 0.3 * rng.normal(size=32)
        fooled = rng.choice(32, size=2, replace=False)
        gold[fooled], proxy[fooled] = -3.0, 5.0 + rng.normal(size=2)
        rows.append(
            {
                "prompt": f"Question {i}?",
                "completions": [f"answer {j} of {i} " + "word " * (j % 7) for j in range(32)],
                "proxy": [float(x) for x in proxy],
                "gold": [float(x) for x in gold],
            }
        )
    return write_rows(tmp_path / "pool.jsonl", rows)


@pytest.fixture
def pair_file(tmp_path: Path) -> Path:
    """30 pairs; the longer completion is preferred in 24 of them."""
    rows = [
        {
            "prompt": f"Question {i}?",
            "chosen": "a long and careful answer" if i % 5 else "short",
            "rejected": "brief",
            "subset": "even" if i % 2 == 0 else "odd",
        }
        for i in range(30)
    ]
    return write_rows(tmp_path / "pairs.jsonl", rows)


@pytest.fixture
def functions(tmp_path: Path) -> Path:
    """Rewards in a file, good and bad."""
    path = tmp_path / "my_reward.py"
    path.write_text(
        "def score(prompts, completions, **columns):\n"
        "    return [float(len(c.split())) for c in completions]\n"
        "def seen(prompts, completions, **columns):\n"
        "    return [float('gold' in columns)] * len(completions)\n"
        "def raises(prompts, completions, **columns):\n"
        "    if any('answer 3 of 7 ' in c for c in completions):\n"
        "        raise ValueError('cannot parse this one')\n"
        "    return [float(len(c)) for c in completions]\n"
        "def short(prompts, completions, **columns):\n"
        "    return [1.0]\n"
        "def nan(prompts, completions, **columns):\n"
        "    return [float('nan') if i % 2 else 1.0 * i for i in range(len(completions))]\n"
        "def gold(prompts, completions, **columns):\n"
        "    return [-abs(len(c.split()) - 5.0) for c in completions]\n"
    )
    return path
