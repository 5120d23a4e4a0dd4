"""Chat templates of our own in the shape of four families', as far as thoughts go, and weights that carry one.

    renderer = chat_renderer(Carrying(QWEN3), "tiny")
"""

from __future__ import annotations

# Thinks by `thinking` or `enable_thinking`, does not by default; the end of a thought stands before each reply.
DEEPSEEK = """\
{%- if thinking is not defined -%}{%- set thinking = enable_thinking | default(false) -%}{%- endif -%}
{{ bos_token }}
{%- for turn in messages if turn.role == 'system' -%}{{ turn.content }}{%- endfor -%}
{%- for turn in messages -%}
  {%- if turn.role == 'user' -%}{{ '<|User|>' + turn.content }}{%- endif -%}
  {%- if turn.role == 'assistant' -%}
    {{ '<|Assistant|></think>' + turn.content.split('</think>')[-1] + eos_token }}
  {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|Assistant|>' }}{{ '<think>' if thinking else '</think>' }}{%- endif -%}
"""

# Knows no thoughts.
PHI = """\
{%- for turn in messages -%}
  {{ '<|im_start|>' + turn.role + '<|im_sep|>' + turn.content + '<|im_end|>' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant<|im_sep|>' }}{%- endif -%}
"""

_QWEN = """\
{%- for turn in messages -%}
  {{ '<|im_start|>' + turn.role + '\\n' }}
  {%- if turn.role == 'assistant' and loop.last -%}
    {%- if turn.reasoning_content -%}{%- set thought = turn.reasoning_content -%}{%- endif -%}
    {{ '<think>\\n' + (thought | default('')) + '\\n</think>\\n\\n' }}
  {%- endif -%}
  {{ turn.content + '<|im_end|>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
  {{ '<|im_start|>assistant\\n' }}
  GENERATION
{%- endif -%}
"""
_NO_THOUGHT = "{%- if enable_thinking is defined and not enable_thinking -%}{{ '<think>\\n\\n</think>\\n\\n' }}"

# Leaves it to the model to think, unless `enable_thinking` is false; the last reply has a thought, be it an empty one.
QWEN3 = _QWEN.replace("GENERATION", _NO_THOUGHT + "{%- endif -%}")

# Opens a thought in each reply, unless `enable_thinking` is false.
QWEN35 = _QWEN.replace("GENERATION", _NO_THOUGHT + "{%- else -%}{{ '<think>\\n' }}{%- endif -%}")

TEMPLATES = {"deepseek": DEEPSEEK, "phi": PHI, "qwen3": QWEN3, "qwen3.5": QWEN35}


class Carrying:
    """Weights of which only the chat template is asked; `special_text` is a tokenizer's of tests/training_models.py."""

    def __init__(self, template: str | None) -> None:
        self.template = template

    def text_metadata(self, key: str) -> str | None:
        return self.template if key == "tokenizer.chat_template" else None

    def special_text(self, which: str) -> str:
        return {"bos": "<|im_start|>", "eos": "<|im_end|>"}[which]
