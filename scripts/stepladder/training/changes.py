"""Is each layer's change in an export, as the adapter's own files have it? Read from weights; no model is loaded.

Texts (effect.py) tell half an adapter from a whole one, but not one layer's absence among thirty.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import StageError
from ..core.files import read_json

if TYPE_CHECKING:
    import torch

Change = tuple["torch.Tensor", "torch.Tensor", float]
"""A (r, in), B (out, r) and the scale alpha/r."""

PREFIX, LORA_A, LORA_B = "base_model.model.", ".lora_A.weight", ".lora_B.weight"
TOLERANCE = 0.01  # of the size of a layer's change; A and B are compared in the 16 bits that exports have them in


class WrongExportError(StageError):
    """An export is not its base and its adapter."""


def of_adapter(folder: Path) -> dict[str, Change]:
    """Name of the weight in the base -> its change, of a PEFT adapter of plain LoRA on linears."""
    from safetensors.torch import load_file

    config, found = read_json(folder / "adapter_config.json"), load_file(folder / "adapter_model.safetensors")
    scale = config["lora_alpha"] / config["r"]
    return {f"{name.removeprefix(PREFIX).removesuffix(LORA_A)}.weight":
            (found[name].float(), found[name.removesuffix(LORA_A) + LORA_B].float(), scale)
            for name in found if name.endswith(LORA_A)}


def of_gguf(path: Path) -> dict[str, Change]:
    """Name of the tensor in the base's GGUF -> its change, scaled as llama.cpp scales it. Raises WrongExportError."""
    import torch
    from gguf import GGUFReader, Keys
    from gguf.quants import dequantize

    try:
        reader = GGUFReader(path)
        alpha = float(reader.fields[Keys.Adapter.LORA_ALPHA].contents())
        found = {tensor.name: torch.from_numpy(dequantize(tensor.data, tensor.tensor_type)).float()
                 for tensor in reader.tensors}
        return {name.removesuffix(".lora_a"): (a, b, alpha / b.shape[1] if alpha else 1.0)
                for name, a in found.items() if name.endswith(".lora_a")
                for b in [found[name.removesuffix("a") + "b"]]}
    except (ValueError, KeyError) as error:
        raise WrongExportError(f"{path.name} is no GGUF adapter that can be read ({error})") from error


def require_in_gguf(adapter: Path, gguf: Path) -> None:
    """Raise WrongExportError, with the layer, where a GGUF adapter changes one by another size than the adapter does.

    Sizes, since converters give tensors other names, and permute and split their rows.
    """
    wanted = _sizes({name: (a.half().float(), b.half().float(), scale)
                     for name, (a, b, scale) in of_adapter(adapter).items()})
    found = _sizes(of_gguf(gguf))
    for layer in sorted(wanted.keys() | found.keys()):
        want, has = wanted.get(layer, 0.0), found.get(layer, 0.0)
        if abs(has - want) > TOLERANCE * want:
            raise WrongExportError(f"it changes layer {layer} by {has:.4g}, the adapter by {want:.4g} "
                                   "(norms of alpha/r B A)")


def _sizes(changes: dict[str, Change]) -> dict[int, float]:
    """Layer (-1: outside of layers) -> Frobenius norm of its weights' changes."""
    squares: defaultdict[int, float] = defaultdict(float)
    for name, (a, b, scale) in changes.items():
        number = re.search(r"\.(\d+)\.", name)
        a, b = a.double(), b.double()
        squares[int(number[1]) if number else -1] += scale**2 * ((b.T @ b) * (a @ a.T)).sum().item()
    return {layer: max(value, 0.0) ** 0.5 for layer, value in squares.items()}


def require_in_checkpoint(adapter: Path, base: Path, merged: Path) -> None:
    """Raise WrongExportError, with the weight, where one of `merged` is not base + alpha/r B A but for its rounding."""
    wanted = of_adapter(adapter)
    for name, before, after in _both(base, merged, set(wanted)):
        a, b, scale = wanted.pop(name)
        change = scale * (b @ a)
        expected = before.float() + change
        info, off = _finfo(after), (after.float() - expected).abs()
        slack = 0.51 * info.eps * expected.abs() + 1e-5 * change.abs().max() + info.smallest_normal * info.eps
        if not bool((off <= slack).all()):
            share = ((after.float() - before.float()) * change).sum() / (change * change).sum()
            raise WrongExportError(f"{name} has {share:.2f} of the adapter's change")
    if wanted:
        raise WrongExportError(f"{min(wanted)} is not in it, and the adapter changes it")


def _both(base: Path, merged: Path, names: set[str]) -> Iterator[tuple[str, torch.Tensor, torch.Tensor]]:
    """(name, tensor of the base, tensor of the merged checkpoint), shard by shard; both have the same shards."""
    from safetensors import safe_open

    for path in sorted(merged.glob("*.safetensors")):
        with safe_open(base / path.name, framework="pt") as before, safe_open(path, framework="pt") as after:
            for name in sorted(names.intersection(before.keys(), after.keys())):
                yield name, before.get_tensor(name), after.get_tensor(name)


def _finfo(tensor: torch.Tensor) -> torch.finfo:
    import torch

    return torch.finfo(tensor.dtype)
