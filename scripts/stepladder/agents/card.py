"""The hand-over card: what is deployed and why, what it is worth, and the exact commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .validator import RIGHT_FROM, WRONG_BELOW


def card(agents: Mapping[str, Any], profile: str, weights: str, variant: str | None = None) -> str:
    """README.md of the agents' folder. `agents` is agents.json, `weights` how they got into the bundle."""
    flags = f"--profile {profile}" + (f" --variant {variant}" if variant else "")
    gate, measured = agents["gate"], agents["validator"]["measured"]
    lines = [
        f"# Agents: the {gate['deployed']} is deployed", "",
        f"**Gate: {gate['verdict']}.** {gate['reason']}.", "",
        f"On the held-out questions, which had no part in that choice: {gate['test']}.", "",
        f"Model: `{agents['model']}`" + (f" with `{agents['adapter']}`" if agents["adapter"] else "") + ".", "",
        "## Try it", "", "```",
        f"python scripts/06_deploy_agents.py {flags} --chat",
        "```", "",
        "Paste a question with options A to D, then an empty line: it shows reasoning, answer, validation and time.",
        "",
        "## Tournament", "",
        f"`AIAC/` runs by itself, copied anywhere (weights: {weights}; copy symbolic links with `cp -rL`), with the "
        "packages of `AIAC/requirements.txt`:", "", "```", "cd AIAC",
        "python -m agents.question_agent --output_file outputs/questions.json --num_questions 20 --verbose",
        "python -m agents.answer_agent --input_file outputs/filtered_questions.json --output_file outputs/answers.json",
        "```", "",
        "## Arena", "", "```",
        f"python scripts/06_deploy_agents.py {flags} --arena base student --rounds 50", "```", "",
        "## The validator", "",
        f"Fitted on {agents['validator']['fitted_on']} validation questions, measured on {measured['questions']} "
        f"held-out ones. A proposed answer is called right from a probability of {100 * RIGHT_FROM:.0f} % on, wrong "
        f"below {100 * WRONG_BELOW:.0f} %.", "",
        "| proposed | called | share of all | probability stated | are right |", "|---|---|---|---|---|",
        *_called("every option", measured["proposals"]), *_called("the agent's own answers", measured["own"]), "",
        "Of the agent's own answers, wrong ones called right (false accepts): "
        f"{told(measured['own']['false_accepts'])}; right ones called wrong (false rejects): "
        f"{told(measured['own']['false_rejects'])}.", "",
        _retry(measured["retry"]), "",
    ]
    return "\n".join(lines)


def _called(name: str, found: Mapping[str, Any]) -> list[str]:
    rows = []
    for verdict, row in found["called"].items():
        figures = [f"{100 * row[key]:.0f} %" if row[key] is not None else "–" for key in ("coverage", "stated")]
        rows.append(f"| {name} ({found['proposals']}) | {verdict} | {' | '.join(figures)} | {told(row['are_right'])} |")
    return rows


def told(share: Mapping[str, Any]) -> str:
    """A share with its interval, or that there was nothing to count."""
    if share["share"] is None:
        return "none to count"
    return f"{100 * share['share']:.0f} % ({100 * share['low']:.0f} to {100 * share['high']:.0f})"


def _retry(found: Mapping[str, Any]) -> str:
    if found["difference"] is None:
        return "Answer, validate and retry was not measured."
    alone, together = 100 * found["alone"], 100 * found["with_validation"]
    return (f"Answer alone {alone:.1f} %, answer, validate and retry {together:.1f} %: difference "
            f"{100 * found['difference']:+.1f} points (95 % interval {100 * found['low']:+.1f} to "
            f"{100 * found['high']:+.1f}): {found['verdict']}.")
