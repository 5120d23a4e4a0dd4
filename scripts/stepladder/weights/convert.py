"""A transformers checkpoint out of a GGUF."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
from pathlib import Path

from stepladder.core.errors import StageError
from stepladder.core.files import disk_errors, weight_errors
from stepladder.core.quiet import quiet_libraries


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
