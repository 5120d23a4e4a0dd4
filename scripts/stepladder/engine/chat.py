"""Chat messages to a prompt by the model's own template, as the GGUF file carries it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Protocol

from .native import Weights
from .plain import opened_thought, with_thought
from .requests import EngineError

log = logging.getLogger(__name__)

TEMPLATE = "tokenizer.chat_template"
"""The field of a GGUF's header that holds its template."""


class Renderer(Protocol):
    """Messages, the reply's prefix and what else the template is given, to a prompt."""

    def __call__(self, messages: list[dict[str, str]], prefix: str = "",
                 arguments: Mapping[str, Any] | None = None) -> str: ...


def chat_renderer(weights: Weights, name: str) -> Renderer:
    """What renders chat messages by the template in `weights`.

    The generation prompt is added. A BOS token that the template writes is kept: the tokeniser side adds none
    where the text has one. A thought that the template opens is ended before a prefix. A model without a template
    raises EngineError when it is called, since completing plain text needs none.
    """
    template = weights.text_metadata(TEMPLATE)
    if template is None:

        def refuse(messages: list[dict[str, str]], prefix: str = "", arguments: Mapping[str, Any] | None = None) -> str:
            raise EngineError(f"{name} carries no chat template: give it plain prompts, or an instruct model")

        return refuse

    from jinja2 import TemplateError
    from llama_cpp.llama_chat_format import Jinja2ChatFormatter

    formatter = Jinja2ChatFormatter(
        template, eos_token=weights.special_text("eos"), bos_token=weights.special_text("bos")
    )

    told = False

    def render(messages: list[dict[str, str]], prefix: str = "", arguments: Mapping[str, Any] | None = None) -> str:
        nonlocal told
        try:
            prompt = formatter(messages=messages, **(arguments or {})).prompt
        except (TemplateError, ValueError) as error:  # templates refuse messages through raise_exception
            raise EngineError(f"the chat template of {name} refuses these messages: {error}") from error
        if not told and (opening := opened_thought(prompt)):
            told = True
            log.warning("%s: its chat template opens a thought (%s) in each reply", name, opening.strip())
        return prompt + with_thought(prompt, None, prefix) if prefix else prompt

    return render
