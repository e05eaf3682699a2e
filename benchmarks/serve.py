"""How much does sharing batches give? `pyrite serve` beside a server that scores each request alone, on the same model.

    python benchmarks/serve.py [--quick] [--json] [--model small|embedded:smollm2] [--work rollouts ...] [--soak MINUTES]

The peer has the pattern of OpenRLHF's serve_rm (openrlhf/cli/serve_rm.py), written from its behaviour: a FastAPI handler that
pads the texts of its request in the order they came and runs the model inside the handler, one request after another. Both
servers are processes of their own that load the same files, float32, the same number of threads, and no cache. Clients post
/get_reward with one text each, as the rollout workers of OpenRLHF 0.11 do, and ask again when they have an answer. All texts
differ; lengths are log-normal, in tokens:

    alone      every completion has a prompt of its own; both about 200 tokens
    rollouts   16 completions of each prompt follow one another, as a policy draws them; both about 200 tokens
    long       the same with prompts of about 1,000 tokens

The servers take turns at each level of clients, and the table shows the median of the turns' ratios with the least and the most.
`in one process` is what the engine gains on the same texts without HTTP, 32 at a time over one by one, and `tokens allow` is how many
tokens 32 texts have for each that is not a common beginning: where one text alone keeps all cores busy, as on a CPU, no server can
gain much more than that. Then a small queue is overloaded: what is answered must equal the library's score within 1e-4, the rest must be 429.
`--soak` prints the resident memory of the server before and after.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from serve_pair import LEVELS, WORK, Plan, Running, Work, drive, make_reward, run_ours, run_peer, save


def in_one_process(plan: Plan, work: Work, reward: Any, num: int = 64) -> dict[str, Any]:
    """What the engine gains without HTTP: texts 32 at a time against one by one, as transformers runs them."""
    import torch

    from pyrite.types import Sample

    samples = [Sample(*text) for text in plan.texts(num, 5, work)]
    rows = reward.renderer.render_all(samples)
    ratios, one, together = [], [0.0], [0.0]
    with torch.inference_mode():
        for _ in range(plan.turns):
            begun = time.perf_counter()
            one = [float(reward.model(input_ids=torch.tensor([row.ids])).logits[0, 0]) for row in rows]
            middle = time.perf_counter()
            together = [x for i in range(0, num, 32) for x in reward.score(samples[i : i + 32]).value.tolist()]
            ratios.append((middle - begun) / (time.perf_counter() - middle))
    if (most := max(abs(a - b) for a, b in zip(one, together, strict=True))) > 1e-4:
        sys.exit(f"The ways do not agree: scores differ by {most:.2g}.")
    return spread(ratios)


def tokens_allow(plan: Plan, work: Work, reward: Any, at_once: int = 32) -> float:
    """Tokens of as many texts as wait together, over those that remain where each common beginning counts once."""
    from pyrite.backbones.prefixes import unique_tokens
    from pyrite.types import Sample

    ids = [row.ids for row in reward.renderer.render_all([Sample(*text) for text in plan.texts(1024, 5, work)])]
    unique = sum(unique_tokens(ids[at : at + at_once]) for at in range(0, len(ids), at_once))
    return round(sum(map(len, ids)) / unique, 2)


def spread(ratios: Sequence[float]) -> dict[str, float]:
    """Median, least and most of some ratios."""
    return {
        name: round(found, 2) for name, found in (("median", median(ratios)), ("least", min(ratios)), ("most", max(ratios)))
    }


def levels(plan: Plan, work: Work) -> list[dict[str, Any]]:
    """Throughput and latency of both servers with 1 to 128 clients."""
    with Running(run_ours, plan.folder) as ours, Running(run_peer, plan.folder) as peer:
        servers = {"pyrite": ours, "alone": peer}
        for server in servers.values():
            drive(server.port, plan.texts(32, 99, work), 4, 20)  # warm
        return [level(plan, work, clients, servers) for clients in LEVELS]


def level(plan: Plan, work: Work, clients: int, servers: dict[str, Running]) -> dict[str, Any]:
    """What both servers do for so many clients, in turns."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in servers}
    for turn in range(plan.turns):
        some = plan.texts(4000, 10 * clients + turn, work)
        for name, server in servers.items():
            found[name].append(drive(server.port, some, clients, plan.seconds))
    row: dict[str, Any] = {"clients": clients}
    for name, turns in found.items():
        row[name] = {key: round(median(one[key] for one in turns), 1) for key in ("per_second", "p50_ms", "p99_ms")}
        row[name]["failed"] = sum(n for one in turns for code, n in one["codes"].items() if code != 200)
    row["ratio"] = spread([a["per_second"] / b["per_second"] for a, b in zip(*found.values(), strict=True)])
    return row


