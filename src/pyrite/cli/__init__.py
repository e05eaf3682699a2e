"""The command line: one thin file a command, loaded when it is called, so that `pyrite --help` stays instant.

`main` is the entry point; it prints a `PyriteError` as one sentence and turns it into its exit code.
"""

from __future__ import annotations

import difflib
import importlib
import io
import os
import sys
from typing import Any

import click

from pyrite import __version__
from pyrite.errors import PyriteError
from pyrite.runtime.memory import keep_freed_memory

COMMANDS: dict[str, tuple[str, str]] = {
    "adapter": ("pyrite.cli.adapter", "Write the file by which TRL, verl or OpenRLHF uses a reward."),
    "assay": ("pyrite.cli.assay", "Does a reward rank well, what fools it, how far may it be optimised?"),
    "bench": ("pyrite.cli.bench", "Score rewards by published benchmarks: RewardBench, RM-Bench, JudgeBench, ..."),
    "cache": ("pyrite.cli.cache", "What is kept between runs, and removing it."),
    "compare": ("pyrite.cli.compare", "Is one reward better than another, sample by sample, and for how many tokens?"),
    "data": ("pyrite.cli.data", "Look at data files as each command would read them; convert public formats."),
    "doctor": ("pyrite.cli.doctor", "What this machine has, and what is untested on it."),
    "fit": ("pyrite.cli.fit", "Train a reward model on preference pairs, rankings, labels or ratings."),
    "install": ("pyrite.cli.install", "Fetch an embedded model into the cache."),
    "list": ("pyrite.cli.list", "List rewards, guards, probes, attacks, losses, backbones, papers, ..."),
    "score": ("pyrite.cli.score", "Write a file with the scores of its completions, whatever its size."),
    "push": ("pyrite.cli.push", "Put a reward model on the Hugging Face hub, with a model card."),
    "reproduce": ("pyrite.cli.reproduce", "Run a paper's recipe: claim, baseline, method, verdict."),
    "serve": ("pyrite.cli.serve", "Rewards over HTTP, in the formats of OpenRLHF, vLLM and OpenAI."),
}
"""Command name -> (module that holds `command`, one line for the help page)."""

MEANT = {
    "eval": "assay",
    "evaluate": "assay",
    "check": "assay",
    "audit": "assay",
    "probe": "assay",
    "diff": "compare",
    "versus": "compare",
    "train": "fit",
    "ls": "list",
    "publish": "push",
    "upload": "push",
    "inspect": "data",
    "convert": "data",
    "benchmark": "bench",
    "leaderboard": "bench",
}
"""What people type for a command that has another name here."""


def with_examples(command: click.Command) -> click.Command:
    r"""The command, with the line breaks of its example kept: the `\b` of a raw docstring becomes the sign that click reads."""
    command.help = (command.help or "").replace("\\b\n", "\b\n")
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        with_examples(inner)
    return command


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All command names, sorted."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        return with_examples(importlib.import_module(COMMANDS[cmd_name][0]).command)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """As click does, with a hint at the command that was probably meant."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], [*COMMANDS, *MEANT], n=1)
            hint = (
                f" Did you mean: pyrite {MEANT.get(close[0], close[0])}?"
                if close
                else f" Commands: {', '.join(sorted(COMMANDS))}."
            )
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The command table, without importing a command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in sorted(COMMANDS)])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pyrite")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    r"""Build proxy rewards, find out what fools them, and how far they may be optimised before gold falls.

    \b
    Example:
      pyrite assay column:proxy_scores --gold column:labels --data samples.jsonl --out runs/first
    """
    if debug:
        os.environ["PYRITE_DEBUG"] = "1"


with_examples(cli)


def main(argv: list[str] | None = None) -> None:
    """Run the command line; exit 0 done, 1 failed, 2 usage or input, 3 --fail-if, 130 interrupted."""
    arguments = sys.argv[1:] if argv is None else argv
    keep_freed_memory()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names of columns may hold what a terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    try:
        code = cli.main(args=arguments, standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("Interrupted. Finished work is on disk; the same command goes on from there.", err=True)
        sys.exit(130)
    except KeyboardInterrupt:
        click.echo("Interrupted. Finished work is on disk; the same command goes on from there.", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except PyriteError as error:
        if os.environ.get("PYRITE_DEBUG"):
            raise
        click.echo(f"{type(error).__name__}: {error}", err=True)
        sys.exit(error.exit_code)
    sys.exit(code if isinstance(code, int) else 0)
