"""Make, or check, the embedded world: SmolLM2's completions of the constraint tasks, their exact gold, and noisy pairs.

    python -m pyrite.worlds.make_constraints generate --work DIR [--shard 0/2]
    python -m pyrite.worlds.make_constraints build --work DIR
    python -m pyrite.worlds.make_constraints verify

`generate` takes about an hour on two cores and resumes; shards may run side by side. `build` writes the files into the package.
`verify` computes gold and hashes again from the files alone. What the world is for: `constraints.py`.
"""

from __future__ import annotations

from pathlib import Path

import click

from pyrite.backbones.generate import TransformersGenerator, generate_pool
from pyrite.backbones.load import load_causal_lm
from pyrite.runtime.files import content_key
from pyrite.runtime.journal import Journal
from pyrite.worlds.constraints import Task, load_tasks

POLICY = "embedded:smollm2"
MAX_NEW_TOKENS = 48
BATCH_SIZE = 48
SEED = 20

SAMPLES = {0.7: 48, 1.5: 48, 1.0: 32}
"""Temperature -> completions of each prompt, in the order they are made."""


@click.group()
def main() -> None:
    """Make, or check, the embedded world."""


def journal_of(work: Path, temperature: float, tasks: list[Task], shard: str) -> Journal:
    """The finished completions of one temperature and shard."""
    settings = {
        "policy": POLICY,
        "temperature": temperature,
        "max_new_tokens": MAX_NEW_TOKENS,
        "batch_size": BATCH_SIZE,
        "dtype": "float32",
        "seed": seed_of(temperature),
        "samples": SAMPLES[temperature],
        "prompts": content_key([task.prompt for task in tasks]),
    }
    return Journal(work / f"t{temperature:g}-{shard.replace('/', '-of-')}.jsonl", settings)


def seed_of(temperature: float) -> int:
    """Another seed for each temperature, so that no two completions share their random numbers."""
    return SEED + round(100 * temperature)


@main.command()
@click.option("--work", type=click.Path(path_type=Path), required=True, help="Folder of the journals.")
@click.option("--shard", default="0/1", show_default=True, help="Which share of the prompts, as K/COUNT.")
def generate(work: Path, shard: str) -> None:
    """Write the completions; goes on where it stopped."""
    number, count = map(int, shard.split("/"))
    tasks = load_tasks()[number::count]
    loaded = load_causal_lm(POLICY)
    for temperature, num_samples in SAMPLES.items():
        journal = journal_of(work, temperature, tasks, shard)
        generator = TransformersGenerator(
            POLICY, temperature=temperature, max_new_tokens=MAX_NEW_TOKENS, batch_size=BATCH_SIZE, loaded=loaded
        )
        generate_pool(generator, [task.prompt for task in tasks], num_samples, seed=seed_of(temperature), journal=journal)


if __name__ == "__main__":
    main()
