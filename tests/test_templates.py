"""Chat templates that think or do not: the same tokens in training, fast mode and engine, and what switches them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from thinking_templates import DEEPSEEK, PHI, QWEN3, QWEN35, TEMPLATES, Carrying
from training_models import make_llama, make_tokenizer, record

from stepladder.core.errors import InputError
from stepladder.engine import templates
from stepladder.engine.chat import chat_renderer
from stepladder.engine.reply_forms import FORMS, ReplyForm
from stepladder.training import data
from stepladder.verdict.transformers_backend import TransformersBackend

each_template = pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
each_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
EMPTY = "<think>\n\n</think>\n\n"
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2+2?"}]


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return {name: make_tokenizer(tmp_path_factory.mktemp(name), template) for name, template in TEMPLATES.items()}


def trained(tokenizer: Any, form: ReplyForm, arguments: dict[str, Any], number: int = 3) -> data.Example:
    (example,), _ = data.encode_all([record(number)], tokenizer, max_length=2000, form=form, arguments=arguments)
    return example


# -- the same tokens everywhere ---------------------------------------------------------------------------------------

@each_form
@pytest.mark.parametrize("name", TEMPLATES)
def test_training_fast_mode_and_engine_meet_the_same_tokens(tokenizers: dict[str, Any], name: str, form: ReplyForm
                                                            ) -> None:
    tokenizer = tokenizers[name]
    arguments = templates.arguments_for(TEMPLATES[name], thinking=False)
    render = chat_renderer(Carrying(TEMPLATES[name]), name)

    def ids(text: str) -> list[int]:
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    example = trained(tokenizer, form, arguments)
    prompt = list(example.ids[:example.prompt_length])
    assert ids(render(form.asked(record(3)), "", arguments)) == prompt
    begun = ids(render(form.asked(record(3)), form.opening, arguments))
    assert begun == [*prompt, *ids(form.opening)]
    live = tokenizer.decode(example.ids[example.prompt_length:])
    assert live.startswith(form.write("Two and two is four.", "D")), "what is learnt begins with the reply, no thought"
    messages, prefix = form.fast(record(3))
    assert ids(render(messages, prefix, arguments)) == [*ids(render(messages, "", arguments)), *ids(prefix)]
    if form.closing is None:  # its fast mode asks for the very token that was trained
        assert ids(render(messages, prefix, arguments)) == list(example.ids[:len(begun)])
        assert ids(" D") == [example.ids[len(begun)]]


def test_what_else_a_template_is_given_is_in_prompt_and_reply_alike(tmp_path: Path) -> None:
    template = "{{ effort | default('none') }}" + PHI
    example = trained(tokenizer := make_tokenizer(tmp_path, template), FORMS["reasoning"], {"effort": "low"})
    assert tokenizer.decode(example.ids).startswith("low<|im_start|>system")
    assert tokenizer.decode(example.ids[example.prompt_length:]).startswith("Two and two")


@each_template
def test_a_transformers_checkpoint_is_asked_as_the_engine_is(template: str, tmp_path: Path) -> None:
    folder = make_llama(tmp_path / "tiny", tokenizer=make_tokenizer(tmp_path / "tiny", template))
    render = chat_renderer(Carrying(template), "tiny")
    with TransformersBackend(folder) as backend:
        for thinking in (None, False, True):
            backend.template_arguments = templates.arguments_for(template, thinking=thinking)
            for prefix in ("", "Answer:"):
                assert backend.render(MESSAGES, prefix) == render(MESSAGES, prefix, backend.template_arguments)


@pytest.mark.model
@each_template
def test_training_and_llama_cpp_meet_the_same_tokens(small_model: Path, small_transformers: Path, template: str
                                                     ) -> None:
    from transformers import AutoTokenizer

    from stepladder.engine.backend import open_backend

    tokenizer = AutoTokenizer.from_pretrained(small_transformers)
    tokenizer.chat_template = template
    arguments = templates.arguments_for(template, thinking=False)
    with open_backend(small_model, sequences=1, context=512) as backend:
        backend._render, backend.template_arguments = chat_renderer(Carrying(template), "small"), arguments
        for form in FORMS.values():
            prompt = trained(tokenizer, form, arguments)
            asked = backend.tokenize(backend.render(form.asked(record(3)))).tolist()
            assert asked == list(prompt.ids[:prompt.prompt_length])


# -- prompts ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("template", "thinking", "end"), [
    (DEEPSEEK, None, "<|Assistant|></think>"), (DEEPSEEK, False, "<|Assistant|></think>"),
    (DEEPSEEK, True, "<|Assistant|><think>"),
    (PHI, None, "assistant<|im_sep|>"), (PHI, False, "assistant<|im_sep|>"), (PHI, True, "assistant<|im_sep|>"),
    (QWEN3, None, "assistant\n"), (QWEN3, False, f"assistant\n{EMPTY}"), (QWEN3, True, "assistant\n"),
    (QWEN35, None, "assistant\n<think>\n"), (QWEN35, False, f"assistant\n{EMPTY}"),
    (QWEN35, True, "assistant\n<think>\n")])
def test_a_template_is_told_to_think_or_not(template: str, thinking: bool | None, end: str) -> None:
    render = chat_renderer(Carrying(template), "tiny")
    assert render(MESSAGES, "", templates.arguments_for(template, thinking=thinking)).endswith(end)


@pytest.mark.parametrize(("template", "end"), [
    (DEEPSEEK, "<think></think>Answer:"), (PHI, "<|im_sep|>Answer:"), (QWEN3, "assistant\nAnswer:"),
    (QWEN35, f"{EMPTY}Answer:")])
def test_a_thought_that_the_template_opens_is_ended_before_a_prefix(template: str, end: str) -> None:
    render = chat_renderer(Carrying(template), "tiny")
    assert render(MESSAGES, "Answer:", templates.arguments_for(template, thinking=True)).endswith(end)


def test_a_template_that_opens_a_thought_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for template in (QWEN35, QWEN3, PHI):
            render = chat_renderer(Carrying(template), "tiny")
            render(MESSAGES)
            render(MESSAGES)
    assert [one.getMessage() for one in caplog.records] == [
        "tiny: its chat template opens a thought (<think>) in each reply"]


# -- switches ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("template", "names"), [
    (DEEPSEEK, ("enable_thinking", "thinking")), (PHI, ()), (QWEN3, ("enable_thinking",)),
    (QWEN35, ("enable_thinking",)), ("", ()), ("thinking {{ messages }} enable_thinking", ()),
    ("{{ 'thinking' }}{% if message.thinking %}{% endif %}{{ message['thinking'] }}", ()),
    ("{% if not thinking is defined %}{% endif %}", ("thinking",)), ("{{ rethinking }}{{ thinking_budget }}", ())])
def test_a_switch_is_what_the_code_of_a_template_reads(template: str, names: tuple[str, ...]) -> None:
    assert templates.switches(template) == names


def test_arguments_are_the_switches_and_what_is_set_beside_them() -> None:
    others = {"reasoning_effort": "low"}
    assert templates.arguments_for(QWEN3, others=others) == others
    assert templates.arguments_for(QWEN3, thinking=True, others=others) == {"enable_thinking": True, **others}
    assert templates.arguments_for(PHI, thinking=False) == {}
    assert templates.arguments_for(None, thinking=False) == {"enable_thinking": False, "thinking": False}
    assert templates.arguments_for(QWEN3, thinking=False, others={"enable_thinking": True}) == {"enable_thinking": True}
    with pytest.raises(InputError, match="messages is given to every template"):
        templates.arguments_for(QWEN3, others={"messages": "x"})


def test_what_cannot_be_switched_is_said() -> None:
    assert "knows no switch" in templates.remark(PHI, False)
    assert "chat_template_kwargs" in templates.remark(None, True)
    assert [templates.remark(*of) for of in ((PHI, None), (None, None), (QWEN3, True), (DEEPSEEK, False))] == [None] * 4
