"""A transformers checkpoint behind the same interface as the batching engine, so that it can be tested beside GGUFs.

It exists to be exact, not fast: one request at a time, each token of a choice scored by the model's own logits. For
long tests use the GGUF.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from stepladder.core.quiet import quiet_libraries
from stepladder.engine import plain
from stepladder.engine.requests import Completion, EngineError, Request, RequestError, Stats


class TransformersBackend:
    """Implements `Backend` for a folder that `AutoModelForCausalLM` loads; reads no files but its own.

    Raises EngineError when it does not load.
    """

    def __init__(self, folder: Path, context: int = 1024) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        quiet_libraries()
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            self._model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype="auto").eval()
        except (OSError, ValueError) as error:
            raise EngineError(f"transformers cannot load {folder}: {str(error).splitlines()[0]}") from error
        import torch

        if torch.cuda.is_available():
            self._model.to("cuda")
        elif self._model.dtype != torch.float32:
            self._model.float()  # most CPUs compute bfloat16 far slower, and less exactly
        self.name, self.context = folder.name, context
        self.template_arguments: Mapping[str, Any] = {}
        self.stats = Stats(sequences=1)

    # -- Backend ------------------------------------------------------------------------------------------------------

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Completion]:
        """One at a time, in order."""
        for request in requests:
            if request is None:
                break
            try:
                self.check(request)
            except RequestError as error:
                yield Completion.refused(error)
                continue
            started = time.monotonic()
            completion = self._complete(request, started)
            self.stats.seconds["total"] += time.monotonic() - started
            self.stats.completions += 1
            yield completion

    def render(self, messages: list[dict[str, str]], prefix: str = "") -> str:
        """By the tokenizer's own chat template."""
        prompt = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True,
                                                     **self.template_arguments)
        return prompt + plain.with_thought(prompt, None, prefix) if prefix else prompt

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, nothing added."""
        return len(self._tokenizer.encode(text, add_special_tokens=False))

    def warm(self, prompt: str) -> None:
        """Nothing: every prompt is computed anew here."""

    def check(self, request: Request) -> None:
        """Raise RequestError for what cannot be served: too long, a grammar, a deadline."""
        if request.grammar is not None or request.deadline is not None or request.thought_tokens is not None:
            raise RequestError(request.id, "grammars, deadlines and limits of thought need the batching engine")
        needed = len(self._ids(request.prompt)) + request.max_tokens
        if needed > self.context:
            raise RequestError(request.id, f"{needed} tokens do not fit a context of {self.context}")

    def close(self) -> None:
        """Let go of the weights."""
        self._model = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # -- the model ----------------------------------------------------------------------------------------------------

    def _ids(self, prompt: str | tuple[int, ...]) -> list[int]:
        """Token ids; a rendered prompt brings its own special tokens, so none are added."""
        return list(prompt) if isinstance(prompt, tuple) else self._tokenizer.encode(prompt, add_special_tokens=False)

    def choice_logprobs(self, prompt: str, choices: Iterable[str]) -> dict[str, float]:
        """Natural logarithms of the probabilities that each choice is what follows the prompt."""
        context = self._ids(prompt)
        first = self._log_softmax(context, 1)[0]
        found = {}
        for choice in choices:
            tokens = self._tokenizer.encode(choice, add_special_tokens=False)
            found[choice] = float(first[tokens[0]])
            if len(tokens) > 1:
                rest = self._log_softmax(context + tokens[:-1], len(tokens))[1:]
                found[choice] += float(sum(scores[token] for scores, token in zip(rest, tokens[1:], strict=True)))
        return found

    def _log_softmax(self, ids: list[int], last: int) -> Any:
        """Log-probabilities of what follows each of the last tokens: (last, vocabulary), float32."""
        import torch

        with torch.inference_mode():
            logits = self._model(torch.tensor([ids], device=self._model.device), logits_to_keep=last).logits[0]
        return torch.log_softmax(logits.float(), -1)

    def _complete(self, request: Request, started: float) -> Completion:
        ids = self._ids(request.prompt)
        self.stats.prompt_tokens += len(ids)
        if request.max_tokens == 0:
            before = time.monotonic()
            logs = self._chosen(self._tokenizer.decode(ids) if isinstance(request.prompt, tuple) else request.prompt,
                                request)
            self.stats.prompt_seconds += time.monotonic() - before
            return Completion(request.id, "", len(ids), 0, "length", logs, time.monotonic() - started)
        text, tokens, finish = self._write(ids, request)
        probabilities = None
        opening = plain.opened_thought(request.prompt) if isinstance(request.prompt, str) else ""
        if finish == "length" and request.closing is not None:
            text, finish = text + plain.end_of_thought(text, opening) + request.closing, "closed"
            probabilities = self._chosen(self._text(request) + text, request)
            if probabilities:
                text += max(probabilities, key=lambda choice: probabilities[choice])
        self.stats.tokens += tokens
        thinking, said = plain.split_thought(text, opening)
        return Completion(request.id, said, len(ids), tokens, finish, probabilities, time.monotonic() - started,
                          thinking=thinking)

    def _chosen(self, prompt: str, request: Request) -> dict[str, float] | None:
        if not request.choices:
            return None
        return {choice: math.exp(value) for choice, value in self.choice_logprobs(prompt, request.choices).items()}

    def _text(self, request: Request) -> str:
        return request.prompt if isinstance(request.prompt, str) else self._tokenizer.decode(request.prompt)

    def _write(self, ids: list[int], request: Request) -> tuple[str, int, Any]:
        import torch

        room = request.max_tokens
        if request.closing is not None:
            room = max(1, room - self.count_tokens(request.closing) - request.closing_tokens)
        sampling = request.sampling
        options: dict[str, Any] = {"do_sample": sampling.temperature > 0}
        if sampling.temperature > 0:
            torch.manual_seed(sampling.seed)
            options |= {"temperature": sampling.temperature, "top_k": sampling.top_k, "top_p": sampling.top_p,
                        "min_p": sampling.min_p or None}
        prompt = torch.tensor([ids], device=self._model.device)
        with torch.no_grad():
            out = self._model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=room,
                                       repetition_penalty=sampling.repeat_penalty, tokenizer=self._tokenizer,
                                       stop_strings=list(request.stop) or None,
                                       pad_token_id=self._tokenizer.eos_token_id, **options)[0, len(ids):].tolist()
        text = self._tokenizer.decode(out, skip_special_tokens=True)
        stopped = [text.index(stop) for stop in request.stop if stop in text]
        ended = out[-1] in self._ends() if out else True
        return (text[:min(stopped)] if stopped else text), len(out), "stop" if stopped or ended else "length"

    def _ends(self) -> set[int]:
        ends = self._model.generation_config.eos_token_id
        return set(ends) if isinstance(ends, list) else {ends, self._tokenizer.eos_token_id}
