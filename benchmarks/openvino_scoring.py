"""Would OpenVINO score faster on this CPU? Pyrite's engine beside OpenVINO, on the same weights, tokens and threads, in turns.

    PYRITE_DATA=... python benchmarks/openvino_scoring.py [--quick] [--json] [--threads 2] [--clock wall|cpu]
        [--networks minilm,smollm2] [--at-once 512]

The networks are SmolLM2-135M and all-MiniLM-L6-v2 with a fresh score head, the rows real answers to real instructions
(alpaca_eval_multi). OpenVINO gets the whole network, score included, as its own converter makes it from the float32 weights.

    pyrite          as shipped: 2,048 tokens at once; the causal network end to end, the encoder padded
    pyrite small    the same with `--at-once` tokens
    f32 latency     OpenVINO in float32: longest first, `--at-once` tokens with padding, LATENCY hint
    f32 throughput  the same with the THROUGHPUT hint, as many requests at a time as it likes
    w8              matrices of 8 bits with a scale for each output, products in float32
    w8a8 groups     and inputs of 8 bits with a scale for each group of 128 (DYNAMIC_QUANTIZATION_GROUP_SIZE)

A turn runs each way once. A rate is that of the best turn, between those of the worst and best; `over_pyrite` and `over_small`
compare within a turn: the median of the turns, the least and the most. `--clock cpu --threads 1` counts seconds of the processor,
for a machine that does other work too. Float32 scores must agree within 1e-4; the drift of the others is in standard deviations
of Pyrite's scores, with Spearman's correlation and its 95 % interval.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import openvino
import torch
from clocks import CLOCKS
from dtype import rows_of
from openvino import opset13 as ops
from scoring import agree
from scoring_parity import causal_reward, ours

from pyrite.backbones.batches import collate, plan_batches
from pyrite.runtime.memory import keep_freed_memory

LEAST_WEIGHTS = 2**16
"""A matrix with fewer weights stays in float32: the score's."""
EXACT = ("pyrite", "pyrite small", "f32 latency", "f32 throughput")
"""Ways whose scores must agree."""


def encoder_reward() -> Any:
    """MiniLM with a score head drawn from a fixed seed."""
    from pyrite.rewards.full import begin_full

    begun = begin_full("embedded:minilm", seed=0)
    begun.model.eval().requires_grad_(False)
    return begun


NETWORKS: dict[str, tuple[str, Callable[[], Any], int, int]] = {
    "minilm": ("all-MiniLM-L6-v2", encoder_reward, 96, 32),
    "smollm2": ("SmolLM2-135M", partial(causal_reward, "float32"), 24, 6),
}
"""Name -> title, what begins it, rows, and rows with `--quick`."""


class Score(torch.nn.Module):
    """The network as its converter wants it: tensors in, one score a row out."""

    def __init__(self, model: Any, extra: dict[str, Any]) -> None:
        super().__init__()
        self.model, self.extra = model, extra

    def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any = None) -> Any:
        """(B, T) integers -> (B,)."""
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        return self.model(input_ids=input_ids, attention_mask=attention_mask, **types, **self.extra).logits[:, 0]


def inputs_of(rows: Sequence[Any], pad_id: int) -> dict[str, np.ndarray]:
    """A padded batch as OpenVINO takes it."""
    batch = collate(rows, pad_id=pad_id)
    types = {} if batch.token_type_ids is None else {"token_type_ids": batch.token_type_ids.numpy()}
    return {"input_ids": batch.input_ids.numpy(), "attention_mask": batch.attention_mask.numpy(), **types}


