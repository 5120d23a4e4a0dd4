"""How next tokens are drawn from logits, and how probable chosen texts are.

Greedy choice is an argmax over numpy memory; everything else goes through llama.cpp's native samplers, one
chain and one seed a request.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from .native import Context, Weights, last_log
from .requests import RequestError, Sampling

Logits = npt.NDArray[np.float32]
PENALTY_WINDOW = 64  # llama.cpp's default

_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])


def is_plain_greedy(sampling: Sampling) -> bool:
    """Whether the next token is simply the most probable one."""
    return sampling.temperature <= 0 and sampling.repeat_penalty == 1.0


class Sampler:
    """One request's chain of native samplers with its own random state; free it with `close`."""

    def __init__(self, weights: Weights, sampling: Sampling, grammar: str | None, request_id: str) -> None:
        llama = self._llama = weights._llama
        self._weights = weights
        self._grammar = None
        if grammar is not None:
            self._grammar = llama.llama_sampler_init_grammar(weights.vocab, grammar.encode(), b"root")
            if not self._grammar:
                raise RequestError(request_id, f"its grammar does not parse{last_log()}")
        chain = self._chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())

        def add(sampler: object) -> None:
            llama.llama_sampler_chain_add(chain, sampler)

        if sampling.repeat_penalty != 1.0:
            size = weights.vocab_size
            add(llama.llama_sampler_init_penalties(size, PENALTY_WINDOW, sampling.repeat_penalty, 0.0, 0.0))
        if sampling.temperature <= 0:
            add(llama.llama_sampler_init_greedy())
            return
        if sampling.top_k > 0:
            add(llama.llama_sampler_init_top_k(sampling.top_k))
        if sampling.top_p < 1:
            add(llama.llama_sampler_init_top_p(sampling.top_p, 1))
        if sampling.min_p > 0:
            add(llama.llama_sampler_init_min_p(sampling.min_p, 1))
        add(llama.llama_sampler_init_temp(sampling.temperature))
        add(llama.llama_sampler_init_dist(sampling.seed & 0x7FFFFFFF))

    def close(self) -> None:
        if self._chain:
            self._llama.llama_sampler_free(self._chain)
            if self._grammar:
                self._llama.llama_sampler_free(self._grammar)
            self._chain = self._grammar = None

    def draw(self, context: Context, index: int, logits: Logits) -> int:
        """The next token after the batch's token `index`, whose logits are given: (vocabulary,)."""
        if self._grammar is None:
            return self._llama.llama_sampler_sample(self._chain, context.ctx, index)
        token = self._pick(_candidates(logits))
        if not self._allowed(token):  # then draw again from what the grammar allows, as llama.cpp itself does
            candidates = _candidates(logits)
            self._apply(self._grammar, candidates)
            token = self._pick(candidates)
        self._llama.llama_sampler_accept(self._grammar, token)
        self._llama.llama_sampler_accept(self._chain, token)
        return token

    def accept(self, tokens: Sequence[int]) -> None:
        """Tell the chain (its repeat penalty) of tokens that were forced."""
        for token in tokens:
            self._llama.llama_sampler_accept(self._chain, int(token))

    def _pick(self, candidates: npt.NDArray) -> int:
        array = self._apply(self._chain, candidates)
        return array.data[array.selected].id

    def _allowed(self, token: int) -> bool:
        single = np.array([(token, 1.0, 0.0)], _CANDIDATE)
        self._apply(self._grammar, single)
        return bool(np.isfinite(single["logit"][0]))

    def _apply(self, sampler: object, candidates: npt.NDArray) -> ctypes.Structure:
        llama = self._llama
        data = ctypes.cast(candidates.ctypes.data, llama.llama_token_data_p)
        array = llama.llama_token_data_array(data=data, size=len(candidates), selected=-1, sorted=False)
        llama.llama_sampler_apply(sampler, ctypes.byref(array))
        return array


def _candidates(logits: Logits) -> npt.NDArray:
    candidates = np.zeros(len(logits), _CANDIDATE)
    candidates["id"] = np.arange(len(logits), dtype=np.int32)
    candidates["logit"] = logits
    return candidates


def log_softmax_at(logits: Logits, tokens: Sequence[int]) -> list[float]:
    """Natural-log probabilities of `tokens` under `logits`: (vocabulary,), normalised in double precision."""
    top = float(logits.max())
    total = top + float(np.log(np.exp(logits - top, dtype=np.float64).sum()))
    return [float(logits[token]) - total for token in tokens]


class ChoiceScorer:
    """Probabilities of several token sequences from as few extra tokens as possible.

    The sequences form a tree. The logits at its root are there anyway; `paths` are the token runs that must be
    computed after the root, each alone, so that every inner node of the tree has been visited once: none for
    choices of one token each, one run for " 1" to " 10" spelt in digits.
    """

    def __init__(self, choices: Mapping[str, Sequence[int]]) -> None:
        self.choices = {text: tuple(int(token) for token in tokens) for text, tokens in choices.items()}
        self._next: dict[tuple[int, ...], set[int]] = {}
        for tokens in self.choices.values():
            for depth, token in enumerate(tokens):
                self._next.setdefault(tokens[:depth], set()).add(token)
        inner = set(self._next)
        self.paths = sorted(
            node for node in inner if node and not any(other[: len(node)] == node for other in inner - {node})
        )
        self._seen: dict[tuple[int, ...], float] = {}

    def observe(self, node: tuple[int, ...], logits: Logits) -> None:
        """Take the logits that follow the tokens of `node` (the root is the empty tuple)."""
        tokens = sorted(self._next[node])
        for token, value in zip(tokens, log_softmax_at(logits, tokens), strict=True):
            self._seen[(*node, token)] = value

    def probabilities(self) -> dict[str, float]:
        """Choice -> product of its tokens' probabilities, once the root and all paths have been observed."""
        return {
            text: float(np.exp(sum(self._seen[tokens[: depth + 1]] for depth in range(len(tokens)))))
            for text, tokens in self.choices.items()
        }
