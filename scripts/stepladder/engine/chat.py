"""Chat messages to a prompt by the model's own template, as the GGUF file carries it."""

from __future__ import annotations

from collections.abc import Callable

from .native import Weights
from .requests import EngineError


def chat_renderer(weights: Weights, name: str) -> Callable[[list[dict[str, str]], str], str]:
    """A function of messages and the reply's prefix, for the template in `weights`.

    The generation prompt is added. A BOS token that the template writes is kept: the tokeniser side adds none
    where the text has one. A model without a template raises EngineError when the function is called, since
    completing plain text needs none.
    """
    template = weights.text_metadata("tokenizer.chat_template")
    if template is None:

        def refuse(messages: list[dict[str, str]], prefix: str = "") -> str:
            raise EngineError(f"{name} carries no chat template: give it plain prompts, or an instruct model")

        return refuse

    from jinja2 import TemplateError
    from llama_cpp.llama_chat_format import Jinja2ChatFormatter

    formatter = Jinja2ChatFormatter(
        template, eos_token=weights.special_text("eos"), bos_token=weights.special_text("bos")
    )

    def render(messages: list[dict[str, str]], prefix: str = "") -> str:
        try:
            return formatter(messages=messages).prompt + prefix
        except (TemplateError, ValueError) as error:  # templates refuse messages through raise_exception
            raise EngineError(f"the chat template of {name} refuses these messages: {error}") from error

    return render
