"""Stage 04's merged and quantised GGUF with its Modelfile: made from a finished adapter, and seen to be it."""

from __future__ import annotations

import importlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from training_models import TEMPLATE, make_llama, make_tokenizer, make_workdir, record

from stepladder.core import machine
from stepladder.core.errors import StageError
from stepladder.engine import prompts
from stepladder.training import converter, effect, merge, merged_gguf
from stepladder.training.modelfile import modelfile, turns

STAGE = importlib.import_module("04_train_qwen3_235b")
BASICS = ["--dtype", "float32", "--held-out", "0", "--rank", "4", "--alpha", "8", "--guard-steps", "0", "--max-length",
          "400", "--epochs", "4", "--batch", "2", "--accumulation", "1", "--warmup-steps", "0",
          "--learning-rate", "0.01", "--learning-rate-end", "0.01", "--no-gguf"]
ADAPTER = "models/smollm2_135m_cot_curriculum"
FILE = f"{ADAPTER}/gguf/smollm2_135m_cot_curriculum-Q8_0.gguf"
RECORDS = [record(i) for i in range(8)]


class Killed(BaseException):
    """kill -9, as far as this process can see it."""


def run(root: Path, *flags: str) -> int:
    arguments = ["--profile", "laptop", "--workdir", str(root), *BASICS, *flags]
    return STAGE.run(STAGE.build_parser().parse_args(arguments)) or 0


def export(root: Path, *flags: str) -> int:
    return run(root, "--exports-only", "--merged-gguf", "Q8_0", *flags)


def made(root: Path) -> dict[str, Any]:
    path = root / ADAPTER / "exports.json"
    return json.loads(path.read_text())["made"] if path.exists() else {}


