"""Changing the form of weights: another GGUF type, or a transformers checkpoint out of a GGUF."""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import shutil
from pathlib import Path

from stepladder.core.errors import InputError, StageError
from stepladder.core.files import disk_errors, weight_errors
from stepladder.core.quiet import quiet_libraries


def requantize(source: Path, target: Path, type_name: str, threads: int) -> None:
    """Convert a GGUF to another type with llama.cpp's quantiser; `target` appears whole or not at all.

    On a CPU without a fast kernel for the source's type this is what makes it run at speed. Raises InputError for
    an unknown type, StageError when the quantiser fails.
    """
    import llama_cpp

    from stepladder.engine.native import quiet_llama

    quiet_llama()
    ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{type_name}", None)
    if ftype is None:
        raise InputError(f"requantize = {type_name!r}: llama.cpp knows no such type; try Q8_0")
    part = target.with_name(f".{target.name}.part")
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.nthread = threads
    parameters.ftype = ftype
    parameters.allow_requantize = True
    with disk_errors(target):
        code = llama_cpp.llama_model_quantize(os.fsencode(source), os.fsencode(part), ctypes.byref(parameters))
        if code != 0:
            part.unlink(missing_ok=True)
            raise StageError(f"converting {source} to {type_name} failed (code {code}); is the disk full?")
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(part, target)


def dequantize(gguf: Path, folder: Path) -> None:
    """Make a transformers checkpoint (float16 safetensors, tokenizer, chat template) out of a GGUF.

    float16 holds every value a 4- or 8-bit GGUF can (its scales are float16) to within rounding, at half the disk of
    float32. `folder` appears whole or not at all. Raises StageError when transformers cannot read the GGUF.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    quiet_libraries()
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
        with contextlib.redirect_stderr(io.StringIO()):  # a bar of its own, which no setting turns off
            model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float16)
    except (ValueError, OSError, KeyError, NotImplementedError) as error:
        raise StageError(f"transformers cannot dequantise {gguf}: {error}") from error
    # transformers puts the GGUF's special token ids into the model's config, and others of its own into the tokenizer.
    for role in ("bos", "eos", "pad", "unk"):
        token = getattr(model.config, f"{role}_token_id", None)
        if token is not None:
            setattr(tokenizer, f"{role}_token", tokenizer.convert_ids_to_tokens(token))
    # The tensors are plain float16 now; what marks them as GGUF forbids saving.
    model.hf_quantizer = None
    del model.config.quantization_config
    with disk_errors(folder):
        with weight_errors(folder):
            model.save_pretrained(part)
        tokenizer.save_pretrained(part)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(part, folder)
