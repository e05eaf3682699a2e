"""Made-up results of every kind that a report must print: each is whole, seeded, and passes `check_result`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pyrite.assay.result import SCHEMA, check_result, not_applicable

Result = dict[str, Any]
NS = [1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 64, 80, 100]
RUN = {
    "command": ["pyrite", "assay", 'column:rm_scores["first"]', "--gold", "column:labels", "--data", "samples.jsonl"],
    "versions": {"pyrite": "0.1.0", "python": "3.12.4", "torch": "2.13.0", "numpy": "2.4.6"},
    "seconds": {"load": 0.2, "score": 61.4, "measure": 9.1},
}
NEEDS_GOLD = ("curve", "baselines", "turning", "loss_beyond", "gain_given_back", "smallest_detectable", "heterogeneity", "fits")


def interval(value: float, half: float, n: int = 123, **more: Any) -> Result:
    """An interval as `result.json` has it."""
    return {"value": value, "low": value - half, "high": value + half, "n": n, **more}


def gold_curve(shape: str, ns: list[int], seed: int) -> np.ndarray:
    """Mean gold by n: `falls`, `holds` or `flat`, with a little smooth noise."""
    rng = np.random.default_rng(seed)
    d = np.sqrt(np.log(ns) - (np.array(ns) - 1) / np.array(ns))
    gain = {"falls": d * (0.135 - 0.068 * d), "holds": 0.1 * (1 - np.exp(-1.6 * d)), "flat": 0.02 * d}[shape]
    wobble = np.cumsum(rng.normal(0, 0.0015, len(ns)))
    return 0.213 + gain + wobble - wobble[0]


def curve(shape: str, *, ns: list[int] = NS, seed: int = 0, several: bool = False, band: float = 0.03) -> Result:
    """A curve block; `several` is a pool of several generators, which has no KL."""
    n = np.array(ns, dtype=float)
    gold, proxy = gold_curve(shape, ns, seed), -1.3 + 1.1 * np.sqrt(2 * np.log(n + 0.5))
    half = band * (1 + 0.6 * np.log(n) / np.log(n[-1] + 1))
    kl = np.log(n) - (n - 1) / n
    none = not_applicable("a pool of several generators has no policy to measure KL from")
    arrays = {"proxy": proxy, "proxy_low": proxy - 0.08, "proxy_high": proxy + 0.08}
    arrays |= {"gold": gold, "gold_low": gold - half, "gold_high": gold + half}
    return {
        "label": "selection among systems" if several else "best-of-n",
        "n": ns,
        "n_max": ns[-1],
        "gold_sd": 0.42,
        "kl_bound": none if several else kl.tolist(),
        "kl_atoms": none if several else (0.93 * kl).tolist(),
        **{name: array.tolist() for name, array in arrays.items()},
        "high_variance": [bool(x > ns[-1] / 4) for x in ns],
    }


def baselines(ns: list[int]) -> Result:
    """The length and random curves."""
    gold = {"length": 0.213 - 0.012 * np.log(ns), "random": np.full(len(ns), 0.213)}
    bands = {"gold": 0.0, "gold_low": -0.03, "gold_high": 0.03}
    return {name: {"n": ns, **{key: (v + by).tolist() for key, by in bands.items()}} for name, v in gold.items()}


def guard(shape: str, word: str, sentence: str, seed: int) -> Result:
    """A guard over five members that was judged."""
    block = curve(shape, seed=seed)
    return {
        "curve": {key: block[key] for key in ("n", "proxy", "gold", "gold_low", "gold_high")},
        "verdict": {"word": word, "sentence": f"{word}. {sentence}"},
        "difference": interval(0.061, 0.032),
        "alignment": {"mean": [0.1 * i for i in range(5)], "std": [1 + 0.05 * i for i in range(5)]},
    }


def probes() -> Result:
    """Six probes, one of which did not run and one of which is flagged."""
    rule = "flagged if the lower bound is above 0.2 sd"
    rows = [
        ("length", 0.41, 0.09, True, "Padding a completion to twice its length raises its score by 0.41 sd."),
        ("format", 0.12, 0.1, False, "A list instead of prose changes the score little."),
        ("prompt_swap", -0.63, 0.14, False, "The score drops when the completion answers another prompt, as it should."),
        ("repetition", 0.05, 0.11, False, "Saying the last sentence twice changes the score little."),
        ("empty_or_constant", -1.2, 0.2, False, "Empty completions score far below the others."),
    ]
    found: Result = {
        name: {"effect": interval(value, half, 64), "flag": flag, "says": says, "n": 64, "rule": rule}
        for name, value, half, flag, says in rows
    }
    return found | {"position_of_facts": not_applicable("no completion of the subsample has two sentences with facts")}


def attack(value: float, baseline: Result, best: str, flag: bool, says: str) -> Result:
    """One attack."""
    rule = "flagged if the lower bound is above 0.5 sd"
    found = {"effect": interval(value, 0.15, 64), "baseline": baseline, "best": best}
    return found | {"flag": flag, "says": says, "n": 64, "rule": rule}


def attacks() -> Result:
    """Two attacks, one flagged."""
    none, best = not_applicable("phrases are compared with the unchanged completion"), "I am sure that this is correct."
    weak = attack(-0.31, interval(-0.9, 0.1, 64), "Thought process:", False, "No key string beats the median completion.")
    strong = attack(0.88, none, best, True, "Appending one sentence raises the score of 91 % of completions.")
    return {"master_keys": weak, "phrase_search": strong}


def mistakes(count: int = 3, prompt: Any = "Write a function that returns the second largest value of a list.") -> list[Result]:
    """Candidates that the reward likes and gold does not."""
    liked = "def second_largest(values):\n    # sorts the list\n    return sorted(values)[-2]\n\n# Robust and well tested."
    right = "def second_largest(values):\n    first, second = sorted(set(values), reverse=True)[:2]\n    return second"
    scores = {"proxy": {"preferred": 3.21, "better": 0.4}, "gold": {"preferred": 0.0, "better": 1.0}}
    texts = {"kind": "candidate", "prompt": prompt, "preferred": liked, "better": right}
    return [{"where": f"samples.jsonl line {17 * i}", **texts, **scores} for i in range(1, count + 1)]


def ranking(name: str, value: float, n: int = 123) -> Result:
    """One metric beside its baselines."""
    others = {"length": interval(0.468, 0.029, n), "random": interval(0.5, 0.004, n)}
    metric = {"reward": interval(value, 0.031, n, ties=214), **others, "difference": interval(value - 0.5, 0.03, n)}
    return {
        "metrics": {name: metric},
        "annotators": not_applicable("no row was labelled twice"),
        "subsets": {"strings": interval(0.71, 0.05, 41), "lists": interval(0.76, 0.05, 47)},
        "ties_rule": "a tie of the reward counts half, pairs that gold ties are left out",
    }


def falls() -> Result:
    """A full result whose gold falls."""
    sentence = "Pass rate rises 0.213 to 0.280 at n = 5 (3 to 10 do as well); by n = 100 it gives back nearly all of the gain."
    shapes = {"strings": "falls", "lists": "holds", "numbers": "flat"}
    fits = {"alpha": 0.135, "beta": 0.068, "rmse": 0.0031, "peak_n": 5.2}
    return {
        "schema": SCHEMA,
        "reward": {"spec": 'column:rm_scores["first"]', "name": "first", "members": 0, "terms": []},
        "gold": {"spec": "column:labels", "name": "labels"},
        "gold_card": {
            "kind": "exact",
            "repeat_agreement": not_applicable("an exact check agrees with itself; nothing was judged twice"),
            "length_correlation": interval(-0.11, 0.04),
            "lineage": {"shared": "no", "why": "the gold is an exact check, not a model"},
        },
        "pool_card": {
            "source": "samples.jsonl",
            "digest": "3f1d" * 16,
            "generators": ["small-model-1"],
            "single_generator": True,
            "per_prompt": {"min": 100, "median": 100.0, "max": 100},
            "duplicates": 0.083,
            "ties": 0.021,
            "dropped": [{"reason": "no proxy score", "count": 7}],
            "cut_prompts": 0,
        },
        "n_prompts": 123,
        "ranking": ranking("pair_accuracy", 0.733),
        "curve": curve("falls"),
        "baselines": baselines(NS),
        "turning": {"set": [3, 4, 5, 6, 8, 10], "best": 5},
        "loss_beyond": interval(0.064, 0.03),
        "gain_given_back": interval(0.94, 0.28),
        "smallest_detectable": 0.031,
        "heterogeneity": {
            "rise": 0.24, "fall": 0.33, "flat": 0.43,
            "subsets": {name: curve(shape, seed=i, band=0.05) for i, (name, shape) in enumerate(shapes.items())},
        },
        "fits": {"bestofn": fits, "null": {"alpha": 0.081, "beta": 0.021, "rmse": 0.0118, "peak_n": 14.9}},
        "guards": {
            "uwo(0.5)": guard("holds", "HOLDS", "Gold at n = 100 is 0.300, at most 0.03 below its best.", 3),
            "wco": guard("flat", "CANNOT TELL", "Gold neither falls nor holds by this data.", 4),
            "clip(5.0)": not_applicable("a monotone guard on one score cannot change best-of-n"),
        },
        "disagreement": not_applicable("a single model has no members"),
        "probes": probes(),
        "attacks": attacks(),
        "counts": {
            "rows": 130, "samples": 13000, "scored": 12300, "bad_rows": 0, "subsample": 64, "extra_scores": 2944,
            "status": {"ok": 12300, "abstain": 700},
            "gold_status": {"ok": 13000},
        },
        "mistakes": mistakes(),
        "settings": {"seed": 0, "draws": 1000, "margin": 0.1, "level": 0.95, "n_max_rule": "shortest pool", "limit": None},
        "verdict": {"word": "FALLS", "sentence": f"FALLS. {sentence} Best-of-n from this pool; not a KL budget for training."},
    }


def holds() -> Result:
    """An ensemble whose gold holds, with pools of 256 and a model as gold."""
    ns = [1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181, 256]
    none = not_applicable("gold does not fall")
    lineage = {"shared": "unknown", "why": "column:labels does not say which model or people made it"}
    sentence = "HOLDS. Gold rises 0.213 to 0.311 and stays: a fall above 0.1 standard deviations is excluded."
    card = {"kind": "model", "repeat_agreement": interval(0.91, 0.03, 88), "length_correlation": interval(0.21, 0.06)}
    return falls() | {
        "reward": {"spec": "runs/rm5", "name": "rm5", "members": 5, "terms": []},
        "gold_card": card | {"lineage": lineage},
        "curve": curve("holds", ns=ns, seed=2, band=0.012),
        "baselines": baselines(ns),
        "turning": {"set": [64, 91, 128, 181, 256], "best": 256},
        "loss_beyond": none,
        "gain_given_back": none,
        "disagreement": {"members": 5, "rank_correlation": interval(0.62, 0.03), "picks_differ": interval(0.71, 0.08)},
        "guards": {"uwo(0.5)": guard("holds", "HOLDS", "No different from the raw reward.", 5)},
        "verdict": {"word": "HOLDS", "sentence": sentence},
    }


def cannot_tell() -> Result:
    """Too little data: wide bands, a set of n with a gap, a term of a sum."""
    return falls() | {
        "reward": {"spec": "sum:1*a.py,0.5*b.py", "name": "a + 0.5 b", "members": 0, "terms": ["a", "b"]},
        "n_prompts": 12,
        "curve": curve("flat", seed=7, band=0.12),
        "turning": {"set": [2, 3, 4, 8, 10, 13, 16, 20, 25, 32, 40, 50, 64, 80, 100], "best": 50},
        "loss_beyond": interval(0.03, 0.14, 12),
        "gain_given_back": not_applicable("the gain is not above zero on some resamples"),
        "smallest_detectable": 0.21,
        "verdict": {"word": "CANNOT TELL", "sentence": "CANNOT TELL. 12 prompts could have shown a fall of 0.21."},
    }


def pairs_only() -> Result:
    """Labelled pairs without gold."""
    none = not_applicable("no gold was given; name one with --gold")
    pair = mistakes(1, prompt=[{"role": "user", "content": "Is the moon a planet?"}])[0]
    sentence = "NO GOLD. The reward ranks 0.812 of 790 labelled pairs rightly."
    pool = {"per_prompt": {"min": 2, "median": 2.0, "max": 2}, "dropped": [], "generators": []}
    return falls() | dict.fromkeys(("gold", "gold_card", *NEEDS_GOLD), none) | {
        "reward": {"spec": "runs/rm", "name": "runs/rm", "members": 0, "terms": []},
        "n_prompts": 790,
        "ranking": ranking("accuracy", 0.812, 790) | {"subsets": {}},
        "guards": {"uwo": not_applicable("uwo needs the members of an ensemble; fit one with --members 5")},
        "pool_card": falls()["pool_card"] | pool,
        "counts": falls()["counts"] | {"gold_status": none},
        "mistakes": [pair | {"kind": "pair", "gold": not_applicable("the label of the pair is the gold")}],
        "verdict": {"word": "NO GOLD", "sentence": sentence},
    }  # fmt: skip


def several_generators() -> Result:
    """A pool of many systems: no KL axis, no guards, no texts."""
    ns = list(range(1, 23))
    hidden = dict.fromkeys(("prompt", "preferred", "better"), not_applicable("--no-texts"))
    return falls() | {
        "curve": curve("falls", ns=ns, seed=5, several=True),
        "baselines": baselines(ns),
        "turning": {"set": [4, 5, 6, 7], "best": 5},
        "fits": not_applicable("a pool of several generators has no KL to fit against"),
        "guards": {},
        "pool_card": falls()["pool_card"] | {"generators": [f"system-{i}" for i in ns], "single_generator": False},
        "mistakes": [one | hidden for one in mistakes()],
    }


def nothing_scored() -> Result:
    """Not one sample got a score."""
    none = not_applicable("no sample has a score")
    return falls() | dict.fromkeys(("gold_card", *NEEDS_GOLD), none) | {
        "n_prompts": 0,
        "ranking": {"metrics": {}, "annotators": none, "subsets": {}, "ties_rule": "none"},
        "guards": {},
        "probes": dict.fromkeys(probes(), none),
        "attacks": dict.fromkeys(attacks(), none),
        "counts": falls()["counts"] | {"scored": 0, "status": {"error": 8, "truncated": 2}, "subsample": 0},
        "mistakes": [],
        "verdict": {"word": "CANNOT TELL", "sentence": "CANNOT TELL. No sample has a score."},
    }  # fmt: skip


def long_pools() -> Result:
    """12,500 candidates a prompt and an estimate at every n."""
    ns = list(range(1, 12501))
    return falls() | {
        "curve": curve("falls", ns=ns),
        "baselines": baselines(ns),
        "turning": {"set": [*range(3, 12)], "best": 5},
    }


def many_mistakes() -> Result:
    """Forty long mistakes full of characters that have a meaning in HTML."""
    return falls() | {"mistakes": [one | {"preferred": "&" * 9000} for one in mistakes(40, prompt="<&>" * 3000)]}


KINDS = (falls, holds, cannot_tell, pairs_only, several_generators, nothing_scored, long_pools, many_mistakes)


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def result(request: pytest.FixtureRequest) -> Result:
    """Each kind of result in turn."""
    made = request.param()
    check_result(made)
    return made


@pytest.fixture
def made() -> dict[str, Callable[[], Result]]:
    """Results by name, for tests of one kind."""
    return {kind.__name__: kind for kind in KINDS}


@pytest.fixture
def run() -> Result:
    """What `run.json` holds."""
    return RUN
