"""`pyrite doctor`: what this machine has, and what is untested on it."""

from __future__ import annotations

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    r"""Say what this machine has: versions, compute, extras, embedded models, caches, data, and untested paths.

    \b
    Example:
      pyrite doctor
      pyrite doctor --json
    """
    from pyrite.runtime.doctor import describe, examine
    from pyrite.runtime.files import to_json

    found = examine()
    click.echo(to_json(found, indent=2) if as_json else "\n".join(describe(found)))
