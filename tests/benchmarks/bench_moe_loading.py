"""Peak memory of loading a MoE in 4-bit: streamed, against quantising after the load and against 16-bit.

    python tests/benchmarks/bench_moe_loading.py --megabytes 600

A random Qwen3-MoE is made once; each way of loading runs in a process of its own. Anonymous memory is what counts:
shards are memory-mapped, and mapped pages go when others need the room.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS.parent / "scripts"), str(TESTS)]
WAYS = ("16-bit", "quantised after the load", "streamed")
HIDDEN, INNER, EXPERTS = 512, 256, 64


def anonymous_bytes() -> int:
    """Anonymous resident memory of this process."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon:"))
    return int(line.split()[1]) * 1024


def load(way: str, folder: Path) -> dict[str, float]:
    """Load in this process, watching its memory; bytes above what the imports took."""
    import torch
    from bitsandbytes.nn.parametrize import replace_parameter_4bit
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    from stepladder.training import loading, nf4

    peak = before = anonymous_bytes()
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.002):
            peak = max(peak, anonymous_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    if way == "quantised after the load":
        plain = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)
        model = AutoModelForCausalLM.from_pretrained(folder, quantization_config=plain, dtype=torch.bfloat16)
        for layer in model.model.layers:
            for name in ("gate_up_proj", "down_proj"):
                replace_parameter_4bit(layer.mlp.experts, name, compress_statistics=True)
    else:
        model = loading.load_base(folder, "nf4" if way == "streamed" else "none", torch.bfloat16)
    seconds = time.perf_counter() - started
    done.set()
    watcher.join()
    parameters, size = nf4.weight_bytes(model)
    return {"parameters": parameters, "weights": size, "peak": peak - before, "seconds": seconds}


def main() -> None:
    """Make the model, load it each way, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=600, help="size of the 16-bit checkpoint, about")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way:
        print(json.dumps(load(args.way, args.folder)))
        return
    from training_models import make_moe

    layers = max(1, round(args.megabytes * 1e6 / (2 * 3 * HIDDEN * INNER * EXPERTS)))
    with tempfile.TemporaryDirectory() as scratch:
        folder = make_moe(Path(scratch), hidden=HIDDEN, inner=INNER, layers=layers, experts=EXPERTS, shard="100MB")
        found = {}
        for way in WAYS:
            answer = subprocess.run([sys.executable, __file__, "--way", way, "--folder", str(folder)], check=True,
                                    stdout=subprocess.PIPE, text=True)
            found[way] = json.loads(answer.stdout.splitlines()[-1])
    wide = found["16-bit"]["weights"]
    print(f"{found['16-bit']['parameters'] / 1e6:.0f}M parameters, {layers} layers, {EXPERTS} experts; "
          f"16-bit weights {wide / 1e6:.0f} MB")
    for way, result in found.items():
        print(f"{way:26} weights {result['weights'] / 1e6:6.0f} MB ({result['weights'] / wide:.2f} x 16-bit), peak "
              f"anonymous {result['peak'] / 1e6:6.0f} MB ({result['peak'] / wide:.2f} x), {result['seconds']:.1f} s")


if __name__ == "__main__":
    main()
