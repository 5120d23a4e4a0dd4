"""Thoughts in every shape: split from the reply, ended in the tags they were opened with, within their tokens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.engine import extract, plain
from stepladder.engine.jobs import TAG_TOKENS, Job
from stepladder.engine.requests import Completion, Request

CHANNELS = "<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>final<|message|>{}"
SHAPES = {"tags": "<think>{}</think>{}", "lines": "<think>\n{}\n</think>\n\n{}", "brackets": "[THINK]{}[/THINK]{}",
          "seed": "<seed:think>{}</seed:think>{}", "kimi": "◁think▷{}◁/think▷{}", "channels": CHANNELS,
          "bare channels": "analysis {}assistantfinal{}",
          "marks": "<|begin_of_thought|>\n{}\n<|end_of_thought|>\n\n{}", "thinking": "<thinking>{}</thinking>\n{}"}
plain_text = st.text("ab cd.é\nQ:", max_size=30)


@given(plain_text, plain_text)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_thought_is_split_from_the_reply(shape: str, thought: str, reply: str) -> None:
    whole = shape.format(thought, reply)
    assert plain.split_thought(whole) == (thought.strip() or None, reply.lstrip("\n"))
    assert plain.spoken(plain.split_thought(whole)[1]) == plain.spoken(whole)


@given(plain_text, plain_text)
@pytest.mark.parametrize("shape", [shape for name, shape in SHAPES.items() if name != "bare channels"])
def test_a_thought_that_is_cut_anywhere_is_ended_in_its_own_tags(shape: str, thought: str, reply: str) -> None:
    whole = shape.format(thought, "")
    opened = whole.index(thought, len(shape.partition("{}")[0])) if thought else len(shape.partition("{}")[0])
    for cut in {opened + len(thought), opened + len(thought) // 2}:
        begun = whole[:cut]
        end = plain.end_of_thought(begun)
        assert end.strip() in whole
        assert plain.split_thought(begun) == (thought[:cut - opened].strip() or None, "")
        assert plain.split_thought(begun + end + reply) == (thought[:cut - opened].strip() or None, reply.lstrip("\n"))
    assert plain.end_of_thought(whole) == ""


@given(st.text(max_size=60) | plain_text)
def test_a_reply_without_tags_is_left_as_it_is(text: str) -> None:
    if not any(mark in text.casefold() for mark in ("think", "analysis", "commentary", "<", "[", "◁", "assistant")):
        assert plain.split_thought(text) == (None, text)
        assert plain.end_of_thought(text) == ""


ORDINARY = ["Analysis of the question:\n{}", "analysis\n{}", "commentary {}", "The assistant analysis: {}",
            "The assistant final word is due.\n{}", "[Analysis]\n{}", "[Reasoning]\n{}", "[Thoughts]\n{}",
            "<details>\n{}", "{}\n<details>\nMore on it.", "<details>\n<details>a</details>\n{}", "<analysis>\n{}"]


@pytest.mark.parametrize("form", ORDINARY)
def test_an_ordinary_reply_under_a_heading_is_no_thought(form: str) -> None:
    steps = "The river flows north, so it is not Rome."
    text = form.format(steps) + "\n\nAnswer: B"
    said = plain.split_thought(text)[1]
    assert steps in said
    assert steps in extract.reasoning_part(text)
    assert extract.extract_answer(said) == extract.extract_answer(text) == "B"
    assert (plain.end_of_thought(text), plain.unclosed_thought(text)) == ("", False)
    assert plain.opened_thought(form.format("")) == ""


@pytest.mark.parametrize("form", [
    "<details>{}</details>", "[Reasoning]{}[/Reasoning]\n", "[analysis]\n{}\n[/analysis]", "<analysis>{}</analysis>",
    "<details>{}<details>a</details></details>"])
def test_what_may_be_a_heading_is_a_thought_where_it_is_closed(form: str) -> None:
    thinking, said = plain.split_thought(form.format("It may be C.") + "Answer: B")
    assert thinking.startswith("It may be C.")
    assert said == "Answer: B"


@pytest.mark.parametrize("line", ["Answer: B", "**Answer:** B", "Final answer: (B)", "Answer: \\boxed{B}"])
@pytest.mark.parametrize(("begins", "opening"), [
    ("<think>\n", ""), ("", "<think>\n"), ("<reasoning>", ""), ("<think>a</think><think>", ""),
    ("[Analysis]\n", "<think>\n")])
def test_an_unclosed_thought_that_ends_in_an_answer_is_the_reply(begins: str, opening: str, line: str) -> None:
    text = f"{begins}It flows north.\n{line}\n"
    assert plain.split_thought(text, opening) == (None, text)
    assert extract.extract_answer(text) == "B"
    cut = f"{begins}Answer: B\nIt flows north"
    assert plain.split_thought(cut, opening)[1] == ""


@pytest.mark.parametrize(("text", "opening", "split"), [
    ("steps\n</think>\n\nAnswer: B", "<think>\n", ("steps", "Answer: B")), ("steps", "<think>\n", ("steps", "")),
    ("<think>\nsteps</think>B", "<think>\n", ("steps", "B")), ("steps</think>B", "", ("steps", "B")),
    ("<think>\n\n</think>\n\nB", "", (None, "B")), ("\n</think>\n\nB", "<think>\n", (None, "B")),
    ("<think>a</think>b<think>c</think>d", "", ("a\n\nc", "bd")), ("<think>a", "", ("a", "")), ("", "", (None, "")),
    ("T<|end|><|start|>assistant<|channel|>final<|message|>R", "<|channel|>analysis<|message|>", ("T", "R"))])
def test_what_the_prompt_opened_counts(text: str, opening: str, split: tuple[str | None, str]) -> None:
    assert plain.split_thought(text, opening) == split


@pytest.mark.parametrize(("prompt", "opening"), [
    ("<|im_start|>assistant\n<think>\n", "<think>\n"), ("<|Assistant|><think>", "<think>"),
    ("<think>\n\n</think>\n\n", ""), ("Use <think> tags.\n<|im_start|>assistant\n", ""), ("", ""),
    ("<|start|>assistant<|channel|>analysis<|message|>", "<|channel|>analysis<|message|>")])
def test_a_prompt_that_ends_in_an_opened_thought_is_recognised(prompt: str, opening: str) -> None:
    assert plain.opened_thought(prompt) == opening
    assert plain.with_thought(prompt, None, "R") == plain.end_of_thought("", opening) + "R"
    continued = plain.with_thought(prompt, "T", "R")
    assert plain.split_thought(continued, opening) == ("T", "R")


def test_a_thought_is_told_again_in_the_tags_that_go_with_the_prompt() -> None:
    assert plain.with_thought("assistant\n", "T", "R") == "<think>\nT\n</think>\n\nR"
    assert plain.with_thought("[THINK] as you like", "T", "R") == "[THINK]T[/THINK]R"
    assert plain.with_thought("<|start|>assistant", "T", "R") == CHANNELS.format("T", "R")
    assert plain.with_thought("assistant\n", None, "R") == "R"


@pytest.mark.parametrize("filler", ["\n", " ", "<think>", "<|end|>", "<|start|>assistant ", "<|channel|>",
                                    "<", "assistant"])
def test_a_long_thought_comes_to_its_end(filler: str) -> None:
    thought, text = plain.split_thought("<think>" + filler * 50_000 + "x")
    assert (thought[-1], text) == ("x", "")
    assert plain.end_of_thought("<think>" + filler * 50_000 + "x").strip() == "</think>"


@pytest.mark.parametrize(("token", "shapes"), [
    ("<think>", True), ("[/THINK]", True), ("<|channel|>", True), ("<|message|>", True), ("<|im_end|>", False),
    ("<s>", False), ("", False)])
def test_special_tokens_of_thoughts_are_text(token: str, shapes: bool) -> None:
    assert plain.shapes_thought(token) is shapes


# -- jobs -------------------------------------------------------------------------------------------------------------

class Bytes:
    """An engine in small: each byte is a token, and what the model would write is known beforehand."""

    def __init__(self, writes: str) -> None:
        self.writes = writes.encode()

    @staticmethod
    def tokens(text: str) -> np.ndarray:
        return np.frombuffer(text.encode(), np.uint8).astype(np.int32)

    def run(self, request: Request) -> Completion:
        """As the engine's `_advance`, without choices and deadlines."""
        closing = self.tokens(request.closing or "")
        job = Job(request, 1, self.tokens(str(request.prompt)), closing, None, None, 0.0)
        written = iter(self.writes)
        while job.finish is None:
            job.pending = job.pending[:0]
            if job.tokens >= job.limit:
                job.conclude("length")
            elif job.closing_due:
                job.close(self.tokens(job.end_of_thought))
            elif job.thought_due and job.end_thought(self.tokens(job.end_of_thought)):
                pass
            else:
                token = next(written, None)
                job.take(token or 0, bytes([token or 0]), token is None)
            assert job.tokens <= request.max_tokens
        return job.completion(1.0)


