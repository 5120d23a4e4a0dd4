"""The adapter folded into its base: W + alpha/r B A, shard by shard, so that bases larger than memory merge too."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError, StageError
from ..core.files import disk_errors, read_json, weight_errors

if TYPE_CHECKING:
    import torch

PREFIX, LORA_A, LORA_B = "base_model.model.", ".lora_A.weight", ".lora_B.weight"
SCALES = ("_scale_inv", "_scale")  # of a weight in few bits, or made from one
WIDE = ("F16", "BF16", "F32", "F64")


def deltas(adapter: Path) -> dict[str, tuple[torch.Tensor, torch.Tensor, float]]:
    """Base tensor name -> (A (r, in), B (out, r), alpha/r). Raises StageError for adapters with LoRA on experts."""
    from safetensors.torch import load_file

    config = read_json(adapter / "adapter_config.json")
    if config.get("target_parameters"):
        raise StageError(f"{adapter}: LoRA on experts is merged while the model is loaded, not from files")
    weights = load_file(adapter / "adapter_model.safetensors")
    scale = config["lora_alpha"] / config["r"]
    return {name.removeprefix(PREFIX).removesuffix(LORA_A) + ".weight":
            (weights[name].float(), weights[name.removesuffix(LORA_A) + LORA_B].float(), scale)
            for name in weights if name.endswith(LORA_A)}


def narrow(base: Path) -> dict[str, str]:
    """Weights of a checkpoint that no change can be added to -> how they are stored; from its shards' headers."""
    from safetensors import safe_open

    kinds = {}
    for path in sorted(base.glob("*.safetensors")):
        with safe_open(path, framework="pt") as shard:
            kinds.update((name, shard.get_slice(name).get_dtype()) for name in shard.keys())  # noqa: SIM118
    found = {}
    for name, kind in kinds.items():
        scale = next((name + end for end in SCALES if name + end in kinds), None)
        if name.endswith(".weight") and (scale or kind not in WIDE):
            found[name] = kind + (f" with {scale.rpartition('.')[2]} beside it" if scale else "")
    return found


def require_wide(base: Path, targets: str) -> None:
    """Raise InputError, with the weight, where one that LoRA on `targets` changes cannot take the change."""
    found = narrow(base)
    if targets == "attention" or (targets == "auto" and any(".experts." in name for name in found)):
        found = {name: kind for name, kind in found.items() if "attn" in name}
    refuse(base, found)


def refuse(base: Path, found: dict[str, str]) -> None:
    """Raise InputError where there are such weights (`narrow`)."""
    if found:
        name, kind = next(iter(found.items()))
        raise InputError(f"{base}: {name} is stored as {kind}, and an adapter can only be merged into plain 16 or 32 "
                         "bits: give the student's unquantised checkpoint, or leave out --merge and --merged-gguf")


def merge(base: Path, adapter: Path, target: Path) -> None:
    """Write the merged checkpoint into `target`, shard by shard. Raises StageError where a tensor is missing, and
    InputError where the base cannot take the adapter.
    """
    from safetensors import safe_open
    from safetensors.torch import save_file

    changes = deltas(adapter)
    refuse(base, {name: kind for name, kind in narrow(base).items() if name in changes})
    merged: set[str] = set()
    staging = target.with_name(f".{target.name}.new")
    with disk_errors(target):
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        for path in sorted(base.iterdir()):
            if path.suffix == ".safetensors":
                tensors = {}
                with safe_open(path, framework="pt") as shard:
                    metadata = shard.metadata()
                    for name in shard.keys():  # noqa: SIM118 (not a dict)
                        tensor = shard.get_tensor(name)
                        if name in changes:
                            tensor = _changed(path, name, tensor, *changes[name])
                            merged.add(name)
                        tensors[name] = tensor
                with weight_errors(target):
                    save_file(tensors, staging / path.name, metadata)
            elif path.is_file():
                shutil.copyfile(path, staging / path.name)
        if missing := sorted(set(changes) - merged):
            raise StageError(f"{base} has no {missing[0]}, which the adapter changes")
        shutil.rmtree(target, ignore_errors=True)
        staging.rename(target)


def _changed(path: Path, name: str, tensor: torch.Tensor, a: torch.Tensor, b: torch.Tensor, scale: float
             ) -> torch.Tensor:
    """W + scale B A in W's dtype. Raises StageError where W is stored in fewer than 16 bits."""
    change = scale * (b @ a)
    if tensor.shape != change.shape or tensor.element_size() < 2 or not tensor.is_floating_point():
        raise StageError(f"{path}: {name} is stored as {tensor.dtype} {list(tensor.shape)}, and an adapter of "
                         f"{list(change.shape)} can only be merged into 16 or 32 bits: give the student's unquantised "
                         "checkpoint")
    return (tensor.float() + change).to(tensor.dtype)


def merge_loaded(base: Path, adapter: Path, target: Path, dtype: Any) -> None:
    """Write the merged checkpoint of an adapter on experts into `target`; base and adapter are loaded as a whole."""
    from peft import PeftModel

    from .loading import load_base, load_tokenizer

    require_wide(base, "experts")
    staging = target.with_name(f".{target.name}.new")
    model = PeftModel.from_pretrained(load_base(base, "none", dtype), adapter).merge_and_unload()
    with disk_errors(target):
        shutil.rmtree(staging, ignore_errors=True)
        with weight_errors(target):
            model.save_pretrained(staging)
        load_tokenizer(base).save_pretrained(staging)
        shutil.rmtree(target, ignore_errors=True)
        staging.rename(target)
