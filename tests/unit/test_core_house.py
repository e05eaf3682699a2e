"""The house: layers, limits, public names, and what importing Pyrite costs."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import pyrite
from tools import layers, limits

HEAVY = ("torch", "transformers", "accelerate", "numpy", "scipy", "pyarrow", "datasets", "vllm", "trl", "jinja2", "hypothesis")


def test_every_import_obeys_the_layers() -> None:
    assert layers.violations() == []


def write_module(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("stats/a.py", "from pyrite.rewards.spec import load_reward", "stats is below rewards"),
        ("losses/a.py", "def f():\n    import pyrite.train.fit", "losses is below train"),
        ("data/a.py", "from ..evals import curves", "data is below evals"),
        ("types.py", "from pyrite import assay", "core is below assay"),
        ("serve/a.py", "from pyrite.adapters.trl import reward_func", "serve and adapters are siblings"),
        ("gadgets/a.py", "", "gadgets has no layer"),
    ],
)
def test_an_import_against_the_order_is_named(tmp_path: Path, name: str, text: str, told: str) -> None:
    write_module(tmp_path, name, text)
    (problem,) = layers.violations(tmp_path)
    assert told in problem


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rewards/a.py", "from pyrite.backbones import load\nfrom .heads import Heads"),
        ("registry.py", "from pyrite.errors import UnknownName"),
        ("cli/a.py", "import pyrite"),
        ("report/a.py", "import torch\nfrom pyrite.stats.bestofn import grid"),
    ],
)
def test_an_import_along_the_order_is_allowed(tmp_path: Path, name: str, text: str) -> None:
    write_module(tmp_path, name, text)
    assert layers.violations(tmp_path) == []


def test_every_file_is_within_the_limits() -> None:
    assert limits.violations() == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1\n" * 301, "301 lines"),
        ("def f():\n" + "    x = 1\n" * 40, "f has 41 lines"),
        ("def f(a, b, c, d, e, g): ...", "f needs 6 arguments"),
        ("def f(*, a, b, c, d, e, g): ...", "f needs 6 arguments"),
        ("def f():\n for a in b:\n  if a:\n   with a:\n    if a: pass", "f nests 4 blocks"),
        ("try:\n    pass\nexcept:\n    pass", "bare except"),
        ("hasattr(a, 'b')", "hasattr probes"),
        ("getattr(a, 'b', None)", "getattr probes"),
        ("torch.manual_seed(0)", "seeds the whole process"),
    ],
)
def test_a_broken_limit_is_named(tmp_path: Path, text: str, told: str) -> None:
    write_module(tmp_path, "src/pyrite/a.py", text)
    (problem,) = limits.violations(tmp_path)
    assert told in problem


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\n" * 300,
        'def f():\n    """' + "Line.\n" * 30 + '"""\n' + "    x = 1\n" * 20,
        "class A:\n    def f(self, a, b, c, d, e, g=1): ...",
        "def f():\n if a: pass\n elif b: pass\n elif c: pass\n elif d: pass\n elif e: pass",
        "getattr(a, name)",
    ],
)
def test_what_is_within_a_limit_passes(tmp_path: Path, text: str) -> None:
    write_module(tmp_path, "src/pyrite/a.py", text)
    assert limits.violations(tmp_path) == []


def test_every_public_name_exists_and_is_listed_once() -> None:
    assert pyrite.__all__ == sorted(set(pyrite.__all__))
    for name in pyrite.__all__:
        assert getattr(pyrite, name) is not None, name


def test_the_names_for_type_checkers_are_the_public_ones() -> None:
    tree = ast.parse(Path(pyrite.__file__).read_text())
    blocks = [n for n in tree.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
    seen = {a.asname or a.name for b in blocks for n in b.body if isinstance(n, ast.ImportFrom) for a in n.names}
    assert seen == set(pyrite.__all__) - {"__version__"}


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Smaple'"):
        _ = pyrite.Smaple


def modules_with_all() -> list[str]:
    found = []
    for path in sorted(layers.SOURCE.rglob("*.py")):
        if path.name != "__main__.py" and "\n__all__ = " in path.read_text():
            parts = path.relative_to(layers.SOURCE).with_suffix("").parts
            found.append(".".join(("pyrite", *(p for p in parts if p != "__init__"))))
    return found


@pytest.mark.parametrize("module", modules_with_all())
def test_all_is_true(module: str) -> None:
    loaded = importlib.import_module(module)
    assert [name for name in loaded.__all__ if name not in dir(loaded)] == []


def loaded_by(code: str) -> set[str]:
    """Which heavy packages a fresh interpreter holds after running `code`."""
    tail = f"\nimport sys\nprint('HEAVY', *[m for m in {HEAVY!r} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code + tail], capture_output=True, text=True, check=True)
    return set(run.stdout.splitlines()[-1].split()[1:])


def test_importing_pyrite_loads_nothing_heavy() -> None:
    assert loaded_by("import pyrite; pyrite.__version__; dir(pyrite)") == set()


def test_the_check_above_can_see_a_heavy_import() -> None:
    assert "numpy" in loaded_by("import numpy")


CALL = "from pyrite.cli import main\ntry:\n    main({arguments!r})\nexcept SystemExit:\n    pass"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["asay"]])
def test_asking_for_help_loads_nothing_heavy(arguments: list[str]) -> None:
    assert loaded_by(CALL.format(arguments=arguments)) == set()
