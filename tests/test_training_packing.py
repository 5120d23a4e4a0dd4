"""Packed rows: the same loss and gradient as each record alone, fewer tokens, and padding where a model cannot pack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from training_models import make_llama, make_moe, record

from stepladder.core.settings import Training
from stepladder.training import attention, data, loading, loss, packing
from stepladder.training.data import Example
from stepladder.training.decoder import causal

ALIKE = ((20, 21, 22, 23, 24), (20, 21, 30, 31))
SETTINGS = Training(quantization="none", dtype="float32", rank=4, alpha=8, gradient_checkpointing=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_llama(tmp_path_factory.mktemp("student"))


def loaded(folder: Path, **changes: Any) -> loading.Student:
    """A student whose adapter is no longer zero, so that all of it has a gradient."""
    student = loading.load_student(folder, SETTINGS.model_copy(update=changes), seed=0)
    torch.manual_seed(1)
    for parameter in student.trainable().values():
        torch.nn.init.normal_(parameter, std=0.05)
    return student


def learnt(student: loading.Student, batches: list[list[Example]]) -> tuple[float, torch.Tensor]:
    """(loss, gradient) of micro-batches."""
    student.model.zero_grad()
    total = 0.0
    for batch in batches:
        part = loss.weighted_loss(student.model, batch, 0)
        part.backward()
        total += part.item()
    return total, torch.cat([p.grad.flatten() for p in student.trainable().values() if p.grad is not None])


examples = st.lists(
    st.tuples(st.integers(0, 6), st.lists(st.integers(0, 3), min_size=1, max_size=6), st.integers(1, 5)),
    min_size=1, max_size=5)


def batch_of(parts: list[tuple[int, list[int], int]]) -> list[Example]:
    """Records that share up to six tokens, then go on as they like; (shared tokens, own prompt, reply tokens)."""
    return [Example(f"e{i}", (*range(10, 10 + shared), *(200 + token for token in own), *range(40, 40 + reply)),
                    shared + len(own), weight=1.0 + i) for i, (shared, own, reply) in enumerate(parts)]


@given(examples)
def test_a_packed_row_holds_every_record_whole(parts: list[tuple[int, list[int], int]]) -> None:
    batch = batch_of(parts)
    row = packing.pack(batch)
    prefix = row.borders.prefix
    assert len(row.ids) == len(row.positions) == packing.computed_tokens([batch], packed=True)
    assert len(row.live) == sum(example.live for example in batch)
    live = iter(row.live)
    for example, (start, end) in zip(batch, row.borders.spans, strict=True):
        assert (*row.ids[:prefix], *row.ids[start:end]) == example.ids
        assert row.positions[:prefix] + row.positions[start:end] == list(range(len(example)))
        for i in range(example.prompt_length - 1, len(example) - 1):  # each of these predicts the next reply token
            assert next(live) == start + i - prefix
    assert prefix < min(example.prompt_length for example in batch)


@settings(deadline=None, max_examples=25)
@given(examples)
def test_loss_and_gradient_are_those_of_each_record_alone(student: loading.Student,
                                                          parts: list[tuple[int, list[int], int]]) -> None:
    batch = batch_of(parts)
    value, gradient = learnt(student, [batch])
    alone, expected = learnt(student, [[example] for example in batch])
    assert value == pytest.approx(alone, rel=1e-5)
    assert (gradient - expected).norm() <= 1e-4 * expected.norm()


@pytest.fixture(scope="module")
def student(folder: Path) -> loading.Student:
    return loaded(folder)


def test_a_common_beginning_is_computed_once(student: loading.Student, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = data.encode_all([record(i) for i in range(3)], student.tokenizer, max_length=600)[0]
    prefix = packing.common_prefix(batch)
    assert prefix > 50  # template and system prompt, in bytes
    met = []
    states = packing.hidden_states
    monkeypatch.setattr(packing, "hidden_states", lambda model, ids, *rest: met.append(ids.shape)
                        or states(model, ids, *rest))
    loss.weighted_loss(student.model, batch, 0)
    assert met == [(1, sum(map(len, batch)) - 2 * prefix)]


@pytest.mark.parametrize("short", [0, attention.SHORT], ids=["kernel", "products"])
@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("kind", ["dense", "nf4", "moe", "moe in nf4"])
def test_packed_and_padded_learn_the_same(kind: str, checkpointing: bool, short: int, tmp_path: Path, folder: Path,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "SHORT", short)
    where = make_moe(tmp_path / "moe", dtype="float32") if "moe" in kind else folder
    student = loaded(where, quantization="nf4" if "nf4" in kind else "none", gradient_checkpointing=checkpointing)
    batch = data.encode_all([record(i, steps="More. " * (1 + i)) for i in range(4)], student.tokenizer,
                            max_length=900)[0]
    assert student.packs
    packed, gradient = learnt(student, [batch])
    causal(student.model).set_attn_implementation("sdpa")
    assert not student.packs
    padded, expected = learnt(student, [batch])
    assert packed == pytest.approx(padded, rel=1e-5)
    assert (gradient - expected).norm() <= 1e-4 * expected.norm()


def sliding(model: Any) -> None:
    model.config.sliding_window = 4


def mixed_layers(model: Any) -> None:
    model.config.layer_types = ["full_attention", "linear_attention"]


def deaf(model: Any) -> None:
    """Drops the borders on the way to the attention, as a patched forward would."""
    forward = model.model.forward
    model.model.forward = lambda *args, borders=None, **options: forward(*args, **options)


def strict(model: Any) -> None:
    """Takes no arguments but those it names."""
    forward = model.model.forward
    model.model.forward = lambda input_ids, position_ids=None, use_cache=None: forward(
        input_ids=input_ids, position_ids=position_ids, use_cache=use_cache)


@pytest.mark.parametrize("spoil", [sliding, mixed_layers, deaf, strict])
def test_a_model_that_would_mix_records_is_padded(folder: Path, spoil: Any) -> None:
    model = loading.load_base(folder, "none", torch.float32)
    spoil(model)
    assert not packing.enable(model, ALIKE)
    assert model.config._attn_implementation == "sdpa"
    spoilt_not = loading.load_base(folder, "none", torch.float32)
    assert packing.enable(spoilt_not, ALIKE)


def test_without_borders_attention_is_the_usual_one(student: loading.Student) -> None:
    ids = torch.randint(3, 200, (3, 17))
    mask = torch.ones_like(ids)
    mask[1, :5] = 0
    made, expected = [], []
    for implementation, into in ((attention.NAME, made), ("sdpa", expected)):
        causal(student.model).set_attn_implementation(implementation)
        with torch.no_grad():
            into.append(student.model(ids).logits)
            into.append(student.model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=5, do_sample=False,
                                               pad_token_id=0))
    causal(student.model).set_attn_implementation(attention.NAME)
    assert torch.equal(made[0], expected[0])
    assert torch.equal(made[1], expected[1])
