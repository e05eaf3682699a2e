"""Rendering: which ids and spans a sample becomes, and what is refused."""

from __future__ import annotations

import pytest

from pyrite.backbones import Renderer
from pyrite.backbones.tiny import CHATML, SPECIAL, byte_tokenizer
from pyrite.errors import InputError
from pyrite.types import Sample, Status

BOS, EOS, START, END = 1, 2, 3, 4


def plain(max_length: int = 512) -> Renderer:
    return Renderer(byte_tokenizer("causal"), "causal", max_length)


def chat(template: str = CHATML, max_length: int = 512) -> Renderer:
    return Renderer(byte_tokenizer("causal", chat_template=template), "causal", max_length)


def pairs(max_length: int = 512, **options: bool) -> Renderer:
    return Renderer(byte_tokenizer("encoder"), "encoder", max_length, **options)


def ids_of(renderer: Renderer, text: str) -> tuple[int, ...]:
    return tuple(renderer.tokenizer(text, add_special_tokens=False)["input_ids"])


def text_of(renderer: Renderer, rendered, name: str) -> str:
    return renderer.tokenizer.decode(rendered.ids[slice(*rendered.spans[name])])


def test_without_a_template_a_blank_line_joins_and_an_end_token_closes() -> None:
    renderer = plain()
    rendered = renderer.render(Sample("ab", "cde"))
    assert rendered.ids == (BOS, *ids_of(renderer, "ab\n\ncde"), EOS)
    assert rendered.spans == {"prompt": (1, 3), "completion": (5, 8), "last": (8, 9)}


def test_without_prompt_or_template_the_completion_stands_alone() -> None:
    renderer = plain()
    rendered = renderer.render(Sample("", "cde"))
    assert rendered.ids == (BOS, *ids_of(renderer, "cde"), EOS)
    assert rendered.spans["prompt"] == (0, 0) or rendered.spans["prompt"] == (1, 1)


def test_chat_template_gives_the_ids_that_transformers_gives() -> None:
    renderer = chat()
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    expected = renderer.tokenizer.apply_chat_template(turns, tokenize=True, return_dict=True)["input_ids"]
    rendered = renderer.render(Sample("Hi", "Hello"))
    assert rendered.ids == tuple(expected)
    assert (text_of(renderer, rendered, "prompt"), text_of(renderer, rendered, "completion")) == ("Hi", "Hello")


def test_chat_turns_and_a_string_read_the_same() -> None:
    turns = Sample([{"role": "user", "content": "Hi"}], [{"role": "assistant", "content": "Hello"}])
    for renderer in (chat(), plain(), pairs()):
        assert renderer.render(turns) == renderer.render(Sample("Hi", "Hello"))


def test_spans_are_places_not_searches() -> None:
    renderer = chat()
    rendered = renderer.render(Sample("yes yes yes", "yes"))
    start, end = rendered.spans["completion"]
    assert end - start == 3
    assert rendered.ids[end:] == (END, *ids_of(renderer, "\n"))


def test_several_turns_keep_their_scaffold_inside_the_span() -> None:
    renderer = chat()
    prompt = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    rendered = renderer.render(Sample(prompt, "c"))
    assert text_of(renderer, rendered, "prompt") == "s<|im_end|>\n<|im_start|>useru".replace("useru", "user\nu")
    assert text_of(renderer, rendered, "completion") == "c"


def test_a_completion_of_several_turns_is_one_span() -> None:
    renderer = chat()
    turns = [
        {"role": "assistant", "content": "a"},
        {"role": "user", "content": "b"},
        {"role": "assistant", "content": "c"},
    ]
    rendered = renderer.render(Sample("p", turns))
    whole = text_of(renderer, rendered, "completion")
    assert whole.startswith("a<|im_end|>")
    assert whole.endswith("assistant\nc")


def test_doubled_beginning_token_is_made_single() -> None:
    renderer = chat("{{ bos_token }}{{ bos_token }}" + CHATML)
    assert renderer.render(Sample("a", "b")).ids[:2] == (BOS, START)


def test_doubled_beginning_token_from_the_text_is_made_single() -> None:
    assert plain().render(Sample("<bos>a", "b")).ids[:2] == (BOS, ids_of(plain(), "a")[0])


def test_template_with_todays_date_gets_a_fixed_one() -> None:
    stamped = "{{ 'Today Date: ' + strftime_now('%d %b %Y') + '\n' }}" + CHATML
    renderer = chat(stamped)
    assert renderer.tokenizer.decode(renderer.render(Sample("a", "b")).ids).startswith("Today Date: 26 Jul 2024\n")


@pytest.mark.parametrize(("form", "date"), [("%Y-%m-%d", "2024-07-26"), ("%d %b %Y", "26 Jul 2024"), ("%A", "26 Jul 2024")])
def test_fixed_date_in_the_form_that_is_asked_for(form: str, date: str) -> None:
    renderer = chat("{{ strftime_now('" + form + "') }}" + CHATML)
    assert renderer.tokenizer.decode(renderer.render(Sample("a", "b")).ids).startswith(date)


def test_template_with_a_date_variable_gets_the_fixed_date() -> None:
    conditional = "{% if not date_string is defined %}{% set date_string = strftime_now('%Y') %}{% endif %}{{ date_string }}"
    for template in (conditional, conditional.replace("strftime_now('%Y')", "'1 Jan 1970'")):
        text = chat(template + CHATML).tokenizer.decode(chat(template + CHATML).render(Sample("a", "b")).ids)
        assert text.startswith(("26 Jul 2024", "2024"))


