"""The Ollama Modelfile of a merged student: its file, its chat template in Ollama's syntax, and how it was tested.

Ollama's templates are Go's, so what a model's own template (Jinja) writes around each role's text is found by rendering
a conversation with it, and written anew. A template with no such plain form (one that puts the system prompt into the
user's turn, say) is left to Ollama, which knows the common ones by the GGUF's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..engine import prompts
from ..engine.reply_forms import REASONING, ReplyForm

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ROLES = ("system", "user", "assistant")
_MARKS = {role: f"the {role}'s text" for role in ROLES}


@dataclass(frozen=True)
class Turns:
    """What a chat template writes before and after each role's text, by role."""

    before: dict[str, str]
    after: dict[str, str]

    def render(self, messages: list[dict[str, str]]) -> str:
        """A conversation, and the beginning of the reply."""
        return "".join(self.before[m["role"]] + m["content"] + self.after[m["role"]] for m in messages) + \
            self.before["assistant"]

    def as_go(self) -> str:
        """The same as a template of Ollama (Go's text/template)."""
        branches = "{{ else ".join(f'if eq .Role "{role}" }}}}{self.before[role]}{{{{ .Content }}}}{self.after[role]}'
                                   for role in ROLES)
        return f"{{{{ range .Messages }}}}{{{{ {branches}{{{{ end }}}}{{{{ end }}}}{self.before['assistant']}"


def turns(tokenizer: PreTrainedTokenizerBase, arguments: Mapping[str, Any] | None = None) -> Turns | None:
    """The plain form of a tokenizer's chat template; None where it has none.

    arguments: what the template is given beside the messages. A BOS token that the tokenizer adds by itself is left
    out: Ollama adds it too.
    """
    def render(*roles: str, reply: bool = False) -> str:
        return tokenizer.apply_chat_template([{"role": role, "content": _MARKS[role]} for role in roles],
                                             add_generation_prompt=reply, tokenize=False, **(arguments or {}))

    from jinja2 import TemplateError

    try:
        once, asked, replied = render(*ROLES[:2]), render(*ROLES[:2], reply=True), render(*ROLES)
        twice = render(*ROLES, "user", reply=True)
    except TemplateError:
        return None
    begin, middle, after_user = _between(once, *ROLES[:2])
    after_reply = replied.rpartition(_MARKS["assistant"])[2]
    before_user = twice.rpartition(_MARKS["assistant"])[2].partition(_MARKS["user"])[0].removeprefix(after_reply)
    before_reply = asked.removeprefix(once)
    bos = tokenizer.bos_token
    if bos and tokenizer("x")["input_ids"][:1] == [tokenizer.bos_token_id]:
        begin = begin.removeprefix(bos)
        asked, twice = asked.removeprefix(bos), twice.removeprefix(bos)
    found = Turns({"system": begin, "user": before_user, "assistant": before_reply},
                  {"system": middle.removesuffix(before_user), "user": after_user, "assistant": after_reply})
    return found if _writes(found, {ROLES[:2]: asked, (*ROLES, "user"): twice}) else None


def _between(text: str, *roles: str) -> tuple[str, str, str]:
    """`text` before, between and after the marks of two roles."""
    before, _, rest = text.partition(_MARKS[roles[0]])
    middle, _, after = rest.partition(_MARKS[roles[1]])
    return before, middle, after


def _writes(found: Turns, expected: dict[tuple[str, ...], str]) -> bool:
    """Whether the plain form writes what the chat template does, and nothing that Ollama would take for syntax."""
    pieces = "".join([*found.before.values(), *found.after.values()])
    return '"""' not in pieces and "{{" not in pieces and bool(found.before["assistant"]) and all(
        found.render([{"role": role, "content": _MARKS[role]} for role in roles]) == text
        for roles, text in expected.items())


def modelfile(file_name: str, tokenizer: PreTrainedTokenizerBase, form: ReplyForm = REASONING,
              arguments: Mapping[str, Any] | None = None) -> str:
    """Text of a Modelfile that lies beside `file_name`; settings are those that stage 05 tests the student with.

    form: what the student was trained to reply in. arguments: what its chat template was given.
    """
    plain = turns(tokenizer, arguments)
    lines = [f"FROM ./{file_name}", ""]
    if plain is None:
        lines += ["# Its chat template has no plain form: Ollama takes the one that it knows the GGUF's by.", ""]
        if arguments:
            told = ", ".join(f"{name} = {value}" for name, value in arguments.items())
            lines += [f"# It was trained with {told}: run it without thinking where Ollama has it think.", ""]
        stop = tokenizer.eos_token
    else:
        lines += [f'TEMPLATE """{plain.as_go()}"""', ""]
        stop = plain.after["assistant"].strip() or tokenizer.eos_token
    lines += [f'SYSTEM """{prompts.VARIANTS[form.variant].system}"""', "",
              f'PARAMETER stop "{stop}"', "PARAMETER temperature 0", "PARAMETER repeat_penalty 1", ""]
    return "\n".join(lines)
