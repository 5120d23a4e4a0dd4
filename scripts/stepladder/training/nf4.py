"""NF4 while the shards stream in: dense linears and fused experts, so that no 16-bit model is ever held.

transformers keeps the experts of a MoE as fused 3-D parameters and its 4-bit loading replaces `nn.Linear` alone, so
experts stay 16-bit (bitsandbytes issue 1849). The quantizer here claims them too and packs each as soon as its
tensors have been read; a parametrisation of bitsandbytes unpacks them in the forward pass.
NF4 and double quantisation: Dettmers et al., QLoRA, arXiv 2305.14314.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import nn

METHOD = "stepladder_nf4"
BLOCK = 64  # weights that share a scale
BYTES_A_WEIGHT = 0.5 + 1 / BLOCK + 4 / (BLOCK * 256)  # 4 bits, an 8-bit scale a block, a float32 for 256 of those


def is_fused_experts(name: str, parameter: torch.Tensor) -> bool:
    """Whether a parameter holds the weights of all experts of a layer: (experts, out, in)."""
    return parameter.ndim == 3 and ".experts." in f".{name}"


@cache
def quantization_config() -> type:
    """The configuration class for `from_pretrained(quantization_config=...)`; registers it with transformers once."""
    from transformers import BitsAndBytesConfig
    from transformers.quantizers.auto import register_quantization_config, register_quantizer
    from transformers.quantizers.quantizer_bnb_4bit import Bnb4BitHfQuantizer

    @register_quantization_config(METHOD)
    class StreamingNf4Config(BitsAndBytesConfig):
        """NF4 with double quantisation for linears and fused experts."""

        def __init__(self, compute_dtype: torch.dtype | None = None, **options: Any) -> None:
            super().__init__(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
                             bnb_4bit_compute_dtype=compute_dtype, **options)
            self.quant_method = METHOD

    @register_quantizer(METHOD)
    class StreamingNf4Quantizer(Bnb4BitHfQuantizer):
        """transformers' own, which also claims fused experts."""

        def param_needs_quantization(self, model: nn.Module, param_name: str, **options: Any) -> bool:
            return super().param_needs_quantization(model, param_name, **options) or is_fused_experts(
                param_name, model.get_parameter_or_buffer(param_name))

        def get_quantize_ops(self) -> Any:
            return _operation()(self)

    return StreamingNf4Config


@cache
def _operation() -> type:
    from transformers.integrations.bitsandbytes import Bnb4bitQuantize

    class QuantizeStreamed(Bnb4bitQuantize):
        """Packs one parameter; an expert tensor is put in place here, as a module parameter cannot hold it."""

        def convert(self, input_dict: dict[str, Any], full_layer_name: str | None = None,
                    model: nn.Module | None = None, missing_keys: set[str] | None = None, **options: Any
                    ) -> dict[str, Any]:
            fused = {name: value for name, value in input_dict.items()
                     if is_fused_experts(name, model.get_parameter_or_buffer(name))}
            for name, value in fused.items():
                del input_dict[name]
                pack_experts(model, name, value[0] if isinstance(value, list) else value)
                del value
                if missing_keys is not None:
                    missing_keys.discard(name)
            if fused:
                _return_freed_memory()
            return super().convert(input_dict, full_layer_name=full_layer_name, model=model,
                                   missing_keys=missing_keys, **options) if input_dict else {}

    return QuantizeStreamed


def pack_experts(model: nn.Module, name: str, value: torch.Tensor) -> None:
    """Put `value` (experts, out, in) into the model as NF4; reading the parameter unpacks it, in value's dtype."""
    from bitsandbytes.nn.parametrize import Bnb4bitParametrization, _register_parametrization_hooks
    from torch import nn
    from torch.nn.utils import parametrize

    path, _, leaf = name.rpartition(".")
    module = model.get_submodule(path)
    packed, state = quantize(value)
    setattr(module, leaf, nn.Parameter(packed, requires_grad=False))
    parametrize.register_parametrization(module, leaf, Bnb4bitParametrization(state), unsafe=True)
    _register_parametrization_hooks(module, leaf)
    module.parametrizations[leaf].original._is_hf_initialized = True
    module._is_hf_initialized = True


def keep_differentiable(model: nn.Module) -> None:
    """Keep bitsandbytes from repacking 4-bit linears for AVX-512 at the first forward pass in eval mode.

    Repacked weights stay so, and nothing flows back through them: training after a reading would go wrong silently.
    """
    from bitsandbytes.nn import Linear4bit

    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False


def quantize(value: torch.Tensor) -> tuple[torch.Tensor, Any]:
    """(packed weights, QuantState) of a (experts, out, in) tensor, as bitsandbytes would pack it in one go.

    One expert at a time, since packing a tensor on the CPU takes many times its size for a moment.
    """
    import torch
    from bitsandbytes.functional import QuantState, get_4bit_type, quantize_4bit, quantize_blockwise

    if value[0].numel() % BLOCK:
        return quantize_4bit(value.contiguous(), blocksize=BLOCK, quant_type="nf4", compress_statistics=True)
    parts = [quantize_4bit(expert.contiguous(), blocksize=BLOCK, quant_type="nf4") for expert in value]
    scales = torch.cat([state.absmax for _, state in parts])
    offset = scales.mean()
    small_scales, scales_of_scales = quantize_blockwise(scales - offset, blocksize=256)
    state = QuantState(absmax=small_scales, shape=value.shape, dtype=value.dtype, blocksize=BLOCK,
                       code=get_4bit_type("nf4", device=value.device), quant_type="nf4", offset=offset,
                       state2=scales_of_scales)
    return torch.cat([packed for packed, _ in parts]), state


def _return_freed_memory() -> None:
    """Give freed heap pages back: glibc keeps those of tensors below 32 MB, and a MoE has thousands."""
    import ctypes

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def weight_bytes(model: nn.Module) -> tuple[int, int]:
    """(parameters, bytes they are held in, scales of 4-bit blocks included) of a loaded model."""
    count = size = 0
    for _, held, weights in held_weights(model):
        count += weights
        size += held
    return count, size


def held_weights(model: nn.Module) -> list[tuple[str, int, int]]:
    """(name, bytes held, weights they stand for) of every parameter, shared ones once."""
    from math import prod

    states = {f"{path}.original": module[0].quant_state for path, module in model.named_modules()
              if type(module).__name__ == "ParametrizationList" and hasattr(module[0], "quant_state")}
    found = []
    for name, parameter in model.named_parameters():
        state = states.get(name) or getattr(parameter, "quant_state", None)
        held = parameter.numel() * parameter.element_size()
        weights = parameter.numel() if state is None else prod(state.shape)
        found.append((name, held + (0 if state is None else _scales(state)), weights))
    return found


def _scales(state: Any) -> int:
    size = state.absmax.numel() * state.absmax.element_size()
    if state.nested:
        size += state.state2.absmax.numel() * state.state2.absmax.element_size()
    return size


def left_in_16_bit(model: nn.Module) -> list[tuple[str, int]]:
    """(name, bytes) of matrices that NF4 should hold and does not: linears and experts, the head and norms excepted."""
    from torch import nn

    head = model.get_output_embeddings()
    linears = {f"{path}.weight" for path, module in model.named_modules()
               if isinstance(module, nn.Linear) and module is not head}
    parameters = dict(model.named_parameters())
    return [(name, held) for name, held, weights in held_weights(model)
            if held > weights and (name in linears or is_fused_experts(name, parameters[name]))]
