"""Reading: every source, every format, and complaints that name file and line."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from pyrite.data import sources
from pyrite.data.read import Rows, parse_columns, read_rows
from pyrite.errors import InputError, MissingExtra, UnknownName

ROWS = [
    {"prompt": "a", "completions": ["x", "y"], "labels": [True, False]},
    {"prompt": "b", "completions": ["z"], "labels": [True]},
]


def write(path: Path, *lines: str) -> str:
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return str(path)


def values(rows: Rows) -> list[dict[str, Any]]:
    return [dict(row.values) for row in rows]


def test_json_lines_keep_their_line_numbers_past_blank_lines(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", '{"prompt": "one"}', "", '{"prompt": "two"}')
    rows = read_rows(source)
    assert [(row.values["prompt"], row.where) for row in rows] == [("one", "a.jsonl line 1"), ("two", "a.jsonl line 3")]
    assert rows.source == source
    assert rows.columns() == ("prompt",)


def test_a_byte_order_mark_is_no_part_of_the_first_row(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'\xef\xbb\xbf{"prompt": "one"}\n')
    assert values(read_rows(str(tmp_path / "a.jsonl"))) == [{"prompt": "one"}]


def test_every_format_gives_the_same_rows_and_digest(tmp_path: Path) -> None:
    lines = [json.dumps(row) for row in ROWS]
    files = [write(tmp_path / "a.jsonl", *lines), write(tmp_path / "b.json", "[", ",\n".join(lines), "]")]
    with gzip.open(tmp_path / "c.jsonl.gz", "wt") as stream:
        stream.write("\n".join(lines))
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), tmp_path / "d.parquet")
    cells = ['"' + json.dumps(cell).replace('"', '""') + '"' for row in ROWS for cell in (row["completions"], row["labels"])]
    files += [str(tmp_path / "c.jsonl.gz"), str(tmp_path / "d.parquet")]
    files.append(write(tmp_path / "e.csv", "prompt,completions,labels", f"a,{cells[0]},{cells[1]}", f"b,{cells[2]},{cells[3]}"))
    read = [read_rows(file) for file in files]
    assert all(values(rows) == ROWS for rows in read)
    assert len({rows.digest for rows in read}) == 1


def test_the_digest_changes_with_a_value_and_with_the_limit(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", '{"x": 1}', '{"x": 2}')
    other = write(tmp_path / "b.jsonl", '{"x": 1}', '{"x": 3}')
    assert len({read_rows(source).digest, read_rows(other).digest, read_rows(source, limit=1).digest}) == 3


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"prompt": "half', "not a whole JSON value"),
        ("[1, 2]", "a list instead of an object"),
        ("null", "null instead of an object"),
        ('"text"', "a string instead of an object"),
        ("3", "a number instead of an object"),
    ],
)
def test_a_bad_line_is_named_or_counted(tmp_path: Path, line: str, problem: str) -> None:
    source = write(tmp_path / "a.jsonl", '{"prompt": "one"}', line, '{"prompt": "three"}')
    with pytest.raises(InputError, match=rf"a\.jsonl line 2: {problem}.*--skip-bad"):
        read_rows(source)
    rows = read_rows(source, skip_bad=True)
    assert [row.where for row in rows] == ["a.jsonl line 1", "a.jsonl line 3"]
    assert [bad.where for bad in rows.bad] == ["a.jsonl line 2"]
    assert problem in rows.bad[0].problem


def test_a_line_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"prompt": "one"}\n{"prompt": "\xff"}\n')
    with pytest.raises(InputError, match=r"a\.jsonl line 2: not UTF-8 at byte 13"):
        read_rows(str(tmp_path / "a.jsonl"))


def test_items_of_a_json_array_keep_their_lines(tmp_path: Path) -> None:
    source = write(tmp_path / "a.json", "", "[", '{"x":', "1},", "7,", '{"x": 2}', "]")
    rows = read_rows(source, skip_bad=True)
    assert [(row.values["x"], row.where) for row in rows] == [(1, "a.json line 3"), (2, "a.json line 6")]
    assert [(bad.where, bad.problem) for bad in rows.bad] == [("a.json line 5", "a number instead of an object with columns")]


def test_a_json_array_that_breaks_off_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.json line 2: not a whole JSON value .* nothing after it was read"):
        read_rows(write(tmp_path / "a.json", '[{"x": 1},', '{"x": '))


def test_a_json_file_may_hold_lines(tmp_path: Path) -> None:
    assert len(read_rows(write(tmp_path / "a.json", '{"x": 1}', '{"x": 2}'))) == 2


def test_limit_takes_the_first_good_rows_and_reads_no_further(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", '{"x": 1}', '{"x": 2}', "{broken")
    assert values(read_rows(source, limit=2)) == [{"x": 1}, {"x": 2}]
    with pytest.raises(InputError, match="limit is 0"):
        read_rows(source, limit=0)


@pytest.mark.parametrize("lines", [(), ("", " ")])
def test_an_empty_file_is_refused(tmp_path: Path, lines: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match=r"a\.jsonl is empty"):
        read_rows(write(tmp_path / "a.jsonl", *lines))


def test_a_file_of_bad_rows_only_is_refused_even_on_request(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"all 2 of its rows are bad, the first at a\.jsonl line 1"):
        read_rows(write(tmp_path / "a.jsonl", "{", "["), skip_bad=True)


def test_an_absent_file_names_a_close_one(tmp_path: Path) -> None:
    write(tmp_path / "pairs.jsonl", "{}")
    with pytest.raises(InputError, match=r"There is no file or folder .*Close: 'pairs\.jsonl'"):
        read_rows(str(tmp_path / "pair.jsonl"))


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"notes\.txt is not a data file; expected a name ending in"):
        read_rows(write(tmp_path / "notes.txt", "hello"))


@pytest.mark.parametrize("content", [b"plain text", gzip.compress(b'{"x": 1}\n' * 500)[:-20]])
def test_a_broken_gzip_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.jsonl\.gz is not a whole gzip file"):
        read_rows(str(tmp_path / "a.jsonl.gz"))


def test_a_broken_parquet_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.parquet is not a whole parquet file"):
        read_rows(write(tmp_path / "a.parquet", "no"))


def test_columns_are_renamed_swapped_and_replaced(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", '{"q": "p", "chosen": 1, "rejected": 2, "prompt": "old"}')
    columns = {"prompt": "q", "chosen": "rejected", "rejected": "chosen"}
    assert values(read_rows(source, columns=columns)) == [{"prompt": "p", "chosen": 2, "rejected": 1}]


def test_one_column_may_be_read_under_two_names(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", '{"q": "p"}')
    assert values(read_rows(source, columns={"prompt": "q", "context": "q"})) == [{"prompt": "p", "context": "p"}]


def test_a_rename_of_nothing_names_the_columns(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", '{"question": "p", "answer": "c"}')
    with pytest.raises(InputError, match=r"column 'questoin' that --columns prompt=questoin names\. Close: 'question'.*answer"):
        read_rows(source, columns={"prompt": "questoin"})


def test_columns_on_the_command_line() -> None:
    assert parse_columns(["prompt=q", "completion = a=b"]) == {"prompt": "q", "completion": "a=b"}
    with pytest.raises(InputError, match=r"'prompt' is not of the form new=old"):
        parse_columns(["prompt"])
    with pytest.raises(InputError, match="names 'a' twice: 'b' and 'c'"):
        parse_columns(["a=b", "a=c"])


def test_csv_cells_are_text_or_json_by_column(tmp_path: Path) -> None:
    source = write(
        tmp_path / "a.csv",
        "prompt,label,answer,score",
        "42,True,7,0.5",
        '"two',
        'lines",False,x=3,',
    )
    rows = read_rows(source)
    assert values(rows) == [
        {"prompt": "42", "label": True, "answer": "7", "score": 0.5},
        {"prompt": "two\nlines", "label": False, "answer": "x=3", "score": None},
    ]
    assert [row.where for row in rows] == ["a.csv line 2", "a.csv line 3"]


def test_csv_text_columns_hold_chat_where_every_cell_does(tmp_path: Path) -> None:
    turn = '"[{""role"": ""user"", ""content"": ""hi""}]"'
    whole = read_rows(write(tmp_path / "a.csv", "prompt", turn))
    part = read_rows(write(tmp_path / "b.csv", "prompt", turn, "plain"))
    assert values(whole) == [{"prompt": [{"role": "user", "content": "hi"}]}]
    assert all(isinstance(row.values["prompt"], str) for row in part)


def test_csv_renames_decide_what_is_text(tmp_path: Path) -> None:
    source = write(tmp_path / "a.csv", "question", "42")
    assert values(read_rows(source)) == [{"question": 42}]
    assert values(read_rows(source, columns={"prompt": "question"})) == [{"prompt": "42"}]


def test_a_csv_record_with_another_number_of_cells_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.csv line 3: 3 cells where the header names 2 columns"):
        read_rows(write(tmp_path / "a.csv", "prompt,label", "a,1", "b,0,9"))


def test_a_csv_quote_that_never_closes_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.csv line 2: not a whole csv record"):
        read_rows(write(tmp_path / "a.csv", "prompt,label", '"a,1'))


def test_long_csv_cells_are_read(tmp_path: Path) -> None:
    assert len(read_rows(write(tmp_path / "a.csv", "prompt", "x" * 200_000)).rows[0].values["prompt"]) == 200_000


def test_a_folder_gives_the_file_of_the_split(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", '{"x": 1}')
    write(tmp_path / "test.jsonl", '{"x": 2}')
    (tmp_path / "README.md").write_text("hello")
    assert values(read_rows(str(tmp_path), split="test")) == [{"x": 2}]
    with pytest.raises(InputError, match=r"2 data files and nothing says which: test\.jsonl, train\.jsonl"):
        read_rows(str(tmp_path))
    with pytest.raises(InputError, match="none is called dev"):
        read_rows(str(tmp_path), split="dev")


def test_a_folder_of_one_file_or_of_shards(tmp_path: Path) -> None:
    write(tmp_path / "test-00001-of-00002.jsonl", '{"x": 2}')
    assert values(read_rows(str(tmp_path), split="train")) == [{"x": 2}]
    write(tmp_path / "test-00000-of-00002.jsonl", '{"x": 1}')
    rows = read_rows(str(tmp_path), split="test")
    assert [(row.values["x"], row.where) for row in rows] == [
        (1, "test-00000-of-00002.jsonl line 1"),
        (2, "test-00001-of-00002.jsonl line 1"),
    ]


def test_a_folder_without_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no data file"):
        read_rows(str(tmp_path))


def test_embedded_sets_are_found_by_name_and_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "EMBEDDED", tmp_path)
    for name, x in (("toy_pool", 1), ("toy_pairs", 2), ("other", 3)):
        with gzip.open(tmp_path / f"{name}.jsonl.gz", "wt") as stream:
            stream.write(json.dumps({"x": x}))
    found = {source: values(read_rows(source))[0]["x"] for source in ("embedded:toy", "embedded:toy_pairs", "embedded:other")}
    assert found == {"embedded:toy": 1, "embedded:toy_pairs": 2, "embedded:other": 3}
    assert values(read_rows("embedded:toy", split="train")) == [{"x": 2}]
    with pytest.raises(UnknownName, match=r"no data set named 'othr'\. Close: 'other' It has: other, toy_pairs, toy_pool|othr"):
        read_rows("embedded:othr")


def stub_datasets(calls: list[tuple[Any, ...]]) -> ModuleType:
    module = ModuleType("datasets")

    class DatasetsError(Exception):
        pass

    def load_dataset(path: str, name: str | None = None, *, split: str) -> list[dict[str, Any]]:
        calls.append((path, name, split))
        if split == "none":
            raise ValueError("Unknown split")
        return [{"prompt": "a"}, {"prompt": "b"}]

    module.load_dataset = load_dataset  # type: ignore[attr-defined]
    module.exceptions = SimpleNamespace(DatasetsError=DatasetsError)  # type: ignore[attr-defined]
    return module


def test_hub_sets_are_read_through_datasets(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setitem(sys.modules, "datasets", stub_datasets(calls))
    rows = read_rows("hf:org/name@test", limit=2)
    assert [row.where for row in rows] == ["org/name@test row 1", "org/name@test row 2"]
    read_rows("hf:org/name/part", split="train")
    assert calls == [("org/name", None, "test"), ("org/name", "part", "train")]
    with pytest.raises(InputError, match=r"could not be read: ValueError: Unknown split"):
        read_rows("hf:org/name@none")


def test_hub_words_of_another_form_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match="not of the form hf:org/name@split"):
        read_rows("hf:name@test")
    with pytest.raises(InputError, match="names no split; write for example hf:org/name@train"):
        read_rows("hf:org/name")
    with pytest.raises(MissingExtra, match=r'pip install "pyrite\[hub\]"'):
        read_rows("hf:org/name@test")
