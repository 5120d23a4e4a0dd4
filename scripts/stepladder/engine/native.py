"""The two llama.cpp objects the engine works with: weights with their vocabulary, and a context with its KV cache.

Thin wrappers over llama-cpp-python's low-level API: they own the C memory, turn return codes into exceptions
and pass token arrays as numpy memory, so that no Python loop runs over tokens or vocabulary.
"""

from __future__ import annotations

import ctypes
import os
from collections import deque
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .plain import shapes_thought
from .requests import EngineError

Tokens = npt.NDArray[np.int32]

_ERROR = 4  # GGML_LOG_LEVEL_ERROR of ggml.h; llama-cpp-python's own table is that of older versions
_log_tail: deque[str] = deque(maxlen=20)
_log_callback: object = None


class DecodeError(EngineError):
    """A batch could not be computed: no free KV cells, or out of memory in the middle of the graph."""


def quiet_llama() -> None:
    """Keep llama.cpp's log off the terminal; its last errors are quoted where something fails."""
    global _log_callback
    import llama_cpp

    if _log_callback is not None:
        return

    @llama_cpp.llama_log_callback
    def remember(level: int, text: bytes, _: object) -> None:
        if level == _ERROR:
            _log_tail.append(text.decode("utf-8", "replace").strip())

    _log_callback = remember  # C holds the pointer, so Python must not free it
    llama_cpp.llama_log_set(remember, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()


def last_log() -> str:
    """llama.cpp's last two error lines, in brackets, or nothing."""
    lines = list(_log_tail)[-2:]
    _log_tail.clear()
    return f" ({'; '.join(lines)})" if lines else ""


def physical_cores() -> int:
    """Cores this process may use, hyper-threads not counted."""
    import psutil

    return max(1, min(psutil.cpu_count(logical=False) or 1, len(os.sched_getaffinity(0))))


def uses_gpu(gpu_layers: int | str) -> bool:
    """Whether weights go to a GPU: llama.cpp was built for one, and layers for it are wanted."""
    import llama_cpp

    quiet_llama()
    return bool(llama_cpp.llama_supports_gpu_offload()) and gpu_layers != 0


class Weights:
    """A loaded GGUF model, its vocabulary and its LoRA adapters."""

    def __init__(self, path: Path, gpu_layers: int | str, adapters: Mapping[str, Path]) -> None:
        import llama_cpp

        quiet_llama()
        self._llama = llama_cpp
        params = llama_cpp.llama_model_default_params()
        all_layers = -1 if uses_gpu(gpu_layers) else 0
        params.n_gpu_layers = all_layers if gpu_layers == "auto" else int(gpu_layers)
        self.model = llama_cpp.llama_model_load_from_file(os.fsencode(path), params)
        if not self.model:
            raise EngineError(f"{path}: llama.cpp cannot load it{last_log()}")
        self.vocab = llama_cpp.llama_model_get_vocab(self.model)
        if (missing := self._missing()) is not None:
            self.close()
            raise EngineError(f"{path}: it {missing}, so it cannot write; take a text-generating model")
        self.vocab_size: int = llama_cpp.llama_vocab_n_tokens(self.vocab)
        self._pieces: dict[int, bytes] = {}
        self._ends: dict[int, bool] = {}
        self.adapters: dict[str, object] = {}
        for name, adapter_path in adapters.items():
            adapter = llama_cpp.llama_adapter_lora_init(self.model, os.fsencode(adapter_path))
            if not adapter:
                raise EngineError(f"{adapter_path}: not a LoRA adapter for {path.name}{last_log()}")
            self.adapters[name] = adapter

    def close(self) -> None:
        if self.model:
            self._llama.llama_model_free(self.model)  # frees its adapters too
            self.model = None

    def _missing(self) -> str | None:
        """What this model lacks to continue a text; None where it lacks nothing."""
        llama = self._llama
        if llama.llama_vocab_type(self.vocab) == llama.LLAMA_VOCAB_TYPE_NONE:
            return "has no vocabulary"
        if not llama.llama_model_has_decoder(self.model) or llama.llama_model_has_encoder(self.model):
            return "is an encoder"
        return "is a diffusion model" if llama.llama_model_is_diffusion(self.model) else None

    def text_metadata(self, key: str) -> str | None:
        """A scalar of the GGUF metadata as text; None where the file does not have it."""
        length = self._llama.llama_model_meta_val_str(self.model, key.encode(), None, 0)
        if length < 0:
            return None
        buffer = ctypes.create_string_buffer(length + 1)
        self._llama.llama_model_meta_val_str(self.model, key.encode(), buffer, length + 1)
        return buffer.value.decode("utf-8", "replace")

    @property
    def trained_context(self) -> int:
        """Tokens of the longest texts it was trained on; 0 where the file does not say."""
        return self._llama.llama_model_n_ctx_train(self.model)

    @cached_property
    def bos(self) -> int | None:
        """The token every text begins with, where the vocabulary says there is one."""
        if not self._llama.llama_vocab_get_add_bos(self.vocab):
            return None
        token = self._llama.llama_vocab_bos(self.vocab)
        return token if token >= 0 else None

    def special_text(self, which: str) -> str:
        """How the special token `which` ("bos", "eos") is written in templates; empty where there is none."""
        token = getattr(self._llama, f"llama_vocab_{which}")(self.vocab)
        if token < 0:
            return ""
        return self._llama.llama_vocab_get_text(self.vocab, token).decode("utf-8", "replace")

    def tokenize(self, text: str, *, special: bool = True, bos: bool = False) -> Tokens:
        """Token ids of `text`; with `bos` the BOS token leads where the model wants one, and never twice."""
        data = text.encode("utf-8")
        room, count = len(data) + 8, -1
        while count < 0:  # rarely a text has more tokens than bytes; then minus the count says how many
            ids = np.empty(room, np.int32)
            pointer = ids.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
            count = self._llama.llama_tokenize(self.vocab, data, len(data), pointer, room, False, special)
            if count < 0 and -count <= room:
                raise EngineError(f"llama.cpp cannot tokenise {text[:40]!r}")
            room = -count
        ids = ids[:count].copy()
        if bos and self.bos is not None and (count == 0 or ids[0] != self.bos):
            ids = np.concatenate([np.array([self.bos], np.int32), ids])
        return ids

    def piece(self, token: int) -> bytes:
        """The bytes a token stands for (part of a UTF-8 character, perhaps).

        Nothing for control tokens but those that thoughts are told by.
        """
        known = self._pieces.get(token)
        if known is None:
            known = self._spelt(token, special=False)
            if not known and shapes_thought((control := self._spelt(token, special=True)).decode("utf-8", "replace")):
                known = control
            self._pieces[token] = known
        return known

    def _spelt(self, token: int, *, special: bool) -> bytes:
        size = 64
        buffer = ctypes.create_string_buffer(size)
        length = self._llama.llama_token_to_piece(self.vocab, token, buffer, size, 0, special)
        if length < 0:
            size = -length
            buffer = ctypes.create_string_buffer(size)
            length = self._llama.llama_token_to_piece(self.vocab, token, buffer, size, 0, special)
        return buffer.raw[:length]

    def ends_turn(self, token: int) -> bool:
        known = self._ends.get(token)
        if known is None:
            known = self._ends[token] = bool(self._llama.llama_vocab_is_eog(self.vocab, token))
        return known


class Batch:
    """Tokens for one llama_decode call, in numpy memory shared with C: one sequence id a token."""

    def __init__(self, capacity: int) -> None:
        import llama_cpp

        self.capacity = capacity
        self.tokens = np.zeros(capacity, np.int32)
        self.positions = np.zeros(capacity, np.int32)
        self.sequences = np.zeros(capacity, np.int32)
        self.wanted = np.zeros(capacity, np.int8)
        self._one_each = np.ones(capacity, np.int32)
        start, step = self.sequences.ctypes.data, self.sequences.itemsize
        self._sequence_pointers = (start + step * np.arange(capacity)).astype(np.uintp)

        def pointer(array: npt.NDArray, kind: type) -> object:
            return ctypes.cast(array.ctypes.data, kind)

        int32_pointer = ctypes.POINTER(ctypes.c_int32)
        self.struct = llama_cpp.llama_batch(
            n_tokens=0,
            token=pointer(self.tokens, int32_pointer),
            embd=None,
            pos=pointer(self.positions, int32_pointer),
            n_seq_id=pointer(self._one_each, int32_pointer),
            seq_id=pointer(self._sequence_pointers, ctypes.POINTER(int32_pointer)),
            logits=pointer(self.wanted, ctypes.POINTER(ctypes.c_int8)),
        )
        self.clear()

    def clear(self) -> None:
        self.size = 0

    def add(self, tokens: Tokens, position: int, sequence: int, *, wanted: int) -> None:
        """Append a run of one sequence's tokens; logits wanted for the last `wanted` of them."""
        start, end = self.size, self.size + len(tokens)
        self.tokens[start:end] = tokens
        self.positions[start:end] = np.arange(position, position + len(tokens))
        self.sequences[start:end] = sequence
        self.wanted[start : end - wanted] = 0
        self.wanted[end - wanted : end] = 1
        self.size = end


class Context:
    """A llama.cpp context: the KV cache of `sequences` places, and the calls that fill and reuse it.

    trims: whether a sequence can lose its end. The memory of recurrent and hybrid models cannot: all that it keeps of a
    sequence's past is a state after the last token.
    """

    def __init__(
        self, weights: Weights, *, sequences: int, context: int, threads: int, batch_tokens: int, unified: bool
    ) -> None:
        llama = self._llama = weights._llama
        params = llama.llama_context_default_params()
        params.n_ctx = sequences * context
        params.n_seq_max = sequences
        params.n_batch = params.n_ubatch = batch_tokens
        self.most_outputs = params.n_outputs_max = min(batch_tokens, sequences + 32)
        params.n_threads = params.n_threads_batch = threads
        params.kv_unified = unified
        params.no_perf = True
        self.weights, self.unified, self.sequences = weights, unified, sequences
        self.trims = not (llama.llama_model_is_recurrent(weights.model) or llama.llama_model_is_hybrid(weights.model))
        self.ctx = llama.llama_init_from_model(weights.model, params)
        if not self.ctx:
            raise DecodeError(
                f"no memory for a context of {sequences} sequences of {context} tokens{last_log()}"
            )
        self._memory = llama.llama_get_memory(self.ctx)
        self._logits_address = llama.llama_cpp._lib["llama_get_logits_ith"]  # a function object of our own
        self._logits_address.restype = ctypes.c_void_p
        self._logits_address.argtypes = [ctypes.c_void_p, ctypes.c_int32]

    def close(self) -> None:
        if self.ctx:
            self._llama.llama_free(self.ctx)
            self.ctx = None

    def decode(self, batch: Batch) -> None:
        """Compute a batch and wait for it.

        Raises:
            DecodeError: no KV slot, or the computation failed; the cache must then be taken for lost.
        """
        batch.struct.n_tokens = batch.size
        code = self._llama.llama_decode(self.ctx, batch.struct)
        if code != 0:
            raise DecodeError(f"llama_decode returned {code} for {batch.size} tokens{last_log()}")
        self._llama.llama_synchronize(self.ctx)

    def logits(self, batch: Batch) -> npt.NDArray[np.float32]:
        """Logits of the wanted tokens of the last batch, in batch order: (wanted, vocabulary), not copied."""
        wanted = np.flatnonzero(batch.wanted[: batch.size])
        vocabulary = self.weights.vocab_size
        if not len(wanted):
            return np.empty((0, vocabulary), np.float32)
        address = self._logits_address(self.ctx, int(wanted[0]))
        if not address:
            raise DecodeError(f"llama.cpp gave no logits{last_log()}")
        memory = (ctypes.c_float * (len(wanted) * vocabulary)).from_address(address)
        return np.frombuffer(memory, np.float32).reshape(len(wanted), vocabulary)

    def copy(self, source: int, target: int, length: int) -> None:
        """Make `target` hold the first `length` tokens of `source`; all that it holds where the memory cannot trim.

        One unified cache only tags cells as shared; split caches copy the whole stream (memory bandwidth, no
        arithmetic), and llama.cpp does not copy a part of one.
        """
        if self.unified:
            self.forget(target)
            self._llama.llama_memory_seq_cp(self._memory, source, target, 0, length)
        else:
            self._llama.llama_memory_seq_cp(self._memory, source, target, -1, -1)
            self.forget(target, length)

    def forget(self, sequence: int, start: int = 0) -> int:
        """Drop a sequence's tokens from position `start` on; all of them where the memory cannot trim.

        Returns how many are left: `start`, or 0.
        """
        if self._llama.llama_memory_seq_rm(self._memory, sequence, start, -1):
            return start
        self._llama.llama_memory_seq_rm(self._memory, sequence, -1, -1)  # never fails for a whole sequence
        return 0

    def clear(self) -> None:
        self._llama.llama_memory_clear(self._memory, False)

    def use_adapter(self, name: str | None) -> None:
        """Apply one of the loaded LoRA adapters, or none; what the cache holds is worthless after it."""
        llama = self._llama
        chosen = [] if name is None else [self.weights.adapters[name]]
        adapters = (llama.llama_adapter_lora_p_ctypes * len(chosen))(*chosen)
        scales = (ctypes.c_float * len(chosen))(*[1.0] * len(chosen))
        if llama.llama_set_adapters_lora(self.ctx, adapters, len(chosen), scales):
            raise EngineError(f"llama.cpp cannot apply adapter {name}{last_log()}")
