"""Stage 04's exports are seen to be base and adapter: planted faults are found in each. On tiny students."""

from __future__ import annotations

import importlib
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from training_models import make_llama, make_moe, make_workdir, record

from stepladder.core.errors import InputError, StageError
from stepladder.core.files import read_json, write_json
from stepladder.training import changes, converter, effect, merge

STAGE = importlib.import_module("04_train_qwen3_235b")
BASICS = ["--dtype", "float32", "--held-out", "0", "--rank", "16", "--alpha", "32", "--guard-steps", "0",
          "--max-length", "400", "--epochs", "4", "--batch", "2", "--accumulation", "1", "--warmup-steps", "0",
          "--learning-rate", "0.002", "--learning-rate-end", "0.002"]
ADAPTER = "models/smollm2_135m_cot_curriculum"
RECORDS = [record(i) for i in range(8)]
LAYERS = 4


def run(root: Path, *flags: str) -> int:
    arguments = ["--profile", "laptop", "--workdir", str(root), *BASICS, *flags]
    return STAGE.run(STAGE.build_parser().parse_args(arguments)) or 0


def export(root: Path, name: str) -> int:
    return run(root, "--exports-only", *(["--no-gguf", "--merge"] if name == "merged" else ["--gguf"]))


def made(root: Path) -> dict[str, Any]:
    path = root / ADAPTER / "exports.json"
    return read_json(path)["made"] if path.exists() else {}