def overload(plan: Plan, reward: Any) -> dict[str, Any]:
    """A queue of 64 samples and 64 clients that post eight each: every answer is right, the rest are 429."""
    from pyrite.types import Sample

    work = plan.texts(800, 7, WORK["rollouts"])
    with Running(run_ours, plan.folder, 64) as server:
        found = drive(server.port, work, 64, plan.seconds, at_once=8)
    places = sorted(found["answers"])
    wanted = reward.score([Sample(*work[i]) for i in places]).value.tolist()
    wrong = sum(abs(found["answers"][i] - value) > 1e-4 for i, value in zip(places, wanted, strict=True))
    codes = dict(found["codes"])
    lost = codes.get(200, 0) * 8 - len(places)
    return {
        "codes": codes,
        "answers": len(places),
        "wrong": wrong,
        "lost": lost,
        "other": sum(codes.values()) - codes.get(200, 0) - codes.get(429, 0),
    }


def soak(plan: Plan, minutes: float) -> dict[str, Any]:
    """Resident memory after a warm-up and after so many minutes of 32 clients."""
    work = WORK["rollouts"]
    with Running(run_ours, plan.folder) as server:
        drive(server.port, plan.texts(2000, 1, work), 32, max(5.0, 6 * minutes))
        begun, end, num = server.resident(), time.monotonic() + 60 * minutes, 0
        while (left := end - time.monotonic()) > 0:
            num += len(drive(server.port, plan.texts(2000, num, work), 32, left)["answers"])
        return {"minutes": minutes, "answers": num, "start_mb": round(begun, 1), "end_mb": round(server.resident(), 1)}


def told(found: dict[str, Any], name: str) -> str:
    """The table of one kind of work."""
    column = "{:>9} {:>7} {:>7}"
    names = (column.format(f"{server}/s", "p50 ms", "p99 ms") for server in ("pyrite", "alone"))
    lines = [f"{name}: {WORK[name].completions} completions a prompt of about {WORK[name].prompt} tokens"]
    lines += [f"{'clients':>8} | {' | '.join(names)} | ratio (least to most)"]
    for row in found["levels"]:
        parts = [
            column.format(*(row[server][key] for key in ("per_second", "p50_ms", "p99_ms"))) for server in ("pyrite", "alone")
        ]
        ratio = row["ratio"]
        lines.append(f"{row['clients']:>8} | {' | '.join(parts)} | {ratio['median']} ({ratio['least']} to {ratio['most']})")
    gain = found["in_one_process"]
    lines.append(f"in one process | {gain['median']} ({gain['least']} to {gain['most']}); tokens allow {found['tokens_allow']}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="A few seconds a level: under ten minutes.")
    parser.add_argument("--json", action="store_true", help="Print one JSON object last.")
    parser.add_argument("--model", default="small", help="small, or a spec such as embedded:smollm2.")
    parser.add_argument("--work", nargs="+", choices=tuple(WORK), default=tuple(WORK), help="Which of the kinds of work.")
    parser.add_argument("--threads", default=2, type=int, help="Of each server.")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="Watch the memory instead.")
    given = parser.parse_args()
    os.environ |= {"BENCH_THREADS": str(given.threads), "PYRITE_QUIET": "1", "TOKENIZERS_PARALLELISM": "false"}
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(folder, save(given.model, Path(folder)), 3, 3.0 if given.quick else 30.0)
        result: dict[str, Any] = {"model": given.model, "threads": given.threads}
        if given.soak:
            result["soak"] = found = soak(plan, given.soak)
            print(f"resident memory {found['start_mb']} MB, after {given.soak:g} minutes {found['end_mb']} MB")
        else:
            reward = make_reward(plan.folder)
            for name in given.work:
                work = WORK[name]
                result[name] = {
                    "tokens_allow": tokens_allow(plan, work, reward),
                    "in_one_process": in_one_process(plan, work, reward),
                    "levels": levels(plan, work),
                }
                print(told(result[name], name), flush=True)
            result["overload"] = overload(plan, reward)
            print("overload:", result["overload"])
    if given.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
