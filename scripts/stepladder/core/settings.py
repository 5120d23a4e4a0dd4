"""Every setting there is: one class a section, one field a setting, its default and its help in one place.

A profile (scripts/profiles/*.toml) overrides defaults, a command-line flag overrides the profile. The flags are
made from these fields (`max_tokens` -> --max-tokens), so a setting cannot lack a flag or a help text.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

EXECUTION_ONLY = {"shapes": False}
"""json_schema_extra of a setting that changes how a stage works but makes no other output of what is finished."""

ADDED_LATER = {"added_later": True}
"""json_schema_extra of a setting whose default is what was done before there was one: what was finished stays so."""


class Section(BaseModel):
    """Base of all sections: unknown keys and wrong types are refused by name."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @classmethod
    def shapes_output(cls, name: str) -> bool:
        """Whether a setting takes part in "is this stage done?"."""
        extra = cls.model_fields[name].json_schema_extra
        return not (isinstance(extra, dict) and extra.get("shapes") is False)

    @classmethod
    def before(cls, name: str) -> Any:
        """What a setting that was added later was before there was one; None for any other name."""
        field = cls.model_fields.get(name)
        extra = field.json_schema_extra if field else None
        return field.default if isinstance(extra, dict) and extra.get("added_later") else None


Share = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Thinking = Annotated[str, BeforeValidator(lambda value: str(value) if type(value) is int else value),
                     Field(pattern=r"^(auto|off|on|\d+)$")]
Argument = bool | int | float | str


class Profile(Section):
    """Who this run is for."""

    name: str = Field(description="name of the profile")
    tag: str = Field("", description="the TAG in file names, data/enhanced/questions_TAG.json; empty: the name",
                     pattern=r"^\w*$")
    student: str = Field("student", description="folder name of the student: models/STUDENT_cot_curriculum",
                         pattern=r"^\w+$")
    gpu_memory_gb: float | None = Field(None, description="GPU memory this profile is made for, GB; null: none needed")

    @model_validator(mode="before")
    @classmethod
    def _tag_is_the_name(cls, values: Any) -> Any:
        """Two profiles write into one workspace without taking each other's names."""
        if isinstance(values, dict) and isinstance(values.get("name"), str) and not values.get("tag"):
            return {**values, "tag": re.sub(r"\W", "_", values["name"])}
        return values


class Questions(Section):
    """Stage 00: sources, size, splits."""

    size: Positive = Field(50_000, description="questions in all: training, validation and held-out")
    quotas: dict[str, Count] = Field({}, description="wanted questions by source; what one lacks the others fill up")
    revisions: dict[str, str] = Field({}, description="pinned hub revision by source")
    sources: list[str] = Field(["sample", "puzzle"], description="sources to read, in order")
    local: list[str] = Field([], description="NAME=PATH: local file or folder of a source instead of the hub")
    map: dict[str, str] = Field({}, description="FIELD=COLUMN,...: where questions of your own have what: question, "
                                "choices (one column or a+b+c+d), answer, id, subject, split; first=0 or first=1: the "
                                "number of the first option; SOURCE.FIELD=COLUMN: of one source alone",
                                json_schema_extra=ADDED_LATER)
    test_share: Share = Field(0.10, description="share of all questions held out")
    validation_share: Share = Field(0.05, description="share of training taken for validation")
    validation_max: Count = Field(2_000, description="most validation questions")
    heldout_quotas: dict[str, Count] = Field({}, description="test and validation by source, as shares of these parts; "
                                             "empty: as the quotas and the sources are",
                                             json_schema_extra=ADDED_LATER)
    puzzles: Count = Field(0, description="generated puzzles offered to the sampling")
    puzzle_kinds: list[str] = Field([], description="puzzle kinds to generate; empty: all")
    puzzle_levels: list[int] = Field([1, 10], description="lowest and highest puzzle level", min_length=2, max_length=2)
    domain_floor: Count = Field(120, description="questions each domain of a source gets before proportions count")
    only_source: str = Field("", description="take this source alone, at equal size: the control set")
    max_chars: Positive = Field(6_000, description="longest question with its options, characters")
    duplicate_similarity: Share = Field(0.6, description="Jaccard similarity of words that keeps questions together")
    allow_missing: list[str] = Field([], description="sources to go on without where they cannot be had; all: any",
                                     json_schema_extra=EXECUTION_ONLY)


class Candidate(Section):
    """One place where weights may come from."""

    kind: Literal["hub", "wheel", "file"] = Field(description="hub repository, package from the registry, local path")
    name: str = Field(description="repository id, package==version, or path")
    pattern: str = Field("", description="file or glob inside it; empty: the whole repository")
    revision: str = Field("main", description="hub revision")
    sha256: str = Field("", description="expected SHA-256 of a single file; empty: what the hub says")
    requantize: str = Field("", description="GGUF type to convert to after the download, such as Q8_0")


