"""The OpenAI-compatible protocol: request bodies and replies, as pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from .plain import split_thought
from .requests import Request
from .templates import SWITCHES

TOP_TOKENS = 20  # what OpenAI, vLLM and llama-server all allow
OWN_TURN_TOKENS = 8
MOST_CUE = 60  # characters of a reply's last line that are quoted to a server which cannot continue it
THOUGHT_FIELDS = ("reasoning_content", "reasoning")  # of a reply, the older name first
THOUGHT_ENOUGH = "You have thought enough. Write your reply now."
NEUTRAL = {"top_p": 1.0, "min_p": 0.0, "repeat_penalty": 1.0, "repetition_penalty": 1.0}
FINISHED = {"stop": "stop", "eos_token": "stop", "stop_sequence": "stop", "length": "length", "max_tokens": "length"}


class ReplyRefused(ValueError):
    """The server ended the reply by a rule of its own (a filter, a tool call): asking again brings the same."""


class ChatPrompt(str):
    """A prompt whose template only the server knows: its messages, the beginning of the reply, and what the template is
    given beside them.

    As a string it is readable, for journals. Adding text continues the reply's beginning; a thought in it, in tags,
    goes to the server as such.
    """

    messages: list[dict[str, str]]
    prefix: str
    arguments: dict[str, Any]

    def __new__(cls, messages: list[dict[str, str]], prefix: str = "", arguments: Mapping[str, Any] | None = None
                ) -> ChatPrompt:
        lines = [f"{message['role']}: {message['content']}" for message in messages]
        prompt = super().__new__(cls, "\n".join([*lines, f"assistant: {prefix}"]))
        prompt.messages, prompt.prefix = [dict(message) for message in messages], prefix
        prompt.arguments = dict(arguments or {})
        return prompt

    def __add__(self, text: str) -> ChatPrompt:
        return ChatPrompt(self.messages, self.prefix + text, self.arguments)


@dataclass(frozen=True)
class Reply:
    """What a server answered.

    prompt_tokens, tokens: None where the server did not count them. top: its most probable first tokens as (text,
    natural-log probability). own_turn: it was asked in a turn of its own, instead of continuing what was written.
    thinking: what it thought beside the text, in a field of its own or in tags; None for nothing.
    """

    text: str
    prompt_tokens: int | None
    tokens: int | None
    finish_reason: Literal["stop", "length"]
    top: list[tuple[str, float]] = field(default_factory=list)
    own_turn: bool = False
    thinking: str | None = None


def continues_reply(request: Request, written: str) -> bool:
    """Whether the server has to continue an assistant message."""
    return isinstance(request.prompt, ChatPrompt) and bool(split_thought(request.prompt.prefix + written)[1])


def body_of(
    request: Request, model: str, written: str, max_tokens: int, *, top: bool, own_turn: bool = False,
    strict: bool = False
) -> tuple[str, dict[str, Any]]:
    """Path and JSON body of the call that asks for `max_tokens` more after the prompt and `written`.

    own_turn: for servers that refuse to continue a reply: what was written is the assistant's last message, and a user
    message asks for what follows.

    Sampling that is switched off is sent as such (`NEUTRAL`), since servers have defaults of their own: a repeat
    penalty of 1.1 (llama-cpp-python), what the model's generation_config.json says (vLLM). strict: for servers that
    refuse fields beyond OpenAI's own, only what is switched on. Top-k that is off has no value that all servers take.
    With `top` the most probable next tokens are asked for, at temperature 1.
    """
    sampling = request.sampling
    body: dict[str, Any] = {"model": model, "max_tokens": max_tokens}
    if top:
        body["temperature"] = 1.0
    else:
        body |= {"temperature": sampling.temperature, "seed": sampling.seed}
        chosen = {"top_p": sampling.top_p, "min_p": sampling.min_p, "repeat_penalty": sampling.repeat_penalty,
                  "repetition_penalty": sampling.repeat_penalty}  # llama-server's name, and vLLM's and SGLang's
        body |= {key: value for key, value in chosen.items() if value != NEUTRAL[key] or not strict}
        if sampling.top_k:
            body["top_k"] = sampling.top_k
        if request.stop:
            body["stop"] = list(request.stop)
        if request.grammar is not None:  # llama-server's name, and vLLM's
            body |= {"grammar": request.grammar, "structured_outputs": {"grammar": request.grammar}}
    if isinstance(request.prompt, ChatPrompt):
        if own_turn:  # room for a repeated cue
            body["max_tokens"] += OWN_TURN_TOKENS if not top else 0
        return "/v1/chat/completions", body | _chat_fields(request.prompt, written, top=top, own_turn=own_turn)
    if isinstance(request.prompt, str):
        body["prompt"] = request.prompt + written
    else:
        body["prompt"] = list(request.prompt)
    if top:
        body["logprobs"] = TOP_TOKENS
    return "/v1/completions", body


def _chat_fields(prompt: ChatPrompt, written: str, *, top: bool, own_turn: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {"messages": list(prompt.messages)}
    thought, begun = split_thought(prompt.prefix + written)
    arguments = prompt.arguments
    if thought or begun:  # what was to be thought is thought
        arguments = arguments | {name: False for name in SWITCHES if arguments.get(name) is True}
    if own_turn:
        fields["messages"] = _asking_on(prompt.messages, begun, thought)
    elif begun:  # llama-server continues a last assistant message by itself, vLLM and SGLang want to be told
        fields["messages"].append({"role": "assistant", "content": begun}
                                  | ({"reasoning_content": thought} if thought else {}))
        fields |= {"continue_final_message": True, "add_generation_prompt": False}
    elif thought:  # no server continues a message without content
        fields["messages"] += [{"role": "assistant", "content": thought}, {"role": "user", "content": THOUGHT_ENOUGH}]
    if arguments:
        fields["chat_template_kwargs"] = arguments
    if top:
        fields |= {"logprobs": True, "top_logprobs": TOP_TOKENS}
    return fields


def _cue(begun: str) -> tuple[str, str]:
    """(what the reply says so far, the beginning of its last line that is to be completed, such as "Answer:")."""
    said, _, cue = begun.rpartition("\n")
    return (begun, "") if len(cue) > MOST_CUE else (said, cue.strip())


def _asking_on(messages: Sequence[dict[str, str]], begun: str, thought: str | None = None) -> list[dict[str, str]]:
    said, cue = _cue(begun)
    said = "\n\n".join(part for part in (thought, said) if part)
    ask = f'Go on right after "{cue}": write only what follows it.' if cue else "Go on where your reply stopped."
    if said.strip():
        return [*messages, {"role": "assistant", "content": said}, {"role": "user", "content": ask}]
    last = messages[-1]  # two user turns in a row are refused by many templates
    return [*messages[:-1], {**last, "content": f"{last['content']}\n\n{ask}"}]


def continuation(text: str, begun: str) -> str:
    """A reply of its own turn as the continuation of `begun`: without the cue, where it was repeated."""
    _, cue = _cue(begun)
    rest = text.lstrip(" \n*")
    if cue and rest.startswith(cue):
        rest = rest[len(cue) :].lstrip(" \n*")
    return rest if not rest or begun.endswith((" ", "\n")) else f" {rest}"


def parse_reply(data: dict[str, Any], *, top: bool = False) -> Reply:
    """A server's JSON, of either kind. With `top` the text does not matter.

    Raises:
        ReplyRefused: the server ended it by a rule of its own.
        ValueError: it was aborted, has no finish reason or no text.
        KeyError, IndexError, TypeError, AttributeError: it lacks what every OpenAI-compatible reply has.
    """
    choice = data["choices"][0]
    reason = choice.get("finish_reason")
    if reason in ("content_filter", "tool_calls", "function_call"):
        raise ReplyRefused(f"the server ended the reply with finish_reason {reason!r}")
    if not isinstance(reason, str) or reason not in FINISHED:
        raise ValueError(f"finish_reason {reason!r}")
    message = choice.get("message", choice)
    text = message["content" if "message" in choice else "text"]
    thinking = next((found for name in THOUGHT_FIELDS if (found := message.get(name)) and isinstance(found, str)), None)
    if text is None and (top or thinking):
        text = ""  # all of it was thought
    if not isinstance(text, str):
        raise ValueError(f"its text is {text!r}")
    if thinking is None:
        thinking, text = split_thought(text)
    usage = data.get("usage") or {}
    return Reply(
        text,
        _count(usage.get("prompt_tokens")),
        _count(usage.get("completion_tokens")),
        FINISHED[reason],
        _top_tokens(choice.get("logprobs") or {}) if top else [],
        thinking=thinking,
    )


def estimated_tokens(text: str) -> int:
    """Four bytes a token: the vocabulary is the server's."""
    return -(-len(text.encode()) // 4)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None


def _top_tokens(logprobs: dict[str, Any]) -> list[tuple[str, float]]:
    """First tokens of the chat form ("content") or of the older completions form ("top_logprobs")."""
    pairs: list[tuple[str, float]] = []
    if logprobs.get("content"):
        pairs = [(entry["token"], entry["logprob"]) for entry in logprobs["content"][0]["top_logprobs"]]
    elif logprobs.get("top_logprobs"):
        pairs = list(logprobs["top_logprobs"][0].items())
    if any(not isinstance(token, str) or math.isnan(value) for token, value in pairs):
        raise ValueError("its logprobs are not numbers")
    return [(token, min(0.0, value)) for token, value in pairs]


def first_tokens(reply: Reply) -> dict[str, float]:
    """Token text -> probability; of tokens with the same text the sum."""
    shares: dict[str, float] = {}
    for token, value in reply.top:
        shares[token] = shares.get(token, 0.0) + math.exp(value)
    return shares


def whole_tokens(reply: Reply, choices: Sequence[str]) -> dict[str, float] | None:
    """The choices' probabilities at the start of a turn of its own, where no space comes before the first word.

    None where a choice is longer than a token: what follows the first one cannot be asked there.
    """
    shares: dict[str, float] = {}
    for token, share in first_tokens(reply).items():
        shares[token.strip()] = shares.get(token.strip(), 0.0) + share
    words = [choice.strip() for choice in choices]
    if any(word not in shares and any(token and word.startswith(token) for token in shares) for word in words):
        return None
    return {choice: shares.get(word, 0.0) for choice, word in zip(choices, words, strict=True)}
