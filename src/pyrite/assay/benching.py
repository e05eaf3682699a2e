"""`pyrite bench` from arguments to tables: read a suite, score it once with each reward, score the answers by the suite's rule.

The questions are put in `answering.py`, figures computed in `benched.py`. Rules and weights are in `evals`; what is written is
described in `report/bench.py`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pyrite.assay.answering import GUESSES, Answers, Asking, Reading, baseline_answers
from pyrite.assay.benched import assemble
from pyrite.assay.job import CALL_OPTIONS, MODEL_OPTIONS, take_calls, take_model
from pyrite.assay.judging import tell
from pyrite.assay.planning import lines_of, plans_of
from pyrite.assay.writing import command_line, machine
from pyrite.data.formats import ENDINGS, stem
from pyrite.data.read import Rows, read_rows
from pyrite.data.sources import has_split
from pyrite.errors import InputError, close_names
from pyrite.evals.items import Questions, Source, to_items
from pyrite.evals.suites import Suite, find_suite
from pyrite.protocols import PairwiseReward, Reward
from pyrite.report.bench import SCHEMA, check_bench, summary
from pyrite.report.bench_page import write_bench
from pyrite.runtime.files import content_key
from pyrite.runtime.session import CallOptions, Session


@dataclass(frozen=True)
class BenchResult:
    """What a benchmark found.

    Attributes:
        result: The content of `bench.json`; `pyrite.report.bench.FIELDS` says what each field means.
        folder: Where the files are, or None where nothing was written.
    """

    result: Mapping[str, Any]
    folder: Path | None = None

    def summary(self) -> str:
        """The tables as text."""
        return summary(self.result, self.folder)

    def _repr_html_(self) -> str:
        from pyrite.report.bench_page import bench_page
        from pyrite.report.notebook import framed

        return framed(bench_page(self.result))


def bench(
    suite: str | Suite,
    rewards: Sequence[str | Reward | PairwiseReward],
    *,
    data: str | None = None,
    out: Path | str | None = None,
    fresh: bool = False,
    draws: int = 2000,
    seed: int = 0,
    **options: Any,
) -> BenchResult:
    """Score rewards by a published benchmark, with its own rule and weights.

    Args:
        suite: Name or version of a suite; see `pyrite list suites`.
        rewards: Specs, or objects that score or compare.
        data: File, folder or `hf:org/name@split` with the rows; left out, the suite's place on the hub.
        out: Folder for the page, bench.json and scores; an unfinished run there is gone on with. Without it nothing is written.
        fresh: Start over in `out`.
        draws: Bootstrap draws.
        seed: Of the bootstrap.
        **options: columns, limit, skip_bad, and how models run: device, dtype, batch_tokens, max_length, revision, base,
            quantize, chat_template, trust_remote_code; for judges concurrency, timeout, job_timeout, price (a list of texts),
            max_cost.

    Raises:
        UnknownName: No such suite.
        InputError: The data or an option; the message names it.
        PyriteError: A reward has no value on any completion.

    Example:
        >>> found = bench("judgebench", ["baseline:length"], data="judgebench.jsonl")  # doctest: +SKIP
        >>> found.result["rewards"][0]["figures"]["overall"]["value"]  # doctest: +SKIP
        0.4
    """
    _check_rewards(rewards)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch if out is None else out)
        ask, questions, counts = _asking(suite, data, options, folder, fresh=fresh)
        answers = _answers(ask, rewards)
        result = {"schema": SCHEMA, **_data_fields(ask.suite, ask.reading, ask.digest, questions, counts)}
        result |= assemble(ask.suite, answers, baseline_answers(ask.suite, ask.items, ask.train), draws=draws, seed=seed)
        result["settings"] = {"seed": seed, "draws": draws, "level": 0.95, "limit": ask.reading.limit, "guesses": GUESSES}
        check_bench(result)
        if out is None:
            return BenchResult(result)
        run = {"schema": SCHEMA, "command": command_line(), "versions": machine(), "model": dict(ask.model)}
        run["calls"] = ask.session.ledger.as_json()
        write_bench(folder, result, run, ask.lines(answers))
    return BenchResult(result, folder)


def plan_bench(
    suite: str | Suite,
    rewards: Sequence[str | Reward | PairwiseReward],
    *,
    data: str | None = None,
    out: Path | str | None = None,
    **options: Any,
) -> str:
    """What `bench` would do with the same arguments, as text; nothing is scored, asked or written.

    Raises:
        PyriteError: As `bench`.
    """
    _check_rewards(rewards)
    ask, questions, counts = _asking(suite, data, options, Path("."), fresh=False)
    completions = sum(len(item.samples) for item in questions.items)
    lines = [f"suite    {ask.suite.version}: {len(questions.items):,} questions from {counts[0]:,} rows"]
    lines.append(f"samples  {completions:,} completions")
    for reward in rewards:
        loaded = ask.loaded(reward)
        shown = ask.shown(loaded)
        compares = f"{len(shown) // 2:,} pairs compared" if isinstance(loaded, PairwiseReward) else f"{len(shown):,} scores"
        lines.append(f"reward   {reward if isinstance(reward, str) else reward.name}: {compares}")
        lines += lines_of(plans_of("reward", loaded), {"reward": shown})
    return "\n".join([*lines, f"out      {out or 'not written'}"])


def _check_rewards(rewards: Sequence[str | Reward | PairwiseReward]) -> None:
    if not rewards:
        raise InputError("bench needs at least one --reward.")
    names = [reward if isinstance(reward, str) else reward.name for reward in rewards]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"--reward names {', '.join(repeated)} more than once.")


def _asking(
    suite: str | Suite, data: str | None, options: Mapping[str, Any], folder: Path, *, fresh: bool
) -> tuple[Asking, Questions, tuple[int, int]]:
    """The questions of a suite as they are asked and as they are told of, and how many rows are good and bad."""
    row = find_suite(suite) if isinstance(suite, str) else suite
    reading, model, calls = _sorted_options(data, options)
    sources, digest, counts = read_sources(row, reading)
    questions = to_items(row, sources, extra=_beside(reading.data))
    train = tuple(item for item in questions.items if item.key == "train" and questions.layout == "probe")
    asked = tuple(item for item in questions.items if questions.layout != "probe" or item.key == "test")
    ask = Asking(row, asked, digest, reading, model, folder, fresh, train, Session(calls))
    return ask, replace(questions, items=asked), counts


def _answers(ask: Asking, rewards: Sequence[str | Reward | PairwiseReward]) -> list[Answers]:
    """What every reward says; what its calls came to is told even where one fails."""
    try:
        return [ask.answers(reward) for reward in rewards]
    finally:
        tell(ask.session)


def _sorted_options(data: str | None, options: Mapping[str, Any]) -> tuple[Reading, dict[str, Any], CallOptions]:
    left = dict(options)
    columns = dict(left.pop("columns", None) or {})
    reading = Reading(data, columns, left.pop("limit", None), left.pop("skip_bad", False))
    model, calls = take_model(left), take_calls(left)
    if left:
        name = next(iter(left))
        known = ["columns", "limit", "skip_bad", *MODEL_OPTIONS, *CALL_OPTIONS, "price"]
        raise InputError(f"bench has no option {name!r}.{close_names(name, known)} See pyrite bench --help.")
    return reading, model, calls


def read_sources(suite: Suite, reading: Reading) -> tuple[tuple[Source, ...], str, tuple[int, int]]:
    """The rows of a suite by file or configuration, a hash of them all, and how many are good and bad.

    Raises:
        InputError: No data was named and the suite has no place on the hub, or the rows cannot be read.
    """
    if reading.data is None and not suite.hub:
        raise InputError(f"{suite.name} has no data set on the hub that Pyrite knows; name its rows with --data.")
    words = suite.hub if reading.data is None else _files(reading.data)
    found: list[tuple[str, Rows]] = []
    for word in words:
        rows = read_rows(word, split="test", columns=dict(reading.columns), limit=reading.limit, skip_bad=reading.skip_bad)
        found.append((_source_name(word, reading.data), rows))
    digest = found[0][1].digest if len(found) == 1 else content_key(*(rows.digest for _, rows in found))
    counts = sum(len(rows) for _, rows in found), sum(len(rows.bad) for _, rows in found)
    return tuple(Source(name, rows.rows) for name, rows in found), digest, counts


def _files(data: str) -> tuple[str, ...]:
    """The words to read: a folder of several files without a test file, or of folders with files, means all of them."""
    folder = Path(data).expanduser()
    if not folder.is_dir() or has_split(data, "test"):
        return (data,)
    inside = [p for p in sorted(folder.iterdir()) if p.is_file() and p.name.endswith(ENDINGS)] or sorted(folder.rglob("*"))
    files = [str(p) for p in inside if p.is_file() and p.name.endswith(ENDINGS) and not p.name.startswith(".")]
    return tuple(files) or (data,)


def _source_name(word: str, data: str | None) -> str:
    """What rows of this file or configuration go by where they name no subset."""
    if word.startswith("hf:"):
        name, _, split = word.removeprefix("hf:").partition("@")
        return name.split("/")[2] if name.count("/") == 2 else split
    path, root = Path(word), Path(data or "").expanduser()
    inside = path.parent.relative_to(root) if path.parent.is_relative_to(root) and path != root else Path()
    return "/".join((*inside.parts, stem(path)))


def _beside(data: str | None) -> dict[str, str]:
    """The constant answer that stands beside the rows, where there is one."""
    if data is None or data.startswith("hf:"):
        return {}
    place = Path(data).expanduser()
    file = (place if place.is_dir() else place.parent) / "constant_answer.txt"
    return {"constant": file.read_text(encoding="utf-8")} if file.is_file() else {}


def _data_fields(suite: Suite, reading: Reading, digest: str, questions: Questions, counts: tuple[int, int]) -> dict[str, Any]:
    return {
        "suite": {
            "name": suite.name,
            "version": suite.version,
            "title": suite.title,
            "source": suite.source,
            "contamination": suite.contamination,
            "note": suite.note,
        },
        "data": {
            "source": reading.data or ", ".join(suite.hub),
            "digest": digest,
            "rows": counts[0],
            "bad_rows": counts[1],
            "questions": len(questions.items),
            "completions": sum(len(item.samples) for item in questions.items),
            "left_out": [{"reason": reason, "count": count} for reason, count in questions.left_out.items()],
            "layout": questions.layout,
            "published_rows": suite.rows,
        },
    }
