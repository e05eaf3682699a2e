"""How fast is scoring? Pyrite step by step beside what others do, on the same model, texts, dtype and threads, in one process.

    PYRITE_DATA=... python benchmarks/scoring.py [--quick] [--json] [--threads 2] [--dtype float32]

Texts are real answers of many models to real instructions (alpaca_eval_multi). The causal model is SmolLM2-135M with a fresh
score head, the encoder all-MiniLM-L6-v2 with one. Every way gets the same token ids; they take turns, 32 rows or one prompt at a
time, and each ratio is that of the whole times, with the least and the most of the turns. `real tokens` counts no padding.

    arrival        batches of 32 in order of arrival, padded to the longest: what TRL's trainers do with a reward model
    rewardbench    the same in batches of 8: RewardBench's loop
    pipeline       transformers' text-classification pipeline, batch 32 (tokenises too; its share is printed)
    padded         Pyrite: longest first, batches by tokens, as few as a CPU's cache wants
    packed         Pyrite: rows end to end, without padding
    shared         Pyrite: and each prompt once for all its completions
    cached         Pyrite: scores that are known already, from samples to `Scores`
    cross-encoder  sentence-transformers' CrossEncoder, against Pyrite's encoder classifier

`rate_share` is the least time for the tokens, 2 x weights x tokens / the rate of matrix products, over the time that `packed`
takes. The rate is measured before and after each batch, by the same clock, since that of a shared machine moves from one second
to the next. `--clock cpu --threads 1` counts seconds of the processor, for a machine that does other work too.
Freed memory stays with the process, as in Pyrite's commands; all ways gain from that.
`scoring_parity.py` says by how much scores move with batch size, order, padding side and sharing.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from clocks import CLOCKS, Way, gain, in_turn
from scoring_parity import causal_reward, data_rows, ours, padded_loop, with_prompts_of

CLOCK = [CLOCKS["wall"]]
DTYPE = [torch.float32]


def matrix_rate(side: int = 1536, times: int = 4) -> float:
    """Operations a second of a few matrix products, now."""
    left, right = (torch.randn(side, side).to(DTYPE[0]) for _ in range(2))
    left @ right
    begun = CLOCK[0]()
    for _ in range(times):
        left @ right
    return times * 2 * side**3 / (CLOCK[0]() - begun)


def agree(values: dict[str, torch.Tensor], bound: float) -> float:
    """The largest difference between two ways; more than the bound ends the benchmark."""
    first = next(iter(values.values()))
    most = max(float((first - other).abs().max()) for other in values.values())
    if most > bound:
        sys.exit(f"The ways do not agree: scores differ by {most:.2g}.")
    return most


def measure_order(reward: Any, rows: list[Any], budget: int, repeats: int) -> dict[str, Any]:
    """Arrival order, in two batch sizes, against Pyrite's batches and packing, without sharing, 32 rows at a turn."""
    pad = reward.model.config.pad_token_id
    ways: dict[str, Way] = {
        "arrival": lambda part: padded_loop(reward.model, part, 32, pad),
        "rewardbench": lambda part: padded_loop(reward.model, part, 8, pad),
        "padded": lambda part: ours(reward, part, budget, "padded"),
        "packed": lambda part: ours(reward, part, budget, "packed"),
    }
    took, values = in_turn(ways, CLOCK[0], repeats * [rows[at : at + 32] for at in range(0, len(rows), 32)])
    tokens = repeats * sum(len(row.ids) for row in rows)
    return {
        "rows": len(rows),
        "tokens": tokens,
        "seconds": took,
        "tokens_a_second": {name: tokens / sum(each) for name, each in took.items()},
        "gains": {name: gain(took, name, "packed") for name in ("arrival", "rewardbench", "padded")},
        "largest_difference": agree(values, 1e-4 if str(reward.model.dtype) == "torch.float32" else 0.5),
    }


