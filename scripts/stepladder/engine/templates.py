"""What a chat template is given beside the messages, above all whether the model is to think.

    arguments_for(template, thinking=False)     # {"enable_thinking": False}: only what this template knows

Hybrid models think or not by a switch of their template; which one, its source tells.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..core.errors import InputError

SWITCHES = ("enable_thinking", "thinking")
"""Variables by which templates are told to let the model think: Qwen's and others', DeepSeek's."""
OWN = ("messages", "add_generation_prompt", "continue_final_message", "bos_token", "eos_token", "tokenize",
       "chat_template")
"""What every rendering gives a template already."""
_CODE = re.compile(r"\{[{%].*?[}%]\}", re.DOTALL)
_TEXT = re.compile(r"'[^']*'|\"[^\"]*\"")


def switches(template: str) -> tuple[str, ...]:
    """Those of SWITCHES that a template's code reads."""
    code = " ".join(_TEXT.sub("''", found) for found in _CODE.findall(template))
    return tuple(name for name in SWITCHES if re.search(rf"(?<![\w.]){name}\b", code))


def arguments_for(template: str | None, *, thinking: bool | None = None, others: Mapping[str, Any] | None = None
                  ) -> dict[str, Any]:
    """What a template is given beside the messages; what `others` sets itself counts.

    template: its source; None where it is a server's own, which is told by every switch there is. thinking: None leaves
    it to the template. Raises InputError for what every template is given already.
    """
    others = dict(others or {})
    for name in OWN:
        if name in others:
            raise InputError(f"template_arguments: {name} is given to every template already")
    if thinking is None:
        return others
    known = SWITCHES if template is None else switches(template)
    return dict.fromkeys(known, thinking) | others


def remark(template: str | None, thinking: bool | None) -> str | None:
    """What the user must know of a template that is told to think or not; None where there is nothing."""
    if thinking is None or (template is not None and switches(template)):
        return None
    if template is None:
        return ("a server's template is told by chat_template_kwargs; one that does not know them ignores them, or "
                "refuses the requests")
    return f"its chat template knows no switch for thinking ({', '.join(SWITCHES)}), so it is asked as ever"