class Role(Section):
    """What one role (teacher, assessor, student) runs on."""

    same_as: str = Field("", description="another role whose weights serve this one too")
    candidates: list[Candidate] = Field([], description="GGUF candidates in order of preference")
    transformers: list[Candidate] = Field([], description="transformers checkpoints in order of preference (student)")
    dequantize: bool = Field(False, description="make the transformers checkpoint from the GGUF")


class Models(Section):
    """Stage 01: weights by role."""

    teacher: Role = Field(Role(), description="writes reasoning")
    assessor: Role = Field(Role(), description="rates difficulty")
    student: Role = Field(Role(), description="learns")
    headroom: Share = Field(0.05, description="share of memory kept free when choosing")
    served: list[Literal["teacher", "assessor"]] = Field(
        [], description="roles that servers run (--endpoints of stages 02 and 03): their weights are not fetched",
        json_schema_extra=ADDED_LATER)
    downloads: Positive = Field(4, description="files downloaded at a time", json_schema_extra=EXECUTION_ONLY)
    download_mbit: float = Field(0.0, description="download rate to reckon with, Mbit/s; 0: as fast as the survey's "
                                 "own reads were", ge=0, json_schema_extra=EXECUTION_ONLY)


class EngineSettings(Section):
    """The batching engine."""

    sequences: Positive = Field(16, description="sequences decoded in parallel", json_schema_extra=EXECUTION_ONLY)
    context: Positive = Field(1_024, description="context of one sequence, tokens")
    batch_tokens: Positive = Field(512, description="tokens in one decode call", json_schema_extra=EXECUTION_ONLY)
    kv: Literal["auto", "split", "unified"] = Field("auto", description="KV cache layout",
                                                    json_schema_extra=EXECUTION_ONLY)
    threads: Count = Field(0, description="CPU threads; 0: one a core", json_schema_extra=EXECUTION_ONLY)
    gpu_layers: int = Field(-1, description="layers on the GPU; -1: all that a GPU build can take",
                            json_schema_extra=EXECUTION_ONLY)
    endpoints: list[str] = Field([], description="OpenAI-compatible servers to use instead of local weights",
                                 json_schema_extra=EXECUTION_ONLY)
    endpoint_model: str = Field("", description="model name sent to the endpoints")
    endpoint_keys: dict[str, str] = Field({}, description="URL=VARIABLE: the environment variable that holds this "
                                          "endpoint's API key; sent there alone", json_schema_extra=EXECUTION_ONLY)
    endpoint_timeout: float = Field(600.0, description="seconds to wait for a reply of an endpoint", gt=0,
                                    json_schema_extra=EXECUTION_ONLY)
    endpoint_attempts: Positive = Field(6, description="times that working endpoints may fail a request before it is "
                                        "given up", json_schema_extra=EXECUTION_ONLY)
    endpoint_outage: float = Field(30.0, description="minutes to wait while no endpoint answers", ge=0,
                                   json_schema_extra=EXECUTION_ONLY)
    concurrency: Positive = Field(64, description="requests in flight a server", json_schema_extra=EXECUTION_ONLY)


class Reasoning(Section):
    """Stage 02: the teacher."""

    prompt: Literal["auto", "options", "steps", "explain"] = Field(
        "options", description="how the teacher is asked, see engine/prompts.py; auto: tried out on 20 questions")
    attempts: Positive = Field(3, description="attempts before the hint")
    temperature: float = Field(0.7, description="temperature from the second attempt on; the first is greedy", ge=0)
    top_p: float = Field(0.95, description="nucleus sampling from the second attempt on", gt=0, le=1)
    max_tokens: Positive = Field(512, description="longest reasoning, tokens")
    permute: bool = Field(True, description="permute the options in later attempts, where allowed")
    hint: bool = Field(True, description="a last attempt that is told the answer, marked 'hinted'")
    thinking: Thinking = Field("auto", description="whether the teacher thinks before it replies: off, on (within "
                               "max_tokens), N tokens at most (beside max_tokens), or auto, as its template has it",
                               json_schema_extra=ADDED_LATER)
    template_arguments: dict[str, Argument] = Field({}, description="what the teacher's chat template is given beside "
                                                    "the messages", json_schema_extra=ADDED_LATER)
    agree: str = Field("", description="KofN, such as 2of3: keep an unaided reasoning only where K of N replies "
                       "conclude with the answer; N then stands for attempts; empty: the first that is accepted",
                       pattern=r"^([1-9]of[1-9])?$", json_schema_extra=ADDED_LATER)
    least_kept: Share = Field(0.05, description="stop where of the first hundred records fewer are kept, even by the "
                              "upper end of the 95 % interval; 0: go on whatever they bring",
                              json_schema_extra=EXECUTION_ONLY)


