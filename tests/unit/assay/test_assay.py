import json
from pathlib import Path

import numpy as np
import pytest

from pyrite.assay import run as assay_run
from pyrite.assay.run import assay
from pyrite.errors import InputError
from pyrite.report.result import applies, check_result


def test_over_optimised_pool_falls_and_its_files_are_complete(pool_file: Path, tmp_path: Path):
    out = tmp_path / "run"
    found = assay("column:proxy", gold="column:gold", data=str(pool_file), out=out, draws=200)
    assert found.verdict == "FALLS"
    assert found.result["n_prompts"] == 40
    assert {"result.json", "report.html", "report.md", "scores.jsonl", "run.json"} <= {p.name for p in out.iterdir()}
    written = json.loads((out / "result.json").read_text())
    check_result(written)
    assert written["verdict"] == found.result["verdict"]
    assert len((out / "scores.jsonl").read_text().splitlines()) == 40 * 32
    assert max(written["turning"]["set"]) < 32


def test_gold_behind_a_guard_is_refused(pool_file: Path):
    with pytest.raises(InputError, match="must not see"):
        assay("column:gold | clip(low=-100, high=100)", gold="column:gold", data=str(pool_file), draws=100)


def test_gold_by_another_name_is_refused(pool_file: Path, functions: Path):
    with pytest.raises(InputError, match="every sample the score"):
        assay(f"python:{functions}:gold", gold=f"python:{functions}:gold | clip(100)", data=str(pool_file), draws=100)


def test_gold_column_is_hidden_from_the_proxy(pool_file: Path, functions: Path):
    found = assay(f"python:{functions}:seen", gold="column:gold", data=str(pool_file), draws=100, probe_samples=0)
    assert found.result["curve"]["proxy"] == [0.0] * 32


def test_pairs_alone_are_a_complete_assay(pair_file: Path):
    found = assay("baseline:length", data=str(pair_file), draws=200, probe_samples=0)
    accuracy = found.result["ranking"]["metrics"]["accuracy"]["reward"]
    assert found.verdict == "NO GOLD"
    assert accuracy["value"] == 24 / 30
    assert accuracy["ties"] == 6
    assert found.result["ranking"]["subsets"]["odd"]["value"] == pytest.approx(12 / 15)
    assert not applies(found.result["curve"])
    assert len(found.result["mistakes"]) == 0


def test_probes_find_a_reward_for_length(pool_file: Path, functions: Path):
    found = assay(f"python:{functions}:score", data=str(pool_file), draws=100, probe_samples=40)
    assert found.result["probes"]["length"]["flag"]
    assert found.result["probes"]["prompt_swap"]["flag"]
    assert found.result["counts"]["subsample"] == 40
    assert found.result["counts"]["extra_scores"] > 100


def test_a_monotone_guard_is_explained_and_a_member_guard_names_two_ways_on(pool_file: Path):
    found = assay("column:proxy", gold="column:gold", data=str(pool_file), guards=("clip(1)", "wco"), draws=100)
    assert "same ones" in found.result["guards"]["clip(1)"]["not_applicable"]
    assert "--members" in found.result["guards"]["wco"]["not_applicable"]
    assert "ensemble:[" in found.result["guards"]["wco"]["not_applicable"]


def test_members_make_guards_work_and_are_aligned(pool_file: Path):
    spec = "ensemble:[column:proxy; baseline:length; baseline:random]"
    found = assay(spec, gold="column:gold", data=str(pool_file), guards=("wco", "mean"), draws=100, probe_samples=0)
    guard = found.result["guards"]["wco"]
    assert guard["curve"]["n"][-1] == 32
    assert len(guard["alignment"]["mean"]) == 3
    assert found.result["disagreement"]["members"] == 3


def test_a_killed_run_goes_on_and_writes_the_same_bytes(pool_file: Path, functions: Path, tmp_path: Path, monkeypatch):
    options = {"gold": "column:gold", "data": str(pool_file), "draws": 100, "probe_samples": 10}
    spec = f"python:{functions}:score"
    assay(spec, out=tmp_path / "whole", **options)
    calls = []
    original = assay_run.score_all

    def dies(reward, samples, record, **rest):
        class Stops:
            name, needs, differentiable = reward.name, reward.needs, reward.differentiable

            def score(self, batch):
                calls.append(len(batch))
                if len(calls) == 3:
                    raise KeyboardInterrupt
                return reward.score(batch)

        return original(Stops(), samples, record, **rest)

    monkeypatch.setattr(assay_run, "score_all", dies)
    with pytest.raises(KeyboardInterrupt):
        assay(spec, out=tmp_path / "killed", **options)
    monkeypatch.setattr(assay_run, "score_all", original)
    journal = tmp_path / "killed" / "scores.journal"
    with journal.open("ab") as file:
        file.write(b'{"key": "proxy/512", "val')
    assay(spec, out=tmp_path / "killed", **options)
    for name in ("result.json", "scores.jsonl"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_finished_scores_are_not_computed_again(pool_file: Path, functions: Path, tmp_path: Path):
    options = {"data": str(pool_file), "draws": 100, "probe_samples": 0, "out": tmp_path / "run"}
    assay(f"python:{functions}:score", **options)
    before = (tmp_path / "run" / "scores.journal").read_bytes()
    assay(f"python:{functions}:score", **options)
    assert (tmp_path / "run" / "scores.journal").read_bytes() == before


def test_no_texts_leaves_every_text_out(pool_file: Path, tmp_path: Path):
    assay("column:proxy", gold="column:gold", data=str(pool_file), out=tmp_path / "run", draws=100, texts=False)
    for name in ("result.json", "report.html", "report.md", "scores.jsonl"):
        assert "answer 3 of" not in (tmp_path / "run" / name).read_text()


def test_several_generators_have_no_kl(tmp_path: Path):
    rng = np.random.default_rng(1)
    rows = [
        {
            "prompt": f"p{i}",
            "completions": [f"c{j}{i}" for j in range(8)],
            "models": [f"m{j}" for j in range(8)],
            "proxy": rng.normal(size=8).tolist(),
            "gold": rng.normal(size=8).tolist(),
        }
        for i in range(20)
    ]
    path = tmp_path / "systems.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = assay("column:proxy", gold="column:gold", data=str(path), draws=100)
    assert not applies(found.result["curve"]["kl_bound"])
    assert "election among systems" in found.result["verdict"]["sentence"]
    assert not applies(found.result["fits"])


def test_an_unknown_option_is_named(pool_file: Path):
    with pytest.raises(InputError, match=r"no option 'margn'\. Close: 'margin'"):
        assay("column:proxy", data=str(pool_file), margn=0.2)