@pytest.fixture(scope="module")
def finished(small_transformers: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two workspaces with adapters of one tiny student that has a GGUF too; of other seeds."""
    from transformers import AutoTokenizer

    roots = tmp_path_factory.mktemp("first"), tmp_path_factory.mktemp("second")
    for seed, root in enumerate(roots):
        make_workdir(root, RECORDS)
        make_llama(root / "models/tiny", layers=LAYERS, tokenizer=AutoTokenizer.from_pretrained(small_transformers))
        run(root, "--no-gguf", "--seed", str(seed))
    converter.checkpoint_to_gguf(roots[0] / "models/tiny", roots[0] / "models/tiny-q8_0.gguf", "tiny", "q8_0")
    table = roots[0] / "data/enhanced/models_sample.json"
    entry = read_json(table)
    write_json(table, {"student": {**entry["student"], "gguf": "models/tiny-q8_0.gguf"}})
    return roots


@pytest.fixture
def root(finished: tuple[Path, Path], tmp_path: Path) -> Path:
    """A copy of the first, as its training left it."""
    return shutil.copytree(finished[0], tmp_path / "work")


Fault = Callable[[dict[str, Any], dict[str, Any]], None]  # changes the adapter's tensors and its configuration


def scaled(times: float) -> Fault:
    return lambda weights, config: config.update(lora_alpha=config["lora_alpha"] * times)


def without_layer(number: int) -> Fault:
    def fault(weights: dict[str, Any], config: dict[str, Any]) -> None:
        for name in [name for name in weights if f".layers.{number}." in name]:
            del weights[name]

    return fault


FAULTS = {"half": scaled(0.5), "twice": scaled(2), "rslora": scaled(math.sqrt(16)), "no layer 0": without_layer(0),
          "no layer 2": without_layer(2), "swapped": None}
STRONG = ["half", "twice", "rslora"]  # the second training learnt the same texts: what it shows is nearly the same


@pytest.fixture
def plant(finished: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Called with a fault, it has exports made from an adapter that is not the one in `root`."""
    deltas = merge.deltas

    def planted(fault: str) -> None:
        adapter = wrong(*finished, fault)
        convert = converter.convert

        def converted(script: str, arguments: list[str]) -> None:
            if "lora" not in script:
                convert(script, arguments)
                return
            ready, target = adapter / "adapter.gguf", arguments[arguments.index("--outfile") + 1]
            if not ready.exists():
                convert(script, [*arguments[:-1], str(adapter)])
                shutil.copyfile(target, ready)
            shutil.copyfile(ready, target)

        monkeypatch.setattr(converter, "convert", converted)
        monkeypatch.setattr(merge, "deltas", lambda _: deltas(adapter))

    return planted


def wrong(first: Path, second: Path, fault: str) -> Path:
    """The folder of an adapter with a fault in it, made once."""
    from safetensors.torch import load_file, save_file

    folder = second / "wrong" / fault.replace(" ", "_")
    if folder.exists():
        return folder
    shutil.copytree((second if fault == "swapped" else first) / ADAPTER, folder)
    if FAULTS[fault] is not None:
        weights, config = load_file(folder / "adapter_model.safetensors"), read_json(folder / "adapter_config.json")
        FAULTS[fault](weights, config)
        save_file(weights, folder / "adapter_model.safetensors", {"format": "pt"})
        write_json(folder / "adapter_config.json", config)
    return folder


@pytest.mark.model
@pytest.mark.parametrize("name", ["gguf", "merged"])
def test_a_right_export_passes(root: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(root, name) == 0
    found = made(root)[name]["agreement"]
    assert found["effect"] > 0.5
    assert found["share"] == pytest.approx(1, abs=0.03)
    assert found["distance"] < 0.5 * found["allowed"]
    assert f"{name}: on 8 texts that the student learnt it is 0.0" in capsys.readouterr().out
    assert f"{name}: on 8 texts" in (root / ADAPTER / "README.md").read_text()


@pytest.mark.model
@pytest.mark.parametrize("name", ["gguf", "merged"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_export_is_found_by_its_tensors_and_removed(
        root: Path, plant: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, fault: str, name: str) -> None:
    plant(fault)
    monkeypatch.setattr(effect, "compare", lambda *_, **__: pytest.fail("its tensors tell"))
    said = r"it changes layer \d by .*, the adapter by" if name == "gguf" else r"layers\.\d.* has .* of the adapter's"
    file = {"gguf": "adapter.gguf", "merged": "merged"}[name]
    with pytest.raises(StageError, match=rf"^export {name}: {file} is removed: .*{said}") as refused:
        export(root, name)
    assert "\n" not in str(refused.value)
    assert not (root / ADAPTER / file).exists()
    assert name not in made(root)


@pytest.mark.model
@pytest.mark.parametrize("name", ["gguf", "merged"])
@pytest.mark.parametrize("fault", STRONG)
def test_a_wrong_export_is_found_by_its_effect_alone(
        root: Path, plant: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, fault: str, name: str) -> None:
    plant(fault)
    monkeypatch.setattr(changes, "require_in_gguf", lambda *_: None)
    monkeypatch.setattr(changes, "require_in_checkpoint", lambda *_: None)
    with pytest.raises(StageError, match=rf"^export {name}: .* is removed: on 8 texts .* nats a token off") as refused:
        export(root, name)
    print(name, fault, refused.value)
    assert name not in made(root)
    assert not (root / ADAPTER / {"gguf": "adapter.gguf", "merged": "merged"}[name]).exists()


@pytest.mark.model
@pytest.mark.parametrize("fault", ["half", "no layer 2"])
def test_a_wrong_merge_is_found_on_the_way_to_one_file(
        root: Path, plant: Callable[[str], None], fault: str) -> None:
    plant(fault)
    with pytest.raises(StageError, match=r"export merged-Q8_0: .* of the adapter's change.*--merged-gguf none$"):
        run(root, "--exports-only", "--no-gguf", "--merged-gguf", "Q8_0")
    assert [path.name for path in (root / ADAPTER / "gguf").iterdir()] == []


@pytest.mark.model
def test_an_adapter_that_does_nothing_passes_and_is_said_to_do_so(
        root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "untrained").mkdir()
    shutil.rmtree(root / ADAPTER)
    flags = ["--learning-rate", "1e-9", "--learning-rate-end", "1e-9", "--epochs", "1", "--merge"]
    assert run(root, *flags) == 0
    said = capsys.readouterr().out
    for name in ("gguf", "merged"):
        assert f"{name}: on 8 texts" in said
    assert said.count("is too little to be told from noise") == 2
    assert "0 of 0" not in said


@pytest.mark.model
def test_without_a_gguf_base_the_tensors_alone_are_compared(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = root / "data/enhanced/models_sample.json"
    write_json(table, {"student": {**read_json(table)["student"], "gguf": None}})
    assert export(root, "gguf") == 0
    assert "no GGUF base to read texts with, so only its tensors were compared" in capsys.readouterr().out
    assert made(root)["gguf"]["agreement"] is None


@pytest.mark.model
def test_an_adapter_of_an_earlier_version_is_exported_and_said_not_to_be_compared(
        root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    training = read_json(root / ADAPTER / "training.json")
    texts = training.pop("texts")
    write_json(root / ADAPTER / "training.json", {**training, "questions": [], "letters": [[0.1, 0.2, 0.3, 0.4]]})
    export(root, "gguf")
    assert export(root, "merged") == 0
    assert capsys.readouterr().out.count("trained before texts were kept, so no effect can be compared") == 2
    exports = read_json(root / ADAPTER / "exports.json")
    exports["made"]["gguf"]["agreement"] = {"agreed": 3, "decided": 3, "questions": 8, "largest_difference": 0.1}
    nested = effect.compare(texts, [text["trained"] for text in texts])
    del nested["allowed"]
    exports["made"]["merged"]["agreement"] = {"agreed": 3, "decided": 3, "texts": nested}
    write_json(root / ADAPTER / "exports.json", exports)
    assert export(root, "merged") == 0
    card = (root / ADAPTER / "README.md").read_text()
    assert "merged: on 8 texts that the student learnt it is 0.00 nats a token off the trained student and" in card
    assert "gguf:" not in card


# -- bases in few bits ------------------------------------------------------------------------------------------------


@pytest.fixture
def narrow(tmp_path: Path) -> Callable[..., Path]:
    """A workspace whose student has some weights stored with a scale, in float8 or in 16 bits."""
    import torch
    from safetensors.torch import load_file, save_file

    def make(only: str, dtype: str, scale: str, moe: bool = False) -> Path:
        make_workdir(tmp_path, RECORDS)
        base = (make_moe if moe else make_llama)(tmp_path / "models/tiny")
        for path in base.glob("*.safetensors"):
            tensors = load_file(path)
            for name in [name for name in tensors if only in name]:
                tensors[name] = tensors[name].to(getattr(torch, dtype))
                if scale:
                    tensors[name + scale] = torch.ones(1)
            save_file(tensors, path, {"format": "pt"})
        return tmp_path

    return make


@pytest.mark.parametrize(("dtype", "scale", "stored"), [
    ("float8_e4m3fn", "_scale_inv", "F8_E4M3 with weight_scale_inv beside it"), ("float8_e4m3fn", "", "F8_E4M3"),
    ("bfloat16", "_scale", "BF16 with weight_scale beside it")])
@pytest.mark.parametrize("flags", [["--merge"], ["--merged-gguf", "Q8_0"]], ids="".join)
def test_a_base_with_scales_is_refused_before_it_is_trained(
        narrow: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, dtype: str, scale: str, stored: str,
        flags: list[str]) -> None:
    root = narrow("q_proj", dtype, scale)
    monkeypatch.setattr(STAGE, "_train", lambda *_: pytest.fail("hours are spent"))
    monkeypatch.setattr(converter, "require_converter", lambda: root)
    with pytest.raises(InputError, match=rf"q_proj.weight is stored as {stored}, and .*unquantised.*leave out --merge"
                       ) as refused:
        run(root, "--no-gguf", *flags)
    assert "\n" not in str(refused.value)
    with pytest.raises(pytest.fail.Exception, match="hours are spent"):
        run(root, "--no-gguf")


def test_experts_in_few_bits_do_not_matter_where_attention_is_trained(narrow: Callable[..., Path]) -> None:
    base = narrow(".experts.", "float8_e4m3fn", "_scale_inv", moe=True) / "models/tiny"
    merge.require_wide(base, "auto")
    with pytest.raises(InputError, match="experts"):
        merge.require_wide(base, "experts")


def test_the_merge_itself_refuses_scales_before_it_writes(narrow: Callable[..., Path]) -> None:
    import torch
    from safetensors.torch import save_file

    root = narrow("q_proj", "bfloat16", "_scale")
    adapter, name = root / "adapter", "base_model.model.model.layers.0.self_attn.q_proj"
    adapter.mkdir()
    save_file({f"{name}.lora_A.weight": torch.ones(4, 64), f"{name}.lora_B.weight": torch.ones(64, 4)},
              adapter / "adapter_model.safetensors")
    (adapter / "adapter_config.json").write_text(json.dumps({"r": 4, "lora_alpha": 8}))
    with pytest.raises(InputError, match=r"layers.0.self_attn.q_proj.weight is stored as BF16 with weight_scale"):
        merge.merge(root / "models/tiny", adapter, root / "merged")
    assert not list(root.glob("*merged*"))
