"""What a format of public data is, and the small readers that all of them share.

A format never looks at a file: its function takes one row and yields rows of Pyrite's own, or says why there is none. Read
next: `table.py` (all of them), `regroup.py` (one kind of row as another).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyrite.data.checks import named
from pyrite.data.texts import contents, is_chat, split_conversations
from pyrite.errors import InputError

MISSING = frozenset({"", "n/a", "na", "nan", "none", "null"})
"""What stands for no rating where ratings are strings."""

_SPEAKER = re.compile(r"\n\n(Human|Assistant):")
_EXTRA_ID = re.compile(r"<extra_id_1>(User|Assistant)\n")
_ROLES = {"Human": "user", "User": "user", "Assistant": "assistant"}


@dataclass(frozen=True, slots=True)
class Dropped:
    """A row, or one completion of a row, that is in order but of no use; `reason` is what it is counted under."""

    reason: str


@dataclass(frozen=True, slots=True)
class Group:
    """Several completions of one prompt.

    Attributes:
        prompt: A string or chat turns.
        completions: In the order of the row.
        grades: Name -> one number a completion, higher is better, None where it was not graded.
        each: Name -> one further value a completion, such as its model.
        kept: Columns that belong to the whole row.
    """

    prompt: Any
    completions: Sequence[Any]
    grades: Mapping[str, Sequence[Any]]
    each: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    kept: Mapping[str, Any] = field(default_factory=dict)


Made = dict[str, Any] | Group | Dropped


@dataclass(frozen=True)
class Schema:
    """One format.

    Attributes:
        name: How `--from` calls it.
        title: What it is, in words.
        needs: Columns that every row must have; "a|b" is met by either.
        kind: What a row becomes: "pairs", "lists" (several completions), "labelled" or "steps".
        convert: Row -> rows. Raises `InputError` with one clause where a row breaks the format.
        source: Where the format is described or read by its makers.
        note: What becomes of ties, missing annotations and other marks; shown in the docs.
        grades: Names of the grades that a completion has, where it has several.
        grade: The one that counts unless `--grade` names another; None: rows keep all of them, and none is the score.
        together: Column whose equal values make neighbouring rows one, with a list in each other column (`neighbours.py`);
            "": every row stands for itself.
    """

    name: str
    title: str
    needs: tuple[str, ...]
    kind: str
    convert: Callable[[Mapping[str, Any]], Iterator[Made]]
    source: str
    note: str = ""
    grades: tuple[str, ...] = ()
    grade: str | None = None
    together: str = ""

    def lacks(self, columns: Collection[str]) -> list[str]:
        """What a row with these columns lacks, in words."""
        return [need.replace("|", " or ") for need in self.needs if not any(name in columns for name in need.split("|"))]


def text(row: Mapping[str, Any], name: str) -> str:
    """The string in a column.

    Raises:
        InputError: It is something else.
    """
    value = row.get(name)
    if not isinstance(value, str):
        raise InputError(f"{name} is {named(value)}; expected a string")
    return value


def chat(value: Any, name: str) -> list[dict[str, Any]]:
    """The value as chat turns.

    Raises:
        InputError: It is something else.
    """
    if not is_chat(value) or not all(isinstance(turn["role"], str) for turn in value):
        raise InputError(f"{name} is {named(value)}; expected a list of turns with role and content")
    return [dict(turn) for turn in value]


def entries(row: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects in a list column.

    Raises:
        InputError: It is no list, empty, or holds something else.
    """
    value = row.get(name)
    if not isinstance(value, list | tuple) or not value or not all(isinstance(entry, Mapping) for entry in value):
        raise InputError(f"{name} is {named(value)}; expected a list of objects")
    return list(value)


