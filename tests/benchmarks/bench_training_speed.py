"""Training speed against TRL's SFTTrainer with padding: same student, records, batches, optimiser and loss.

    python tests/benchmarks/bench_training_speed.py --student models/smollm2_135m --steps 6
    python tests/benchmarks/bench_training_speed.py --student models/smollm2_135m --steps 6 --batch 2 \\
        --accumulation 4 --records data/enhanced/curriculum_ordered_sample.json

Both train the same records with a mix of lengths (stage 03's, or puzzles), in turn, so that a busy machine slows both.
What is compared are tokens of the records, padding not counted, over the time of the optimiser steps; the first step of
each warms up.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS.parent / "scripts"), str(TESTS)]


def ours(student: Any, examples: list, batch: int, accumulation: int, scratch: Path) -> tuple[float, list[float]]:
    """(record tokens a second, losses) of this project's loop."""
    from stepladder.core.journal import Journal, ScopedJournal
    from stepladder.training.checkpoints import Checkpoints
    from stepladder.training.loop import Loop, Options
    from stepladder.training.windows import windows

    found = windows([examples], batch=batch, accumulation=accumulation)
    scratch.mkdir()
    run = Loop(student, found, [5e-4] * len(found), Checkpoints(scratch / "checkpoints", "bench", 1),
               ScopedJournal(Journal(scratch / "journal"), "bench"), Options(checkpoint_steps=10**6))
    steps = run.run().steps[1:]
    return sum(s["tokens"] for s in steps) / sum(s["seconds"] for s in steps), [s["loss"] for s in steps]


def trl(student: Any, examples: list, batch: int, accumulation: int, scratch: Path) -> tuple[float, list[float]]:
    """The same of TRL: completion-only loss, batches padded to their longest, its defaults for the rest."""
    import torch
    from datasets import Dataset
    from transformers import Trainer, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    from stepladder.training.decoder import causal

    class PlainLoss(SFTTrainer):
        """The model's own loss: TRL's fused head is a Triton kernel, which a CPU cannot run."""

        def compute_loss(self, *args: Any, **options: Any) -> Any:
            return Trainer.compute_loss(self, *args, **options)

    class Clock(TrainerCallback):
        """Time stamps of the steps' ends, and their losses."""

        def __init__(self) -> None:
            self.ends: list[float] = []
            self.losses: list[float] = []

        def on_step_end(self, *args: Any, **options: Any) -> None:
            self.ends.append(time.perf_counter())

        def on_log(self, *args: Any, logs: dict[str, float] | None = None, **options: Any) -> None:
            if logs and "loss" in logs:
                self.losses.append(logs["loss"])

    causal(student.model).set_attn_implementation("sdpa")
    clock = Clock()
    rows = Dataset.from_list([{
        "input_ids": list(e.ids), "completion_mask": [0] * e.prompt_length + [1] * e.live} for e in examples])
    config = SFTConfig(
        output_dir=str(scratch), per_device_train_batch_size=batch, gradient_accumulation_steps=accumulation,
        num_train_epochs=1, learning_rate=5e-4, lr_scheduler_type="constant", packing=False, completion_only_loss=True,
        bf16=student.dtype == torch.bfloat16, gradient_checkpointing=False, report_to="none", save_strategy="no",
        logging_steps=1, max_length=None, train_sampling_strategy="sequential", disable_tqdm=True,
        use_cpu=not torch.cuda.is_available())
    trainer = SFTTrainer if torch.cuda.is_available() else PlainLoss
    trainer(model=student.model, args=config, train_dataset=rows, processing_class=student.tokenizer,
            callbacks=[clock]).train()
    size = batch * accumulation
    return sum(map(len, examples[size:])) / (clock.ends[-1] - clock.ends[0]), clock.losses[1:]


def main() -> None:
    """Train both ways in turn, print tokens a second and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--student", type=Path, required=True, help="transformers folder of the student")
    parser.add_argument("--steps", type=int, default=4, help="optimiser steps of each run")
    parser.add_argument("--rounds", type=int, default=2, help="runs of each, in turn")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--accumulation", type=int, default=2)
    parser.add_argument("--levels", type=int, nargs=2, default=(1, 8), help="puzzle levels: they set the lengths")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32", help="of both")
    parser.add_argument("--records", type=Path, help="stage 03's output (default: puzzles)")
    args = parser.parse_args()
    from stepladder.core.settings import Training
    from stepladder.puzzles import catalog
    from stepladder.training import data, loading

    settings = Training(quantization="none", dtype=args.dtype, gradient_checkpointing=False, rank=64, alpha=64,
                        backend="peft")
    count = args.steps * args.batch * args.accumulation
    if args.records:
        usable = [record for record in json.loads(args.records.read_text()) if record["chain_of_thought"]]
        records = data.thin(usable, count)
    else:
        records = [catalog.to_record(puzzle) for puzzle in catalog.stream(count, seed=5, levels=tuple(args.levels))]
    rates: dict[str, list[float]] = {"trl": [], "ours": []}
    with tempfile.TemporaryDirectory() as scratch:
        for turn in range(args.rounds):
            for name, train in (("trl", trl), ("ours", ours)):
                student = loading.load_student(args.student, settings, seed=0)
                examples = data.encode_all(records, student.tokenizer, max_length=2048)[0]
                rate, losses = train(student, examples, args.batch, args.accumulation, Path(scratch) / f"{name}{turn}")
                rates[name].append(rate)
                print(f"{name:5} round {turn + 1}: {rate:7.1f} tokens/s, losses "
                      + " ".join(f"{loss:.3f}" for loss in losses), flush=True)
    lengths = sorted(map(len, examples))
    print(f"{len(examples)} records of {lengths[0]} to {lengths[-1]} tokens, batch {args.batch} x {args.accumulation}, "
          f"{args.dtype}")
    ratios = [mine / theirs for mine, theirs in zip(rates["ours"], rates["trl"], strict=True)]
    print("ours / TRL: " + ", ".join(f"{ratio:.2f}" for ratio in ratios))


if __name__ == "__main__":
    main()
