"""Formats whose rows are graded or ranked answers: several of one prompt, or one. Read first: `parts.py`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pyrite.data.checks import named
from pyrite.data.schemas.parts import (
    Dropped,
    Group,
    Made,
    answer_to,
    blank,
    chat,
    dialogue,
    entries,
    inside,
    megatron,
    number,
    picked,
    reply,
    text,
)
from pyrite.errors import InputError

HELPSTEER = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")
ULTRAFEEDBACK = ("instruction_following", "honesty", "truthfulness", "helpfulness")
STEERLM = ("quality", "toxicity", "humor", "creativity", *HELPSTEER)
ARMORM = (
    *(f"helpsteer-{name}" for name in HELPSTEER),
    "ultrafeedback-overall_score",
    *(f"ultrafeedback-{name}" for name in ("instruction_following", "truthfulness", "honesty", "helpfulness")),
    "beavertails-is_safe",
    "prometheus-score",
    "argilla-overall_quality",
    "argilla-judge_lm",
    *(f"code-{name}" for name in ("complexity", "style", "explanation", "instruction-following", "readability")),
)
"""The nineteen objectives of ArmoRM, in its order."""

RANK = "rank"
"""The grade of ranked answers; minus the rank, so that higher is better."""


def _labelled(prompt: Any, completion: Any, **columns: Any) -> dict[str, Any] | Dropped:
    return Dropped("an answer is empty") if blank(completion) else {"prompt": prompt, "completion": completion, **columns}


def trl_unpaired(row: Mapping[str, Any]) -> Iterator[Made]:
    """TRL's unpaired rows: a prompt, a completion, true or false."""
    label = row["label"]
    if label is None:
        yield Dropped("label is null")
        return
    if not isinstance(label, bool) and label not in (0, 1):
        raise InputError(f"label is {named(label)}; expected true or false")
    prompt = row["prompt"] if isinstance(row["prompt"], str) else chat(row["prompt"], "prompt")
    kept = {name: value for name, value in row.items() if name not in {"prompt", "completion", "label"}}
    yield _labelled(prompt, answer_to(prompt, row["completion"], "completion"), label=bool(label), **kept)


def rewardbench_2(row: Mapping[str, Any]) -> Iterator[Made]:
    """RewardBench 2: a list of right answers and a list of wrong ones."""
    prompt = row["prompt"] if isinstance(row["prompt"], str) else chat(row["prompt"], "prompt")
    sides = []
    for name, count in (("chosen", "num_correct"), ("rejected", "num_incorrect")):
        answers = row[name]
        if not isinstance(answers, list | tuple) or not answers:
            raise InputError(f"{name} is {named(answers)}; expected a list of answers")
        if row.get(count) is not None and row[count] != len(answers):
            raise InputError(f"{name} has {len(answers)} answers and {count} is {named(row[count])}")
        sides.append([answer_to(prompt, answer, name) for answer in answers])
    completions = [*sides[0], *sides[1]]
    models = row.get("models")
    each = {"model": models} if isinstance(models, list | tuple) and len(models) == len(completions) else {}
    right = [True] * len(sides[0]) + [False] * len(sides[1])
    yield Group(prompt, completions, {"label": right}, each, picked(row, "subset", "id"))


def nemo(row: Mapping[str, Any]) -> Iterator[Made]:
    """NeMo-RL's PreferenceDataset: a context and completions with a rank each; the least rank is the best."""
    context = row["context"]
    prompt = [{"role": "user", "content": context}] if isinstance(context, str) else chat(context, "context")
    listed = entries(row, "completions")
    ranks = [number(entry.get("rank"), "rank") for entry in listed]
    answers = [answer_to(prompt, entry.get("completion"), "completion") for entry in listed]
    yield Group(prompt, answers, {RANK: [None if rank is None else -rank for rank in ranks]})


def nectar(row: Mapping[str, Any]) -> Iterator[Made]:
    """Nectar: seven answers with a rank each; the prompt is a conversation written as a string."""
    prompt = dialogue(text(row, "prompt"), "prompt")
    listed = entries(row, "answers")
    ranks = [number(entry.get("rank"), "rank") for entry in listed]
    answers = [reply(text(entry, "answer")) for entry in listed]
    each = {"model": [entry.get("model") for entry in listed]}
    graded = {RANK: [None if rank is None else -rank for rank in ranks]}
    yield Group(prompt, answers, graded, each, picked(row, "source", "good_natured"))


