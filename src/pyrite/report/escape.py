"""Texts that models wrote, made fit to print: nothing that breaks a file, hides or reorders what a reader sees.

Escaping for HTML happens in the templates; escaping for Markdown is here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pyrite.report.numbers import count

LONGEST = 1200
_CONTROLS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # control characters but tab and line feed
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks that reorder what is read
    "\ud800-\udfff\ufffe\uffff]"  # lone surrogates and noncharacters, which no file can hold
)
_MARKS = re.compile(r"(\[[\d.,?%\s\u2212]+\](?![(\[:]))|[\\`*_\[\]|~$]")


class Safe(str):
    """Markdown that is already escaped."""

    __slots__ = ()


def clean(value: Any) -> Any:
    """A result in whose texts control characters, direction marks and lone surrogates are written out, as in U+202E."""
    if isinstance(value, str):
        lines = value.replace("\r\n", "\n").replace("\r", "\n")
        return _CONTROLS.sub(lambda found: f"\u27e8U+{ord(found[0]):04X}\u27e9", lines)
    if isinstance(value, Mapping):
        return {clean(key): clean(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [part if isinstance(part, int | float) else clean(part) for part in value]
    return value


def text_of(value: Any) -> str:
    """A prompt or completion as text: messages become `role: content`, objects JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(part, Mapping) and "content" in part for part in value):
        return "\n".join(f"{part.get('role', 'text')}: {text_of(part['content'])}" for part in value)
    return json.dumps(value, ensure_ascii=False)


def clipped(text: str, most: int = LONGEST) -> str:
    """A text, or its first `most` characters and how many follow."""
    if len(text) <= most:
        return text
    return f"{text[:most].rstrip()}\n\u2026 and {count(len(text) - most)} more characters"


def markdown_text(value: Any) -> str:
    """A text in one line of Markdown, in which nothing has a meaning: no markup, no HTML, no new cell of a table.

    Brackets around numbers stay as they are where no link can start there, so that intervals are easy to read.
    """
    if isinstance(value, Safe):
        return value
    text = " ".join(str(value).split())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return Safe(_MARKS.sub(lambda found: found[1] or "\\" + found[0], text))


def fenced(text: str) -> str:
    """A text as a Markdown code block whose fence is longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return Safe(f"{fence}text\n{text}\n{fence}")
