"""Which files a `--data` word means: a file, a folder with splits, a hub set, a set of the package.

Each may stand behind the name of a public format (`shp:FILE`). Read next: `read.py`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pyrite.data.formats import ENDINGS, Found, stem
from pyrite.data.schemas.neighbours import joined, place, runs
from pyrite.data.schemas.parts import Dropped, Schema
from pyrite.data.schemas.regroup import BECOMES, rows_of
from pyrite.data.schemas.table import SCHEMAS
from pyrite.errors import InputError, UnknownName, close_names, missing_extra

EMBEDDED = Path(__file__).parent / "embedded"
"""Where the package keeps its own sets."""

EMBEDDED_PARTS = {"train": "pairs", None: "pool", "test": "pool"}
"""Split -> the part of an embedded set that it means, where the name alone does not say."""


def named_format(source: str) -> tuple[Schema | None, str]:
    """The format that a source names in front of a colon (`shp:FILE`), or None; and the source without it."""
    name, colon, rest = source.partition(":")
    return (SCHEMAS[name], rest) if colon and name in SCHEMAS else (None, source)


def converted(schema: Schema, rows: Iterable[Found]) -> Iterator[Found]:
    """Rows in a public format as rows of Pyrite.

    Ties are kept. What is of no use (an answer without a rating, say) is a bad row: reading leaves nothing out unasked.

    Args:
        schema: The format.
        rows: As read.
    """
    for run in runs(schema, rows, lambda found: found.values):
        filled = [found.values for found in run if found.values is not None]
        if filled:
            yield from _made(schema, joined(schema, filled), place([found.where for found in run]))
        else:
            yield from run


def _made(schema: Schema, values: Mapping[str, Any], where: str) -> Iterator[Found]:
    try:
        for made in rows_of(schema, values, BECOMES[schema.kind][0], ties=True):
            if isinstance(made, Dropped):
                yield Found(where, None, f"read as {schema.name}: {made.reason}")
            else:
                yield Found(where, made)
    except InputError as error:
        yield Found(where, None, f"read as {schema.name}: {error}")


def find_files(source: str, split: str | None) -> list[Path]:
    """The data files that a source means, in the order they are read.

    Args:
        source: A file, a folder, or `embedded:NAME`.
        split: Which file of a folder, e.g. "train" or "test". A folder with one data file needs none.

    Raises:
        InputError: Nothing is there, or a folder holds several files and no split says which.
        UnknownName: The package has no set of that name.
    """
    if source.startswith("embedded:"):
        return [_embedded(source.removeprefix("embedded:"), split)]
    path = Path(source).expanduser()
    if path.is_dir():
        return _in_folder(path, split)
    if not path.exists():
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise InputError(f"There is no file or folder {source}.{close_names(path.name, beside)}")
    return [path]


def _in_folder(folder: Path, split: str | None) -> list[Path]:
    files = sorted(p for p in folder.iterdir() if p.is_file() and p.name.endswith(ENDINGS) and not p.name.startswith("."))
    if not files:
        raise InputError(f"{folder} holds no data file; expected names ending in {', '.join(ENDINGS)}.")
    if split is not None:
        shards = [p for p in files if stem(p) == split] or [p for p in files if stem(p).startswith(f"{split}-")]
        if shards:
            return shards[:1] if stem(shards[0]) == split else shards
    if len(files) == 1:
        return files
    names = ", ".join(p.name for p in files)
    asked = f"none is called {split}" if split else "nothing says which"
    raise InputError(f"{folder} holds {len(files)} data files and {asked}: {names}. Name one of them in full.")


def has_split(source: str, split: str) -> bool:
    """Whether a source is a folder with a file, or shards, of that split."""
    folder = Path(named_format(source)[1]).expanduser()
    if not folder.is_dir():
        return False
    names = [stem(p) for p in folder.iterdir() if p.is_file() and p.name.endswith(ENDINGS)]
    return any(name == split or name.startswith(f"{split}-") for name in names)


def _embedded(name: str, split: str | None) -> Path:
    sets = {stem(p): p for p in sorted(EMBEDDED.glob("*.jsonl.gz"))} if EMBEDDED.is_dir() else {}
    wanted = name if name in sets else f"{name}_{EMBEDDED_PARTS.get(split, split)}"
    if wanted not in sets:
        raise UnknownName(
            f"The package holds no data set named {name!r}.{close_names(name, sets)} It has: {', '.join(sets) or 'none'}."
        )
    return sets[wanted]


def hub_rows(source: str, split: str | None) -> Iterator[Found]:
    """Rows of `hf:org/name@split` or `hf:org/name/config@split`, read through the package `datasets`.

    Args:
        source: The word as given.
        split: What to read where the word names no split.

    Raises:
        MissingExtra: `datasets` is not installed.
        InputError: The word has another form, no split is named, or the hub does not have it.
    """
    name, _, named = source.removeprefix("hf:").partition("@")
    parts = name.split("/")
    chosen = named or split
    if len(parts) not in {2, 3} or not all(parts):
        raise InputError(f"{source!r} is not of the form hf:org/name@split or hf:org/name/config@split.")
    if not chosen:
        raise InputError(f"{source!r} names no split; write for example {source.rstrip('@')}@train.")
    try:
        datasets = importlib.import_module("datasets")
    except ImportError as error:
        raise missing_extra(source, "datasets", "hub") from error
    config = parts[2] if len(parts) == 3 else None
    try:
        rows = datasets.load_dataset("/".join(parts[:2]), config, split=chosen)
    except (ValueError, OSError, KeyError, datasets.exceptions.DatasetsError) as error:
        raise InputError(f"{source} could not be read: {type(error).__name__}: {error}") from error
    return _numbered(f"{name}@{chosen}", rows)


def _numbered(name: str, rows: Iterable[Any]) -> Iterator[Found]:
    for number, values in enumerate(rows, start=1):
        yield Found(f"{name} row {number}", dict(values))