def test_a_thought_within_its_tokens_is_left_alone() -> None:
    done = Bytes("<think>\nshort\n</think>\n\nAnswer: B").run(Request("q", "p", 200, thought_tokens=60))
    assert (done.thinking, done.text, done.finish_reason) == ("short", "Answer: B", "stop")
    assert done.tokens == len("<think>\nshort\n</think>\n\nAnswer: B")


@pytest.mark.parametrize(("prompt", "begins"), [("assistant\n", "<think>\n"), ("assistant\n<think>\n", "")])
def test_a_thought_over_its_tokens_is_ended_and_the_reply_follows(prompt: str, begins: str) -> None:
    done = Bytes(begins + "0123456789So B.").run(Request("q", prompt, 200, thought_tokens=10))
    assert (done.thinking, done.text, done.finish_reason) == ("0123456789", "So B.", "stop")


def test_no_thought_at_all_is_the_end_as_soon_as_one_is_opened() -> None:
    done = Bytes("So B.").run(Request("q", "assistant\n<think>\n", 200, thought_tokens=0))
    assert (done.thinking, done.text) == (None, "So B.")
    done = Bytes("<think>So B.").run(Request("q", "assistant\n", 200, thought_tokens=0))
    assert (done.thinking, done.text) == (None, "So B.")
    done = Bytes("So B.").run(Request("q", "assistant\n", 200, thought_tokens=0))
    assert (done.thinking, done.text, done.tokens) == (None, "So B.", 5)


