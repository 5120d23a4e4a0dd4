"""Stage 03: rate how difficult each question is, and rank the records from easy to hard.

    python scripts/03_create_curriculum_phi4.py --profile laptop
    python scripts/03_create_curriculum_phi4.py --profile laptop --difficulty heuristic

In which order they are learnt is drawn by stage 04 (--order).
"""

from __future__ import annotations

import argparse

from stepladder.core import cli, profiles
from stepladder.core.progress import say
from stepladder.core.records import read_questions
from stepladder.core.stage import StageRun
from stepladder.core.workspace import Workspace
from stepladder.curriculum import models, plan, rating_prompts, summary
from stepladder.curriculum.conclude import conclude
from stepladder.curriculum.measure import Measuring, asked

SECTIONS = ("curriculum", "engine")


def build_parser() -> argparse.ArgumentParser:
    """Common flags and those of [curriculum] and [engine]."""
    return cli.stage_parser(__doc__, SECTIONS)


def run(args: argparse.Namespace) -> int | None:
    """Rate, calibrate, rank and write."""
    settings = profiles.resolve(args, SECTIONS)
    curriculum, engine = settings["curriculum"], settings["engine"]
    workspace = Workspace.of(args, settings.profile)
    source = args.input or workspace.input("cot_enhanced")
    output = args.output or workspace.output("curriculum_ordered")
    rating_prompts.check(curriculum.rating_prompts)
    if args.plan:
        plan.tell(workspace, source, curriculum, engine, args.limit)
        return 0
    chosen, missing = models.find(workspace, curriculum, engine)
    stage = StageRun("03", args, settings, inputs={"reasoning": source},
                     outputs={"curriculum": output, "rejected": workspace.rejected("curriculum_ordered", output)},
                     weights={role: model.gguf for role, model in chosen.items() if model.gguf},
                     extra={role: [model.name, asked(role, curriculum)] for role, model in chosen.items()})
    with stage:
        if stage.is_done():
            return 0
        stage.announce()
        records, rejected = read_questions(source, args.limit)
        if not records:
            stage.refuse(f"{source} has no valid question", rejected)
        measuring = Measuring(stage, records, chosen)
        measuring.run(workspace)
        assessor = chosen["assessor"].name if "assessor" in chosen else "assessor"
        done = conclude(records, measuring.results, missing | measuring.failures, curriculum, assessor)
        tell(done.counts, done.warnings)
        stage.finish({"curriculum": done.records, "rejected": rejected},
                     done.counts | measuring.counts() | {"rejected": len(rejected)})
        measuring.close()
    return 0


def tell(counts: dict, warnings: list[str]) -> None:
    """The result in a few lines."""
    for warning in warnings:
        say(f"03: WARNING: {warning}")
    raw = counts["spread"]["all"]["difficulty_raw"]
    by = ", ".join(f"{count} by {name}" for name, count in counts["difficulty_by"].items())
    levels = counts["levels_with_reasoning"] or counts["levels"]
    say(f"03: {counts['records']} records, {sum(counts['levels_with_reasoning'].values())} with reasoning: "
        + ", ".join(f"{levels.get(level, 0)} {level}" for level in ("easy", "medium", "hard")) + f"; {by}")
    say(f"03: raw difficulty {raw['min']:.2f} to {raw['max']:.2f}, mean {raw['mean']:.2f}, "
        f"standard deviation {raw['sd']:.2f}")
    say("03: agreement of the signals (Spearman, 95 % interval):")
    for line in summary.correlation_lines(counts["correlations"]):
        say(line)


if __name__ == "__main__":
    cli.main(build_parser, run)