@pytest.fixture(scope="module")
def finished(small_transformers: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a trained adapter of a tiny student that has the small model's tokenizer.

    llama.cpp's converter knows that one; it refuses a tokenizer it has never seen.
    """
    root = tmp_path_factory.mktemp("finished")
    make_workdir(root, RECORDS)
    from transformers import AutoTokenizer

    make_llama(root / "models/tiny", tokenizer=AutoTokenizer.from_pretrained(small_transformers))
    run(root)
    return root


@pytest.fixture
def root(finished: Path, tmp_path: Path) -> Path:
    """A copy of that workspace, as its training left it."""
    return shutil.copytree(finished, tmp_path / "work")


@pytest.fixture
def scripted(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A converter and a quantiser that copy, and a file that reads as the trained student does."""

    def convert(script: str, arguments: list[str]) -> None:
        assert not (root / FILE).exists()
        shutil.copyfile(Path(arguments[-1]) / "model.safetensors", arguments[arguments.index("--outfile") + 1])

    monkeypatch.setattr(converter, "convert", convert)
    monkeypatch.setattr(merged_gguf, "quantize", lambda source, target, *_: shutil.copyfile(source, target))
    monkeypatch.setattr(effect, "of_file", lambda path, texts: [text["trained"] for text in texts])


def peft_greedy(root: Path, prompt: str, tokens: int) -> tuple[list[int], list[int]]:
    """(prompt's ids, the greedy continuation) by base and adapter in transformers."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base = AutoModelForCausalLM.from_pretrained(root / "models/tiny", dtype=torch.float32)
    model = PeftModel.from_pretrained(base, root / ADAPTER)
    ids = AutoTokenizer.from_pretrained(root / ADAPTER)(prompt, add_special_tokens=False)["input_ids"]
    out = model.generate(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long),
                         max_new_tokens=tokens, do_sample=False, pad_token_id=0)
    return ids, out[0, len(ids):].tolist()


@pytest.mark.model
def test_one_file_answers_as_base_and_adapter_do(root: Path) -> None:
    from llama_cpp import Llama
    from transformers import AutoTokenizer

    log = (root / "data/enhanced/training_log_sample.json").read_bytes()
    (root / "data/enhanced/curriculum_ordered_sample.json").unlink()
    assert export(root) == 0
    assert sorted(path.name for path in (root / FILE).parent.iterdir()) == ["Modelfile", Path(FILE).name]
    assert (root / "data/enhanced/training_log_sample.json").read_bytes() == log
    found = made(root)["merged-Q8_0"]["agreement"]
    assert found["effect"] > 1
    assert found["share"] == pytest.approx(1, abs=0.05)
    assert found["distance"] < 0.2
    assert f"llama-server -m gguf/{Path(FILE).name}" in (root / ADAPTER / "README.md").read_text()

    tokenizer = AutoTokenizer.from_pretrained(root / ADAPTER)
    prompt = turns(tokenizer).render(prompts.messages(RECORDS[2]))  # what Ollama would send
    ids, expected = peft_greedy(root, prompt, 24)
    model = Llama(str(root / FILE), n_ctx=512, verbose=False)
    assert model.tokenize(prompt.encode(), add_bos=False, special=True) == ids
    assert model.create_completion(ids, max_tokens=24, temperature=0)["choices"][0]["text"] == tokenizer.decode(
        expected, skip_special_tokens=True)


@pytest.mark.model
def test_an_adapter_merged_twice_is_found_and_its_file_removed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = merge.deltas
    monkeypatch.setattr(merge, "deltas", lambda adapter: {
        name: (a, b, 2 * scale) for name, (a, b, scale) in real(adapter).items()})
    with pytest.raises(StageError, match=r"export merged-Q8_0: .* of the adapter's change.*--merged-gguf none$"):
        export(root)
    assert not (root / FILE).exists()
    assert "merged-Q8_0" not in made(root)
    assert not (root / ADAPTER / "gguf/Modelfile").exists()


def test_it_is_made_once_and_beside_other_types(root: Path, scripted: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert export(root) == 0
    with monkeypatch.context() as patch:
        patch.setattr(merged_gguf, "make", lambda *_: pytest.fail("it is there already"))
        (root / ADAPTER / "gguf/Modelfile").unlink()
        assert export(root) == 0
        assert "FROM ./smollm2_135m_cot_curriculum-Q8_0.gguf" in (root / ADAPTER / "gguf/Modelfile").read_text()
    (root / FILE).rename(root / "elsewhere.gguf")
    assert export(root, "--merged-gguf", "Q4_K_M") == 0
    (root / "elsewhere.gguf").rename(root / FILE)
    assert "-Q4_K_M.gguf" in (root / ADAPTER / "gguf/Modelfile").read_text()
    assert set(made(root)) == {"merged-Q8_0", "merged-Q4_K_M"}


def test_a_run_of_the_stage_makes_it_without_training(
        root: Path, scripted: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(STAGE, "_train", lambda *_: pytest.fail("exports never restart a training"))
    monkeypatch.setattr(converter, "require_converter", lambda: root)
    assert run(root, "--merged-gguf", "Q8_0") == 0
    assert (root / FILE).exists()
    log = json.loads((root / "data/enhanced/training_log_sample.json").read_text())
    assert log["agreement"]["merged-Q8_0"]["share"] == 1
    capsys.readouterr()
    run(root, "--merged-gguf", "Q8_0")
    assert "already done" in capsys.readouterr().out
    (root / ADAPTER / "gguf/Modelfile").unlink()
    run(root, "--merged-gguf", "Q8_0", "--status")
    assert "Modelfile is missing" in capsys.readouterr().out


@pytest.mark.parametrize("at", ["merge", "convert", "quantize"])
def test_killed_on_the_way_it_is_made_anew(
        root: Path, scripted: None, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    def killed(*arguments: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        module = {"merge": merge, "convert": converter, "quantize": merged_gguf}[at]
        patch.setattr("stepladder.training.export.merge" if at == "merge" else f"{module.__name__}.{at}", killed)
        patch.setattr(merged_gguf.shutil, "rmtree", lambda *_, **__: None)  # kill -9 cleans nothing up
        with pytest.raises(Killed):
            export(root)
    assert not (root / FILE).exists()
    assert "merged-Q8_0" not in made(root)
    assert (root / ADAPTER / "gguf/.work").exists()
    assert export(root) == 0
    assert "merged-Q8_0" in made(root)
    assert not (root / ADAPTER / "gguf/.work").exists()


def test_a_merged_checkpoint_that_is_there_is_taken_and_kept(
        root: Path, scripted: None, monkeypatch: pytest.MonkeyPatch) -> None:
    run(root, "--exports-only", "--merge")
    monkeypatch.setattr("stepladder.training.export.merge", lambda *_: pytest.fail("merged/ is there"))
    assert export(root) == 0
    assert (root / ADAPTER / "merged/model.safetensors").exists()


def test_a_disk_too_small_is_told_before_anything_is_made(
        root: Path, scripted: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "free_disk_bytes", lambda path: 1000)
    monkeypatch.setattr("stepladder.training.export.merge", lambda *_: pytest.fail("no room for it"))
    with pytest.raises(StageError, match=r"merging and quantising need up to 0\.05 GB of disk, 0\.00 GB are free"):
        export(root)


def test_a_base_in_few_bits_is_refused_in_one_line(root: Path, scripted: None) -> None:
    import torch
    from safetensors.torch import load_file

    path = root / "models/tiny/model.safetensors"
    changed = merge.deltas(root / ADAPTER)
    name, (a, b, scale) = next(iter(changed.items()))
    with pytest.raises(StageError, match=r"_proj.weight is stored as torch.uint8 .*unquantised") as refused:
        merge._changed(path, name, load_file(path)[name].to(torch.uint8), a, b, scale)
    assert "\n" not in str(refused.value)


def test_shares_of_an_effect() -> None:
    texts = [{"base": [-2.0, -1.0, -3.0] * 40, "trained": [-1.0, -0.5, -3.5] * 40}]

    def moved(times: float, noise: float = 0.0) -> dict[str, Any]:
        row = [base + times * (trained - base) + noise * (-1) ** i for i, (base, trained) in
               enumerate(zip(texts[0]["base"], texts[0]["trained"], strict=True))]
        return effect.compare(texts, [row], rounded=True)

    for times in (0.0, 0.3, 2.0, -1.0):
        assert moved(times)["share"] == pytest.approx(times)
        assert effect.contradicts(moved(times, noise=0.3))
    assert not effect.contradicts(moved(1.0, noise=0.3))
    assert effect.contradicts(moved(1.0, noise=0.7)), "it is not the trained student, whatever the share"
    texts[0]["trained"] = [base + 0.001 for base in texts[0]["base"]]
    assert not effect.tells(moved(0.0, noise=0.3))
    assert not effect.contradicts(moved(0.0, noise=0.3))
    still = effect.compare([{"base": [-1.0], "trained": [-1.0]}], [[-1.1]])
    assert not effect.contradicts(still)
    assert "too little to be told" in effect.told(still)


def test_an_effect_is_shown_against_the_exports_own_base() -> None:
    """A base that was quantised otherwise is off in itself, and that is not the adapter's doing."""
    texts = [{"base": [-2.0, -1.0, -3.0] * 40, "trained": [-1.0, -0.2, -4.0] * 40}]
    own = [[value + 0.2 * (-1) ** i for i, value in enumerate(texts[0]["base"])]]

    def shown(times: float, noise: float) -> dict[str, Any]:
        row = [base + times * (trained - before) + noise * (-1) ** (i // 3) for i, (base, before, trained) in
               enumerate(zip(own[0], texts[0]["base"], texts[0]["trained"], strict=True))]
        return effect.compare(texts, [row], own)

    found = shown(1, 0)
    assert (found["share"], found["distance"]) == (1, 0)
    assert found["allowed"] == pytest.approx(0.1 * found["effect"] + 1.5 * 0.2, abs=1e-3)
    assert not effect.contradicts(shown(1, 0.2))
    assert effect.contradicts(shown(1, 0.5))
    for times in (0.0, 0.5, 2.0):
        assert effect.contradicts(shown(times, 0.1))
    exact = effect.compare(texts, [texts[0]["trained"]])
    assert exact["allowed"] == pytest.approx(0.1, abs=0.01)


LLAMA3 = ("{{ bos_token }}{% for m in messages %}<|{{ m['role'] }}|>\n\n{{ m['content'] }}<|im_end|>{% endfor %}"
          "{% if add_generation_prompt %}<|assistant|>\n\n{% endif %}")
MISTRAL = ("{% for m in messages %}{% if m.role == 'user' %}[INST] {% if loop.index == 2 %}{{ messages[0].content }}"
           "\n\n{% endif %}{{ m.content }} [/INST]{% elif m.role == 'assistant' %} {{ m.content }}</s>{% endif %}"
           "{% endfor %}")
REFUSING = "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}{% endfor %}"


def go(template: str, messages: list[dict[str, str]]) -> str:
    """Go's text/template, as far as a Modelfile of ours uses it."""
    body, end = re.fullmatch(r"\{\{ range \.Messages \}\}(.*)\{\{ end \}\}\{\{ end \}\}(.*)", template, re.S).groups()
    branches = dict(re.findall(r'if eq \.Role "(\w+)" \}\}(.*?)(?=\{\{ else |\Z)', body, re.S))
    return "".join(branches[m["role"]].replace("{{ .Content }}", m["content"]) for m in messages) + end


@pytest.mark.parametrize("template", [TEMPLATE, LLAMA3], ids=["chatml", "llama3"])
def test_the_template_of_the_modelfile_writes_what_the_models_own_does(tmp_path: Path, template: str) -> None:
    tokenizer = make_tokenizer(tmp_path, template)
    messages = [*prompts.messages(RECORDS[0]), {"role": "assistant", "content": "Answer: A"},
                {"role": "user", "content": 'Why "A"?'}]
    text = modelfile("x-Q8_0.gguf", tokenizer)
    written = go(re.search(r'TEMPLATE """(.*?)"""', text, re.S)[1], messages)
    assert written == tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    assert text.startswith("FROM ./x-Q8_0.gguf\n")
    assert f'SYSTEM """{messages[0]["content"]}"""' in text
    assert 'PARAMETER stop "<|im_end|>"' in text


@pytest.mark.parametrize("template", [MISTRAL, REFUSING], ids=["mistral", "no system"])
def test_a_template_without_plain_form_is_left_to_ollama(tmp_path: Path, template: str) -> None:
    text = modelfile("x-Q8_0.gguf", make_tokenizer(tmp_path, template))
    assert "TEMPLATE" not in text
    assert "Ollama takes the one" in text
