"""A Ray cluster: connecting to it quietly, and dividing it among workers. `bulk_ray.py` has them score chunks."""

from __future__ import annotations

import importlib
import logging
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pyrite.errors import InputError, ServiceError, missing_extra

PATIENCE = 5.0
"""Seconds to wait for a cluster to take a connection, and again for its first bytes."""

EMPTY_SETTINGS = b"\0\0\0\4\0\0\0\0\0"
"""A frame of HTTP/2: no bytes of content, type 4 (SETTINGS), no flags, stream 0. RFC 9113, sections 4.1 and 6.5."""


@dataclass(frozen=True)
class Share:
    """What of the cluster each worker gets.

    Attributes:
        workers: How many there are, >= 1.
        cpus: Cores that Ray sets aside for each, > 0.
        gpus: Cards for each: 0 or 1.
        threads: Threads of each, >= 1.
    """

    workers: int
    cpus: float
    gpus: int
    threads: int


def share_of(resources: Mapping[str, float], workers: int | None, device: str) -> Share:
    """How a cluster is divided among workers.

    Args:
        resources: What the cluster has, as Ray counts it: "CPU" and, where there are cards, "GPU".
        workers: How many are asked for; None: one a card, and without cards one for every two cores.
        device: "cpu", "mps" or "cuda".

    Raises:
        InputError: A card is named, there are more workers than cards, or `workers` is below 1.

    Example:
        >>> share_of({"CPU": 8}, 3, "cpu")
        Share(workers=3, cpus=2, gpus=0, threads=2)
    """
    if device.startswith("cuda:"):
        raise InputError(f"--device is {device}, but with --engine ray each worker is given a card. Use --device cuda.")
    cores, cards = max(1, int(resources.get("CPU", 1))), int(resources.get("GPU", 0))
    gpus = int(device == "cuda")
    count = workers if workers is not None else cards if gpus else max(1, cores // 2)
    if gpus and not 1 <= count <= cards:
        raise InputError(
            f"--workers is {count} with --device cuda; the Ray cluster has {cards} cards, and each worker takes one."
        )
    if count < 1:
        raise InputError(f"--workers is {count}; expected at least 1.")
    return Share(count, cores // count or cores / count, gpus, cores // count or 1)


def check_reachable(address: str, own_ip: Callable[[], str], seconds: float = PATIENCE) -> None:
    """Refuse the address of a cluster at which nothing speaks as Ray does; Ray itself would try for minutes.

    Ray speaks gRPC, whose servers open every connection with a SETTINGS frame of HTTP/2. Addresses without a port ("auto",
    "local") and clusters behind TLS are left to Ray.

    Args:
        address: RAY_ADDRESS: HOST:PORT, or ray://HOST:PORT.
        own_ip: Gives this machine's address, under which Ray looks for a cluster on localhost.
        seconds: How long each step may take.

    Raises:
        ServiceError: Names the address.
    """
    place = urlsplit(address if "://" in address else f"//{address}")
    try:
        host, port = place.hostname, place.port
    except ValueError:
        return  # no port number: Ray says so
    if not host or not port or place.scheme not in {"", "ray"} or os.environ.get("RAY_USE_TLS") == "1":
        return
    causes: dict[str, str] = {}
    for find in [lambda: host, *([own_ip] if host in {"localhost", "127.0.0.1", "::1"} else [])]:
        if (one := find()) in causes:
            continue
        try:
            if _speaks_grpc(one, port, seconds):
                return
            causes[one] = "what answers there is not Ray"
        except OSError as error:
            causes[one] = told(error)
    why = "; ".join(f"{one}: {cause}" for one, cause in causes.items())
    raise ServiceError(
        f"There is no Ray cluster at RAY_ADDRESS={address} ({why}). Start it (ray start --head), or unset RAY_ADDRESS to use "
        "this machine's cores."
    )


def _speaks_grpc(host: str, port: int, seconds: float) -> bool:
    with socket.create_connection((host, port), timeout=seconds) as link:
        link.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + EMPTY_SETTINGS)
        return link.recv(9, socket.MSG_WAITALL)[3:4] == EMPTY_SETTINGS[3:4]


@contextmanager
def cluster() -> Iterator[Any]:
    """The module `ray`, connected: to RAY_ADDRESS, or to what the caller has begun, else to a cluster of this machine's own.

    Raises:
        MissingExtra: Ray is not installed.
        ServiceError: The cluster does not answer.
    """
    # Read when Ray is begun: no count of its users is sent, and workers without a card see none.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")
    try:
        ray: Any = importlib.import_module("ray")  # without types, which are there only where it is installed
    except ImportError as error:
        raise missing_extra("--engine ray", "ray", "ray") from error
    if ray.is_initialized():
        yield ray
        return
    quiet = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    check_reachable(os.environ.get("RAY_ADDRESS", ""), ray.util.get_node_ip_address)
    own = {} if os.environ.get("RAY_ADDRESS") else {"address": "local", "include_dashboard": False}
    # Ray prints on standard output when a worker dies, which we say ourselves; standard output is for the summary.
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        try:
            ray.init(**own, **quiet)
        except Exception as error:  # Ray raises plain ones where a part of it does not start in time
            where = os.environ.get("RAY_ADDRESS") or "of this machine"
            raise ServiceError(f"The Ray cluster {where} does not answer: {told(error)}") from error
        try:
            yield ray
        finally:
            ray.shutdown()


def told(cause: Exception) -> str:
    """An exception of a library in one line."""
    return f"{type(cause).__name__}: {cause}".splitlines()[0]
