"""Texts of models and users, made fit to print."""

from __future__ import annotations

import pytest

from pyrite.report.escape import clean, clipped, fenced, markdown_text, text_of


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a_b*c*", "a\\_b\\*c\\*"),
        ("<b>&amp;", "&lt;b&gt;&amp;amp;"),
        ("two\nlines | one cell", "two lines \\| one cell"),
        ("0.733 [0.702, 0.764]", "0.733 [0.702, 0.764]"),
        ("−0.1 [−0.2, ?]", "−0.1 [−0.2, ?]"),
        ("[1](x)", "\\[1\\](x)"),
        ("[1]: x", "\\[1\\]: x"),
        ("[a]", "\\[a\\]"),
        ("C:\\dir `x` $y$ ~~z~~", "C:\\\\dir \\`x\\` \\$y\\$ \\~\\~z\\~\\~"),
    ],
)
def test_markdown_text_has_no_meaning(text: str, written: str) -> None:
    assert markdown_text(text) == written


def test_escaping_twice_is_escaping_once() -> None:
    assert markdown_text(markdown_text("a_b")) == "a\\_b"


def test_a_fence_is_longer_than_every_run_of_backticks() -> None:
    assert fenced("plain") == "```text\nplain\n```"
    assert fenced("a ````` b") == "``````text\na ````` b\n``````"


def test_cleaning_goes_into_keys_lists_and_mappings() -> None:
    assert clean({"a\x00": ["b\u202e", 1.5, None, {"c": "d\r\ne\rf\tg"}]}) == {
        "a\u27e8U+0000\u27e9": ["b\u27e8U+202E\u27e9", 1.5, None, {"c": "d\ne\nf\tg"}]
    }


def test_clean_text_can_always_be_encoded() -> None:
    clean("\ud83d lone \udc00").encode()
    assert clean("ünïcödé 漢字 😀") == "ünïcödé 漢字 😀"


def test_text_of_messages_and_objects() -> None:
    assert text_of([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]) == "user: Hi\nassistant: Ho"
    assert text_of({"answer": 4}) == '{"answer": 4}'


def test_clipped_texts_say_how_much_is_missing() -> None:
    assert clipped("short") == "short"
    assert clipped("x" * 3000, 10) == "xxxxxxxxxx\n… and 2,990 more characters"
