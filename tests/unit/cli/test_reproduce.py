import json
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from pyrite.catalogue import recipe
from pyrite.catalogue.index import find_paper
from pyrite.catalogue.recipe import Claim
from pyrite.cli.reproduce import command


@pytest.fixture
def toy(monkeypatch):
    """Stands in for the recipe of reward_ensembles."""
    module = SimpleNamespace(
        CLAIMS=(Claim("b beats a", "a setting", "b", "a", float, "points"),),
        METHODS={"a": None, "b": None},
        run=lambda seed, method, setting: seed + (method == "b"),
    )
    monkeypatch.setattr(recipe, "load_recipe", lambda key: (find_paper(key), module))


@pytest.mark.usefixtures("toy")
def test_prints_claim_difference_and_outcome():
    result = CliRunner().invoke(command, ["reward_ensembles"], standalone_mode=False)
    assert result.return_value == 0
    assert "PASS: b beats a (a setting)." in result.output
    assert "difference 1.000 [1.000, 1.000]; p = 0.0039" in result.output


@pytest.mark.usefixtures("toy")
def test_the_null_fails_with_exit_code_one():
    result = CliRunner().invoke(command, ["reward_ensembles", "--method", "a"], standalone_mode=False)
    assert result.return_value == 1
    assert "FAIL: b beats a (a setting, with a in the place of b)." in result.output


@pytest.mark.usefixtures("toy")
def test_json_of_all_recipes():
    result = CliRunner().invoke(command, ["--all", "--json", "--seeds", "5"], standalone_mode=False)
    report = json.loads(result.output)
    assert report["papers"][0]["claims"][0]["word"] == "pass"
    assert report["papers"][0]["seeds"] == 5


@pytest.mark.parametrize("arguments", [[], ["reward_ensembles", "--all"]])
def test_needs_one_paper_or_all(arguments):
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2
    assert "Name one paper, or pass --all" in result.output
