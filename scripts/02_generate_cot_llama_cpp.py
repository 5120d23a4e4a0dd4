"""Stage 02: the teacher writes reasoning for every question, checked against the key.

    python scripts/02_generate_cot_llama_cpp.py --profile laptop
    python scripts/02_generate_cot_llama_cpp.py --profile mi300x --endpoints http://a:8000 http://b:8000 \\
        --endpoint-model deepseek-v3.1
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from stepladder.core import cli, profiles
from stepladder.core.errors import InputError, StageError
from stepladder.core.progress import say
from stepladder.core.records import read_questions
from stepladder.core.settings import EngineSettings, Reasoning
from stepladder.core.stage import StageRun
from stepladder.core.weights_table import read_weights
from stepladder.core.workspace import Workspace
from stepladder.engine.backend import kept_open, open_by_settings
from stepladder.engine.requests import Backend, EngineError
from stepladder.reasoning import outlook, plan, prompt_trial, summary
from stepladder.reasoning.attempts import Policy, agreement
from stepladder.reasoning.replies import Replies
from stepladder.reasoning.thoughts import Thinking
from stepladder.reasoning.writing import Writing, needs_reasoning

SECTIONS = ("reasoning", "engine")


def build_parser() -> argparse.ArgumentParser:
    """Common flags, --retry-failed, and those of [reasoning] and [engine]."""
    parser = cli.stage_parser(__doc__, SECTIONS)
    parser.add_argument("--retry-failed", action="store_true",
                        help="ask the failed questions again, with new seeds; also when the stage is done")
    return parser


def run(args: argparse.Namespace) -> int | None:
    """Write what is not written yet, or say what writing would take."""
    settings = profiles.resolve(args, SECTIONS)
    reasoning, engine = settings["reasoning"], settings["engine"]
    workspace = Workspace.of(args, settings.profile)
    source = args.input or workspace.input("questions")
    output = args.output or workspace.output("cot_enhanced")
    if args.plan:
        for line in plan.lines(workspace, source, output, reasoning, engine, profile=args.profile, limit=args.limit):
            say(f"02: {line}")
        return 0
    agree, attempts = agreement(reasoning)
    teacher, weights = teacher_of(workspace, engine)
    stage = StageRun(
        "02", args, settings, inputs={"questions": source}, weights={"teacher": weights} if weights else {},
        outputs={"reasoning": output, "rejected": workspace.rejected("cot_enhanced", output)},
        extra={"teacher": teacher, "prompt": prompt_trial.identity(reasoning.prompt)})
    with stage:
        if stage.is_done(again=args.retry_failed):
            return 0
        stage.announce()
        records, rejected = read_questions(source, args.limit)
        if not records:
            stage.refuse(f"{source} has no valid question", rejected)
        policy = Policy(reasoning.prompt, attempts, reasoning.temperature, reasoning.top_p, reasoning.max_tokens,
                        reasoning.permute, reasoning.hint, args.seed, reasoning.thinking,
                        reasoning.template_arguments, agree)
        identity = stage.input_hashes()["teacher"] if weights else f"served as {teacher}"
        journal = stage.open_journal("replies")
        asked = [record for record in records if needs_reasoning(record)]

        def replies(policy: Policy) -> Replies:
            return Replies(journal, policy, identity, engine.context, stage.fingerprint)

        stage.take_over("reasoning", replies(policy).results(asked))
        trial = None
        try:
            with kept_open(lambda: opened(weights, teacher, engine, reasoning)) as backend:
                if policy.variant == prompt_trial.AUTO:
                    trial = prompt_trial.choose(journal, policy, replies, teacher, identity, asked, backend)
                    prompt_trial.tell(trial)
                    policy = replace(policy, variant=trial["chosen"])
                writing = Writing(replies(policy), asked, teacher, least_kept=reasoning.least_kept)
                rate = writing.run(backend, args.retry_failed)
        except EngineError as error:
            raise StageError(f"the teacher {teacher}: {error}; what was finished is kept, run it again") from error
        finally:
            journal.close()
        done = [record | writing.result(record) for record in records]
        if args.limit is None:  # a peek is for looking at what there is
            outlook.require_some(done, reasoning.least_kept)
        counts = summary.counts(done, rejected, attempts, agree) | {"tokens_per_second": rate}
        if trial is not None:
            counts |= {"prompt_trial": trial}
        stage.finish({"reasoning": done, "rejected": rejected}, counts)
    for line in summary.lines(counts):
        say(f"02: {line}")
    return 0


def teacher_of(workspace: Workspace, engine: EngineSettings) -> tuple[str, Path | None]:
    """(the teacher's name, its GGUF file or None where servers run it)."""
    if engine.endpoints:
        if not engine.endpoint_model:
            raise InputError("--endpoints needs --endpoint-model, the name the servers know the teacher by")
        return engine.endpoint_model, None
    weights = read_weights(workspace, "teacher")
    return weights.name, weights.need("gguf")


def opened(weights: Path | None, teacher: str, engine: EngineSettings, reasoning: Reasoning) -> Backend:
    """The teacher, ready for requests."""
    return open_by_settings(engine, weights or teacher, endpoints=engine.endpoints,
                            thinking=Thinking.of(reasoning.thinking).switch,
                            template_arguments=reasoning.template_arguments)


if __name__ == "__main__":
    cli.main(build_parser, run)