def converted(reward: Any, rows: Sequence[Any]) -> Any:
    """The network in OpenVINO's form, for batches of any shape."""
    example = {name: torch.from_numpy(value) for name, value in inputs_of(rows[:3], reward.model.config.pad_token_id).items()}
    extra = {} if "token_type_ids" in example else {"use_cache": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracing
        return openvino.convert_model(Score(reward.model, extra), example_input=example)


def eight_bits(model: Any) -> Any:
    """The same in place, with the matrices of its products as 8-bit integers and a scale for each output."""
    for node in model.get_ops():
        source = node.input_value(1).get_node() if node.get_type_name() == "MatMul" else node
        if source is node or source.get_type_name() != "Constant" or source.get_data().size < LEAST_WEIGHTS:
            continue
        weight = source.get_data()
        scale = np.abs(weight).max(axis=1 if node.get_attributes()["transpose_b"] else 0, keepdims=True) / 127
        integers = np.round(weight / np.maximum(scale, np.finfo(np.float32).tiny)).astype(np.int8)
        whole = ops.multiply(ops.convert(ops.constant(integers), "f32"), ops.constant(scale))
        node.input(1).replace_source_output(whole.output(0))
    return model


def compiled(model: Any, threads: int, hint: str = "LATENCY", groups: int = 0) -> Any:
    """The network ready to run, in float32 but for inputs of matrices in groups of so many."""
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": hint}
    return openvino.compile_model(model, "CPU", {**settings, "DYNAMIC_QUANTIZATION_GROUP_SIZE": str(groups)})


def by_openvino(network: Any, rows: Sequence[Any], at_once: int, pad_id: int) -> torch.Tensor:
    """Scores in batches of so many tokens, longest first."""
    scores = torch.empty(len(rows))
    queue = openvino.AsyncInferQueue(network)

    def keep(request: Any, some: list[int]) -> None:
        scores[some] = torch.from_numpy(request.get_output_tensor(0).data.copy())

    queue.set_callback(keep)
    for some in plan_batches([len(row.ids) for row in rows], at_once):
        queue.start_async(inputs_of([rows[i] for i in some], pad_id), some)
    queue.wait_all()
    return scores


def ways_of(reward: Any, rows: Sequence[Any], words: argparse.Namespace) -> dict[str, Callable[[], torch.Tensor]]:
    """Name -> what scores all rows."""
    whole, small = converted(reward, rows), eight_bits(converted(reward, rows))
    networks = {
        "f32 latency": compiled(whole, words.threads),
        "f32 throughput": compiled(whole, words.threads, "THROUGHPUT"),
        "w8": compiled(small, words.threads),
        "w8a8 groups": compiled(small, words.threads, groups=128),
    }
    pad, way = reward.model.config.pad_token_id, "padded" if rows[0].token_type_ids else "packed"
    found: dict[str, Callable[[], torch.Tensor]] = {
        name: partial(ours, reward, rows, budget, way) for name, budget in (("pyrite", 8192), ("pyrite small", words.at_once))
    }
    return found | {name: partial(by_openvino, one, rows, words.at_once, pad) for name, one in networks.items()}


def in_turns(
    ways: dict[str, Callable[[], torch.Tensor]], turns: int, clock: Callable[[], float]
) -> tuple[dict[str, list[float]], dict[str, torch.Tensor]]:
    """Seconds of each way in each turn, and its scores; each second turn runs them backwards."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    scores: dict[str, torch.Tensor] = {}
    for turn in range(turns):
        for name in list(ways)[:: -1 if turn % 2 else 1]:
            begun = clock()
            scores[name] = ways[name]()
            seconds[name].append(clock() - begun)
    return seconds, scores


def spread(values: Sequence[float]) -> list[float]:
    """Median, least and most."""
    return [statistics.median(values), min(values), max(values)]


def figures(seconds: dict[str, list[float]], scores: dict[str, torch.Tensor], tokens: int) -> dict[str, dict[str, Any]]:
    """Rates, ratios and drift, by way."""
    from pyrite.stats.metrics import rank_correlation, spearman_interval

    exact = scores["pyrite"]
    told: dict[str, dict[str, Any]] = {}
    for name, took in seconds.items():
        rates = [tokens / one for one in took]
        apart = (scores[name] - exact).abs() / exact.std()
        rank = rank_correlation(exact.tolist(), scores[name].tolist(), kind="spearman")
        told[name] = {
            "tokens_a_second": max(rates),
            "worst_turn": min(rates),
            "over_pyrite": spread([a / b for a, b in zip(seconds["pyrite"], took, strict=True)]),
            "over_small": spread([a / b for a, b in zip(seconds["pyrite small"], took, strict=True)]),
            "largest_sd": float(apart.max()),
            "mean_sd": float(apart.mean()),
            "rank": rank,
            "rank_interval": list(spearman_interval(rank, len(exact))),
        }
    return told


def measure(title: str, reward: Any, count: int, words: argparse.Namespace) -> dict[str, Any]:
    """All ways on one network, printed and returned."""
    rows = rows_of(reward.renderer, count)
    ways = ways_of(reward, rows, words)
    seconds, scores = in_turns(ways, 2 if words.quick else 3, CLOCKS[words.clock])
    apart = agree({name: scores[name] for name in EXACT}, 1e-4)
    tokens = sum(len(row.ids) for row in rows)
    told = figures(seconds, scores, tokens)
    print(f"\n{title}: {len(rows)} rows, {tokens} tokens; float32 scores agree within {apart:.1e}")
    print(f"{'':<16}{'tokens/s':>16}{'over pyrite':>19}{'over small':>19}{'largest sd':>12}{'mean sd':>9}{'Spearman':>24}")
    for name, row in told.items():
        ratios = "".join(f"{m:>6.2f} ({a:.2f} to {b:.2f})" for m, a, b in (row["over_pyrite"], row["over_small"]))
        low, high = row["rank_interval"]
        print(
            f"{name:<16}{row['worst_turn']:>6.0f} to {row['tokens_a_second']:>6.0f}{ratios}"
            f"{row['largest_sd']:>12.4f}{row['mean_sd']:>9.4f}{row['rank']:>8.4f} [{low:.3f}, {high:.3f}]",
            flush=True,
        )
    return {"rows": len(rows), "tokens": tokens, "largest_difference": apart, "ways": told}


def main() -> None:
    """Measure, print a table for each network, and with --json one object last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rows, two turns")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--clock", choices=tuple(CLOCKS), default="wall", help="busy machine: --threads 1 --clock cpu")
    parser.add_argument("--at-once", type=int, default=512, help="tokens in a batch of OpenVINO's, padding included")
    parser.add_argument("--networks", default=",".join(NETWORKS), help="which, by name")
    words = parser.parse_args()
    torch.set_num_threads(words.threads)
    keep_freed_memory()  # as Pyrite's commands do
    found = {}
    for name in words.networks.split(","):
        title, reward, many, few = NETWORKS[name]
        found[title] = measure(title, reward(), few if words.quick else many, words)
    if words.json:
        setup = {"threads": words.threads, "clock": words.clock, "at_once": words.at_once, "openvino": openvino.__version__}
        print(json.dumps({"benchmark": "openvino_scoring", **setup, "networks": found}))


if __name__ == "__main__":
    main()