def test_template_that_trims_gives_the_trimmed_span() -> None:
    renderer = chat(CHATML.replace("message['content']", "message['content'] | trim"))
    rendered = renderer.render(Sample("  a ", " b\n"))
    assert (text_of(renderer, rendered, "prompt"), text_of(renderer, rendered, "completion")) == ("a", "b")


def test_template_that_rewrites_the_completion_gives_what_it_wrote() -> None:
    renderer = chat(CHATML.replace("message['content']", "message['content'].split('</think>')[-1]"))
    rendered = renderer.render(Sample("q", "<think>hm</think>answer"))
    assert text_of(renderer, rendered, "completion") == "answer"


def test_template_that_refuses_a_system_turn_makes_the_sample_invalid() -> None:
    picky = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system turns') }}{% endif %}" + CHATML
    prompt = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    good, bad = chat(picky).render_all([Sample("u", "c"), Sample(prompt, "c")])
    assert (good.status, bad.status) == (Status.OK, Status.INVALID)
    assert "no system turns" in bad.why


def test_model_trained_without_system_turns_refuses_them() -> None:
    renderer = Renderer(byte_tokenizer(chat_template=CHATML), "causal", 512, allows_system=False)
    bad = renderer.render(Sample([{"role": "system", "content": "s"}, {"role": "user", "content": "u"}], "c"))
    assert bad.status == Status.INVALID
    assert "system turn" in bad.why


def test_pinned_template_replaces_the_tokenizers_own() -> None:
    renderer = Renderer(
        byte_tokenizer(chat_template=CHATML), "causal", 512, "{% for m in messages %}{{ m.content }}|{% endfor %}"
    )
    assert renderer.tokenizer.decode(renderer.render(Sample("a", "b")).ids) == "a|b|"


@pytest.mark.parametrize("template", ["{% for %}", "{{ messages[0].content }}", "{{ raise_exception('never') }}"])
def test_template_that_cannot_write_an_answer_is_refused_at_once(template: str) -> None:
    with pytest.raises(InputError, match="chat template"):
        Renderer(byte_tokenizer(), "causal", 512, template)


def test_encoder_reads_a_pair_with_token_types() -> None:
    renderer = pairs()
    rendered = renderer.render(Sample("ab", "c"))
    a, b, c = ids_of(renderer, "abc")
    assert rendered.ids == (BOS, a, b, EOS, c, EOS)
    assert rendered.token_type_ids == (0, 0, 0, 0, 1, 1)
    assert rendered.spans == {"prompt": (1, 3), "completion": (4, 5), "last": (5, 6)}


def test_encoder_flattens_a_conversation() -> None:
    renderer = pairs()
    prompt = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]
    rendered = renderer.render(Sample(prompt, "d"))
    assert text_of(renderer, rendered, "prompt") == "user: a\n\nassistant: b\n\nuser: c"


@pytest.mark.parametrize("make", [plain, chat, pairs])
def test_empty_completion_is_valid_and_has_an_empty_span(make) -> None:
    renderer = make()
    rendered = renderer.render(Sample("ab", ""))
    start, end = rendered.spans["completion"]
    assert rendered.status == Status.OK
    assert start == end
    assert rendered.spans["prompt"][1] <= start < len(rendered.ids)


@pytest.mark.parametrize("make", [plain, chat, pairs])
def test_completion_is_never_cut(make) -> None:
    rendered = make(max_length=32).render(Sample("a", "b" * 40))
    assert rendered.status == Status.TRUNCATED
    assert rendered.ids == ()
    assert "40 tokens" in rendered.why
    assert "into 32" in rendered.why


@pytest.mark.parametrize("make", [plain, chat, pairs])
def test_long_prompt_loses_its_beginning_and_says_so(make) -> None:
    whole = make().render(Sample("0123456789" * 6, "end"))
    renderer = make(max_length=len(whole.ids) - 25)
    rendered = renderer.render(Sample("0123456789" * 6, "end"))
    assert rendered.cut_prompt
    assert not whole.cut_prompt
    assert len(rendered.ids) == renderer.max_length
    assert text_of(renderer, rendered, "completion") == "end"
    assert text_of(renderer, rendered, "prompt") == "56789" + "0123456789" * 3
    assert rendered.ids[:1] == whole.ids[:1]
    assert rendered.ids[-4:] == whole.ids[-4:]
    assert rendered.token_type_ids is None or len(rendered.token_type_ids) == len(rendered.ids)


@pytest.mark.parametrize(
    ("completion", "says"),
    [
        (3.5, "of type float"),
        (None, "of type NoneType"),
        (["text"], "expected role and content"),
        ([{"role": "assistant", "content": [{"type": "image"}]}], "not text"),
        ("\ud800", "half a Unicode character"),
    ],
)
def test_what_is_not_text_is_invalid(completion, says: str) -> None:
    for renderer in (plain(), chat(), pairs()):
        rendered = renderer.render(Sample("a", completion))
        assert rendered.status == Status.INVALID
        assert says in rendered.why


def test_bad_samples_do_not_disturb_their_neighbours() -> None:
    renderer = chat()
    alone = renderer.render(Sample("a", "b"))
    assert renderer.render_all([Sample("a", 1), Sample("a", "b"), Sample("a", None)])[1] == alone


def test_unknown_kind_and_template_for_an_encoder_are_refused() -> None:
    with pytest.raises(InputError, match="'causal' or 'encoder'"):
        Renderer(byte_tokenizer(), "decoder", 8)
    with pytest.raises(InputError, match="no place"):
        Renderer(byte_tokenizer("encoder"), "encoder", 8, CHATML)


def test_special_tokens_have_the_ids_these_tests_rely_on() -> None:
    tokenizer = byte_tokenizer()
    assert tokenizer.convert_tokens_to_ids(list(SPECIAL)) == [0, BOS, EOS, START, END]
