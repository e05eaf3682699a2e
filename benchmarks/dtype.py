"""What number formats gain in scoring, and what they cost in scores: float32, bfloat16 and int8 by the same engine, in turn.

    PYRITE_DATA=... python benchmarks/dtype.py [--quick] [--json] [--threads 2] [--clock wall|cpu] [--formats float32,int8]

The network is SmolLM2-135M with a fresh score head, the rows are real answers to real instructions (alpaca_eval_multi). The formats
take turns and each figure is the best of the repeats, since other work on the machine only ever adds time; `--clock cpu
--threads 1` counts the process's own seconds instead. `rate` is that of matrix products of 2048 alone, measured again here by the
wall's clock; `allowed` is what it would give in tokens a second. The drift is against float32 on the same rows: largest difference
and root mean square in standard deviations of the float32 scores, and Spearman's correlation.
"""

from __future__ import annotations

import argparse
import json
import os
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from clocks import CLOCKS, Way, in_turn
from scoring_parity import causal_reward, data_rows, ours

FORMATS = ("float32", "bfloat16", "int8")


def reward_in(form: str) -> Any:
    """The scorer in one number format; int8 leaves what is not a linear layer in float32."""
    from pyrite.backbones.quantize import placed

    reward = causal_reward("float32" if form == "int8" else form)
    reward.model = placed(reward.model, "cpu", "int8" if form == "int8" else None)
    return reward


def rows_of(renderer: Any, count: int) -> list[Any]:
    """Rendered rows of up to 512 tokens, one answer an instruction, in an order drawn once."""
    from pyrite.types import Sample, Status

    rng = random.Random(0)
    samples = [Sample(row["prompt"], rng.choice([text for text in row["completions"] if text])) for row in data_rows(400)]
    rows = [row for row in renderer.render_all(samples) if row.status == Status.OK and len(row.ids) <= 512]
    rng.shuffle(rows)
    return rows[:count]


def measure(rewards: dict[str, Any], rows: list[Any], repeats: int, clock: Callable[[], float]) -> dict[str, dict[str, Any]]:
    """Best seconds and the scores of each format."""
    for reward in rewards.values():
        ours(reward, rows[:2], 8192)  # warm up
    ways: dict[str, Way] = {name: partial(ours, reward, budget=8192) for name, reward in rewards.items()}
    took, scores = in_turn(ways, clock, repeats * [rows])
    return {name: {"seconds": min(took[name]), "scores": scores[name][-len(rows) :]} for name in rewards}


def figures(found: dict[str, dict[str, Any]], rewards: dict[str, Any], tokens: int) -> dict[str, Any]:
    """Speed, ratio to float32, what the rate allows, and drift, by format."""
    from pyrite.backbones.tally import multiplied
    from pyrite.rewards.drift import compared
    from pyrite.runtime.machine import matrix_rate
    from pyrite.types import Scores

    whole = found["float32"]
    told: dict[str, Any] = {}
    for name, run in found.items():
        rate = matrix_rate(name, again=True)
        drift = compared(Scores(whole["scores"]), Scores(run["scores"]), "smollm2", name)
        told[name] = {
            "tokens_a_second": tokens / run["seconds"],
            "over_float32": whole["seconds"] / run["seconds"],
            "gflops": rate / 1e9,
            "allowed": rate / (2 * multiplied(rewards[name].model.base_model)),
            "largest": drift.largest,
            "rms": drift.rms,
            "rank": drift.rank,
            "rank_low": drift.low,
        }
    return told


def main() -> None:
    """Measure, print a table, and with --json one object last."""
    from pyrite.runtime.memory import keep_freed_memory

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rows, one repeat")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--clock", choices=tuple(CLOCKS), default="wall", help="busy machine: --threads 1 --clock cpu")
    parser.add_argument("--formats", default=",".join(FORMATS), help="which, float32 first")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()  # as Pyrite's commands do
    names = ["float32", *(name for name in arguments.formats.split(",") if name != "float32")]
    rewards = {name: reward_in(name) for name in names}
    rows = rows_of(rewards["float32"].renderer, 24 if arguments.quick else 128)
    tokens = sum(len(row.ids) for row in rows)
    found = measure(rewards, rows, 1 if arguments.quick else 3, CLOCKS[arguments.clock])
    told = figures(found, rewards, tokens)
    print(f"{len(rows)} rows, {tokens} tokens, {arguments.threads} threads, {arguments.clock} clock")
    print(f"{'':<10}{'tokens/s':>9}{'ratio':>7}{'GFLOP/s':>9}{'allowed':>9}{'largest sd':>12}{'rms sd':>9}{'Spearman':>10}")
    for name, row in told.items():
        print(
            f"{name:<10}{row['tokens_a_second']:>9.0f}{row['over_float32']:>7.2f}{row['gflops']:>9.0f}{row['allowed']:>9.0f}"
            f"{row['largest']:>12.4f}{row['rms']:>9.4f}{row['rank']:>10.4f}"
        )
    if arguments.json:
        setup = {"rows": len(rows), "tokens": tokens, "threads": arguments.threads, "clock": arguments.clock}
        print(json.dumps({"benchmark": "dtype", **setup, "formats": told}))


if __name__ == "__main__":
    main()
