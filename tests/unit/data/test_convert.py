"""`pyrite data convert`, and files read on the fly behind the name of their format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pyrite.cli.data import command
from pyrite.cli.list import entries
from pyrite.data.convert import Conversion, convert_file
from pyrite.data.read import read_rows
from pyrite.data.rows import to_lists, to_pairs
from pyrite.data.sources import has_split
from pyrite.errors import InputError, UnknownName

FORMATS = Path(__file__).parent / "formats"


def convert(name: str, out: Path, **how: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What a conversion tells, and the rows it wrote."""
    told = convert_file(Conversion(str(FORMATS / f"{name}.jsonl"), name, out / "out.jsonl", **how))
    return told, [json.loads(line) for line in (out / "out.jsonl").read_text(encoding="utf-8").splitlines()]


def test_rows_are_written_and_the_rest_is_counted_by_reason(tmp_path: Path) -> None:
    told, rows = convert("helpsteer3", tmp_path)
    assert [row["chosen"][0]["content"] for row in rows] == ["A lime.", "A wren."]
    assert (told["read"], told["written"], told["to"]) == (4, 2, "pairs")
    assert told["dropped"] == {"a tie": 1, "no preference was given": 1}
    assert list(tmp_path.iterdir()) == [tmp_path / "out.jsonl"]


def test_answers_in_neighbouring_rows_become_one_pair(tmp_path: Path) -> None:
    told, rows = convert("helpsteer2-pairs", tmp_path)
    assert [(row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in rows] == [("A lime.", "A brick.")]
    assert (told["read"], told["dropped"]["a tie"]) == (7, 1)
    _, by_correctness = convert("helpsteer2-pairs", tmp_path, grade="correctness", fresh=True)
    assert [row["chosen"][0]["content"] for row in by_correctness] == ["A lime.", "A robin, say.", "The Baltic."]
    with_ties = read_rows(f"helpsteer2-pairs:{FORMATS / 'helpsteer2-pairs.jsonl'}", skip_bad=True)
    assert [row.values.get("probability") for row in with_ties] == [None, 0.5]
    assert with_ties.bad[0].where == "helpsteer2-pairs.jsonl line 5"


def test_a_broken_row_takes_its_neighbours_of_the_same_prompt_along_and_all_are_counted(tmp_path: Path) -> None:
    lines = (FORMATS / "helpsteer2-pairs.jsonl").read_text().splitlines()
    data = tmp_path / "in.jsonl"
    data.write_text("\n".join([*lines[:3], lines[3].replace('"helpfulness": 4', '"helpfulness": "high"')]))
    told = convert_file(Conversion(str(data), "helpsteer2-pairs", tmp_path / "out.jsonl", skip_bad=True))
    assert (told["written"], told["bad_rows"]) == (1, 2)
    assert told["bad"] == [
        "in.jsonl line 3 to in.jsonl line 4: read as helpsteer2-pairs: helpfulness is the text 'high'; expected a number"
    ]


def test_the_command_says_what_it_did(tmp_path: Path) -> None:
    words = ["convert", str(FORMATS / "ultrafeedback.jsonl"), "--from", "ultrafeedback", "--to", "pairs", "--ties", "keep"]
    done = CliRunner().invoke(command, [*words, "--out", str(tmp_path / "pairs.jsonl"), "--grade", "truthfulness"])
    assert done.exit_code == 0
    assert "4 pairs from 2 rows of ultrafeedback" in done.output
    assert "dropped 1: an answer is empty" in done.output
    assert len(to_pairs(read_rows(str(tmp_path / "pairs.jsonl")))) == 4


def test_a_file_in_another_format_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        convert_file(Conversion(str(FORMATS / "shp.jsonl"), "nectar", tmp_path / "out.jsonl"))
    said = str(refused.value)
    assert "shp.jsonl line 1: read as nectar: there is no column prompt, answers; the row has post_id, domain" in said
    assert "pyrite data inspect" in said
    assert not list(tmp_path.iterdir())


def test_a_row_that_breaks_the_format_stops_or_is_counted(tmp_path: Path) -> None:
    data = tmp_path / "shp.jsonl"
    data.write_text(
        (FORMATS / "shp.jsonl").read_text() + '{"history": "h", "human_ref_A": "a", "human_ref_B": "b", "labels": 7}\n'
    )
    with pytest.raises(InputError, match=r"line 4: read as shp: labels is the value 7.*--skip-bad"):
        convert_file(Conversion(str(data), "shp", tmp_path / "out.jsonl"))
    told = convert_file(Conversion(str(data), "shp", tmp_path / "out.jsonl", skip_bad=True))
    assert (told["written"], told["bad_rows"]) == (2, 1)


def test_nothing_left_is_an_error_with_the_reasons(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"prompt": "p", "completion": "c", "label": null}\n')
    with pytest.raises(InputError, match=r"No row of .* is left: 1 x label is null"):
        convert_file(Conversion(str(tmp_path / "a.jsonl"), "trl-unpaired", tmp_path / "out.jsonl"))


def test_an_output_that_is_there_stays_unless_asked(tmp_path: Path) -> None:
    convert("shp", tmp_path)
    with pytest.raises(InputError, match="--fresh"):
        convert("shp", tmp_path)
    assert convert("shp", tmp_path, fresh=True, limit=1)[0]["written"] == 1


@pytest.mark.parametrize(
    ("name", "how", "said"),
    [
        ("prm800k", {"to": "pairs"}, "prm800k becomes steps, not pairs"),
        ("shp", {"grade": "helpfulness"}, "shp has no grades"),
        ("ultrafeedback", {"grade": "honesti"}, "no grade 'honesti'. Close: 'honesty'"),
        ("ultrafedback", {}, "No format is named 'ultrafedback'"),
    ],
)
def test_what_a_format_cannot_become_is_said(tmp_path: Path, name: str, how: dict[str, Any], said: str) -> None:
    with pytest.raises((InputError, UnknownName), match=said):
        convert_file(Conversion(str(FORMATS / "shp.jsonl"), name, tmp_path / "out.jsonl", **how))


def test_a_format_in_front_of_a_file_is_read_on_the_fly(tmp_path: Path) -> None:
    pairs = to_pairs(read_rows(f"helpsteer2-preference:{FORMATS / 'helpsteer2-preference.jsonl'}"))
    assert [pair.probability for pair in pairs] == [1.0, 1.0, 0.5]
    assert len(to_lists(read_rows(f"nectar:{FORMATS / 'nectar.jsonl'}"))) == 1
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "test.jsonl").write_text((FORMATS / "nemo.jsonl").read_text())
    assert has_split(f"nemo:{folder}", "test")
    assert len(read_rows(f"nemo:{folder}")) == 1


def test_what_reading_on_the_fly_leaves_out_is_a_bad_row() -> None:
    source = f"ultrafeedback:{FORMATS / 'ultrafeedback.jsonl'}"
    with pytest.raises(InputError, match=r"line 1: read as ultrafeedback: an answer is empty\. .*--skip-bad"):
        read_rows(source)
    rows = read_rows(source, skip_bad=True)
    assert (len(rows), len(rows.bad)) == (1, 3)


def test_inspect_and_list_name_the_formats() -> None:
    done = CliRunner().invoke(command, ["inspect", str(FORMATS / "webgpt.jsonl")])
    assert "its columns fit the formats webgpt" in done.output
    assert {"name": "webgpt", "summary": "WebGPT comparisons, as pairs"}.items() <= entries("formats")[-1].items()
