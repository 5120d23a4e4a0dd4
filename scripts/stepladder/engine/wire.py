"""The OpenAI-compatible protocol: request bodies and replies, as pure functions."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from .requests import Request

TOP_TOKENS = 20  # what OpenAI, vLLM and llama-server all allow


class ChatPrompt(str):
    """A prompt whose template only the server knows: its messages, and the beginning of the reply.

    As a string it is readable, for journals. Adding text continues the reply's beginning.
    """

    messages: list[dict[str, str]]
    prefix: str

    def __new__(cls, messages: list[dict[str, str]], prefix: str = "") -> ChatPrompt:
        lines = [f"{message['role']}: {message['content']}" for message in messages]
        prompt = super().__new__(cls, "\n".join([*lines, f"assistant: {prefix}"]))
        prompt.messages, prompt.prefix = [dict(message) for message in messages], prefix
        return prompt

    def __add__(self, text: str) -> ChatPrompt:
        return ChatPrompt(self.messages, self.prefix + text)


@dataclass(frozen=True)
class Reply:
    """What a server answered; `top`: its most probable first tokens as (text, natural-log probability)."""

    text: str
    prompt_tokens: int
    tokens: int
    finish_reason: Literal["stop", "length"]
    top: list[tuple[str, float]] = field(default_factory=list)


def body_of(request: Request, model: str, written: str, max_tokens: int, *, top: bool) -> tuple[str, dict[str, Any]]:
    """Path and JSON body of the call that asks for `max_tokens` more after the prompt and `written`.

    Sampling fields beyond OpenAI's own are sent only where they differ from the defaults, since strict servers refuse
    what they do not know. With `top` the most probable next tokens are asked for, at temperature 1.
    """
    sampling = request.sampling
    body: dict[str, Any] = {"model": model, "max_tokens": max_tokens}
    if top:
        body["temperature"] = 1.0
    else:
        body |= {"temperature": sampling.temperature, "seed": sampling.seed}
        extras = {"top_p": (sampling.top_p, 1.0), "top_k": (sampling.top_k, 0), "min_p": (sampling.min_p, 0.0)}
        body |= {key: value for key, (value, default) in extras.items() if value != default}
        if sampling.repeat_penalty != 1.0:  # llama-server's name, and vLLM's and SGLang's
            body["repeat_penalty"] = body["repetition_penalty"] = sampling.repeat_penalty
        if request.stop:
            body["stop"] = list(request.stop)
        if request.grammar is not None:  # llama-server's name, and vLLM's
            body |= {"grammar": request.grammar, "structured_outputs": {"grammar": request.grammar}}
    if isinstance(request.prompt, ChatPrompt):
        return "/v1/chat/completions", body | _chat_fields(request.prompt, written, top=top)
    if isinstance(request.prompt, str):
        body["prompt"] = request.prompt + written
    else:
        body["prompt"] = list(request.prompt)
    if top:
        body["logprobs"] = TOP_TOKENS
    return "/v1/completions", body


def _chat_fields(prompt: ChatPrompt, written: str, *, top: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {"messages": list(prompt.messages)}
    begun = prompt.prefix + written
    if begun:  # llama-server continues a last assistant message by itself, vLLM and SGLang want to be told
        fields["messages"].append({"role": "assistant", "content": begun})
        fields |= {"continue_final_message": True, "add_generation_prompt": False}
    if top:
        fields |= {"logprobs": True, "top_logprobs": TOP_TOKENS}
    return fields


def parse_reply(data: dict[str, Any], *, top: bool = False) -> Reply:
    """A server's JSON, of either kind.

    Raises:
        KeyError, IndexError, TypeError: it lacks what every OpenAI-compatible reply has.
    """
    choice = data["choices"][0]
    text = choice["message"]["content"] if "message" in choice else choice["text"]
    usage = data.get("usage") or {}
    return Reply(
        text or "",
        usage.get("prompt_tokens", 0),
        usage.get("completion_tokens", 0),
        "length" if choice.get("finish_reason") == "length" else "stop",
        _top_tokens(choice.get("logprobs") or {}) if top else [],
    )


def _top_tokens(logprobs: dict[str, Any]) -> list[tuple[str, float]]:
    """First tokens of the chat form ("content") or of the older completions form ("top_logprobs")."""
    if logprobs.get("content"):
        return [(entry["token"], entry["logprob"]) for entry in logprobs["content"][0]["top_logprobs"]]
    if logprobs.get("top_logprobs"):
        return list(logprobs["top_logprobs"][0].items())
    return []


def first_tokens(reply: Reply) -> dict[str, float]:
    """Token text -> probability; of tokens with the same text the sum."""
    shares: dict[str, float] = {}
    for token, value in reply.top:
        shares[token] = shares.get(token, 0.0) + math.exp(value)
    return shares