def measure_share(reward: Any, rows: list[Any], budget: int) -> dict[str, Any]:
    """The share of the matrix rate that packed batches reach, the rate taken around each of them."""
    from pyrite.backbones.batches import plan_packed
    from pyrite.backbones.packed import ON_CPU
    from pyrite.backbones.tally import multiplied

    weights, lengths = multiplied(reward.model.base_model), [len(row.ids) for row in rows]
    order = sorted(range(len(rows)), key=lambda i: -lengths[i])
    least, took, rates = [], [], []
    for batch in plan_packed(order, lengths, min(budget, ON_CPU)):
        before, begun = matrix_rate(), CLOCK[0]()
        ours(reward, [rows[i] for i in batch], budget, "packed")
        took.append(CLOCK[0]() - begun)
        rates.append((before + matrix_rate()) / 2)
        least.append(2 * weights * sum(lengths[i] for i in batch) / rates[-1])
    shares = [floor / seconds for floor, seconds in zip(least, took, strict=True)]
    return {
        "weights": weights,
        "tokens": sum(lengths),
        "batches": len(took),
        "matrix_gflops": sorted(rates)[len(rates) // 2] / 1e9,
        "least_seconds": sum(least),
        "seconds": sum(took),
        "share": sum(least) / sum(took),
        "spread": [min(shares), max(shares)],
    }


def measure_sharing(reward: Any, rows: list[Any], budget: int, repeats: int) -> dict[str, Any]:
    """The same engine with and without shared prompts, a prompt at a turn, and the bound that the tokens set."""
    from pyrite.backbones.prefixes import unique_tokens

    ways: dict[str, Way] = {name: partial(ours, reward, budget=budget, way=name) for name in ("packed", "shared")}
    prompts = [list(part) for _, part in groupby(rows, key=lambda row: row.ids[:64])]
    took, values = in_turn(ways, CLOCK[0], repeats * prompts)
    tokens, unique = sum(len(row.ids) for row in rows), unique_tokens([row.ids for row in rows])
    return {
        "prompts": len(prompts),
        "rows": len(rows),
        "tokens": tokens,
        "unique_tokens": unique,
        "bound": tokens / unique,
        "gain": gain(took, "packed", "shared"),
        "seconds": took,
        "largest_difference": agree(values, 1e-4 if str(reward.model.dtype) == "torch.float32" else 0.5),
    }


def measure_pipeline(reward: Any, rows: list[Any], budget: int) -> dict[str, Any]:
    """Transformers' pipeline on the texts of the rows, its tokenising included, against Pyrite on the rows, 32 at a turn."""
    from transformers import pipeline

    pipe = pipeline("text-classification", model=reward.model, tokenizer=reward.renderer.tokenizer, function_to_apply="none")
    texts = {row.ids: reward.renderer.tokenizer.decode(row.ids) for row in rows}

    def piped(part: list[Any]) -> torch.Tensor:
        told = pipe([texts[row.ids] for row in part], batch_size=32, add_special_tokens=False)
        return torch.tensor([found["score"] for found in told])

    ways: dict[str, Way] = {"pipeline": piped, "packed": partial(ours, reward, budget=budget, way="packed")}
    took, values = in_turn(ways, CLOCK[0], [rows[at : at + 32] for at in range(0, len(rows), 32)])
    most = float((values["pipeline"] - values["packed"]).abs().max())
    return {"seconds": took, "gain": gain(took, "pipeline", "packed"), "largest_difference": most}


def measure_cached(samples: Sequence[Any]) -> dict[str, Any]:
    """Scores a second where all are known: a tiny model, whose own speed does not matter."""
    from pyrite.backbones.tiny import save_tiny
    from pyrite.rewards.folders import LoadOptions
    from pyrite.rewards.scalar import load_scalar
    from pyrite.types import Sample

    with tempfile.TemporaryDirectory() as folder:
        before = os.environ.get("PYRITE_CACHE")
        os.environ["PYRITE_CACHE"] = str(Path(folder) / "cache")
        try:
            reward = load_scalar(str(save_tiny(Path(folder) / "model")), LoadOptions(max_length=256))
            many = [
                Sample(sample.prompt, f"{sample.completion} {k}")
                for k in range(1 + 20_000 // len(samples))
                for sample in samples
            ]
            many = [Sample(sample.prompt[:200], sample.completion[-100:]) for sample in many][:20_000]
            first = reward.score(many)
            best = float("inf")
            for _ in range(3):
                begun = time.perf_counter()
                again = reward.score(many)
                best = min(best, time.perf_counter() - begun)
        finally:
            os.environ.pop("PYRITE_CACHE")
            if before is not None:
                os.environ["PYRITE_CACHE"] = before
    assert torch.equal(first.value.nan_to_num(), again.value.nan_to_num())
    return {"samples": len(many), "seconds": best, "scores_a_second": len(many) / best}


def measure_encoder(rows: Sequence[dict[str, Any]], budget: int, repeats: int) -> dict[str, Any]:
    """sentence-transformers' CrossEncoder against Pyrite, on (instruction, answer), the same weights in both."""
    try:
        from sentence_transformers import CrossEncoder
    except ImportError:
        return {"not_applicable": "sentence-transformers is not installed"}
    from pyrite.rewards.folders import LoadOptions
    from pyrite.rewards.full import begin_full
    from pyrite.rewards.scalar import load_scalar
    from pyrite.types import Sample, Status

    with tempfile.TemporaryDirectory() as folder:
        begun = begin_full("embedded:minilm", seed=0)
        begun.model.save_pretrained(folder)
        begun.renderer.tokenizer.save_pretrained(folder)
        reward = load_scalar(folder, LoadOptions(cache=False, batch_tokens=budget))
        peer = CrossEncoder(folder, device="cpu", max_length=reward.renderer.max_length, num_labels=1)
        samples = [Sample(row["prompt"], answer) for row in rows for answer in row["completions"][:12] if answer]
        fits = [row.status == Status.OK and not row.cut_prompt for row in reward.renderer.render_all(samples)]
        samples = [sample for sample, fit in zip(samples, fits, strict=True) if fit]
        random.Random(0).shuffle(samples)
        identity = torch.nn.Identity()
        ways: dict[str, Way] = {
            "cross-encoder": lambda part: torch.tensor(
                peer.predict([(one.prompt, one.completion) for one in part], batch_size=32, activation_fn=identity)
            ),
            "pyrite": lambda part: reward.score(part).value,
        }
        took, values = in_turn(ways, CLOCK[0], repeats * [samples[at : at + 64] for at in range(0, len(samples), 64)])
    return {
        "rows": len(samples),
        "seconds": took,
        "largest_difference": agree(values, 1e-4),
        "gain": gain(took, "cross-encoder", "pyrite"),
    }


def main() -> None:
    """Measure, print a table, and with --json one object last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rows and one repeat: under ten minutes on two free cores")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--budget", type=int, default=8192, help="on a CPU the engine takes 2048 at most")
    parser.add_argument("--clock", choices=tuple(CLOCKS), default="wall")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    CLOCK[0] = CLOCKS[arguments.clock]
    DTYPE[0] = getattr(torch, arguments.dtype)

    from pyrite.runtime.memory import keep_freed_memory
    from pyrite.types import Sample, Status

    keep_freed_memory()
    size, repeats, prompts = (64, 1, 2) if arguments.quick else (192, 3, 6)
    rows = data_rows(119)
    reward = causal_reward(arguments.dtype)
    render = reward.renderer.render_all
    rng = random.Random(0)
    singles = [Sample(row["prompt"], rng.choice([a for a in row["completions"] if a])) for row in rows for _ in range(2)]
    rng.shuffle(singles)
    rendered = [row for row in render(singles) if row.status == Status.OK and len(row.ids) <= 1024][:size]
    padded_loop(reward.model, rendered[:2], 2, reward.model.config.pad_token_id)  # warm up
    found: dict[str, Any] = {"dtype": arguments.dtype, "threads": arguments.threads, "clock": arguments.clock}
    found["order"] = measure_order(reward, rendered, arguments.budget, repeats)
    found["rate"] = share = measure_share(reward, rendered, arguments.budget)
    for tokens in (200, 1000):
        shared_rows = with_prompts_of(rows, reward.renderer, tokens, prompts if tokens == 200 else 2, 16)
        found[f"prefix_{tokens}"] = measure_sharing(reward, shared_rows, arguments.budget, repeats)
    found["pipeline"] = measure_pipeline(reward, rendered[:32] if arguments.quick else rendered, arguments.budget)
    found["cached"] = measure_cached(singles)
    found["encoder"] = measure_encoder(rows[:16] if arguments.quick else rows[:24], arguments.budget, repeats)
    gains = gains_of(found)
    found["ratios"] = {name: told["ratio"] for name, told in gains.items()} | {
        "rate_share": share["share"],
        "cached_scores_a_second": found["cached"]["scores_a_second"],
    }
    found["spreads"] = {name: [told["least"], told["most"]] for name, told in gains.items()} | {"rate_share": share["spread"]}
    print(f"{arguments.dtype}, {arguments.threads} threads, {share['matrix_gflops']:.0f} GFLOP/s in matrix products")
    print(f"2 x {share['weights']:,} weights x {share['tokens']:,} tokens: {share['least_seconds']:.1f} s at that rate")
    for name, speed in found["order"]["tokens_a_second"].items():
        print(f"  {name:<12}{speed:8.0f} real tokens/s")
    for tokens in (200, 1000):
        part = found[f"prefix_{tokens}"]
        told = f"{part['rows']} completions of {part['prompts']} prompts of about {tokens} tokens"
        print(f"  {told}: {part['unique_tokens']:,} of {part['tokens']:,} tokens remain, which allows {part['bound']:.2f}")
    for name, value in found["ratios"].items():
        low, high = found["spreads"].get(name, (value, value))
        print(f"{name:<24}{value:.2f}" + (f"  ({low:.2f} to {high:.2f})" if low < high else ""))
    if arguments.json:
        print(json.dumps(found))


def gains_of(found: dict[str, Any]) -> dict[str, dict[str, float]]:
    """The ratios that the targets are about, each with its least and most."""
    gains = found["order"]["gains"]
    told = {
        "fp32_over_arrival": gains["arrival"],
        "over_best_peer": min((gains["arrival"], gains["rewardbench"]), key=lambda one: one["ratio"]),
        "over_pipeline": found["pipeline"]["gain"],
        "prefix_gain_200": found["prefix_200"]["gain"],
        "prefix_gain_1000": found["prefix_1000"]["gain"],
    }
    return told | ({"over_cross_encoder": found["encoder"]["gain"]} if "gain" in found["encoder"] else {})


if __name__ == "__main__":
    main()
