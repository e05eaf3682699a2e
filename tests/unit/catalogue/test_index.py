import importlib

import pytest

from pyrite.catalogue.index import PAPERS, STATES, find_paper
from pyrite.errors import UnknownName


def test_every_paper_has_one_row():
    assert len(PAPERS) == 107
    assert len({paper.key for paper in PAPERS}) == 107
    assert [paper.key for paper in PAPERS] == sorted(paper.key for paper in PAPERS)
    assert {paper.kind for paper in PAPERS} == {"method", "benchmark", "survey"}
    assert {paper.state for paper in PAPERS} <= set(STATES)
    assert all(paper.title for paper in PAPERS)


@pytest.mark.parametrize("paper", [paper for paper in PAPERS if paper.has_recipe], ids=lambda paper: paper.key)
def test_a_paper_that_is_not_planned_has_a_short_recipe(paper):
    recipe = importlib.import_module(f"pyrite.catalogue.papers.{paper.key}")
    assert recipe.CLAIMS
    for claim in recipe.CLAIMS:
        assert {claim.method, claim.baseline} <= set(recipe.METHODS)
    with open(recipe.__file__) as file:
        assert len(file.readlines()) <= 80


def test_a_misspelt_key_gets_a_hint():
    with pytest.raises(UnknownName, match="Close: 'reward_ensembles'"):
        find_paper("reward_ensemble")
