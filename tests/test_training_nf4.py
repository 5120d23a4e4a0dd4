"""4-bit that is 4-bit: dense linears and fused experts, packed while loading, proven after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from training_models import make_llama, make_moe, record

from stepladder.core.errors import InputError, StageError
from stepladder.core.journal import Journal, ScopedJournal
from stepladder.core.settings import Training
from stepladder.training import data, dtypes, loading, loop, lora, memory, nf4, preflight, readings
from stepladder.training.checkpoints import Checkpoints
from stepladder.training.loss import weighted_loss
from stepladder.training.windows import windows

SETTINGS = Training(quantization="nf4", dtype="float32", rank=8, alpha=16, gradient_checkpointing=False)


@pytest.fixture(scope="module")
def moe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_moe(tmp_path_factory.mktemp("moe"))


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_llama(tmp_path_factory.mktemp("dense"))


def load(folder: Path, quantization: str = "nf4") -> Any:
    return loading.load_base(folder, quantization, torch.float32)


def expert_bytes(model: Any) -> tuple[int, int]:
    found = [(held, weights) for name, held, weights in nf4.held_weights(model) if ".experts." in name]
    assert found
    return sum(held for held, _ in found), sum(weights for _, weights in found)


def test_experts_are_held_in_four_bits(moe: Path) -> None:
    wide_bytes, wide_weights = expert_bytes(load(moe, "none"))
    held, weights = expert_bytes(load(moe))
    assert weights == wide_weights
    assert wide_bytes == 4 * wide_weights
    # 0.5 bytes a weight and its scales; the code books of double quantisation weigh on experts this small
    assert 0.5 < held / weights < 0.56


def test_every_parameter_is_counted_once(moe: Path) -> None:
    plain, packed = load(moe, "none"), load(moe)
    assert nf4.weight_bytes(packed)[0] == nf4.weight_bytes(plain)[0] == sum(p.numel() for p in plain.parameters())


def test_forward_equals_quantising_after_the_load(moe: Path) -> None:
    from bitsandbytes.nn.parametrize import replace_parameter_4bit
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    plain = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
                               bnb_4bit_compute_dtype=torch.float32)
    reference = AutoModelForCausalLM.from_pretrained(moe, quantization_config=plain, dtype=torch.float32)
    nf4.keep_differentiable(reference)
    ids = torch.randint(3, 200, (2, 12), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wide = reference(ids).logits
        for layer in reference.model.layers:
            for name in ("gate_up_proj", "down_proj"):
                replace_parameter_4bit(layer.mlp.experts, name, compress_statistics=True, blocksize=64)
        assert torch.equal(load(moe)(ids).logits, reference(ids).logits)
        assert not torch.allclose(wide, reference(ids).logits, atol=1e-2)


def test_a_model_that_stayed_wide_is_stopped_with_the_numbers(moe: Path, dense: Path) -> None:
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    assert loading.require_four_bit(load(moe)) < 1.5
    with pytest.raises(StageError, match=r"not 4-bit: 4.00 bytes a parameter"):
        loading.require_four_bit(load(dense, "none"))
    plain = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)
    usual = AutoModelForCausalLM.from_pretrained(moe, quantization_config=plain, dtype=torch.bfloat16)
    with pytest.raises(StageError, match=r"4 matrices .* stayed wide, such as model.layers.0.mlp.experts"):
        loading.require_four_bit(usual)


@pytest.mark.parametrize("which", ["moe", "dense"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_lora_over_four_bits_learns(which: str, checkpointing: bool, moe: Path, dense: Path, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"gradient_checkpointing": checkpointing})
    student = loading.load_student(moe if which == "moe" else dense, settings, seed=0)
    preflight.probe_four_bit(student)
    examples = data.encode_all([record(i) for i in range(8)], student.tokenizer, max_length=600)[0]
    found = windows([examples] * 6, batch=4, accumulation=1)
    run = loop.Loop(student, found, [1e-2] * len(found), Checkpoints(tmp_path / "c", "p", 1),
                    ScopedJournal(Journal(tmp_path / "j"), "p"), loop.Options())
    losses = [step["loss"] for step in run.run().steps]
    assert sum(losses[-2:]) < 0.8 * sum(losses[:2])


def test_the_gradient_is_the_slope_of_the_loss_after_a_reading_too(dense: Path) -> None:
    student = loading.load_student(dense, SETTINGS, seed=0)
    batch = data.encode_all([record(i) for i in range(2)], student.tokenizer, max_length=600)[0]
    parameters = [p for name, p in student.trainable().items() if "lora_B" in name]  # A has no slope while B is 0
    readings.Reader(student, batch, batch=2, samples=1, tokens=2).read(0)
    weighted_loss(student.model, batch, 0).backward()
    steepness = torch.cat([p.grad.flatten() for p in parameters]).norm().item()

    def loss_at(distance: float) -> float:
        with torch.no_grad():
            for parameter in parameters:
                parameter.copy_(distance / steepness * parameter.grad)
            return weighted_loss(student.model, batch, 0).item()

    assert (loss_at(0.003) - loss_at(-0.003)) / 0.006 == pytest.approx(steepness, rel=0.02)


def test_moe_gets_lora_on_attention_dense_on_all_linears(moe: Path, dense: Path) -> None:
    assert lora.lora_targets(load(moe), "auto") == ["k_proj", "o_proj", "q_proj", "v_proj"]
    assert lora.lora_targets(load(dense), "auto") == [
        "down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"]


def test_experts_train_on_request_where_supported(moe: Path) -> None:
    wanted = SETTINGS.model_copy(update={"targets": "experts", "quantization": "none", "expert_rank": 3})
    names = loading.load_student(moe, wanted, seed=0).trainable()
    expert_ranks = {parameter.shape[0] for name, parameter in names.items() if "experts" in name and "lora_A" in name}
    assert expert_ranks == {3 * 4}  # rank x experts
    with pytest.raises(InputError, match="cannot put LoRA on 4-bit experts"):
        loading.load_student(moe, wanted.model_copy(update={"quantization": "nf4"}), seed=0)


@pytest.mark.parametrize("which", ["moe", "dense"])
@pytest.mark.parametrize("quantization", ["none", "nf4"])
def test_the_memory_plan_counts_what_loading_finds(which: str, quantization: str, moe: Path, dense: Path) -> None:
    folder = moe if which == "moe" else dense
    settings = SETTINGS.model_copy(update={"quantization": quantization})
    plan = memory.plan(folder, settings, batch=2, length=100, live=80)
    student = loading.load_student(folder, settings, seed=0)
    assert plan.parameters == student.parameters
    assert plan.trainable == sum(p.numel() for p in student.trainable().values())
    assert plan.weights == pytest.approx(student.weight_bytes, rel=0.04)


def test_a_plan_that_does_not_fit_is_refused(dense: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = memory.plan(dense, SETTINGS, batch=2, length=100, live=80)
    monkeypatch.setattr(memory, "available", lambda: (1000, "this machine"))
    with pytest.raises(StageError, match=r"needs .* GB \(computed\), this machine has 0.0 GB"):
        memory.require_fits(plan, "training tiny")


def test_no_unsloth_is_said_in_one_line(dense: Path) -> None:
    with pytest.raises(InputError, match="unsloth is not installed"):
        loading.load_student(dense, SETTINGS.model_copy(update={"backend": "unsloth"}), seed=0)


def test_the_faster_dtype_wins_by_measuring(dense: Path) -> None:

    settings = SETTINGS.model_copy(update={"dtype": "auto"})

    if not torch.cuda.is_available():
        assert dtypes.choose_dtype(dense, settings, lambda *_: 1.4) == torch.bfloat16
        assert dtypes.choose_dtype(dense, settings, lambda *_: 1.1) == torch.float32
        assert dtypes.choose_dtype(dense, settings, lambda *_: 0.5) == torch.float32
    assert dtypes.choose_dtype(dense, SETTINGS, lambda *_: 9.0) == torch.float32, "as asked"
    assert 0.01 < dtypes.bfloat16_gain(dense, settings) < 100