def ultrafeedback(row: Mapping[str, Any]) -> Iterator[Made]:
    """UltraFeedback: four answers, each with an overall score, a mean of four aspects, and the aspects themselves."""
    listed = entries(row, "completions")
    grades: dict[str, list[float | None]] = {
        name: [number(entry.get(name), name) for entry in listed] for name in ("overall_score", "fine-grained_score")
    }
    for aspect in ULTRAFEEDBACK:
        grades[aspect] = [_rating(entry, aspect) for entry in listed]
    answers = [text(entry, "response") for entry in listed]
    each = {"model": [entry.get("model") for entry in listed]}
    yield Group(text(row, "instruction"), answers, grades, each, picked(row, "source"))


def _rating(entry: Mapping[str, Any], aspect: str) -> float | None:
    """The rating of one aspect; the first release wraps each annotation in a list."""
    if entry.get("annotations") is None:
        return None
    found = inside(entry, "annotations").get(aspect)
    if isinstance(found, list | tuple):
        found = found[0] if found else None
    return number(found.get("Rating"), f"the rating of {aspect}") if isinstance(found, Mapping) else None


def helpsteer(row: Mapping[str, Any]) -> Iterator[Made]:
    """HelpSteer: one answer with five attributes from 0 to 4."""
    yield _labelled(text(row, "prompt"), text(row, "response"), **_attributes(row))


def helpsteer2(row: Mapping[str, Any]) -> Iterator[Made]:
    """HelpSteer2: as HelpSteer, with prompts of several turns."""
    yield _labelled(megatron(text(row, "prompt")), reply(text(row, "response")), **_attributes(row))


def helpsteer2_pairs(row: Mapping[str, Any]) -> Iterator[Made]:
    """HelpSteer2's answers to one prompt, which stand in neighbouring rows: a list in each column but the prompt's."""
    answers = [reply(text({"response": said}, "response")) for said in row["response"]]
    grades = {name: [number(cell, name) for cell in row[name]] for name in HELPSTEER}
    yield Group(megatron(text(row, "prompt")), answers, grades)


def _attributes(row: Mapping[str, Any]) -> dict[str, float | None]:
    return {name: number(row[name], name) for name in HELPSTEER}


def armorm(row: Mapping[str, Any]) -> Iterator[Made]:
    """RLHFlow's rows for ArmoRM: a conversation with up to nineteen grades; most are null."""
    turns = chat(row["messages"], "messages")
    graded = {name: number(row[name], name) for name in ARMORM if name in row}
    if not graded:
        raise InputError(f"there is none of the columns {', '.join(ARMORM[:3])}, ...")
    if len(turns) < 2 or turns[-1]["role"] != "assistant":
        raise InputError("messages does not end with an answer")
    given = {name: value for name, value in graded.items() if value is not None}
    yield _labelled(turns[:-1], turns[-1:], **given) if given else Dropped("no grade was given")


def steerlm(row: Mapping[str, Any]) -> Iterator[Made]:
    """NeMo-Aligner's SteerLM rows: each labelled turn of a conversation is a row, with the turns before it as prompt."""
    system, asker = row.get("system"), text(row, "mask")
    turns: list[dict[str, Any]] = [{"role": "system", "content": system}] if isinstance(system, str) and system else []
    said = 0
    for entry in entries(row, "conversations"):
        turn = {"role": "user" if entry.get("from") == asker else "assistant", "content": text(entry, "value")}
        if entry.get("label") and turn["role"] == "assistant":
            said += 1
            yield _labelled(list(turns), [turn], **_steerlm_label(text(entry, "label")))
        turns.append(turn)
    if not said:
        yield Dropped("no turn has a label")


def _steerlm_label(label: str) -> dict[str, float]:
    """The attributes in "quality:4,toxicity:0"; -100 stands for none."""
    graded: dict[str, float] = {}
    for part in label.split(","):
        name, colon, value = part.partition(":")
        grade = number(value, f"the label {name.strip()}") if colon else None
        if not colon or name.strip() not in STEERLM:
            raise InputError(f"label is {named(label)}; expected attributes such as quality:4,toxicity:0")
        if grade is not None and grade != -100:
            graded[name.strip()] = grade
    return graded
