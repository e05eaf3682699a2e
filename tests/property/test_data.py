"""Laws of reading and converting data: what is written is read back, whatever the format; no text crashes a reader."""

from __future__ import annotations

import csv
import gzip
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyrite.data.read import Row, Rows, read_rows
from pyrite.data.rows import normalise_prompt, to_labelled, to_pairs, to_pool
from pyrite.data.texts import split_conversations
from pyrite.errors import InputError
from pyrite.rewards.baseline import random as random_baseline
from pyrite.rewards.column import ColumnReward

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.floats(-1e6, 1e6, allow_nan=False) | st.integers(-9, 9)
tables = st.lists(
    st.fixed_dictionaries({"prompt": words, "completions": st.lists(words, min_size=1, max_size=3), "score": numbers}),
    min_size=1,
    max_size=4,
)
turns = st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": words})


def rows(*values: dict[str, Any]) -> Rows:
    return Rows(tuple(Row(value, f"f line {i}") for i, value in enumerate(values, start=1)), "f")


def read_text(text: bytes, name: str) -> Rows:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
        return read_rows(str(path))


@settings(max_examples=40)
@given(tables)
def test_json_lines_array_and_gzip_give_back_what_was_written(table: list[dict[str, Any]]) -> None:
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in table).encode()
    array = json.dumps(table, indent=1).encode()
    read = [read_text(lines, "a.jsonl"), read_text(lines, "a.jsonl.gz"), read_text(array, "a.json")]
    assert all([dict(row.values) for row in found] == table for found in read)
    assert len({found.digest for found in read}) == 1


@settings(max_examples=40)
@given(tables)
def test_csv_gives_back_text_lists_and_numbers(table: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL)
            writer.writerow(["prompt", "completions", "score"])
            writer.writerows([row["prompt"], json.dumps(row["completions"]), json.dumps(row["score"])] for row in table)
        found = [dict(row.values) for row in read_rows(str(path))]
    assert [row["completions"] for row in found] == [row["completions"] for row in table]
    assert [row["score"] for row in found] == [row["score"] for row in table]
    if any(row["prompt"] for row in table):
        assert [row["prompt"] for row in found] == [row["prompt"] for row in table]


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.jsonl.gz", "a.parquet"])
@settings(max_examples=40)
@given(content=st.binary(max_size=40) | st.text('{}[]",:a1\n', max_size=40).map(str.encode))
def test_any_content_is_read_or_refused_in_a_sentence(name: str, content: bytes) -> None:
    try:
        assert len(read_text(content, name)) > 0
    except InputError as error:
        assert str(error).endswith(".")  # noqa: PT017


@settings(max_examples=40)
@given(tables, st.integers(1, 5))
def test_limit_gives_the_first_rows(table: list[dict[str, Any]], limit: int) -> None:
    lines = "\n".join(json.dumps(row) for row in table).encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.jsonl"
        path.write_bytes(lines)
        assert [dict(row.values) for row in read_rows(str(path), limit=limit)] == table[:limit]


@settings(max_examples=40)
@given(tables)
def test_a_pool_keeps_every_completion_in_order(table: list[dict[str, Any]]) -> None:
    pool = to_pool(rows(*table))
    assert [s.completion for s in pool.samples] == [text for row in table for text in row["completions"]]
    assert [s.completion for s in pool.samples] == [s.meta["row"]["completions"][s.meta["slot"]] for s in pool.samples]
    assert (np.diff(pool.group) >= 0).all()
    if pool.cluster is not None:
        for i, j in zip(*np.triu_indices(len(table)), strict=True):
            same = normalise_prompt(table[i]["prompt"]) == normalise_prompt(table[j]["prompt"])
            assert same == (pool.cluster[i] == pool.cluster[j])


@settings(max_examples=40)
@given(st.lists(st.tuples(words, numbers), min_size=1, max_size=6))
def test_a_column_reads_what_the_label_converter_reads(entries: list[tuple[str, float]]) -> None:
    row = {"prompt": "p", "completions": [text for text, _ in entries], "scores": [number for _, number in entries]}
    samples = list(to_pool(rows(row)).samples)
    labels = [label for _, label in to_labelled(rows(row))]
    assert ColumnReward("scores").score(samples).value.tolist() == np.float32(labels).tolist()


@settings(max_examples=40)
@given(
    st.lists(turns, min_size=1, max_size=4), st.lists(turns, min_size=1, max_size=2), st.lists(turns, min_size=1, max_size=2)
)
def test_cut_conversations_join_to_what_they_were(start: list[Any], chosen: list[Any], rejected: list[Any]) -> None:
    cut = split_conversations(start + chosen, start + rejected)
    assert cut is not None
    prompt, good, poor = cut
    assert (prompt + good, prompt + poor) == (start + chosen, start + rejected)
    assert prompt[: len(start)] == start
    assert good
    assert poor


@settings(max_examples=40)
@given(words, words)
def test_cut_strings_join_to_what_they_were(chosen: str, rejected: str) -> None:
    cut = split_conversations(f"Say: {chosen}", f"Say: {rejected}")
    assert cut is not None
    assert (cut[0] + cut[1], cut[0] + cut[2]) == (f"Say: {chosen}", f"Say: {rejected}")


@settings(max_examples=40)
@given(words, words, words)
def test_pair_sides_are_the_row(prompt: str, chosen: str, rejected: str) -> None:
    pair = to_pairs(rows({"prompt": prompt, "chosen": chosen, "rejected": rejected}))[0]
    assert [(side.prompt, side.completion) for side in pair.sides()] == [(prompt, chosen), (prompt, rejected)]


@settings(max_examples=40)
@given(st.lists(st.tuples(words, words), min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_random_baseline_does_not_depend_on_the_order(texts: list[tuple[str, str]], order: Any) -> None:
    samples = list(to_pool(rows(*({"prompt": p, "completions": [c]} for p, c in texts))).samples)
    shuffled = order.sample(samples, len(samples))
    value = dict(zip(map(id, samples), random_baseline().score(samples).value.tolist(), strict=True))
    assert random_baseline().score(shuffled).value.tolist() == [value[id(sample)] for sample in shuffled]
