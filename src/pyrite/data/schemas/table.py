"""Every format of public data that converts to Pyrite's rows: one row a format. The functions are in the files beside it.

A format is named by the user, never found out: many have the same columns and mean something else by them. Read next:
`parts.py` (what a row of this table is), `../convert.py` (files).
"""

from __future__ import annotations

from collections.abc import Iterable

from pyrite.data.schemas import graded, preferences, stepwise
from pyrite.data.schemas.parts import Schema
from pyrite.errors import UnknownName, close_names

TRL = "https://huggingface.co/docs/trl/dataset_formats"
HUB = "https://huggingface.co/datasets"
NEMO = "https://github.com/NVIDIA-NeMo/RL/blob/main/docs/guides/rm.md"
ALIGNER = "https://github.com/NVIDIA/NeMo-Aligner"
RLHFLOW = "https://github.com/RLHFlow/RLHF-Reward-Modeling"

SCHEMAS: dict[str, Schema] = {
    row.name: row
    for row in (
        Schema(
            "hh-rlhf",
            "Anthropic HH-RLHF",
            ("chosen", "rejected"),
            "pairs",
            preferences.hh_rlhf,
            f"{HUB}/Anthropic/hh-rlhf",
            "The two conversations are cut where they part; pairs that share no first turn are dropped.",
        ),
        Schema(
            "helpsteer",
            "HelpSteer",
            ("prompt", "response", *graded.HELPSTEER),
            "labelled",
            graded.helpsteer,
            f"{HUB}/nvidia/HelpSteer",
            "`score` is helpfulness; every attribute has a column.",
            graded.HELPSTEER,
            "helpfulness",
        ),
        Schema(
            "helpsteer2",
            "HelpSteer2",
            ("prompt", "response", *graded.HELPSTEER),
            "labelled",
            graded.helpsteer2,
            f"{HUB}/nvidia/HelpSteer2",
            "As helpsteer; prompts with `<extra_id_1>` become chat turns, so all rows are chat.",
            graded.HELPSTEER,
            "helpfulness",
        ),
        Schema(
            "helpsteer2-pairs",
            "HelpSteer2, the answers to a prompt together",
            ("prompt", "response", *graded.HELPSTEER),
            "pairs",
            graded.helpsteer2_pairs,
            f"{HUB}/nvidia/HelpSteer2",
            "The rows of helpsteer2; neighbours with the same prompt are answers to compare by `--grade`. Equal ratings are a "
            "tie, a prompt with one answer is dropped.",
            graded.HELPSTEER,
            "helpfulness",
            together="prompt",
        ),
        Schema(
            "helpsteer2-preference",
            "HelpSteer2, folder preference",
            ("prompt", "response_1", "response_2", "preference_strength"),
            "pairs",
            preferences.helpsteer2_preference,
            f"{HUB}/nvidia/HelpSteer2",
            "Strength 0 is a tie; `strength` is 1 to 3.",
        ),
        Schema(
            "helpsteer3",
            "HelpSteer3, preference",
            ("context", "response1", "response2", "overall_preference"),
            "pairs",
            preferences.helpsteer3,
            f"{HUB}/nvidia/HelpSteer3",
            "Preference 0 is a tie, where NeMo-RL makes both sides response 1; null is dropped.",
        ),
        Schema(
            "math-shepherd",
            "Math-Shepherd",
            ("input", "label"),
            "steps",
            stepwise.math_shepherd,
            f"{HUB}/peiyi9979/Math-Shepherd",
            "The problem ends where the text says `Step 1:`; rows that do not are dropped. Text after the last tag has no "
            "label and is left out.",
        ),
        Schema(
            "nectar",
            "Nectar",
            ("prompt", "answers"),
            "lists",
            graded.nectar,
            f"{HUB}/berkeley-nest/Nectar",
            "Equal ranks are ties; the prompt becomes chat turns.",
        ),
        Schema(
            "nemo",
            "NeMo-RL PreferenceDataset",
            ("context", "completions"),
            "lists",
            graded.nemo,
            NEMO,
            "The least rank is the best; equal ranks are ties.",
        ),
        Schema(
            "nemo-binary",
            "NeMo-RL BinaryPreferenceDataset",
            ("prompt", "chosen", "rejected"),
            "pairs",
            preferences.nemo_binary,
            NEMO,
            "Other key names: `--columns chosen=KEY`.",
        ),
        Schema(
            "nemo-aligner-dpo",
            "NeMo-Aligner DPO",
            ("prompt", "chosen_response", "rejected_response"),
            "pairs",
            preferences.nemo_aligner_dpo,
            f"{ALIGNER}/blob/main/docs/user-guide/dpo.rst",
            "`<extra_id_1>` marks become chat turns; rewards are kept as `chosen_score`, `rejected_score`.",
        ),
        Schema(
            "nemo-steerlm",
            "NeMo-Aligner SteerLM",
            ("conversations", "mask"),
            "labelled",
            graded.steerlm,
            f"{ALIGNER}/tree/main/examples/nlp/data/steerlm",
            "A row for each labelled turn, an attribute a column, -100 is missing; `score` only with `--grade`.",
            graded.STEERLM,
        ),
        Schema(
            "prm800k",
            "PRM800K, phases 1 and 2",
            ("question", "label"),
            "steps",
            stepwise.prm800k,
            "https://github.com/openai/prm800k",
            "A row for the labelled path and one for every alternative step; ratings 0 and 1 are true (TRL: only 1), "
            "`step_ratings` keeps them. Steps without a rating end the path; broken problems are dropped.",
        ),
        Schema(
            "rewardbench",
            "RewardBench",
            ("prompt", "chosen", "rejected", "subset"),
            "pairs",
            preferences.rewardbench,
            f"{HUB}/allenai/reward-bench",
        ),
        Schema(
            "rewardbench-2",
            "RewardBench 2",
            ("prompt", "chosen", "rejected", "num_correct"),
            "lists",
            graded.rewardbench_2,
            f"{HUB}/allenai/reward-bench-2",
            "Right answers are true, wrong ones false; two right ones are a tie.",
        ),
        Schema(
            "rlhflow",
            "RLHFlow standard preferences",
            ("chosen", "rejected"),
            "pairs",
            preferences.rlhflow,
            f"{RLHFLOW}/tree/main/bradley-terry-rm",
            "The two conversations are cut where they part.",
        ),
        Schema(
            "rlhflow-armorm",
            "RLHFlow multi-objective data (ArmoRM)",
            ("messages",),
            "labelled",
            graded.armorm,
            f"{HUB}/RLHFlow/ArmoRM-Multi-Objective-Data-v0.1",
            "A column for each objective that is not null; `score` only with `--grade`.",
            graded.ARMORM,
        ),
        Schema(
            "rlhflow-pairwise",
            "RLHFlow pairwise preference model",
            ("messages|conversations",),
            "pairs",
            preferences.rlhflow_pairwise,
            f"{RLHFLOW}/tree/main/pair-pm",
            "Answers that hold the mark of an answer cannot be told apart: dropped.",
        ),
        Schema(
            "rlhflow-prm",
            "RLHFlow process data",
            ("conversations",),
            "steps",
            stepwise.rlhflow_prm,
            f"{HUB}/RLHFlow/Mistral-PRM-Data",
            "The first turn is cut at `Step 1:`; rows without it (Deepseek data) are dropped, for a single space parts the "
            "problem from the first step there, as in RLHFlow's own `prm_evaluate.py`.",
        ),
        Schema(
            "shp",
            "Stanford Human Preferences, SHP-2",
            ("history", "human_ref_A", "human_ref_B", "labels"),
            "pairs",
            preferences.shp,
            f"{HUB}/stanfordnlp/SHP",
            "The label decides; `score_ratio` is kept, to filter by.",
        ),
        Schema(
            "trl-preference",
            "TRL preference",
            ("chosen", "rejected"),
            "pairs",
            preferences.trl_preference,
            TRL,
            "Prompt explicit or implicit, strings or chat; further columns stay.",
        ),
        Schema(
            "trl-stepwise",
            "TRL stepwise supervision",
            ("prompt", "completions", "labels"),
            "steps",
            stepwise.trl_stepwise,
            TRL,
            "A null label drops the row.",
        ),
        Schema(
            "trl-unpaired",
            "TRL unpaired preference",
            ("prompt", "completion", "label"),
            "labelled",
            graded.trl_unpaired,
            TRL,
            "A null label drops the row.",
        ),
        Schema(
            "ultrafeedback",
            "UltraFeedback",
            ("instruction", "completions"),
            "lists",
            graded.ultrafeedback,
            f"{HUB}/openbmb/UltraFeedback",
            '`scores` are overall_score, unless `--grade` names an aspect; a rating "N/A" leaves the completion out. The '
            "system prompt that each model got is not part of the prompt.",
            ("overall_score", "fine-grained_score", *graded.ULTRAFEEDBACK),
            "overall_score",
        ),
        Schema(
            "ultrafeedback-binarized",
            "UltraFeedback binarized (Zephyr, Argilla)",
            ("chosen", "rejected", "score_chosen|chosen-rating", "score_rejected|rejected-rating"),
            "pairs",
            preferences.ultrafeedback_binarized,
            f"{HUB}/HuggingFaceH4/ultrafeedback_binarized",
            "Equal scores are a tie.",
        ),
        Schema(
            "webgpt",
            "WebGPT comparisons",
            ("question", "answer_0", "answer_1", "score_0", "score_1"),
            "pairs",
            preferences.webgpt,
            f"{HUB}/openai/webgpt_comparisons",
            "Scores 0 and 0 are a tie; quotes are left out, their marks stay in the answers.",
        ),
    )
}
"""Name -> format, in the order of the names."""


def find_schema(name: str) -> Schema:
    """The format of that name.

    Raises:
        UnknownName: No such format; the message names close ones.
    """
    if name not in SCHEMAS:
        raise UnknownName(f"No format is named {name!r}.{close_names(name, SCHEMAS)} List all with: pyrite list formats.")
    return SCHEMAS[name]


def fitting(columns: Iterable[str]) -> list[str]:
    """The formats whose columns are all there. Which one a file is in, its columns alone cannot tell."""
    there = set(columns)
    return [row.name for row in SCHEMAS.values() if not row.lacks(there)]
