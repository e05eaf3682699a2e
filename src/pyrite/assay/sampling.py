"""Let a policy answer the prompts of a file, keeping every finished completion on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pyrite.assay.inputs import Inputs, Reading, describe
from pyrite.backbones.generate import TransformersGenerator, generate_pool
from pyrite.data.rows import rows_as, to_prompts
from pyrite.errors import InputError
from pyrite.runtime.files import to_json, write_whole
from pyrite.runtime.journal import Journal
from pyrite.types import Pool, Sample


@dataclass(frozen=True)
class Sampling:
    """Which policy answers, how often and how.

    Attributes:
        policy: `embedded:smollm2`, a folder or a hub id of a causal language model.
        samples: Completions a prompt.
        temperature: Divides the logits, > 0.
        max_new_tokens: Longest completion in tokens.
        stop: Texts that end a completion.
    """

    policy: str
    samples: int = 16
    temperature: float = 1.0
    max_new_tokens: int = 128
    stop: tuple[str, ...] = ()


def sample_inputs(
    sampling: Sampling, reading: Reading, folder: Path, *, seed: int, model: Mapping[str, Any], fresh: bool
) -> Inputs:
    """Candidates written by the policy for the prompts of a file.

    Every finished batch is in `folder/completions.journal` when it is done; the whole pool is in `folder/completions.jsonl` at
    the end, with the same bytes whether or not the run was interrupted.

    Raises:
        InputError: The rows have no prompts, or the arguments differ from those of the journal.
    """
    if sampling.samples < 1 or sampling.temperature <= 0:
        raise InputError(
            f"--samples is {sampling.samples} and --temperature {sampling.temperature}; expected at least 1 and more than 0."
        )
    rows = reading.read()
    if reading.rows is None or reading.rows == "prompts":
        rows_as(rows, "sample", "prompts")
    prompts = to_prompts(rows)
    chosen = {name: model[name] for name in ("dtype", "device") if name in model}
    generator = TransformersGenerator(
        sampling.policy,
        temperature=sampling.temperature,
        max_new_tokens=sampling.max_new_tokens,
        stop=tuple(sampling.stop),
        **chosen,
    )
    arguments = {**asdict(sampling), "seed": seed, "prompts": rows.digest, "limit": reading.limit, "dtype": chosen.get("dtype")}
    journal = Journal(folder / "completions.journal", arguments, fresh=fresh)
    written = generate_pool(generator, [prompt for prompt, _ in prompts], sampling.samples, seed=seed, journal=journal)
    samples: list[Sample] = []
    lines: list[str] = []
    for index, (prompt, row) in enumerate(prompts):
        mine = written[index * sampling.samples : (index + 1) * sampling.samples]
        lines.append(to_json({"prompt": prompt, "completions": [g.text for g in mine], "finished": [g.finished for g in mine]}))
        samples.extend(
            Sample(
                prompt,
                generation.text,
                reference=row.values.get("reference"),
                context=row.values.get("context"),
                meta={"row": row.values, "where": row.where, "slot": generation.sample_index, "num": len(mine)},
            )
            for generation in mine
        )
    write_whole(folder / "completions.jsonl", "".join(line + "\n" for line in lines))
    pool = Pool(tuple(samples), np.repeat(np.arange(len(prompts)), sampling.samples))
    inputs = describe(pool, None, rows, reading)
    return Inputs(**{**inputs.__dict__, "generators": (generator.name,)})
