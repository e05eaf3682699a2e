"""Which part of Pyrite may import which: the one table of layers, and the check that reads every import.

A module imports only from its own layer and from layers above it in `LAYERS`; layers in one row are siblings and do not
import each other. Run `python -m tools.layers` to see what breaks the order; docs/architecture.md shows the same table.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "pyrite"

LAYERS: tuple[tuple[dict[str, str], str], ...] = (
    ({"core": "types protocols errors registry testing"}, "records, contracts, errors, named parts, checks for them"),
    ({"runtime": ""}, "journal and resume, whole files, progress, installing and checking the machine"),
    ({"data": ""}, "files to rows with file and line; rows to samples, pairs and pools; the embedded sets"),
    ({"stats": ""}, "estimators, bootstrap, metrics: pure functions of arrays, no models"),
    ({"backbones": ""}, "models as functions of text: renderer, readers, batching, generation"),
    ({"losses": ""}, "pure functions, one value a row"),
    ({"shaping": ""}, "scores to scores: guards, scales, members to one value"),
    ({"rewards": ""}, "samples to scores: the spec, checkpoints, one family a file"),
    ({"policies": ""}, "what is optimised"),
    ({"search": "", "credit": ""}, "inference-time search; rewards to training batches"),
    ({"labels": ""}, "labels made from rollouts, judges and perturbations"),
    ({"train": ""}, "the two training loops and the named algorithms"),
    ({"evals": ""}, "the only layer that is handed gold: accuracy, curves, verdict, probes, attacks"),
    ({"worlds": ""}, "small settings in which gold is known"),
    ({"assay": ""}, "the main job: plan, run, resume, assemble the result"),
    ({"adapters": "", "serve": "", "report": ""}, "Pyrite handed to trainers; over HTTP; as a page"),
    ({"catalogue": ""}, "one row a paper, one recipe a paper that runs"),
    ({"cli": ""}, "one thin file a command"),
)
"""Rows from bottom to top: layer -> the modules directly in the package that it holds ("" where it is a folder); a sentence."""

RANK = {
    module: rank
    for rank, (names, _) in enumerate(LAYERS)
    for name, modules in names.items()
    for module in (modules.split() or [name])
}
"""Module or folder directly in the package -> its row in `LAYERS`."""

LAYER_OF = {module: name for names, _ in LAYERS for name, modules in names.items() for module in (modules.split() or [name])}
"""Module or folder directly in the package -> its layer."""

FREE = {"__init__", "__main__"}
"""The public names (strings, loaded on use) and the entry point may point anywhere."""


def imported_modules(tree: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of every Pyrite module that a file imports, wherever in the file it does.

    Args:
        tree: The parsed file.
        package: The dotted parts of the package the file is in, for relative imports.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names if alias.name.startswith("pyrite."))
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *filter(None, [node.module])))
            if module == "pyrite":
                yield from ((node.lineno, f"pyrite.{alias.name}") for alias in node.names)
            elif module.startswith("pyrite."):
                yield node.lineno, module


def breaks(here: str, there: str) -> str:
    """Why a module of part `here` must not import part `there`, or the empty string."""
    if there not in RANK:
        return ""
    if RANK[there] > RANK[here]:
        return f"{LAYER_OF[here]} is below {LAYER_OF[there]}"
    if RANK[there] == RANK[here] and LAYER_OF[there] != LAYER_OF[here]:
        return f"{LAYER_OF[here]} and {LAYER_OF[there]} are siblings"
    return ""


def violations(source: Path = SOURCE) -> list[str]:
    """One sentence for each import against the order, and for each part that has no layer."""
    found = []
    for path in sorted(source.rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        if parts[0] in FREE:
            continue
        if parts[0] not in RANK:
            found.append(f"{'/'.join(parts)}.py: {parts[0]} has no layer; enter it in tools/layers.py.")
            continue
        for line, module in imported_modules(ast.parse(path.read_text()), ("pyrite", *parts[:-1])):
            if why := breaks(parts[0], module.split(".")[1]):
                found.append(f"{'/'.join(parts)}.py line {line} imports {module}, but {why}.")
    return found


if __name__ == "__main__":
    problems = violations()
    print("\n".join(problems) or f"Every import under {SOURCE.name}/ obeys the layers.")
    sys.exit(bool(problems))