class Curriculum(Section):
    """Stage 03: ratings and ranks."""

    difficulty: Literal["assessor", "student", "teacher", "blend", "heuristic"] = Field(
        "assessor", description="the signal that ranks")
    student_signal: bool = Field(False, description="measure the student's own probability of the key as well")
    student_rotations: Annotated[int, Field(ge=1, le=4)] = Field(
        4, description="rotations of the options that the student's probability is averaged over")
    rating_prompts: list[str] = Field(["difficulty", "steps"], description="rating prompt variants to average")


class Training(Section):
    """Stage 04: the student learns."""

    backend: Literal["auto", "peft", "unsloth"] = Field("auto", description="who trains; auto: unsloth where installed")
    quantization: Literal["none", "nf4"] = Field("nf4", description="base weights: as they are, or 4-bit NF4")
    dtype: Literal["auto", "float32", "bfloat16"] = Field("auto", description="compute dtype; auto: measured")
    rank: Positive = Field(64, description="LoRA rank")
    alpha: Positive = Field(64, description="LoRA alpha")
    dropout: Share = Field(0.0, description="LoRA dropout")
    targets: Literal["auto", "attention", "linear", "experts"] = Field(
        "auto", description="modules with LoRA; auto: attention for MoE, all linears for dense")
    expert_rank: Positive = Field(8, description="LoRA rank on experts, when they are trained")
    epochs: Positive = Field(3, description="passes over the records")
    order: Literal["curriculum", "random", "reverse", "interleaved"] = Field(
        "curriculum", description="strategy that draws the order of each epoch")
    batch: Positive = Field(2, description="records in a micro-batch")
    accumulation: Positive = Field(8, description="micro-batches in an optimiser step")
    learning_rate: float = Field(2e-5, description="learning rate through the easy records", gt=0)
    learning_rate_end: float = Field(1e-5, description="learning rate at the hard ones", gt=0)
    schedule: Literal["difficulty", "linear", "cosine", "constant"] = Field(
        "difficulty", description="what the learning rate follows")
    warmup_steps: Count = Field(5, description="optimiser steps of warm-up")
    weight_decay: float = Field(0.0, description="AdamW weight decay", ge=0)
    max_grad_norm: float = Field(1.0, description="gradient clipping", gt=0)
    max_length: Positive = Field(2_048, description="longest record, tokens; longer ones are left out, counted")
    answer_only: bool = Field(False, description="train records without reasoning on the answer alone")
    reply_form: Literal["reasoning", "letter-then-reason", "json"] = Field(
        "reasoning", description="what the student learns to write, is tested and deployed with: reasoning, then its "
        "letter, the letter first, or one line of JSON", json_schema_extra=ADDED_LATER)
    template_arguments: dict[str, Argument] = Field({}, description="what the student's chat template is given beside "
                                                    "the messages, in training, test and agents; its switches for "
                                                    "thinking are off", json_schema_extra=ADDED_LATER)
    weight_verified: float = Field(1.0, description="loss weight of verified records", ge=0)
    weight_hinted: float = Field(1.0, description="loss weight of hinted records", ge=0)
    weight_solver: float = Field(1.0, description="loss weight of records with a proven solution", ge=0)
    checkpoint_steps: Positive = Field(50, description="optimiser steps between checkpoints",
                                       json_schema_extra=EXECUTION_ONLY)
    checkpoints_kept: Positive = Field(2, description="checkpoints kept beside the best one",
                                       json_schema_extra=EXECUTION_ONLY)
    held_out: Count = Field(64, description="records with verified reasoning, a tenth at most, that are not trained: "
                                            "the guard reads their loss, and the adapter with the lowest is kept")
    guard_steps: Count = Field(25, description="fewest optimiser steps between guard readings; 0: no guard",
                               json_schema_extra=EXECUTION_ONLY)
    guard_share: Share = Field(0.05, description="most of the training time that readings may take, at three readings "
                               "or more; 0: whatever they take", json_schema_extra=EXECUTION_ONLY)
    guard_samples: Count = Field(8, description="held-out questions that the guard has answered at length",
                                 json_schema_extra=EXECUTION_ONLY)
    guard_tokens: Positive = Field(512, description="longest of those answers, tokens",
                                   json_schema_extra=EXECUTION_ONLY)
    early_stopping: Count = Field(0, description="end after so many guard readings without a lower held-out loss; "
                                  "0: train to the end")
    token_budget: Count = Field(0, description="most tokens (prompt and reply) of an epoch; records are drawn evenly "
                                               "over the ranks to fit; 0: all")
    deadline_hours: float = Field(0.0, description="apply the plan's fallbacks to end in time; 0: no deadline", ge=0,
                                  json_schema_extra=EXECUTION_ONLY)
    deadline_records: Positive = Field(30_000, description="records of the first fallback",
                                       json_schema_extra=EXECUTION_ONLY)
    gradient_checkpointing: bool = Field(True, description="recompute activations to save memory")
    gguf: bool = Field(True, description="export the adapter as GGUF for the batching engine",
                       json_schema_extra=EXECUTION_ONLY)
    merge: bool = Field(False, description="save the merged model too", json_schema_extra=EXECUTION_ONLY)
    merged_gguf: Literal["none", "F16", "Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M"] = Field(
        "none", description="make one merged GGUF of this type too, with a Modelfile for Ollama",
        json_schema_extra=EXECUTION_ONLY)


