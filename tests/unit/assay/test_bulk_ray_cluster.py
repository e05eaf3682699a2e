"""`pyrite score --engine ray` on a real cluster of two workers on this machine: the bytes of one process, whatever dies."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyrite.assay.bulk import Bulk, score_file
from pyrite.assay.ray_cluster import check_reachable
from pyrite.errors import InputError, ServiceError

ray = pytest.importorskip("ray", reason='--engine ray needs pip install "pyrite[ray]"')
pytestmark = [pytest.mark.full, pytest.mark.slow]

REWARD = '''
import os, time
from pathlib import Path

FOLDER = Path(__file__).parent

def fn(prompts, completions, **columns):
    """The length; dies of p20 once, and of p30 while there is a file `poison`."""
    if (FOLDER / "slow").exists():
        time.sleep(0.5)
    once = FOLDER / "once"
    if "p20" in prompts and once.exists():
        once.unlink()
        os.kill(os.getpid(), 9)
    if "p30" in prompts and (FOLDER / "poison").exists():
        os.kill(os.getpid(), 9)
    return [float(len(text)) for text in completions]
'''


@pytest.fixture(scope="module")
def _cluster() -> Iterator[None]:
    quiet = {"log_to_driver": False, "logging_level": logging.CRITICAL, "include_dashboard": False}
    ray.init(address="local", num_cpus=2, _node_ip_address="127.0.0.1", **quiet)
    yield
    ray.shutdown()


def job(tmp_path: Path, out: str) -> Bulk:
    """60 rows and a bad one, in chunks of four rows."""
    rows = [{"id": k, "prompt": f"p{k}", "completions": ["x " * (j + k % 7) for j in range(3)]} for k in range(60)]
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in (*rows[:11], {"prompt": "p"}, *rows[11:])))
    (tmp_path / "reward.py").write_text(REWARD)
    return Bulk(
        f"python:{tmp_path / 'reward.py'}:fn", str(data), tmp_path / out, chunk=12, skip_bad=True, model={"dtype": "float32"}
    )


@pytest.mark.usefixtures("_cluster")
def test_a_cluster_that_runs_is_reachable() -> None:
    port = ray.get_runtime_context().gcs_address.rpartition(":")[2]
    check_reachable(f"127.0.0.1:{port}", lambda: pytest.fail("it answers on loopback"))


@pytest.mark.usefixtures("_cluster")
def test_two_workers_write_what_one_process_does_though_one_is_killed(tmp_path: Path) -> None:
    one, two = job(tmp_path, "one.jsonl"), job(tmp_path, "two.jsonl")
    (tmp_path / "once").touch()
    told = score_file(two, engine="ray", workers=2)
    assert not (tmp_path / "once").exists(), "the worker was killed"
    plain = score_file(one)
    assert two.out.read_bytes() == one.out.read_bytes()
    assert len(two.out.read_bytes().splitlines()) == 60
    for name in ("rows", "samples", "bad_rows", "bad"):
        assert told[name] == plain[name]


@pytest.mark.usefixtures("_cluster")
def test_a_chunk_that_kills_twice_stops_the_job_which_then_goes_on(tmp_path: Path) -> None:
    one, two = job(tmp_path, "one.jsonl"), job(tmp_path, "two.jsonl")
    (tmp_path / "poison").touch()
    with pytest.raises(ServiceError, match=r"data\.jsonl line 30 to .* failed 2 times; the last time its worker died"):
        score_file(two, engine="ray", workers=2)
    (tmp_path / "poison").unlink()
    score_file(one)
    begun = two.out.read_bytes()
    assert begun
    assert one.out.read_bytes().startswith(begun), "everything before the chunk is on disk"
    score_file(two, engine="ray", workers=1)
    assert two.out.read_bytes() == one.out.read_bytes()


@pytest.mark.usefixtures("_cluster")
def test_what_a_worker_cannot_load_is_told_as_it_is_here(tmp_path: Path) -> None:
    data = job(tmp_path, "out.jsonl").data
    with pytest.raises(InputError, match="no-such-file"):
        score_file(Bulk("python:no-such-file.py:fn", data, tmp_path / "a.jsonl"), engine="ray", workers=1)
    with pytest.raises(InputError, match="asks judges or engines"):
        score_file(Bulk("http://127.0.0.1:9/score", data, tmp_path / "b.jsonl"), engine="ray", workers=1)


def test_ctrl_c_ends_the_cluster_and_the_command_goes_on(tmp_path: Path) -> None:
    one, two = job(tmp_path, "one.jsonl"), job(tmp_path, "two.jsonl")
    (tmp_path / "slow").touch()
    command = [sys.executable, "-m", "pyrite", "score", two.spec, "--data", two.data, "--out", str(two.out), "--skip-bad"]
    command += ["--chunk", "12", "--engine", "ray", "--workers", "2"]
    state = Path(f"{two.out}.state.json")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it, and hands that on
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ})
    signal.signal(signal.SIGINT, before)
    while running.poll() is None and not (state.exists() and json.loads(state.read_text())["state"]["chunks"] >= 2):
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    said, complaints = running.communicate()
    assert running.returncode == 130, complaints
    assert said == ""
    assert complaints.strip().splitlines()[-1].startswith("Interrupted.")
    assert not json.loads(state.read_text())["state"]["done"]
    (tmp_path / "slow").unlink()
    score_file(one)
    score_file(two)
    assert two.out.read_bytes() == one.out.read_bytes()
