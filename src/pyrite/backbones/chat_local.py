"""Chat models on this machine: a causal language model of transformers, or vLLM.

transformers writes an answer token by token, or, where the choices are declared, reads their log-probabilities off one forward
pass of many questions at once. vLLM is written against its Python API and has not been run by our tests (`pyrite doctor`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from pyrite.backbones.chat import ChatAnswer, ChatCall, Keep, NoAnswer, Outcome, choice_log_probs
from pyrite.backbones.engine import Batch, collate, run_batches
from pyrite.backbones.generate import TransformersGenerator, prompt_ids
from pyrite.backbones.load import context_length, load_causal_lm, load_config_and_tokenizer, pad_id_of, read_template
from pyrite.backbones.locate import locate
from pyrite.backbones.prefixes import Sharing, shares
from pyrite.backbones.quantize import settle_quantize
from pyrite.backbones.readers import last_token, pool
from pyrite.backbones.render import Rendered
from pyrite.backbones.spans import output_layer
from pyrite.errors import InputError, MissingExtra, missing_extra
from pyrite.runtime.session import Session
from pyrite.types import Message, Status

Head = Callable[[Tensor], Tensor]
"""(P, D) last hidden states -> (P, V) logits."""


class LocalChat:
    """A causal language model of transformers as a chat model.

    Args:
        spec: `embedded:smollm2`, a folder or a hub id.
        session: Of the job; nothing is charged.
        loaded: (model, tokenizer) to use instead of loading `spec`.
        batch_tokens: Padded tokens a forward pass.
        chat_template: Jinja text, or a file with it, in place of the tokenizer's own.
        max_length: Longest question with its answer, in tokens; None is the model's own.
        **options: Of `load_causal_lm`: revision, dtype, device, trust_remote_code, quantize.
    """

    paid = False

    def __init__(
        self,
        spec: str,
        session: Session,
        *,
        loaded: tuple[Any, Any] | None = None,
        batch_tokens: int = 8192,
        chat_template: str | None = None,
        max_length: int | None = None,
        **options: Any,
    ) -> None:
        self.name, self.session = spec, session
        self._given, self._options = loaded, options
        self._batch_tokens, self._max_length = batch_tokens, max_length
        self._template = read_template(chat_template)

    def identity(self) -> Mapping[str, Any]:
        """Hash of the model's files, its dtype and template."""
        return self._identity

    @cached_property
    def _identity(self) -> Mapping[str, Any]:
        revision, dtype = self._options.get("revision"), self._options.get("dtype", "float32")
        if self._given is not None:
            digest = f"given {id(self._given[0])}"
        else:
            where = locate(self.name, revision=revision)
            config, _ = load_config_and_tokenizer(where, trust_remote_code=bool(self._options.get("trust_remote_code")))
            digest = where.digest(config, self._template)
        way = settle_quantize(self._options.get("quantize"))
        told = {"provider": "local", "model": digest, "dtype": dtype, "max_length": self._max_length}
        return told | ({"quantize": way} if way else {})

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        model, tokenizer = self._given or load_causal_lm(self.name, **self._options)
        if self._template is not None:
            tokenizer.chat_template = self._template
        return model, tokenizer

    @cached_property
    def _head(self) -> Head | None:
        """The output layer apart from the body; None where the model has none that is known."""
        model = self._loaded[0]
        try:
            return output_layer(model) if shares(model.base_model) else None
        except InputError:
            return None

    @cached_property
    def _context(self) -> int:
        model, tokenizer = self._loaded
        return context_length(model.config, tokenizer, self._max_length)

    def answer(self, calls: Sequence[ChatCall], keep: Keep) -> list[Outcome]:
        """One outcome a call, in order."""
        found: dict[int, Outcome] = {}
        ids = [prompt_ids(self._loaded[1], call.messages) for call in calls]
        for at, (call, row) in enumerate(zip(calls, ids, strict=True)):
            if len(row) + (1 if call.choices else call.max_tokens) > self._context:
                why = f"question and answer have up to {len(row) + call.max_tokens} tokens; the model takes {self._context}"
                found[at] = NoAnswer(Status.TRUNCATED, why)
        read = [at for at, call in enumerate(calls) if call.choices and at not in found]
        for choices in dict.fromkeys(calls[at].choices for at in read):
            some = [at for at in read if calls[at].choices == choices]
            found |= self._read_off(some, [ids[at] for at in some], choices, keep)
        for at, call in enumerate(calls):
            if at not in found:
                found[at] = answer = self._write(call, len(ids[at]))
                keep(at, answer)
        return [found[at] for at in range(len(calls))]

    def reply(self, messages: Sequence[Message], temperature: float, max_tokens: int, top: int = 0) -> ChatAnswer:
        """One answer, with the `top` likeliest first tokens where that is not 0; for servers.

        Raises:
            InputError: The question fills the model's context.
        """
        model, tokenizer = self._loaded
        call = ChatCall(tuple(messages), temperature, max_tokens=max_tokens)
        ids = prompt_ids(tokenizer, call.messages)
        answer = self._write(call, len(ids))
        if not top:
            return answer
        with torch.inference_mode():
            likeliest = next_log_probs(model, collate([Rendered(tuple(ids))], pad_id=0, device=model.device))[0].topk(top)
        words = tokenizer.batch_decode([[token] for token in likeliest.indices.tolist()], clean_up_tokenization_spaces=False)
        return replace(answer, top=tuple(zip(words, likeliest.values.tolist(), strict=True)))

    def _write(self, call: ChatCall, tokens_in: int) -> ChatAnswer:
        """One answer, token by token; it depends on the call alone."""
        writer = TransformersGenerator(
            self.name,
            temperature=call.temperature,
            top_p=call.top_p,
            max_new_tokens=call.max_tokens,
            stop=call.extra.get("stop") or (),
            loaded=self._loaded,
        )
        (one,) = writer.sample_chunk(call.messages, [call.repeat], seed=0)
        return ChatAnswer(one.text, "stop" if one.finished else "length", tokens_in, len(one.token_ids))

    def _read_off(
        self, at: Sequence[int], ids: Sequence[Sequence[int]], choices: tuple[str, ...], keep: Keep
    ) -> dict[int, Outcome]:
        """Log-probabilities of the choices as first tokens, by forward passes over many questions."""
        model, tokenizer = self._loaded
        tokens = self._choice_tokens(choices)
        wanted = torch.tensor([token for token, _ in tokens], device=model.device)
        found: dict[int, Outcome] = {}

        def forward(batch: Batch) -> Tensor:
            return next_log_probs(model, batch, self._head)[:, wanted].float().cpu()

        def on_batch(rows: tuple[int, ...], values: Tensor) -> None:
            for row, log_probs in zip(rows, values.tolist(), strict=True):
                top = tuple(zip((word for _, word in tokens), log_probs, strict=True))
                best = max(top, key=lambda one: one[1])[0]
                found[row] = answer = ChatAnswer(best, "stop", len(ids[row]), 1, top)
                keep(at[row], answer)

        rendered = [Rendered(tuple(row)) for row in ids]
        run_batches(
            rendered,
            forward,
            pad_id=pad_id_of(tokenizer),
            token_budget=self._batch_tokens,
            on_batch=on_batch,
            device=model.device,
            sharing=None if self._head is None else Sharing(model.base_model),
        )
        first = {row.ids: i for i, row in reversed(list(enumerate(rendered)))}
        return {at[i]: found[first[row.ids]] for i, row in enumerate(rendered)}

    def _choice_tokens(self, choices: tuple[str, ...]) -> list[tuple[int, str]]:
        """Every token of the vocabulary that begins one of the choices and no other.

        Raises:
            InputError: No token does so for one of them, whose probability can then not be read off.
        """
        tokenizer = self._loaded[1]
        words = tokenizer.batch_decode([[token] for token in range(len(tokenizer))], clean_up_tokenization_spaces=False)
        begun = [choice_log_probs([(word, 0.0)], choices) for word in words]
        lost = [repr(choice) for i, choice in enumerate(choices) if not any(found[i] for found in begun)]
        if lost:
            raise InputError(
                f"No token of {self.name} begins {' or '.join(lost)} and no other of the choices {', '.join(choices)}, so its "
                "probability cannot be read off. Choose words that begin unlike, or have the judge write its verdict."
            )
        return [(token, word) for token, (word, found) in enumerate(zip(words, begun, strict=True)) if any(found)]


