"""`pyrite bench`: rewards on published benchmarks, by each benchmark's own rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pyrite.cli.options import base_option, call_options, config_option, model_options

UNPLANNED = ("draws", "seed", "fresh")
"""Options that change nothing of what is asked."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("suite")
@click.option("--reward", "rewards", multiple=True, required=True, metavar="SPEC", help="What to score. May be repeated.")
@click.option("--data", metavar="DATA", help="File, folder or hf:org/name@split with the rows; default the suite's own place.")
@click.option("--columns", multiple=True, metavar="NEW=OLD", help="Read column OLD as NEW. May be repeated.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N rows of each file.")
@click.option("--skip-bad", is_flag=True, help="Leave bad rows out, and count them, instead of stopping.")
@click.option("--draws", default=2000, show_default=True, type=click.IntRange(min=100), help="Bootstrap draws.")
@click.option("--seed", default=0, show_default=True, help="Of the bootstrap.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Where to write; default runs/bench-SUITE.")
@click.option("--fresh", is_flag=True, help="Start over instead of going on from what is finished.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@model_options
@base_option
@call_options
@config_option
def command(suite: str, rewards: tuple[str, ...], out: Path | None, dry_run: bool, as_json: bool, **options: Any) -> None:
    r"""Score rewards by the published benchmark SUITE: tables by subset with intervals, beside length, chance and each other.

    SUITE is a name from pyrite list suites. Rule, weights and what a tie is worth are the benchmark's own. A reward that
    compares two completions is asked about pairs; recorded scores come from columns.

    \b
    Example:
      pyrite bench rewardbench_2 --reward Skywork/Skywork-Reward-V2-Qwen3-0.6B
      pyrite bench judgebench --data judgebench.jsonl --reward runs/rm --reward baseline:length
      pyrite bench rm_bench --data rm_bench/ --reward runs/rm --out runs/rm-bench --json
      pyrite bench judgebench --reward judge:pairwise@openai:gpt-4o-mini --price in=0.15,out=0.6 --max-cost 3
    """
    from pyrite.assay.benching import bench, plan_bench
    from pyrite.data.read import parse_columns

    options |= {"columns": parse_columns(options["columns"]), "out": out or Path("runs") / f"bench-{suite.replace('/', '-')}"}
    if dry_run:
        click.echo(plan_bench(suite, rewards, **{name: options[name] for name in options if name not in UNPLANNED}))
        return
    found = bench(suite, rewards, **options)
    if as_json:
        from pyrite.runtime.files import to_json

        click.echo(to_json(found.result))
        return
    click.echo(found.summary())