def inside(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object in a column.

    Raises:
        InputError: It is something else.
    """
    value = row.get(name)
    if not isinstance(value, Mapping):
        raise InputError(f"{name} is {named(value)}; expected an object")
    return value


def number(value: Any, name: str) -> float | None:
    """A number, also one written as a string; None where there is none ("N/A", null, NaN).

    Raises:
        InputError: It is something else, or not finite.
    """
    if value is None or (isinstance(value, str) and value.strip().lower() in MISSING):
        return None
    try:
        found = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        found = None
    if found is None or math.isinf(found):
        raise InputError(f"{name} is {named(value)}; expected a number")
    return None if math.isnan(found) else found


def reply(content: str) -> list[dict[str, Any]]:
    """One assistant turn."""
    return [{"role": "assistant", "content": content}]


def answer_to(prompt: Any, value: Any, name: str) -> Any:
    """A completion in the form of its prompt: an assistant turn after chat turns, else as it is.

    Raises:
        InputError: It is neither a string nor chat turns.
    """
    if isinstance(value, str):
        return reply(value) if is_chat(prompt) else value
    if isinstance(value, Mapping):
        value = [value]
    return chat(value, name)


def blank(completion: Any) -> bool:
    """Whether a completion says nothing."""
    if isinstance(completion, str):
        return not completion.strip()
    return is_chat(completion) and not any(text.strip() for text in contents(completion)) and not _calls(completion)


def _calls(turns: Sequence[Mapping[str, Any]]) -> bool:
    return any(turn.get("tool_calls") for turn in turns)


def preference(prompt: Any, chosen: Any, rejected: Any, **columns: Any) -> dict[str, Any] | Dropped:
    """A pair, unless a side is empty or both are equal. Columns that are None are left out."""
    if blank(chosen) or blank(rejected):
        return Dropped("an answer is empty")
    if chosen == rejected:
        return Dropped("both answers are equal")
    kept = {name: value for name, value in columns.items() if value is not None}
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected, **kept}


def ranked(prompt: Any, first: Any, second: Any, lead: float | None, **columns: Any) -> dict[str, Any] | Dropped:
    """A pair from two answers and by how much the first is better: negative if the second is, 0 for a tie, None if unjudged."""
    if lead is None:
        return Dropped("no preference was given")
    if lead == 0:
        columns = {"probability": 0.5, **columns}
    return preference(prompt, *((second, first) if lead < 0 else (first, second)), **columns)


def conversations(chosen: Any, rejected: Any, **columns: Any) -> dict[str, Any] | Dropped:
    """A pair from two whole conversations, cut where they part.

    Raises:
        InputError: They are not of one form.
    """
    if not isinstance(chosen, str) or not isinstance(rejected, str):
        chosen, rejected = chat(chosen, "chosen"), chat(rejected, "rejected")
    if chosen == rejected:
        return Dropped("both answers are equal")
    parts = split_conversations(chosen, rejected)
    return preference(*parts, **columns) if parts else Dropped("the two sides share no prompt")


def dialogue(value: str, name: str) -> list[dict[str, Any]]:
    r"""Turns of a conversation written "\n\nHuman: ...\n\nAssistant: ..."; an empty last turn is left out.

    Raises:
        InputError: It does not begin with a speaker.
    """
    before, *parts = _SPEAKER.split("\n\n" + value.lstrip("\n"))
    if before.strip() or not parts:
        raise InputError(f"{name} begins with {value[:30]!r}; expected 'Human:' and 'Assistant:' before each turn")
    return _turns(parts)


def megatron(value: str) -> list[dict[str, Any]]:
    r"""Turns of a prompt in which "<extra_id_1>User\n" and "<extra_id_1>Assistant\n" open them; the first may be bare."""
    value = value.removesuffix("<extra_id_1>")
    system = ""
    if value.startswith("<extra_id_0>System\n"):
        system, _, rest = value.removeprefix("<extra_id_0>System\n").partition("<extra_id_1>")
        value = f"<extra_id_1>{rest}"
    before, *parts = _EXTRA_ID.split(value)
    opening = [{"role": "system", "content": system.strip()}] if system.strip() else []
    return opening + _turns((["User", before] if before.strip() else []) + parts)


def _turns(parts: Sequence[str]) -> list[dict[str, Any]]:
    turns = [{"role": _ROLES[who], "content": said.strip()} for who, said in zip(parts[::2], parts[1::2], strict=True)]
    return turns[:-1] if len(turns) > 1 and not turns[-1]["content"] else turns


def picked(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Those of the columns that the row fills."""
    return {name: row[name] for name in names if row.get(name) is not None}
