"""Public reward models, as rows of data: which class loads them, how they are read, and what their tokenizer must look like.

A new model is a new row here, not a new class. A row is found by the hub id, or by the name of a folder that holds a copy.
Every row says where its facts come from; texts are written with the tokenizer's own chat template.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from pyrite.errors import InputError
from pyrite.rewards.folders import LoadOptions
from pyrite.rewards.scalar import Form, ScalarReward, first_vocabulary_logit, load_scalar

LLAMA_3 = {"<|begin_of_text|>": 128000, "<|start_header_id|>": 128006, "<|eot_id|>": 128009}
QWEN_3 = {"<|endoftext|>": 151643, "<|im_start|>": 151644, "<|im_end|>": 151645}
GEMMA_2 = {"<bos>": 2, "<start_of_turn>": 106, "<end_of_turn>": 107}
DEBERTA_3 = {"[PAD]": 0, "[CLS]": 1, "[SEP]": 2}
EAGER = {"attn_implementation": "eager"}
"""Gemma 2 bounds its attention logits, which the fused kernels leave out."""


@dataclass(frozen=True)
class Checkpoint:
    """What is known about a family of public reward models.

    Attributes:
        key: Short name, unique.
        pattern: Regular expression for the last part of the hub id or of the folder.
        form: Class, read-off, asserted tokens, documented length, and whether it was trained with system turns.
        dtype: In which it was published; the default where nothing else is asked for.
        trust_remote_code: Whether it cannot be loaded without the code beside its weights.
        source: Where these facts can be checked.
        note: What a user should know about the numbers.
    """

    key: str
    pattern: str
    form: Form
    source: str
    dtype: str = "bfloat16"
    trust_remote_code: bool = False
    note: str = ""


CHECKPOINTS: tuple[Checkpoint, ...] = (
    Checkpoint(
        key="skywork_v2_qwen3",
        pattern=r"Skywork-Reward-V2-Qwen3-.+",
        form=Form(token_ids=QWEN_3, max_length=16_384, allows_system=False),
        source="https://huggingface.co/Skywork/Skywork-Reward-V2-Qwen3-0.6B",
    ),
    Checkpoint(
        key="skywork_v2_llama3",
        pattern=r"Skywork-Reward-V2-Llama-3\.[12]-.+",
        form=Form(token_ids=LLAMA_3, max_length=16_384, allows_system=False),
        source="https://huggingface.co/Skywork/Skywork-Reward-V2-Llama-3.1-8B",
    ),
    Checkpoint(
        key="skywork_llama3",
        pattern=r"Skywork-Reward-Llama-3\.1-8B(-v0\.2)?",
        form=Form(token_ids=LLAMA_3, max_length=4_096, allows_system=False),
        source="https://huggingface.co/Skywork/Skywork-Reward-Llama-3.1-8B-v0.2",
    ),
    Checkpoint(
        key="skywork_gemma2",
        pattern=r"Skywork-Reward-Gemma-2-27B(-v0\.2)?",
        form=Form(token_ids=GEMMA_2, load_options=EAGER, max_length=4_096, allows_system=False),
        source="https://huggingface.co/Skywork/Skywork-Reward-Gemma-2-27B-v0.2",
    ),
    Checkpoint(
        key="openassistant_deberta",
        pattern=r"reward-model-deberta-v3-(base|large|large-v2)",
        form=Form(token_ids=DEBERTA_3, max_length=512),
        dtype="float32",
        source="https://huggingface.co/OpenAssistant/reward-model-deberta-v3-large-v2",
        note="Reads the pair (question, answer); 435 M weights, so it runs on a CPU.",
    ),
    Checkpoint(
        key="nemotron_70b",
        pattern=r"Llama-3\.1-Nemotron-70B-Reward-HF",
        form=Form(auto_class="AutoModelForCausalLM", read=first_vocabulary_logit, token_ids=LLAMA_3, max_length=4_096),
        source="https://huggingface.co/nvidia/Llama-3.1-Nemotron-70B-Reward-HF",
        note="Scores are mostly negative, and comparable within one prompt only.",
    ),
    Checkpoint(
        key="grm_ft_gemma2",
        pattern=r"GRM-[Gg]emma2-2B-rewardmodel-ft",
        form=Form(token_ids=GEMMA_2, load_options=EAGER, max_length=4_096),
        source="https://huggingface.co/Ray2333/GRM-gemma2-2B-rewardmodel-ft",
    ),
    Checkpoint(
        key="grm_ft_llama3",
        pattern=r"GRM-[Ll]lama-?3(\.[12])?-?(3B|8B)-rewardmodel-ft",
        form=Form(token_ids=LLAMA_3, max_length=4_096),
        source="https://huggingface.co/Ray2333/GRM-Llama3.2-3B-rewardmodel-ft",
    ),
)
"""The rows, in the order they are tried."""


def find_checkpoint(spec: str) -> Checkpoint | None:
    """The row for a hub id, or for a folder that is named like one; None where the model is not known."""
    name = Path(spec).name
    return next((row for row in CHECKPOINTS if re.fullmatch(row.pattern, name)), None)


def load_checkpoint(spec: str, options: LoadOptions) -> ScalarReward:
    """A reward model from a folder or the hub: as its row says, or as a plain sequence classifier where there is no row.

    Raises:
        CheckpointError: The tokenizer is not the one the row asserts (before any weight is loaded), or the files hold no
            reward model.
        InputError: The model needs its own code, and `trust_remote_code` is off.
    """
    row = find_checkpoint(spec)
    if row is None:
        return load_scalar(spec, options)
    if row.trust_remote_code and not options.trust_remote_code:
        raise InputError(f"{spec} runs only with the Python code beside its weights; read it, then add --trust-remote-code.")
    return load_scalar(spec, replace(options, dtype=options.dtype or row.dtype), form=row.form)
