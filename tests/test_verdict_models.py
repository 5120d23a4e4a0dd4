"""The small model itself: a transformers checkpoint and its GGUF answer alike, and a killed test goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import verdict_planted as planted

from stepladder.core.files import read_json, write_json
from stepladder.engine.backend import open_backend
from stepladder.engine.requests import EngineError, Request, RequestError
from stepladder.verdict.answering import Manner, answer, units
from stepladder.verdict.transformers_backend import TransformersBackend

pytestmark = pytest.mark.model
PROJECT = Path(__file__).resolve().parents[1]


def sample(count: int) -> list[dict]:
    return read_json(PROJECT / "data" / "sample" / "questions.json")[::31][:count]


@pytest.fixture(scope="module")
def exact(small_transformers: Path) -> TransformersBackend:
    with TransformersBackend(small_transformers, context=512) as backend:
        yield backend


def test_gguf_and_transformers_give_the_same_letters_but_for_near_ties(exact: TransformersBackend, small_model: Path
                                                                       ) -> None:
    manner, records = Manner("fast", 1), sample(6)
    wanted = units(records, "m", manner)
    slow = {run["question"]: run for run in answer(exact, wanted, manner)}
    with open_backend(small_model, sequences=4, context=512) as backend:
        fast = {run["question"]: run for run in answer(backend, wanted, manner)}
        assert backend.render([{"role": "user", "content": "Hi"}]) == exact.render([{"role": "user", "content": "Hi"}])
    for record in records:
        one, other = slow[record["id"]], fast[record["id"]]
        first, second = sorted(one["probabilities"], reverse=True)[:2]
        assert one["letter"] == other["letter"] or first - second < 0.03
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=0.06)


def test_choices_of_several_tokens_are_scored_whole(exact: TransformersBackend) -> None:
    import math

    import torch

    prompt = exact.render([{"role": "user", "content": "Say something."}])
    text = " An extraordinarily long answer"
    ids, rest = exact._ids(prompt), exact._tokenizer.encode(text, add_special_tokens=False)
    assert len(rest) > 2
    with torch.no_grad():
        scores = torch.log_softmax(exact._model(torch.tensor([ids + rest])).logits[0].float(), -1)
    expected = sum(float(scores[len(ids) - 1 + place, token]) for place, token in enumerate(rest))
    found = exact.choice_logprobs(prompt, [text, " A"])
    assert found[text] == pytest.approx(expected, abs=1e-3)
    assert math.exp(found[" A"]) == pytest.approx(float(scores[len(ids) - 1, exact._ids(" A")[0]].exp()), rel=1e-3)


def test_a_chain_is_closed_at_its_limit(exact: TransformersBackend) -> None:
    prompt = exact.render([{"role": "user", "content": "Tell me a long story about the sea."}])
    done, = exact.generate([Request("s", prompt, 14, closing="\nAnswer:", choices=(" A", " B"))])
    assert done.finish_reason == "closed"
    assert done.text[-len("\nAnswer: A"):] in ("\nAnswer: A", "\nAnswer: B")
    assert set(done.probabilities) == {" A", " B"}
    with pytest.raises(RequestError, match="do not fit a context"):
        exact.check(Request("long", prompt, 600))


def test_a_folder_that_is_no_model_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(EngineError, match="cannot load"):
        TransformersBackend(tmp_path)


def test_a_killed_test_goes_on_and_counts_nothing_twice(tmp_path: Path, small_model: Path) -> None:
    enhanced = tmp_path / "data" / "enhanced"
    records = sample(8)
    write_json(enhanced / "test_sample.json", records)
    write_json(enhanced / "questions_sample.json", planted.questions(5))
    command = [sys.executable, str(PROJECT / "scripts" / "05_test_model.py"), "--profile", "laptop", "--workdir",
               str(tmp_path), "--contestants", "--model", f"m={small_model}", "--permute", "2", "--max-tokens", "24",
               "--latency-questions", "0", "--sequences", "2"]
    journal = enhanced / "journals" / "05_test_results_sample.jsonl"
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    until = time.monotonic() + 120
    while running.poll() is None and time.monotonic() < until:
        if journal.exists() and len(journal.read_bytes().splitlines()) > 20:
            break
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    before = [json.loads(line)["id"] for line in journal.read_bytes().splitlines(keepends=True)
              if line.endswith(b"\n")]
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert f"going on after {len(before)} finished records" in again.stdout
    found = read_json(enhanced / "test_results_sample.json")
    for mode, row in found["contestants"]["m"]["modes"].items():
        keys = [(q["id"], run["rotation"]) for q in found["questions"] for run in q["answers"]["m"][mode]["runs"]]
        assert len(keys) == len(set(keys)) == row["runs"]
        assert row["n"] == len(records)
