"""Small GGUF models in shards, as llama.cpp's own writer splits them."""

from __future__ import annotations

from pathlib import Path


def write_shards(folder: Path, name: str = "q", tensors: int = 2, value: float = 0.0) -> list[Path]:
    """A llama GGUF, one tensor a shard: folder/NAME-00001-of-0000N.gguf and so on, filled with `value`."""
    import gguf
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(folder / f"{name}.gguf", "llama", split_max_tensors=1)
    writer.add_block_count(1)
    writer.add_embedding_length(32)
    writer.add_head_count(2)
    writer.add_head_count_kv(1)
    writer.add_feed_forward_length(64)
    writer.add_vocab_size(64)
    for number in range(tensors):
        writer.add_tensor(f"blk.{number}.weight", np.full((64, 32), value, dtype=np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return sorted(folder.glob(f"{name}-*.gguf"))
