"""The figure of docs/verdict.md as SVG text, from the cells of `verdict_calibration.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

INK = ("#1b6ca8", "#b3541e", "#3b7d3a", "#7a4fa3", "#8a6d00")
STYLE = """<style>
text{font:13px system-ui,sans-serif;fill:#222}.axis{stroke:#888}.goal{stroke:#c00;stroke-dasharray:5 4}
@media(prefers-color-scheme:dark){text{fill:#ddd}.axis{stroke:#999}.goal{stroke:#f77}}
</style>"""


def figure(nulls: Sequence[str], sizes: Sequence[float], prompts: Sequence[int], cells: Mapping[tuple[str, int], Any]) -> str:
    """Left: false FALLS by number of prompts. Right: power by size of the fall.

    Args:
        nulls: Shapes without a fall.
        sizes: Falls in standard deviations.
        prompts: Numbers of prompts.
        cells: (shape name, prompts) -> its cell.
    """
    left = [(name, [cells[name, p].falls for p in prompts], [cells[name, p].plain for p in prompts]) for name in nulls]
    right = [(f"{p} prompts", [cells[f"falls by {size:g} sd", p].falls for size in sizes], None) for p in prompts]
    alt = "Left: share of false FALLS by number of prompts, near or below 5 per cent. Right: power by size of the true fall."
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1040 340" role="img" aria-labelledby="t">',
        f'<title id="t">{alt}</title>{STYLE}',
        _panel(70, left, [str(p) for p in prompts], 0.15, "no true fall: share of FALLS", "prompts", 0.05),
        _panel(
            590,
            right,
            [f"{size:g}" for size in sizes],
            1.0,
            "true fall: share of FALLS",
            "size of the fall, in sd of gold",
            0.8,
        ),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _panel(x0: int, series: list[Any], ticks: list[str], top: float, title: str, label: str, goal: float) -> str:
    """One set of lines over equally spaced ticks; hollow marks are the plain sup-t."""
    width, height, y0 = 300, 220, 280
    at = [x0 + width * (i + 0.5) / len(ticks) for i in range(len(ticks))]

    def y(value: float) -> float:
        return y0 - height * min(value, top) / top

    out = [
        f'<text x="{x0}" y="36">{title}</text>',
        f'<path class="axis" fill="none" d="M{x0} {y0 - height}V{y0}H{x0 + width}"/>',
        f'<path class="goal" d="M{x0} {y(goal):.1f}H{x0 + width}"/>',
        f'<text x="{x0 + width / 2}" y="{y0 + 42}" text-anchor="middle">{label}</text>',
    ]
    out += [f'<text x="{x:.0f}" y="{y0 + 20}" text-anchor="middle">{tick}</text>' for x, tick in zip(at, ticks, strict=True)]
    for mark in (0.0, goal, top):
        out.append(f'<text x="{x0 - 8}" y="{y(mark) + 4:.0f}" text-anchor="end">{100 * mark:.0f} %</text>')
    for i, (name, values, plain) in enumerate(series):
        ink, points = INK[i % len(INK)], [(x, y(v)) for x, v in zip(at, values, strict=True)]
        line = " ".join(f"{x:.1f},{v:.1f}" for x, v in points)
        out.append(f'<polyline points="{line}" fill="none" stroke="{ink}" stroke-width="2"/>')
        out += [f'<circle cx="{x:.1f}" cy="{v:.1f}" r="4" fill="{ink}"/>' for x, v in points]
        if plain is not None:
            out += [
                f'<circle cx="{x + 7:.1f}" cy="{y(v):.1f}" r="4" fill="none" stroke="{ink}" stroke-width="1.5"/>'
                for x, v in zip(at, plain, strict=True)
            ]
        out.append(f'<circle cx="{x0 + width + 14}" cy="{66 + 20 * i}" r="4" fill="{ink}"/>')
        out.append(f'<text x="{x0 + width + 22}" y="{70 + 20 * i}">{name}</text>')
    if series[0][2] is not None:
        out.append(f'<circle cx="{x0 + width + 14}" cy="{66 + 20 * len(series)}" r="4" fill="none" stroke="#888"/>')
        out.append(f'<text x="{x0 + width + 22}" y="{70 + 20 * len(series)}">plain sup-t</text>')
    return "\n".join(out)
