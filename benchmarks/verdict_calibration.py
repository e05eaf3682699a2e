"""How often is the verdict wrong? Simulated pools of known shape, judged as `pyrite assay` judges real ones.

Writes the table into docs/verdict.md (between the calibration marks) and the figure docs/verdict_calibration.svg:

    python benchmarks/verdict_calibration.py            # about 12 minutes on one core
    python benchmarks/verdict_calibration.py --quick    # a minute, prints only

Each simulated data set has P prompts with 64 candidates, binary gold and a proxy whose true relation to gold is written down
below, so that the true curve, and the true fall, are known exactly.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from verdict_figure import figure

from pyrite.evals.verdict import decide
from pyrite.stats.bestofn import bestofn_curve
from pyrite.stats.crossfit import crossfit
from pyrite.stats.intervals import resample_counts
from pyrite.stats.simultaneous import sup_t

NUM = 64
NS = np.arange(1, NUM + 1)
PROMPTS = (10, 20, 40, 120, 400)
FALLS = (0.1, 0.2, 0.3, 0.5)
"""True falls, in standard deviations of gold at n = 1."""

DOCS = Path(__file__).parent.parent / "docs"
START, END = "<!-- calibration: written by benchmarks/verdict_calibration.py -->", "<!-- end of calibration -->"

Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Shape:
    """One kind of simulated data.

    Attributes:
        name: As in the table.
        draw: (rng, P) -> proxy (P, 64) and the probability that gold is 1, (P, 64).
        fall: The true fall, in gold units; 0 where FALLS would be wrong.
        runs: How many data sets a row; most where the rate of false FALLS is hardest to keep.
    """

    name: str
    draw: Draw
    fall: float = 0.0
    runs: int = 400


def _null(rng: np.random.Generator, prompts: int) -> tuple[np.ndarray, np.ndarray]:
    """Gold has nothing to do with the proxy; a quarter of the prompts are nearly hopeless."""
    return rng.random((prompts, NUM)), np.repeat(rng.beta(0.5, 1.5, size=(prompts, 1)), NUM, axis=1)


def _tied(rng: np.random.Generator, prompts: int) -> tuple[np.ndarray, np.ndarray]:
    """As null, with a proxy of four levels, the top one rare: a share of three checks passed."""
    return rng.binomial(3, 0.3, size=(prompts, NUM)) / 3, _null(rng, prompts)[1]


def _saturating(rng: np.random.Generator, prompts: int) -> tuple[np.ndarray, np.ndarray]:
    """Gold rises and then stays: the proxy tells good from bad up to its 60th percentile, not beyond."""
    u = rng.random((prompts, NUM))
    return u, 0.1 + 0.5 * rng.beta(0.5, 1.5, size=(prompts, 1)) + 0.3 * (u > 0.6)


def _heterogeneous(rng: np.random.Generator, prompts: int) -> tuple[np.ndarray, np.ndarray]:
    """Half of the prompts rise by 0.3, half fall by 0.3; the mean is flat."""
    u = rng.random((prompts, NUM))
    return u, 0.4 + 0.3 * rng.choice([-1.0, 1.0], size=(prompts, 1)) * (u > 0.8)


def _skewed(rng: np.random.Generator, prompts: int) -> tuple[np.ndarray, np.ndarray]:
    """One prompt in ten rises by 0.63, the others fall by 0.07; the mean is flat. A sample may miss the risers."""
    u = rng.random((prompts, NUM))
    return u, 0.3 + np.where(rng.random((prompts, 1)) < 0.1, 0.63, -0.07) * (u > 0.9)


def falling(size: float) -> Shape:
    """Gold rises by about 0.2 to a peak near n = 8, then falls by `size` standard deviations."""
    rates = 0.3 + 0.25 * (1 - 0.7**NS)
    spread = math.sqrt(0.375 * 0.625)
    low, high = 0.0, 0.4
    for _ in range(60):
        depth = (low + high) / 2
        curve = rates - depth * (1 - 0.97**NS)
        low, high = (depth, high) if curve.max() - curve[-1] < size * spread else (low, depth)
    fall = float(curve.max() - curve[-1])

    def draw(rng: np.random.Generator, prompts: int) -> tuple[np.ndarray, np.ndarray]:
        u = rng.random((prompts, NUM))
        base = rng.choice([-0.15, 0.15], size=(prompts, 1))  # easy and hard prompts
        return u, 0.3 + base + 0.25 * (u > 0.7) - depth * (u > 0.97)

    return Shape(f"falls by {size:g} sd", draw, fall, runs=100)


SHAPES = (
    Shape("null", _null),
    Shape("saturating", _saturating, runs=200),
    Shape("heterogeneous", _heterogeneous, runs=200),
    Shape("tied", _tied),
    Shape("skewed", _skewed),
    *(falling(size) for size in FALLS),
)


@dataclass(frozen=True)
class Cell:
    """What happened over the runs of one shape and one P.

    Attributes:
        falls: Share of runs that say FALLS.
        holds: Share that say HOLDS.
        plain: Share that would say FALLS with the textbook sup-t.
        covered: Share whose loss interval holds the true fall.
        loss: Mean cross-fitted loss.
        runs: How many.
    """

    falls: float
    holds: float
    plain: float
    covered: float
    loss: float
    runs: int


def run(shape: Shape, prompts: int, runs: int, draws: int = 1000) -> Cell:
    """Judge `runs` data sets of one shape."""
    rng = np.random.default_rng([prompts, int.from_bytes(shape.name.encode(), "little") % 2**32])
    tally = np.zeros(5)
    for r in range(runs):
        proxy, rate = shape.draw(rng, prompts)
        gold = (rng.random(rate.shape) < rate).astype(float)
        curves = bestofn_curve(list(proxy), list(gold), NS)
        drop = curves[:, :-1] - curves[:, -1:]
        table = resample_counts(prompts, draws, seed=r)
        bounds = sup_t(drop, counts=table)
        word = decide(bounds, 0.1 * float(gold.std()))
        plain = bool((sup_t(drop, counts=table, plain=True).low > 0).any()) if shape.fall == 0 else False
        loss = crossfit(curves, draws=400, seed=r).loss  # fewer draws than in assay, to save time
        tally += [word == "FALLS", word == "HOLDS", plain, loss.low <= shape.fall <= loss.high, loss.value]
    return Cell(*(float(x) for x in tally / runs), runs)


def table(cells: dict[tuple[str, int], Cell]) -> str:
    """The calibration as Markdown."""
    names = ("true shape", "prompts", "data sets", "FALLS", "HOLDS", "CANNOT TELL", "FALLS by plain sup-t", "loss covered")
    lines = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    for shape in SHAPES:
        for prompts in PROMPTS:
            cell = cells[shape.name, prompts]
            shares = (cell.falls, cell.holds, 1 - cell.falls - cell.holds, cell.plain, cell.covered)
            percents = [f"{100 * share:.1f} %" if cell.runs >= 200 else f"{100 * share:.0f} %" for share in shares]
            if shape.fall:
                percents[3] = ""
            lines.append(f"| {' | '.join([shape.name, str(prompts), str(cell.runs), *percents])} |")
    lines += ["", "A true 5 % shows in 19 of 20 rows as 2.9 % to 7.1 % with 400 data sets, as 2.0 % to 8.0 % with 200."]
    return "\n".join(lines)


def main() -> None:
    """Run all shapes, print the table, and put it into the docs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20 data sets a row; print only")
    arguments = parser.parse_args()
    cells = {}
    for shape in SHAPES:
        for prompts in PROMPTS:
            cells[shape.name, prompts] = run(shape, prompts, 20 if arguments.quick else shape.runs)
            print(shape.name, prompts, cells[shape.name, prompts], flush=True)
    text = table(cells)
    print(text)
    if not arguments.quick:
        page = DOCS / "verdict.md"
        before, rest = page.read_text().split(START)
        page.write_text(f"{before}{START}\n{text}\n{END}{rest.split(END)[1]}")
        (DOCS / "verdict_calibration.svg").write_text(
            figure([shape.name for shape in SHAPES if shape.fall == 0], FALLS, PROMPTS, cells)
        )


if __name__ == "__main__":
    main()
