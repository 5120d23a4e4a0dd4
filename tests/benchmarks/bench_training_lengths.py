"""What ever new lengths cost a training on the CPU: time and memory, packed and padded, by how many kernels are kept.

    python tests/benchmarks/bench_training_lengths.py --student models/smollm2_135m

One layer of the student learns micro-batches of four records that begin alike, each of a new length. A process for each
row, since oneDNN reads its settings once.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT / "scripts")]
SHARED, LENGTHS, VOCABULARY = 22, (100, 250), 512


def learn(student: Path, dtype: str, packed: bool, batches: int) -> dict[str, float]:
    """{"seconds", "megabytes" above the start} of one process."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from stepladder.core.settings import Training
    from stepladder.training import packing
    from stepladder.training.data import Example
    from stepladder.training.lora import add_lora
    from stepladder.training.loss import weighted_loss
    from stepladder.training.memory import training_bytes

    config = AutoConfig.from_pretrained(student)
    config.num_hidden_layers, config.vocab_size, config.pad_token_id = 1, VOCABULARY, None
    model = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, dtype))
    if packed and not packing.enable(model, (range(10, 30), (*range(10, 15), *range(100, 110)))):
        sys.exit(f"{student} does not pack")
    model = add_lora(model, Training(quantization="none", gradient_checkpointing=False, rank=64, alpha=64))
    chance = random.Random(0)
    before, started = training_bytes(torch.device("cpu")), time.perf_counter()
    for _ in range(batches):
        lengths = sorted(chance.randrange(*LENGTHS) for _ in range(4))
        batch = [Example("", (*range(SHARED), *(chance.randrange(VOCABULARY) for _ in range(length - SHARED))),
                         length // 2) for length in lengths]
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == "bfloat16"):
            loss = weighted_loss(model, batch, 0)
        loss.backward()
        model.zero_grad()
    return {"seconds": time.perf_counter() - started,
            "megabytes": (training_bytes(torch.device("cpu")) - before) / 1e6}


def main() -> None:
    """A line for each way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--student", type=Path, required=True, help="transformers folder, for its config.json")
    parser.add_argument("--batches", type=int, default=240, help="micro-batches")
    parser.add_argument("--kernels", type=int, nargs="+", default=[1024, 128], help="how many oneDNN keeps")
    parser.add_argument("--one", nargs=2, metavar=("DTYPE", "WAY"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(learn(args.student, args.one[0], args.one[1] == "packed", args.batches)))
        return
    for dtype in ("bfloat16", "float32"):
        for way in ("padded", "packed"):
            for kernels in args.kernels if dtype == "bfloat16" else args.kernels[:1]:  # float32 goes another way
                done = subprocess.run([sys.executable, __file__, "--student", str(args.student), "--batches",
                                       str(args.batches), "--one", dtype, way], check=True, capture_output=True,
                                      text=True, env={**os.environ, "ONEDNN_PRIMITIVE_CACHE_CAPACITY": str(kernels)})
                found = json.loads(done.stdout.splitlines()[-1])
                print(f"{dtype:8} {way}, {kernels:5} kernels kept: {found['seconds']:6.1f} s, "
                      f"{found['megabytes']:+6.0f} MB", flush=True)


if __name__ == "__main__":
    main()
