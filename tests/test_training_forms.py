"""Stage 04 in each reply form: the text that is trained, the prompt it answers, the guard's letter, what it leaves."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from training_models import make_llama, make_tokenizer, make_workdir, record

from stepladder.core.errors import InputError
from stepladder.engine import prompts, reply_forms
from stepladder.engine.reply_forms import FORMS, JSON, LETTER_FIRST, REASONING, ReplyForm
from stepladder.training import data, readings
from stepladder.training.modelfile import modelfile
from stepladder.verdict.transformers_backend import TransformersBackend

STAGE = importlib.import_module("04_train_qwen3_235b")
FLAGS = ["--dtype", "float32", "--rank", "4", "--alpha", "8", "--guard-steps", "2", "--guard-share", "0",
         "--guard-samples", "1", "--guard-tokens", "4", "--held-out", "2", "--max-length", "500", "--epochs", "1",
         "--no-gguf", "--batch", "2", "--accumulation", "2", "--schedule", "linear"]
TRAINED = {"reasoning": "Two and two is four.\nAnswer: C<|im_end|>",
           "letter-then-reason": "Answer: C\nTwo and two is four.<|im_end|>",
           "json": '{"reasoning": "Two and two is four.", "answer": "C"}<|im_end|>'}
each_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_llama(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return make_tokenizer(tmp_path_factory.mktemp("tokenizer"))


def encoded(tokenizer: Any, form: ReplyForm, one: dict, answer_only: bool = False) -> data.Example:
    (example,), _ = data.encode_all([one], tokenizer, max_length=900, answer_only=answer_only, form=form)
    return example


@each_form
def test_the_live_part_is_the_reply_in_its_form(tokenizer: Any, form: ReplyForm) -> None:
    example = encoded(tokenizer, form, record(2))
    live = tokenizer.decode(example.ids[example.prompt_length:])
    assert live == TRAINED[form.name]
    assert form.read(live.removesuffix("<|im_end|>")) == "C"
    bare = encoded(tokenizer, form, record(2, chain_of_thought=None), answer_only=True)
    said = tokenizer.decode(bare.ids[bare.prompt_length:-1])
    assert said == form.write("", "C")
    assert form.read(said) == "C"


@each_form
def test_training_and_engine_meet_the_same_prompt(folder: Path, form: ReplyForm) -> None:
    with TransformersBackend(folder) as backend:
        example = encoded(backend._tokenizer, form, record(3))
        assert list(example.ids[:example.prompt_length]) == backend._ids(backend.render(form.asked(record(3))))
        begun = [*example.ids[:example.prompt_length], *backend._ids(form.opening)]
        assert backend._ids(backend.render(form.asked(record(3)), form.opening)) == begun
        if form is LETTER_FIRST:  # its fast mode asks for the very token that was trained
            assert backend._ids(backend.render(*form.fast(record(3)))) == begun == list(example.ids[:len(begun)])
            assert backend._ids(" D") == [example.ids[len(begun)]]


@pytest.mark.model
@each_form
def test_training_and_llama_cpp_meet_the_same_tokens(small_model: Path, small_transformers: Path, form: ReplyForm
                                                     ) -> None:
    from transformers import AutoTokenizer

    from stepladder.engine.backend import open_backend

    tokenizer = AutoTokenizer.from_pretrained(small_transformers)
    example = encoded(tokenizer, form, record(3))
    place = readings.answer_place(example, SimpleNamespace(tokenizer=tokenizer), form)
    assert tokenizer.decode([example.ids[place]]).strip() == "D"
    with open_backend(small_model, sequences=1, context=512) as backend:
        prompt = backend.render(form.asked(record(3)))
        assert backend.tokenize(prompt).tolist() == list(example.ids[:example.prompt_length])
        for letter, choice in zip("ABCD", form.choices, strict=True):
            whole = backend.tokenize(prompt + form.write("", letter)).tolist()
            begun = backend.tokenize(prompt + form.opening).tolist()
            assert whole[:len(begun)] == begun, "the opening is what a reply without reasoning begins with"
            assert whole[len(begun)] == backend.tokenize(prompt + form.opening + choice).tolist()[-1]
        if form.closing is not None:
            chain = form.write("So it is clear", "D")
            assert backend.tokenize(chain).tolist()[-1 - len(tokenizer(form.ending)["input_ids"])] == example.ids[place]


@each_form
def test_the_guard_finds_the_letter_in_each_form(tokenizer: Any, form: ReplyForm) -> None:
    student = SimpleNamespace(tokenizer=tokenizer)
    for number in range(4):
        for steps in ("Two and two is four.", "A dog. B. yes\nA. A no"):
            example = encoded(tokenizer, form, record(number, steps=steps))
            place = readings.answer_place(example, student, form)
            assert tokenizer.decode([example.ids[place]]).strip() == "ABCD"[number]
            before = tokenizer.decode(example.ids[example.prompt_length:place])
            assert before.endswith((form.opening if form is LETTER_FIRST else form.closing).strip())


def test_a_tokenizer_that_hides_the_letter_is_refused(tokenizer: Any) -> None:
    example = encoded(tokenizer, JSON, record(2))
    broken = data.Example("x", example.ids[:-2], example.prompt_length)
    with pytest.raises(InputError, match=r"record x: .* does not go with the reply form json"):
        readings.answer_place(broken, SimpleNamespace(tokenizer=tokenizer), JSON)


def test_the_modelfile_has_the_prompt_of_the_form(tokenizer: Any) -> None:
    for form in FORMS.values():
        assert f'SYSTEM """{prompts.VARIANTS[form.variant].system}"""' in modelfile("x.gguf", tokenizer, form)
    assert modelfile("x.gguf", tokenizer) == modelfile("x.gguf", tokenizer, REASONING)


def run(root: Path, *flags: str) -> int:
    arguments = ["--profile", "laptop", "--workdir", str(root), *FLAGS, *flags]
    return STAGE.run(STAGE.build_parser().parse_args(arguments)) or 0


def test_each_form_is_a_training_of_its_own_and_travels_with_its_adapter(
        folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_workdir(tmp_path, [record(i, difficulty=1 + i) for i in range(9)])
    (tmp_path / "models").mkdir()
    (tmp_path / "models/tiny").symlink_to(folder)
    found = {}
    for name, form in FORMS.items():
        flags = [] if form is REASONING else ["--reply-form", name, "--variant", f"v{len(found)}"]
        assert run(tmp_path, *flags) == 0
        adapter = tmp_path / ("models/smollm2_135m_cot_curriculum" + (f".{flags[3]}" if flags else ""))
        trained = json.loads((adapter / "training.json").read_text())
        assert reply_forms.of_weights(adapter / "adapter.gguf") is form
        assert form.described in (adapter / "README.md").read_text()
        assert trained["log"]["counts"]["reply_form"] == name
        said = capsys.readouterr().out
        assert f"reply form: {name}" in said
        assert f"--- live\n{form.write('Two and two is four.', '')[:7]}" in said
        letters = trained["log"]["guard"]["readings"][0]["letters"]
        assert set(letters) <= set("ABCD")
        found[name] = trained["fingerprint"]
    assert len(set(found.values())) == 3
    assert run(tmp_path, "--reply-form", "reasoning") == 0
    assert "already done" in capsys.readouterr().out
    assert run(tmp_path, "--plan", "--reply-form", "json") == 0
    assert "reply form json" in capsys.readouterr().out
