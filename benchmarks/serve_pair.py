"""The two servers that `serve.py` compares, what their clients ask for, and the clients."""

from __future__ import annotations

import http.client
import json
import multiprocessing
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SMALL = {
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "head_dim": 64,
    "max_position_embeddings": 2048,
}
LEVELS = (1, 8, 32, 128)
FILLER = "the quick brown fox jumps over a lazy dog "
LONGEST = 2048
"""Tokens of a text at most."""


@dataclass(frozen=True)
class Work:
    """What clients ask for.

    Attributes:
        prompt: Tokens of a prompt, about.
        completions: So many of each prompt.
    """

    prompt: int
    completions: int


WORK = {"alone": Work(200, 1), "rollouts": Work(200, 16), "long": Work(1000, 16)}


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        folder: Of the model.
        characters: Of a token.
        turns: Of each server at each level.
        seconds: Of a turn, in which new requests are sent.
    """

    folder: str
    characters: float
    turns: int
    seconds: float

    def texts(self, num: int, seed: int, work: Work) -> list[tuple[str, str]]:
        """`num` texts of this model's tokens."""
        return texts(num, seed, work, self.characters)


def save(name: str, folder: Path) -> float:
    """Write a sequence classifier with one output and its tokenizer; the head is random, which costs the same.

    Returns:
        Characters of the benchmark's texts that make a token.
    """
    if name == "small":
        from pyrite.backbones.tiny import byte_tokenizer, tiny_config, tiny_model

        model, tokenizer = tiny_model(tiny_config("causal", **SMALL), "score"), byte_tokenizer("causal", max_length=LONGEST)
    else:
        from pyrite.rewards.full import begin_full

        begun = begin_full(name, seed=0)
        model, tokenizer = begun.model, begun.renderer.tokenizer
        tokenizer.chat_template = None
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return len(FILLER) / len(tokenizer(FILLER, add_special_tokens=False)["input_ids"])


def make_reward(folder: str) -> Any:
    """The saved model as a reward without a cache."""
    import torch

    from pyrite.rewards.folders import LoadOptions
    from pyrite.rewards.scalar import load_scalar

    torch.set_num_threads(int(os.environ["BENCH_THREADS"]))
    return load_scalar(folder, LoadOptions(cache=False, max_length=LONGEST))


def run_ours(folder: str, port: int, max_queue: int) -> None:
    """`pyrite serve` of the model."""
    from pyrite.runtime.memory import keep_freed_memory
    from pyrite.serve.app import Setup
    from pyrite.serve.desk import Limits
    from pyrite.serve.run import serve
    from pyrite.serve.served import serve_reward

    keep_freed_memory()  # as the command does
    setup = Setup(max_queue=max_queue, limits=Limits(samples=min(1024, max_queue)))
    serve({"bench": serve_reward("bench", "bench", make_reward(folder))}, setup, port=port)


def run_peer(folder: str, port: int, max_queue: int) -> None:
    """A handler that scores each request alone; it has no queue of its own."""
    import torch
    import uvicorn
    from fastapi import FastAPI
    from fastapi.responses import JSONResponse
    from starlette.requests import Request
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.set_num_threads(int(os.environ["BENCH_THREADS"]))
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    app = FastAPI()

    async def get_reward(request: Request) -> JSONResponse:
        texts = (await request.json())["query"]
        with torch.no_grad():
            batch = tokenizer(texts, return_tensors="pt", padding=True, truncation=True, max_length=LONGEST)
            rewards = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, 0].tolist()
        return JSONResponse({"rewards": rewards, "scores": rewards, "extra_logs": {"dummy_scores": rewards}})

    app.add_route("/get_reward", get_reward, methods=["POST"])
    app.add_route("/health", lambda request: JSONResponse({}), methods=["GET"])
    uvicorn.run(app, port=port, log_level="error")


class Running:
    """A server in a process of its own, from when it answers to the end of the block."""

    def __init__(self, target: Any, folder: str, max_queue: int = 4096) -> None:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            self.port = sock.getsockname()[1]
        self.process = multiprocessing.get_context("spawn").Process(target=target, args=(folder, self.port, max_queue))

    def __enter__(self) -> Running:
        self.process.start()
        end = time.monotonic() + 120
        while self.process.is_alive() and time.monotonic() < end:
            try:
                if ask(http.client.HTTPConnection("127.0.0.1", self.port, timeout=5), "/health")[0] == 200:
                    return self
            except OSError:
                time.sleep(0.1)
        raise SystemExit("The server did not start.")

    def __exit__(self, *error: object) -> None:
        self.process.terminate()
        self.process.join(40)

    def resident(self) -> float:
        """Resident memory in MB."""
        line = next(x for x in Path(f"/proc/{self.process.pid}/status").read_text().splitlines() if x.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


def ask(connection: http.client.HTTPConnection, path: str, body: Any = None) -> tuple[int, Any]:
    """Status and JSON body of one request on a connection that stays open."""
    data = None if body is None else json.dumps(body).encode()
    connection.request("GET" if data is None else "POST", path, data, {"Content-Type": "application/json"})
    reply = connection.getresponse()
    return reply.status, json.loads(reply.read())


def texts(num: int, seed: int, work: Work, characters: float = 1.0) -> list[tuple[str, str]]:
    """Prompts and completions of log-normal lengths, no two texts equal.

    Args:
        num: How many.
        seed: Of their lengths, and part of what is in them.
        work: How long, and how many completions a prompt.
        characters: That make a token.
    """
    rng = np.random.default_rng(seed)

    def write(tag: str, about: int) -> str:
        tokens = int(min(max(rng.lognormal(np.log(about), 0.5), about / 4), about * 1.7))
        return (f"{tag} " + FILLER * (tokens // 8))[: int(tokens * characters)]

    prompts = [write(f"{seed}-{i}", work.prompt) for i in range(-(-num // work.completions))]
    return [(prompts[i // work.completions], "\n\n" + write(f"c{i}", 200)) for i in range(num)]


def drive(port: int, work: Sequence[tuple[str, str]], clients: int, seconds: float, at_once: int = 1) -> dict[str, Any]:
    """Answers by place, latencies and status codes of clients that each ask for the next piece of work when they have an answer."""
    answers: dict[int, float] = {}
    latencies: list[float] = []
    codes: Counter[int] = Counter()
    places = iter(range(0, len(work), at_once))
    lock, end = threading.Lock(), time.perf_counter() + seconds

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=900)
        while time.perf_counter() < end:
            with lock:
                at = next(places, None)
            if at is None:
                return
            piece = work[at : at + at_once]
            body = {"query": [p + c for p, c in piece], "prompts": [p for p, _ in piece], "labels": [""] * len(piece)}
            begun = time.perf_counter()
            code, found = ask(connection, "/get_reward", body)
            with lock:
                codes[code] += 1
                latencies.append(time.perf_counter() - begun)
                answers.update(zip(range(at, at + at_once), found["rewards"], strict=True) if code == 200 else ())

    begun = time.perf_counter()
    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = time.perf_counter() - begun
    p50, p99 = (float(x) * 1000 for x in np.percentile(latencies, [50, 99]))
    return {"answers": answers, "codes": codes, "per_second": len(answers) / spent, "p50_ms": p50, "p99_ms": p99}