def next_log_probs(model: Any, batch: Batch, head: Head | None = None) -> Tensor:
    """(B, V) natural log-probabilities of the token after each row.

    With a head, that runs once a row. Without, the model's own runs on every place at which some row ends: many times as often
    where rows are short and of many lengths, as those after a common beginning are.
    """
    if head is not None:
        hidden = model.base_model(**batch.inputs()).last_hidden_state
        return torch.log_softmax(head(pool(hidden, batch.attention_mask, "last")), dim=-1)
    last = last_token(batch.attention_mask)
    places = last.unique()
    logits = model(**batch.inputs(), logits_to_keep=places).logits
    rows = torch.arange(len(last), device=last.device)
    return torch.log_softmax(logits[rows, torch.searchsorted(places, last)].float(), dim=-1)


class VllmChat:
    """A chat model that vLLM runs in this process. Written against its Python API; not run by our tests.

    Args:
        spec: A folder or a hub id.
        session: Of the job; nothing is charged.
        **options: revision, dtype, trust_remote_code, max_length.

    Raises:
        InputError: Quantisation is asked for.
    """

    paid = False

    def __init__(self, spec: str, session: Session, **options: Any) -> None:
        if settle_quantize(options.get("quantize")):
            raise InputError(f"--quantize is for models of transformers; vLLM runs {spec} as its files are. Leave it out.")
        self.name, self.session = spec, session
        self._options = {key: options[key] for key in ("revision", "dtype", "trust_remote_code") if options.get(key)}
        self._options |= {"max_model_len": options["max_length"]} if options.get("max_length") else {}

    def identity(self) -> Mapping[str, Any]:
        """Model and how it is loaded."""
        return {"provider": "vllm", "model": self.name, **self._options}

    @cached_property
    def _engine(self) -> Any:
        try:
            from vllm import LLM  # pyright: ignore[reportMissingImports]
        except ImportError as absent:
            raise missing_vllm() from absent
        return LLM(model=self.name, seed=0, **self._options)

    def answer(self, calls: Sequence[ChatCall], keep: Keep) -> list[Outcome]:
        """One outcome a call, in order; vLLM batches them."""
        engine = self._engine
        from vllm import SamplingParams  # pyright: ignore[reportMissingImports]

        def sampling(call: ChatCall) -> Any:
            ways = {"temperature": call.temperature, "top_p": call.top_p, "max_tokens": call.max_tokens, "seed": call.repeat}
            return SamplingParams(**ways, logprobs=20 if call.choices else None)

        asked = [[dict(turn) for turn in call.messages] for call in calls]
        outputs = engine.chat(asked, [sampling(call) for call in calls], use_tqdm=False)
        answers: list[Outcome] = []
        for at, output in enumerate(outputs):
            said = output.outputs[0]
            answer = ChatAnswer(said.text, str(said.finish_reason), len(output.prompt_token_ids), len(said.token_ids))
            if said.logprobs:
                first = tuple((str(one.decoded_token), float(one.logprob)) for one in said.logprobs[0].values())
                answer = replace(answer, top=first)
            keep(at, answer)
            answers.append(answer)
        return answers


def missing_vllm() -> MissingExtra:
    """The error to raise where vLLM is absent."""
    return missing_extra("vllm:MODEL as a judge", "vllm", "vllm")
