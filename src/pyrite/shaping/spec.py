"""Guards by name: the part of a reward spec after the bar, `SPEC | uwo(0.5)`.

`parse_guard` turns the text into a transform. A guard is registered under its name; those that read members align them
first, so that a spec never compares members on different scales.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable

from pyrite.errors import InputError, close_names
from pyrite.protocols import RewardTransform
from pyrite.registry import find, register
from pyrite.shaping import members, scale
from pyrite.shaping.chain import chain

COSTE = "Coste et al. 2023, arXiv:2310.02743"

_CALL = re.compile(r"\s*(?P<name>[A-Za-z_][\w-]*)\s*(?:\((?P<arguments>[^()]*)\))?\s*")


def parse_guard(text: str) -> RewardTransform:
    """The transform that a guard spec names.

    Grammar: guard = call, { "|", call }; call = name, [ "(", [ argument, { ",", argument } ], ")" ];
    argument = [ key, "=" ], number. Examples: `wco`, `uwo(0.5)`, `clip(low=-1, high=3)`, `uwo(0.1) | sigmoid(2)`.

    Args:
        text: The spec, without the reward and the first bar.

    Returns:
        The guard; its `name` is a spec again, with defaults written out.

    Raises:
        UnknownName: No guard of that name; the message names close ones.
        InputError: The text does not parse, or an argument is unknown, missing or out of range.
    """
    links = [_parse_call(part, text) for part in text.split("|")]
    return links[0] if len(links) == 1 else chain(*links)


def _parse_call(part: str, whole: str) -> RewardTransform:
    """One `name(arguments)`."""
    match = _CALL.fullmatch(part)
    if match is None:
        raise InputError(f"Cannot read the guard {whole!r}; expected NAME or NAME(NUMBER, KEY=NUMBER), such as uwo(0.5).")
    build = find("guard", match["name"].lower().replace("-", "_")).build
    positional: list[float] = []
    keyword: dict[str, float] = {}
    for argument in filter(None, (a.strip() for a in (match["arguments"] or "").split(","))):
        key, equals, number = argument.rpartition("=")
        if equals:
            keyword[_known_key(build, key.strip(), part)] = _number(number, part)
        elif keyword:
            raise InputError(f"In the guard {part.strip()!r} a plain number follows a named one; put plain numbers first.")
        else:
            positional.append(_number(number, part))
    try:
        inspect.signature(build).bind(*positional, **keyword)
    except TypeError as error:
        raise InputError(f"The guard {part.strip()!r} has arguments that do not fit ({error}); {_usage(build)}.") from None
    return build(*positional, **keyword)


def _known_key(build: Callable[..., RewardTransform], key: str, part: str) -> str:
    """The key, if the guard has an argument of that name."""
    known = list(inspect.signature(build).parameters)
    if key not in known:
        raise InputError(f"The guard {part.strip()!r} has no argument {key!r}.{close_names(key, known)} {_usage(build)}.")
    return key


def _number(text: str, part: str) -> float:
    """A finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"In the guard {part.strip()!r} {text.strip()!r} is not a finite number.")
    return value


def _usage(build: Callable[..., RewardTransform]) -> str:
    """What the guard takes, for messages."""
    taken = inspect.signature(build).parameters.values()
    words = [p.name if p.default in (p.empty, None) else f"{p.name}={p.default:g}" for p in taken]
    return f"It takes {', '.join(words)}" if words else "It takes no arguments"


register("guard", "centre", example=scale.centre)(scale.centre)
register("guard", "standardise", example=scale.standardise)(scale.standardise)
register("guard", "clip", example=lambda: scale.clip(1.5))(scale.clip)
register("guard", "sigmoid", example=scale.sigmoid_centred, source="Fu et al. 2025, arXiv:2502.18770")(scale.sigmoid_centred)


def _aligned(aggregate: RewardTransform) -> RewardTransform:
    """The aggregation after alignment, under the aggregation's name."""
    return chain(members.align_members(), aggregate, name=aggregate.name)


@register("guard", "mean", example=lambda: parse_guard("mean"))
def mean() -> RewardTransform:
    """Mean of the aligned members."""
    return _aligned(members.mean_of_members())


@register("guard", "median", example=lambda: parse_guard("median"))
def median() -> RewardTransform:
    """Median of the aligned members."""
    return _aligned(members.median_of_members())


@register("guard", "wco", example=lambda: parse_guard("wco"), source=COSTE)
def wco() -> RewardTransform:
    """Lowest of the aligned members (worst-case optimisation)."""
    return _aligned(members.worst_case())


@register("guard", "uwo", example=lambda: parse_guard("uwo"), source=COSTE)
def uwo(weight: float = 0.5) -> RewardTransform:
    """Mean of the aligned members less `weight` times their variance (uncertainty-weighted optimisation)."""
    return _aligned(members.uncertainty_weighted(weight))


@register("guard", "mean_minus_std", example=lambda: parse_guard("mean_minus_std"))
def mean_minus_std(k: float = 1.0) -> RewardTransform:
    """Mean of the aligned members less `k` times their standard deviation."""
    return _aligned(members.mean_minus_std(k))


@register("guard", "quantile", example=lambda: parse_guard("quantile"))
def quantile(q: float = 0.25) -> RewardTransform:
    """The q-quantile of the aligned members."""
    return _aligned(members.quantile_of_members(q))
