"""A GGUF as a GGUF of another type, by llama.cpp's own quantiser."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from stepladder.core.errors import InputError, StageError
from stepladder.core.files import disk_errors

from .native import last_log, quiet_llama


def quantize(source: Path, target: Path, type_name: str, threads: int) -> None:
    """Convert a GGUF to another type, such as Q8_0 or Q4_K_M; `target` appears whole or not at all.

    A source that is quantised itself is converted too: on a CPU without a fast kernel for its type that is what makes
    it run at speed. Raises InputError for an unknown type, StageError when the quantiser fails.
    """
    import llama_cpp

    quiet_llama()
    ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{type_name}", None)
    if ftype is None:
        raise InputError(f"{source.name} as {type_name!r}: llama.cpp knows no such type; try Q8_0")
    part = target.with_name(f".{target.name}.part")
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.nthread = threads
    parameters.ftype = ftype
    parameters.allow_requantize = True
    with disk_errors(target):
        code = llama_cpp.llama_model_quantize(os.fsencode(source), os.fsencode(part), ctypes.byref(parameters))
        if code != 0:
            part.unlink(missing_ok=True)
            raise StageError(f"converting {source} to {type_name} failed (code {code}){last_log()}; is the disk full?")
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(part, target)
