"""Chunks scored by workers: order, what is in flight, and what a worker that dies or raises comes to. Ray itself is played by
a stand-in here; the tests on a real cluster are in test_bulk_ray_cluster.py."""

from __future__ import annotations

import importlib.abc
import json
import random
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pyrite.assay.bulk import Bulk, score_file
from pyrite.assay.bulk_ray import AHEAD, Workers
from pyrite.assay.bulk_score import Done, Numbered
from pyrite.assay.ray_cluster import Share, check_reachable, share_of
from pyrite.backbones.tally import Tally
from pyrite.data.read import Row
from pyrite.errors import InputError, MissingExtra, ServiceError


class Died(Exception):
    """The worker's process is gone."""


class Raised(Exception):
    """The worker raised something."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Cluster:
    """As much of Ray as is used: calls end in any order, and `fate` says what becomes of a chunk."""

    exceptions = SimpleNamespace(RayActorError=Died, RayTaskError=Raised)

    def __init__(self, fate: Callable[[str, int], Exception | None] = lambda first, tries: None) -> None:
        self.fate, self.rng = fate, random.Random(0)
        self.calls: dict[int, Any] = {}
        self.alive: set[int] = set()
        self.tries: dict[str, int] = {}
        self.started = self.killed = self.most = 0

    def remote(self, **asked: Any) -> Callable[[type], Any]:
        assert asked["max_restarts"] == 0
        return lambda kind: SimpleNamespace(remote=self._begin)

    def _begin(self) -> Any:
        self.started += 1
        name = self.started
        self.alive.add(name)
        load = SimpleNamespace(remote=lambda *rest: self._call(name, None))
        return SimpleNamespace(name=name, load=load, score=SimpleNamespace(remote=lambda chunk: self._call(name, chunk)))

    def _call(self, worker: int, chunk: Any) -> int:
        assert worker in self.alive, "a dead worker was asked"
        assert all(other != worker for other, _ in self.calls.values()), "a worker has one thing to do at a time"
        ref = len(self.tries) + 1000 * self.started + self.rng.randrange(10**6) * 10**6
        self.calls[ref] = (worker, chunk)
        return ref

    def wait(self, refs: list[int], timeout: float) -> tuple[list[int], list[int]]:
        one = self.rng.choice(refs)
        return [one], [ref for ref in refs if ref != one]

    def get(self, ref: int) -> Any:
        worker, chunk = self.calls.pop(ref)
        first = "load" if chunk is None else chunk[0].where
        self.tries[first] = self.tries.get(first, 0) + 1
        if error := self.fate(first, self.tries[first]):
            if isinstance(error, Died):
                self.alive.remove(worker)
            raise error
        return None if chunk is None else (Done(len(chunk), f"{first}\n".encode()), Tally(tokens=5))

    def kill(self, worker: Any) -> None:
        self.alive.discard(worker.name)


def run(cluster: Cluster, count: int = 20, workers: int = 3, *, bad: int | None = None) -> tuple[list[str], Workers]:
    """The lines in the order in which they are handed over, behind them the sentence of an error; and the workers."""
    taken = given = 0

    def chunks() -> Iterator[Numbered]:
        nonlocal taken
        for k in range(count):
            if k == bad:
                raise InputError("row 5 is bad")
            taken += 1
            assert taken - given <= AHEAD * workers, "more chunks are in flight than were promised"
            yield k, [Row({}, f"row {k}")]

    lines: list[str] = []
    crew = Workers(cluster, Bulk("baseline:length", "data", Path("out.jsonl")), Share(workers, 1, 0, 1))
    try:
        for done in crew.score(chunks()):
            given += 1
            lines.append(done.lines.decode().strip())
    except (InputError, ServiceError) as error:
        lines.append(str(error))
    finally:
        crew.dismiss()
    assert not cluster.alive, "every worker is ended"
    return lines, crew


WHOLE = [f"row {k}" for k in range(20)]


def test_chunks_come_back_in_order_however_fast_each_worker_is() -> None:
    lines, crew = run(Cluster())
    assert lines == WHOLE
    assert crew.tally.tokens == 100


def test_a_chunk_whose_worker_dies_is_done_again_by_another() -> None:
    cluster = Cluster(lambda first, tries: Died() if first == "row 7" and tries == 1 else None)
    assert run(cluster)[0] == WHOLE
    assert (cluster.started, cluster.tries["row 7"], cluster.tries["row 8"]) == (4, 2, 1)


@pytest.mark.parametrize(
    ("error", "why"), [(Died(), "its worker died"), (Raised(ValueError("no room\nat all")), "ValueError: no room")]
)
def test_a_chunk_that_fails_twice_stops_the_job_behind_all_before_it(error: Exception, why: str) -> None:
    lines, _ = run(Cluster(lambda first, tries: error if first == "row 7" else None))
    assert lines[:-1] == WHOLE[:7]
    assert "row 7 to row 7 failed 2 times" in lines[-1]
    assert why in lines[-1]


def test_a_bad_row_stops_the_job_behind_all_before_it_at_once() -> None:
    cluster = Cluster(lambda first, tries: Raised(InputError("row 7: no completion")) if first == "row 7" else None)
    lines, _ = run(cluster)
    assert lines == [*WHOLE[:7], "row 7: no completion"]
    assert cluster.tries["row 7"] == 1
    assert run(Cluster(), bad=5)[0] == [*WHOLE[:5], "row 5 is bad"]


def test_workers_that_cannot_start_stop_the_job() -> None:
    cluster = Cluster(lambda first, tries: Died() if first == "load" else None)
    assert "Try --workers 1" in run(cluster)[0][0]
    assert cluster.started == 4
    assert run(Cluster(lambda first, tries: Raised(InputError("no model")) if first == "load" else None))[0] == ["no model"]
    assert run(Cluster(), count=0)[0] == []


def test_a_cluster_is_shared_out() -> None:
    assert share_of({"CPU": 8}, None, "cpu") == Share(4, 2, 0, 2)
    assert share_of({"CPU": 2}, 4, "cpu") == Share(4, 0.5, 0, 1)
    assert share_of({"CPU": 1}, None, "cpu") == Share(1, 1, 0, 1)
    assert share_of({"CPU": 16, "GPU": 2}, None, "cuda") == Share(2, 8, 1, 8)
    with pytest.raises(InputError, match="has 2 cards"):
        share_of({"CPU": 16, "GPU": 2}, 3, "cuda")
    with pytest.raises(InputError, match="has 0 cards"):
        share_of({"CPU": 16}, None, "cuda")
    with pytest.raises(InputError, match="Use --device cuda"):
        share_of({"CPU": 16, "GPU": 2}, None, "cuda:1")


def job(tmp_path: Path) -> Bulk:
    data = tmp_path / "data.jsonl"
    data.write_text(json.dumps({"prompt": "p", "completion": "c"}) + "\n")
    return Bulk("baseline:length", str(data), tmp_path / "out.jsonl")


def test_options_that_do_not_go_together_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="only --engine ray has workers"):
        score_file(job(tmp_path), workers=2)
    with pytest.raises(InputError, match="expected local or ray"):
        score_file(job(tmp_path), engine="dask")


@pytest.fixture
def listening() -> Iterator[Callable[[bytes], str]]:
    """Starts servers that say so many bytes to the first who connects; gives the address."""
    sockets: list[socket.socket] = []

    def start(says: bytes) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        sockets.append(server)

        def answer() -> None:
            link, _ = server.accept()
            sockets.append(link)
            link.recv(33, socket.MSG_WAITALL)
            link.sendall(says)

        threading.Thread(target=answer, daemon=True).start()
        return f"127.0.0.1:{server.getsockname()[1]}"

    yield start
    for one in sockets:
        one.close()


def test_an_address_without_a_cluster_is_refused_by_name(listening: Callable[[bytes], str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        closed = f"127.0.0.1:{gone.getsockname()[1]}"
    for address, cause in (
        (closed, "ConnectionRefusedError"),
        (f"ray://{closed}", "ConnectionRefusedError"),
        (listening(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "not Ray"),
        (listening(b""), "TimeoutError"),
    ):
        with pytest.raises(ServiceError, match=f"no Ray cluster at RAY_ADDRESS={address} .*{cause}"):
            check_reachable(address, lambda: "127.0.0.1", seconds=0.3)


def test_what_begins_as_ray_does_is_left_to_ray(listening: Callable[[bytes], str], monkeypatch: pytest.MonkeyPatch) -> None:
    check_reachable(listening(b"\0\0\x12\4\0\0\0\0\0" + bytes(18)), lambda: "127.0.0.1", seconds=5)
    for address in ("", "auto", "local", "head", "head:x"):
        check_reachable(address, lambda: pytest.fail("nothing to reach"))
    monkeypatch.setenv("RAY_USE_TLS", "1")
    check_reachable("127.0.0.1:1", lambda: "127.0.0.1")


class NoRay(importlib.abc.MetaPathFinder):
    """Makes `import ray` fail as where it is not installed."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:
        if fullname == "ray":
            raise ModuleNotFoundError("No module named 'ray'", name="ray")


def test_without_ray_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name == "ray" or name.startswith("ray.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [NoRay(), *sys.meta_path])
    with pytest.raises(MissingExtra, match=r'pip install "pyrite\[ray\]"'):
        score_file(job(tmp_path), engine="ray")
