"""`pyrite score`: a file in, the same file with scores out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pyrite.cli.options import base_option, call_options, config_option, model_options


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("reward", metavar="SPEC")
@click.option("--data", required=True, metavar="DATA", help="File, folder or hf:org/name@split; larger than memory if need be.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE.jsonl", help="Where to write; default DATA.scored.jsonl.")
@click.option("--rows", type=click.Choice(["candidates", "pairs", "labelled"]), help="Read rows as this kind.")
@click.option("--columns", multiple=True, metavar="NEW=OLD", help="Read column OLD as NEW. May be repeated.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N rows.")
@click.option("--skip-bad", is_flag=True, help="Leave bad rows out, and count them, instead of stopping.")
@click.option("--only-scores", is_flag=True, help="Leave the columns of the data out of the output, but for id.")
@click.option("--chunk", default=2048, show_default=True, type=click.IntRange(min=1), help="Samples that are scored together.")
@click.option(
    "--engine", default="local", show_default=True, type=click.Choice(["local", "ray"]), help="Who scores the chunks."
)
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Of ray; default one a card, else one for two cores.")
@click.option("--fresh", is_flag=True, help="Start over instead of going on from what is finished.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@model_options
@base_option
@call_options
@config_option
def command(reward: str, data: str, out: Path | None, dry_run: bool, as_json: bool, **options: Any) -> None:
    r"""Write the rows of DATA with the scores that the reward SPEC gives their completions.

    Rows of completions get scores and statuses, single completions a score and a status, pairs score_chosen and
    score_rejected. A sample without a score has null and a status that says why. Kill it at any moment: the same command goes
    on, and the file is what it would have been. Several processes: accelerate launch -m pyrite score ..., or --engine ray
    with a Ray cluster (RAY_ADDRESS), without one on the cores and cards of this machine.

    \b
    Example:
      pyrite score runs/rm --data samples.jsonl
      pyrite score Skywork/Skywork-Reward-V2-Qwen3-0.6B --data pairs.jsonl --out scored.jsonl --dtype bfloat16
      accelerate launch --num_processes 2 -m pyrite score runs/rm --data samples.jsonl
      pyrite score runs/rm --data samples.jsonl --engine ray --workers 2
    """
    from pyrite.assay.bulk import Bulk, plan_file, score_file
    from pyrite.assay.job import take_calls, take_model
    from pyrite.assay.turns import Turns
    from pyrite.data.read import parse_columns
    from pyrite.data.sources import named_format
    from pyrite.runtime.files import to_json

    model, calls = take_model(options), take_calls(options)
    columns = parse_columns(options.pop("columns"))
    path = out or Path(f"{Path(named_format(data)[1].removeprefix('hf:')).name.partition('.')[0]}.scored.jsonl")
    how = {name: options.pop(name) for name in ("fresh", "engine", "workers")}
    job = Bulk(reward, data, path, columns, model=model, calls=calls, **options)
    if dry_run:
        if Turns.here().first:
            click.echo(plan_file(job))
        return
    told = score_file(job, **how)
    if Turns.here().first:
        click.echo(to_json(told) if as_json else summary(told))


def summary(told: dict[str, Any]) -> str:
    """What was done, as lines of text."""
    samples = ", ".join(f"{count} {status}" for status, count in told["samples"].items()) or "none"
    lines = [f"{told['out']}: {told['rows']} rows, samples: {samples}"]
    if told["bad_rows"]:
        lines.append(f"left out {told['bad_rows']} bad rows; the first: {told['bad'][0]}")
    if told["tokens"]:
        share = "" if told["rate_share"] is None else f", {told['rate_share']:.0%} of the matrix rate"
        speed = told["tokens"] / told["seconds"]
        lines.append(f"{told['tokens']} tokens ({told['unique_tokens']} unique), {speed:.0f} a second{share}")
    if told["known"]:
        lines.append(f"{told['known']} samples were known")
    lines += [f"Warning: {drift['warning']}" for drift in told["drift"] if drift["warning"]]
    if told["spent"]:
        lines.append(told["spent"])
        if told["samples"].get("error"):
            lines.append("with --fresh only samples without an answer are asked about again")
    return "\n".join(lines)
