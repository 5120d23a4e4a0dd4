"""The model card: what the adapter is, what it was made from and how it did, for whoever finds the folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..engine import reply_forms
from . import effect

CARD = "README.md"
ON_EXPERTS = (
    "## What can load it", "",
    "LoRA is on the experts' fused parameters too (`target_parameters` in adapter_config.json). PEFT loads that from "
    "0.17.0 on (0.16.0 does not know the setting), with a transformers that fuses the experts, such as the version "
    "below. It has no GGUF form, so llama.cpp's `--lora` cannot load it: use a merged checkpoint or GGUF instead "
    "(`--exports-only --merge` or `--merged-gguf`). Other programs were not tried.")


def model_card(*, base: str, data: Mapping[str, Any], arguments: Mapping[str, Any], log: Mapping[str, Any],
               versions: Mapping[str, str], name: str, targets: str, whole: Sequence[str] = ()) -> str:
    """README.md of the adapter's folder `name`. `log` is the training log, `arguments` the resolved settings, `targets`
    what LoRA is on, `whole` the merged GGUF files in gguf/.
    """
    steps, readings = log["steps"], log["guard"]["readings"]
    levels = ", ".join(f"{count} {level}" for level, count in data["levels"].items()) or "not levelled"
    left_out = ", ".join(f"{count} {reason}" for reason, count in data["left_out"].items()) or "none"
    lines = [
        "---", "library_name: peft", f"base_model: {base}", "tags:", "- lora", "- chain-of-thought", "- curriculum",
        "---", "", f"# LoRA adapter of {base}: step-by-step reasoning", "",
        "Made by Stepladder's stage 04. It answers four-option questions "
        f"{reply_forms.of_training(data).described}.", "",
        "## Data", "",
        f"{data['records']} records ({levels}), {data['tokens']} tokens, {data['live_tokens']} of them with loss; "
        f"left out: {left_out}. Order: {_order(log)}.", "",
        "## Training", "",
        f"{len(steps)} optimiser steps; loss {_mean_loss(steps[:5])} at the beginning, {_mean_loss(steps[-5:])} at the "
        f"end (means of five steps). Guard: {log['guard']['verdict']}.", "",
    ]
    if readings:
        levels = list(readings[0]["levels"])
        lines += [f"The adapter is that of step {log['guard']['best_step']}: of the guard's readings the one with the "
                  "lowest held-out loss.", "",
                  f"| step | held-out loss | {' | '.join(levels)} | replies | ended | with a letter | looping |",
                  "|---" * (6 + len(levels)) + "|"]
        lines += [f"| {r['step']} | {' | '.join(map(_loss, [r['loss'], *r['levels'].values()]))} | {r['replies']} | "
                  f"{r['ended']} | {r['answered']} | {r['looping']} |" for r in readings]
        lines += ["", f"Readings are of {len(readings[0]['losses'])} records that were not trained, nats a token: they "
                      "show health, not merit. Test results are stage 05's.", ""]
    lines += [line for export, found in log["agreement"].items() for line in (f"{export}: {effect.told(found)}.", "")]
    if targets == "experts":
        lines += [*ON_EXPERTS, ""]
    if whole:
        lines += ["## One file", "", "Base and adapter in one GGUF, in this folder:", "", "```bash",
                  *(f"llama-server -m gguf/{file}" for file in whole),
                  f"ollama create {name} -f gguf/Modelfile && ollama run {name}", "```", ""]
    lines += ["## Arguments", "", "| setting | value | from |", "|---|---|---|"]
    lines += [f"| {key} | {item['value']} | {item['from']} |" for key, item in arguments.items()]
    lines += ["", "Versions: " + ", ".join(f"{name} {version}" for name, version in versions.items()), ""]
    return "\n".join(lines)


def _order(log: Mapping[str, Any]) -> str:
    if "order" not in log:  # a training of an earlier version
        return "as stage 03 wrote it, in every epoch"
    return f"{log['order']['strategy']}, drawn for each epoch"


def _loss(value: float | None) -> str:
    return "not a number" if value is None else f"{value:.3f}"


def _mean_loss(steps: list[Mapping[str, Any]]) -> str:
    losses = [step["loss"] for step in steps if step["loss"] is not None]
    return f"{sum(losses) / len(losses):.3f}" if losses else "not a number"