class Verdict(Section):
    """Stage 05: the test."""

    contestants: list[Literal["base", "student", "variants", "teacher"]] = Field(
        ["base", "student", "variants"], description="who of this run is tested; variants: every one that is trained")
    model: dict[str, str] = Field({}, description="one more contestant, repeatable: model.gguf, "
                                  "base.gguf:adapter.gguf, a transformers folder, or URL#model")
    modes: list[Literal["fast", "reasoning"]] = Field(["fast", "reasoning"], min_length=1,
                                                      description="how contestants answer")
    permute: Annotated[int, Field(ge=1, le=4)] = Field(1, description="cyclic permutations of the options a question")
    votes: Positive = Field(1, description="samples a question in reasoning mode (self-consistency)")
    vote_temperature: float = Field(0.7, description="temperature of the samples when there are several votes", gt=0)
    temperature: float = Field(0.0, description="temperature of a single answer", ge=0)
    max_tokens: Positive = Field(512, description="longest reasoning, tokens")
    latency_questions: Count = Field(20, description="questions timed one at a time in each mode; 0: none")
    allow_overlap: bool = Field(False, description="test although test questions were found in training")
    leave_out_overlap: bool = Field(False, description="test on the questions that were not found in training")
    training: list[str] = Field([], description="question files that the test must not share anything with; none: what "
                                                "this run trained on")
    ratings: str = Field("", description="rated copy of the test file, for difficulty against accuracy")


class Agents(Section):
    """Stage 06: gate and agents."""

    gate_questions: Positive = Field(2_000, description="validation questions that the gate puts to base and student")
    gate_margin: float = Field(0.03, description="share of questions that the student may at most be worse by to be "
                               "deployed; that it is not is tested at 5 %", gt=0, lt=1)
    force_student: bool = Field(False, description="deploy the student whatever the gate says")
    answer_tokens: Positive = Field(512, description="token limit of an answer")
    question_tokens: Positive = Field(1_024, description="token limit of a question")
    answer_seconds: float = Field(6.0, description="time limit of a batch of answers", gt=0)
    question_seconds: float = Field(10.0, description="time limit of a batch of questions", gt=0)
    step_tokens: Positive = Field(96, description="prompt tokens in one step; a deadline can be missed by one step",
                                  json_schema_extra=EXECUTION_ONLY)
    orders: Literal[1, 2, 4] = Field(4, description="orders of the options that the validator reads")
    validation_questions: Count = Field(400, description="validation questions to calibrate the validator on")
    heldout_questions: Count = Field(400, description="held-out questions to measure the validator on")
    copy_gb: float = Field(20.0, description="largest weights copied into the bundle where a hard link cannot be made, "
                           "GB; larger ones become a symbolic link", ge=0)


class Arena(Section):
    """Stage 06: the tournament."""

    rounds: Count = Field(20, description="rounds of every pair")
    questions_per_round: Positive = Field(20, description="questions each side writes in a round")
    batch_size: Positive = Field(5, description="questions answered together within the time limit")
    topic_difficulty: Annotated[int, Field(ge=1, le=10)] = Field(10, description="difficulty of written questions")
    topics: list[str] = Field(
        ["Linear seating arrangements", "Circular seating arrangements", "Blood relations and family trees",
         "Truth-tellers and liars"], description="topics that questions are written about, in turn", min_length=1,
        json_schema_extra=ADDED_LATER)


SECTIONS: dict[str, type[Section]] = {
    "profile": Profile, "questions": Questions, "models": Models, "engine": EngineSettings, "reasoning": Reasoning,
    "curriculum": Curriculum, "training": Training, "verdict": Verdict, "agents": Agents, "arena": Arena,
}

MOVED = {"curriculum.order": "the order is stage 04's now: 04_train_qwen3_235b.py --order, or order under [training]",
         "reasoning.variant": "it is called prompt now"}
"""Settings that are no more, as section.name: where to go instead."""


def value_as_json(value: Any) -> Any:
    """A setting's value as plain JSON types."""
    return value.model_dump() if isinstance(value, BaseModel) else value
