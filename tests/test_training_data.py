"""The data path: what the loss sees, what is left out, and in which order the rest goes on."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from training_models import make_tokenizer, record

from stepladder.core.errors import InputError
from stepladder.training import data


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return make_tokenizer(tmp_path_factory.mktemp("tokenizer"))


def test_only_the_reply_and_its_end_are_live(tokenizer: Any) -> None:
    example = data.encode(record(2), record(2)["chain_of_thought"], tokenizer)
    live = tokenizer.decode(example.ids[example.prompt_length:])
    masked = tokenizer.decode(example.ids[:example.prompt_length])
    assert live == "Two and two is four.\nAnswer: C<|im_end|>"
    assert masked.endswith("<|im_start|>assistant\n")
    assert "What is 2 and 2?" in masked
    assert "Answer: C" not in masked


def test_prompt_ids_are_those_that_generation_starts_from(tokenizer: Any) -> None:
    from stepladder.engine import prompts

    example = data.encode(record(3), "Because.\nAnswer: D", tokenizer)
    prompt = tokenizer.apply_chat_template(prompts.messages(record(3), prompts.STUDENT), add_generation_prompt=True,
                                           tokenize=False)
    assert list(example.ids[:example.prompt_length]) == tokenizer(prompt, add_special_tokens=False)["input_ids"]


def test_an_end_of_turn_is_added_where_the_template_has_none(tmp_path: Path) -> None:
    bare = make_tokenizer(tmp_path, "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}"
                                    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}")
    assert data.encode(record(1), "So.\nAnswer: B", bare).ids[-1] == bare.eos_token_id


def test_a_template_that_rewrites_turns_is_refused(tmp_path: Path) -> None:
    odd = make_tokenizer(tmp_path, "{% for m in messages %}{{ m['content'] }}{% endfor %}"
                                   "{% if add_generation_prompt %}{{ '<think>' }}{% endif %}")
    with pytest.raises(InputError, match="record q1: the student"):
        data.encode(record(1), "So.\nAnswer: B", odd)


@pytest.mark.parametrize(("prompt_length", "side"), [(0, "masked"), (5, "live")])
def test_all_live_and_none_live_are_both_refused(prompt_length: int, side: str) -> None:
    with pytest.raises(InputError, match=f"record x: no label is {side}"):
        data.check_live([data.Example("x", (1, 2, 3, 4, 5), prompt_length)])


def test_what_is_left_out_is_counted_and_the_rest_keeps_its_order(tokenizer: Any) -> None:
    records = [record(0), record(1, chain_of_thought=None, cot={"status": "failed"}), record(2, steps="long " * 200),
               record(3, cot={"status": "hinted"}), record(4)]
    examples, left_out = data.encode_all(records, tokenizer, max_length=400, weights={"hinted": 0.0, "verified": 0.5})
    assert [example.id for example in examples] == ["q0", "q4"]
    assert [example.weight for example in examples] == [0.5, 0.5]
    assert left_out == {"no reasoning": 1, "longer than 400 tokens": 1, "weight 0 for hinted": 1}


def test_answer_only_trains_records_without_reasoning_on_the_letter(tokenizer: Any) -> None:
    records = [record(0), record(1, chain_of_thought=None, cot={"status": "failed"})]
    examples, left_out = data.encode_all(records, tokenizer, max_length=400, answer_only=True)
    assert not left_out
    assert tokenizer.decode(examples[1].ids[examples[1].prompt_length:]) == "Answer: B<|im_end|>"


def test_nothing_to_train_on_says_why(tokenizer: Any) -> None:
    with pytest.raises(InputError, match="nothing to train on: 2 no reasoning"):
        data.encode_all([record(i, chain_of_thought=None) for i in range(2)], tokenizer, max_length=400)
    with pytest.raises(InputError, match="nothing to train on: 1 longer than 10 tokens"):
        data.encode_all([record(1)], tokenizer, max_length=10)


def examples_of(levels: list[str], length: int = 10) -> list[data.Example]:
    return [data.Example(f"e{i}", tuple(range(length)), 4, level=level) for i, level in enumerate(levels)]


def test_thinning_keeps_order_and_shares() -> None:
    examples = examples_of(["easy"] * 300 + ["medium"] * 500 + ["hard"] * 200)
    some = data.thin(examples, 100)
    assert [e.id for e in some] == [e.id for e in examples if e in set(some)]
    assert [sum(e.level == level for e in some) for level in ("easy", "medium", "hard")] == [30, 50, 20]
    assert data.thin(examples, 1000) is examples


def test_a_token_budget_is_filled_and_never_exceeded() -> None:
    examples = [data.Example(f"e{i}", tuple(range(5 + i % 7)), 2) for i in range(50)]
    some = data.thin_to_tokens(examples, 200)
    assert 170 <= sum(map(len, some)) <= 200
    assert data.thin_to_tokens(examples, 10_000) is examples
    with pytest.raises(InputError, match="not hold a single record"):
        data.thin_to_tokens(examples, 1)


@given(st.lists(st.floats(1, 10), min_size=1, max_size=80), st.integers(0, 20), st.randoms(use_true_random=False))
def test_held_out_texts_are_few_spread_and_the_same_in_every_order(
        difficulties: list[float], count: int, rng: random.Random) -> None:
    examples = [data.Example(f"e{i:02}", (1, 2, 3), 1, difficulty=value) for i, value in enumerate(difficulties)]
    hinted = {example.id for example in examples if rng.random() < 0.2}
    trained, held = data.hold_back(examples, count, hinted)
    assert [example for example in examples if example not in held] == trained
    assert len(held) <= min(count, max(1, len(examples) // 10))
    assert trained
    assert not hinted & {example.id for example in held}
    again, same = data.hold_back(rng.sample(examples, len(examples)), count, hinted)
    assert same == held
    assert {example.id for example in again} == {example.id for example in trained}


def test_held_out_texts_have_the_shares_of_the_levels() -> None:
    examples = [data.Example(f"e{i:03}", (1, 2), 1, difficulty=1 + i / 20,
                             level="easy" if i < 60 else "medium" if i < 160 else "hard") for i in range(200)]
    _, held = data.hold_back(examples, 20)
    assert Counter(example.level for example in held) == {"easy": 6, "medium": 10, "hard": 4}