@pytest.mark.parametrize("tokens", [0, 6])
@pytest.mark.parametrize("tag", ["<think>", "[THINK]", "◁think▷", "<|channel|>analysis<|message|>"])
def test_a_thought_is_counted_from_where_it_begins(tag: str, tokens: int) -> None:
    said = "Let me see what the question is about first. "
    done = Bytes(said + tag + "abcdefSo B.").run(Request("q", "assistant\n", 200, thought_tokens=tokens))
    assert (done.thinking, done.text) == ("abcdef"[:tokens] or None, said + "abcdefSo B."[tokens:])


@pytest.mark.parametrize("tokens", range(16))
def test_a_tag_is_not_cut_by_the_end_that_is_forced(tokens: int) -> None:
    for writes in ("abcdef</think>B.", "<think>abcdef</think>B."):
        done = Bytes(writes).run(Request("q", "assistant\n<think>\n", 200, thought_tokens=tokens))
        assert "think>" not in f"{done.thinking} {done.text}"


def test_each_thought_is_counted_by_itself() -> None:
    writes = "<think>ab</think>It is " + "<think>" + "c" * 12 + "B."
    done = Bytes(writes).run(Request("q", "assistant\n", 200, thought_tokens=12))
    assert (done.thinking, done.text) == ("ab\n\n" + "c" * 12, "It is B.")


def test_a_reply_at_its_limit_in_a_thought_ends_that_before_it_concludes() -> None:
    request = Request("q", "assistant\n<think>\n", 64, closing="\nAnswer:", closing_tokens=2)
    done = Bytes("thinking on " * 20).run(request)
    assert done.finish_reason == "closed"
    assert done.text == "Answer:in", "two tokens of the model's follow the closing"
    assert done.thinking.startswith("thinking on thinking")
    assert 64 - TAG_TOKENS <= done.tokens <= 64


@given(st.integers(0, 40), st.integers(20, 90), st.sampled_from(["<think>", "<think>\n", "", "So it is."]),
       st.sampled_from(["p", "p<think>\n"]), st.booleans())
def test_no_limit_is_ever_passed(budget: int, most: int, begins: str, prompt: str, closing: bool) -> None:
    request = Request("q", prompt, most, closing="\nAnswer:" if closing else None, closing_tokens=3,
                      thought_tokens=budget)
    done = Bytes(begins + "on and on " * 20).run(request)
    assert done.tokens <= most
    assert "think>" not in done.text


@pytest.mark.model
def test_the_engine_ends_a_thought_by_force(small_model: Path, caplog: pytest.LogCaptureFixture) -> None:
    from stepladder.engine.backend import open_backend

    with open_backend(small_model, sequences=2, context=256, thinking=True, template_arguments={"n": 1}) as engine:
        assert engine.template_arguments == {"n": 1}
        assert "its chat template knows no switch for thinking" in caplog.text
        prompt = engine.render([{"role": "user", "content": "Tell me about the sea at length."}]) + "<think>\n"
        requests = [Request("free", prompt, 60), Request("bound", prompt, 60, thought_tokens=12),
                    Request("none", prompt, 40, thought_tokens=0), Request("closed", prompt, 48, closing="\nAnswer:")]
        done = {one.id: one for one in engine.generate(requests)}
    assert (done["free"].text, done["free"].finish_reason) == ("", "length")
    assert done["free"].thinking.startswith(done["bound"].thinking)
    assert len(done["bound"].thinking) < len(done["free"].thinking)
    assert done["bound"].text
    assert (done["none"].thinking, bool(done["none"].text)) == (None, True)
    assert done["closed"].text.startswith("Answer:")
    assert done["free"].thinking.startswith(done["closed"].thinking)
    assert all(one.tokens <= 60 for one in done.values())
