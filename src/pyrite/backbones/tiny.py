"""Small networks with random weights, for tests, worlds and examples: real architectures of transformers, built at once.

Their tokenizer is one token a byte, so every text can be written and decoding gives it back. Weights depend on the seed alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from pyrite.backbones.load import Backbone
from pyrite.backbones.locate import quiet_transformers
from pyrite.errors import InputError
from pyrite.runtime.files import content_key

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""A plain chat template of the ChatML form."""

SPECIAL = ("<pad>", "<bos>", "<eos>", "<|im_start|>", "<|im_end|>")
"""The special tokens of the tiny tokenizer, ids 0 to 4; bytes follow."""

TASKS: Mapping[str, Mapping[str, str]] = {
    "causal": {"body": "AutoModel", "score": "AutoModelForSequenceClassification", "lm": "AutoModelForCausalLM"},
    "encoder": {"body": "AutoModel", "score": "AutoModelForSequenceClassification"},
}


def byte_tokenizer(
    kind: str = "causal",
    *,
    chat_template: str | None = None,
    max_length: int = 512,
    extra: Mapping[str, int] | None = None,
) -> Any:
    """A transformers tokenizer with one token a byte.

    Args:
        kind: "causal" writes <bos> before a text; "encoder" writes <bos> a <eos> b <eos> with token types 0 and 1.
        chat_template: Kept in the tokenizer.
        max_length: Its `model_max_length`.
        extra: More special tokens at ids of their own; the others fill the ids that are left.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = place_tokens((*SPECIAL, *letters), extra or {})
    core = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    single, pair = ("<bos> $A", None) if kind == "causal" else ("<bos> $A <eos>", "<bos> $A <eos> $B:1 <eos>:1")
    core.post_processor = processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=[("<bos>", vocab["<bos>"]), ("<eos>", vocab["<eos>"])]
    )
    names = ["input_ids", "attention_mask"] if kind == "causal" else ["input_ids", "token_type_ids", "attention_mask"]
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        additional_special_tokens=[*SPECIAL[3:], *(extra or {})],
        model_max_length=max_length,
        model_input_names=names,
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = chat_template
    return tokenizer


def place_tokens(tokens: Sequence[str], fixed: Mapping[str, int]) -> dict[str, int]:
    """Ids for tokens: the fixed ones where they want to be, the others in order from 0 wherever there is room."""
    taken = set(fixed.values())
    free = (i for i in itertools.count() if i not in taken)
    return {**{token: i for token, i in zip(tokens, free, strict=False) if token not in fixed}, **fixed}


def tiny_config(kind: str = "causal", *, model_type: str | None = None, **changes: Any) -> Any:
    """The configuration of a network of 2 layers and 32 features over the bytes.

    Args:
        kind: "causal" (Llama unless `model_type` says otherwise) or "encoder" (BERT).
        model_type: Any type that transformers knows, such as "qwen3", "gemma2" or "deberta-v2".
        **changes: Values that replace those chosen here.
    """
    from transformers import AutoConfig

    sizes = {
        "vocab_size": len(SPECIAL) + 256,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 512,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "num_labels": 1,
    }
    if kind == "causal":
        sizes |= {"num_key_value_heads": 2, "head_dim": 8}
    return AutoConfig.for_model(model_type or {"causal": "llama", "encoder": "bert"}[kind], **{**sizes, **changes})


def tiny_model(config: Any, task: str = "body", *, kind: str = "causal", seed: int = 0) -> Any:
    """A network with random weights that depend on the seed alone.

    Args:
        config: From `tiny_config`.
        task: "body", "score" (a sequence classifier) or "lm" (causal only).
        kind: "causal" or "encoder".
        seed: Of the weights.

    Raises:
        InputError: The kind has no such task.
    """
    import transformers

    if kind not in TASKS or task not in TASKS[kind]:
        raise InputError(
            f"There is no tiny {kind!r} network for {task!r}; there are { ({k: list(v) for k, v in TASKS.items()}) }."
        )
    with torch.random.fork_rng(devices=[]):  # transformers draws its own weights first; they are replaced below
        model = getattr(transformers, TASKS[kind][task]).from_config(config)
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0.0, 1.5 * parameter.shape[-1] ** -0.5, generator=rng)
    return model.eval()


def save_tiny(folder: Path | str, kind: str = "causal", task: str = "score", *, seed: int = 0, **options: Any) -> Path:
    """Write a tiny model and its tokenizer as transformers would.

    Args:
        folder: Made if it is not there.
        kind: "causal" or "encoder".
        task: As in `tiny_model`.
        seed: Of the weights.
        **options: `chat_template` goes to the tokenizer, everything else to `tiny_config`.
    """
    tokenizer = byte_tokenizer(kind, chat_template=options.pop("chat_template", None))
    model = tiny_model(tiny_config(kind, **options), task, kind=kind, seed=seed)
    with quiet_transformers():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return Path(folder)


def tiny_backbone(kind: str = "causal", *, seed: int = 0, chat_template: str | None = None, **options: Any) -> Backbone:
    """A tiny backbone in memory.

    Args:
        kind: "causal" (pooled at the last token) or "encoder" (pooled by the mean).
        seed: Of the weights.
        chat_template: Of the tokenizer.
        **options: Go to `tiny_config`.
    """
    config = tiny_config(kind, **options)
    return Backbone(
        model=tiny_model(config, "body", kind=kind, seed=seed).requires_grad_(False),
        tokenizer=byte_tokenizer(kind, chat_template=chat_template),
        kind=kind,
        pooling="last" if kind == "causal" else "mean",
        max_length=int(config.max_position_embeddings),
        hidden_size=int(config.hidden_size),
        spec=f"tiny:{kind}",
        digest=content_key("tiny", kind, seed, chat_template, config.to_dict()),
    )
