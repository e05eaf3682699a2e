"""The house limits that a program can check: sizes, names, probing, global seeds.

Run `python -m tools.limits` to see what is over. A limit is a reason to look again, so the message says what to do.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILE_LINES, FUNCTION_LINES, REQUIRED, NESTING = 300, 40, 5, 3
BANNED_FILES = {"utils", "helpers", "misc", "util", "helper", "common"}
GLOBAL_SEEDS = {"torch.manual_seed", "random.seed", "np.random.seed", "numpy.random.seed", "torch.cuda.manual_seed_all"}
EXCUSED = {
    "overoptimisation_curve": "fills one record, field by field",
    "generate_pool": "the resume loop: chunks of a prompt inside prompts inside the progress bar",
    "train": "the training loop: micro-batches inside steps inside epochs",
    "_result": "the six parts of fit.json",
    "main": "a benchmark's table, top to bottom",
    "_panel": "where a panel of a figure is drawn",
}
"""Functions that a reviewer has let over a limit, with the reason. Mend one, and take its row out."""

BLOCKS = (ast.For, ast.While, ast.If, ast.With, ast.Try, ast.AsyncFor, ast.AsyncWith, ast.Match)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def depth(node: ast.AST, level: int = 0) -> int:
    """How deep blocks are nested inside a node; `elif` counts as one level, nested functions count apart."""
    deepest = level
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.Lambda):
            continue
        is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and child in node.orelse and len(node.orelse) == 1
        deepest = max(deepest, depth(child, level + (isinstance(child, BLOCKS) and not is_elif)))
    return deepest


def required_arguments(function: Function) -> int:
    """How many arguments a caller must give, `self` and `cls` aside."""
    positional = [a.arg for a in function.args.posonlyargs + function.args.args]
    needed = len(positional) - len(function.args.defaults) - (positional[:1] in (["self"], ["cls"]))
    return needed + sum(default is None for default in function.args.kw_defaults)


def function_problems(function: Function) -> Iterator[str]:
    """What one function has too much of."""
    lines = (function.end_lineno or 0) - function.lineno + 1 - docstring_lines(function)
    if lines > FUNCTION_LINES:
        yield f"{function.name} has {lines} lines without its docstring; at most {FUNCTION_LINES}. Split it"
    if (needed := required_arguments(function)) > REQUIRED:
        yield f"{function.name} needs {needed} arguments; at most {REQUIRED}. Pass a record"
    if (nested := depth(function)) > NESTING:
        yield f"{function.name} nests {nested} blocks; at most {NESTING}. Return early or name the inner part"


def docstring_lines(function: Function) -> int:
    """How many lines the docstring of a function takes."""
    first = function.body[0]
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    return (first.end_lineno or 0) - first.lineno + 1 if is_text else 0


def call_problem(call: ast.Call) -> str:
    """Why a call is not for library code, or the empty string."""
    name = ast.unparse(call.func)
    if name == "hasattr" or (name == "getattr" and len(call.args) == 3):
        return f"{name} probes an object; ask for the attribute in a Protocol"
    if name in GLOBAL_SEEDS:
        return f"{name} seeds the whole process; take a generator as an argument"
    return ""


def problems_in(path: Path, *, library: bool) -> Iterator[str]:
    """Every limit one file breaks.

    Args:
        path: A Python file.
        library: Whether the rules about calls hold too; tests may probe and seed.
    """
    text = path.read_text()
    if (count := len(text.splitlines())) > FILE_LINES:
        yield f"has {count} lines; at most {FILE_LINES}. Split it by idea"
    if path.stem in BANNED_FILES:
        yield "has a name that says nothing; name the idea it holds"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, Function) and node.name not in EXCUSED:
            yield from (f"line {node.lineno}: {problem}" for problem in function_problems(node))
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            yield f"line {node.lineno}: bare except; name the exceptions"
        elif library and isinstance(node, ast.Call) and (problem := call_problem(node)):
            yield f"line {node.lineno}: {problem}"


def violations(root: Path = ROOT) -> list[str]:
    """One sentence for each broken limit in the package, its tests and its tools."""
    found = []
    for folder in ("src", "tests", "tools", "benchmarks", "examples"):
        for path in sorted((root / folder).rglob("*.py")):
            found += [f"{path.relative_to(root)} {problem}." for problem in problems_in(path, library=folder == "src")]
    return found


if __name__ == "__main__":
    problems = violations()
    print("\n".join(problems) or "Every file is within the house limits.")
    sys.exit(bool(problems))
