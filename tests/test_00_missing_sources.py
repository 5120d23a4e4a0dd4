"""Sources that cannot be had: the stage fails and says what to do, or goes on without them and forgets it nowhere."""

from __future__ import annotations

import importlib
import io
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console
from test_00_collect import made_up, parts, read, run

from stepladder.core import cli, patience
from stepladder.core.errors import Interrupted, StageError
from stepladder.core.files import read_json
from stepladder.core.interrupts import stop_flag
from stepladder.core.stage import StageRun
from stepladder.core.workspace import Workspace
from stepladder.questions import hub
from stepladder.show.summary import print_summary
from stepladder.verdict.report import found, ran

COMMON = ("--sources", "sample", "puzzle", "openbookqa", "--size", "100", "--puzzles", "60",
          "--quotas", "sample=30", "--quotas", "puzzle=30", "--quotas", "openbookqa=40")


def meta(workdir: Path) -> dict[str, Any]:
    return read_json(workdir / "data/enhanced/questions_sample.meta.json")


def test_it_fails_and_names_the_remedy(tmp_path: Path) -> None:
    failed = run(tmp_path, *COMMON)
    assert failed.returncode == 1
    assert "openbookqa (allenai/openbookqa:" in failed.stderr
    for remedy in ("HF_TOKEN", "--from openbookqa=PATH", "--allow-missing openbookqa (or all)"):
        assert remedy in failed.stderr
    assert len(failed.stderr.strip().splitlines()) == 2
    assert not (tmp_path / "data/enhanced/questions_sample.json").exists()
    assert run(tmp_path, *COMMON, "--allow-missing", "nothing").returncode == 2


def test_only_sources_with_a_quota_are_missed_where_the_profile_names_them(tmp_path: Path) -> None:
    profile = tmp_path / "mine.toml"
    text = (cli.PROJECT / "scripts/profiles/laptop.toml").read_text()
    text = text.replace('sources = ["sample", "puzzle"]', 'sources = ["sample", "puzzle", "openbookqa"]')
    for quota, code in (("", 0), ("openbookqa = 50, ", 1)):
        profile.write_text(text.replace("\nquotas = { ", f"\nquotas = {{ {quota}"))
        done = run(tmp_path, "--size", "100", "--puzzles", "60", profile=str(profile))
        assert done.returncode == code, done.stderr
        assert "openbookqa" in done.stdout + done.stderr
    assert "openbookqa" in meta(tmp_path)["missing_sources"], "also what only fills up is never skipped in silence"


def test_allowed_it_goes_on_and_every_later_stage_the_summary_and_the_report_say_so(tmp_path: Path) -> None:
    done = run(tmp_path, *COMMON, "--allow-missing", "openbookqa")
    assert done.returncode == 0, done.stderr
    assert "00: warning: made without the source openbookqa: allenai/openbookqa" in done.stdout
    assert list(meta(tmp_path)["missing_sources"]) == ["openbookqa"]
    again = run(tmp_path, *COMMON)
    assert again.returncode == 0, "done stays done where it still cannot be had"
    assert "already done" in again.stdout
    assert "made without the source openbookqa" in again.stdout

    workspace = Workspace(tmp_path, "sample", "smollm2_135m")
    for stage, source, output in (("02", "questions", "cot_enhanced"), ("03", "cot_enhanced", "curriculum_ordered")):
        later = stage_of(tmp_path, stage, {"main": workspace.enhanced(source)}, {"main": workspace.enhanced(output)})
        with later:
            later.finish({"main": parts(tmp_path)["questions"]}, STAGE_COUNTS[stage])
    written = read_json(workspace.enhanced("curriculum_ordered").with_suffix(".meta.json"))
    assert list(written["missing_sources"]) == ["openbookqa"], "it passes from input to output"
    console = Console(file=io.StringIO(), width=200)
    print_summary(console, workspace)
    assert console.file.getvalue().count("made without openbookqa") == 3
    warnings = ran.warnings(found.read_all(workspace))
    assert any(line.startswith("Made without the source openbookqa (stages 00, 02, 03): allenai") for line in warnings)


STAGE_COUNTS = {"02": {"status": {}}, "03": {"levels": {}, "difficulty_by": {}, "order": "curriculum"}}


def stage_of(workdir: Path, stage: str, inputs: dict[str, Path], outputs: dict[str, Path]) -> StageRun:
    from stepladder.core import profiles

    args = cli.stage_parser("x").parse_args(["--profile", "laptop", "--workdir", str(workdir)])
    return StageRun(stage, args, profiles.resolve(args, ()), inputs=inputs, outputs=outputs)


NO_ERROR = Exception("none")


class HubOfRows:
    """Stands for datasets.load_dataset: raises the errors one after another, the last one for ever; else gives rows."""

    def __init__(self, *errors: Exception, rows: int = 40) -> None:
        self.errors, self.asked, self.rows = list(errors), 0, rows

    def __call__(self, repository: str, configuration: str | None, split: str, revision: str | None) -> Any:
        import datasets

        self.asked += 1
        error = self.errors.pop(0) if len(self.errors) > 1 else next(iter(self.errors), NO_ERROR)
        if error is not NO_ERROR:
            raise error
        return datasets.Dataset.from_list([
            {"id": f"{split}-{n}", "question_stem": made_up(100 * len(split) + n)["question"], "answerKey": "A",
             "choices": {"label": list("ABCD"), "text": [f"{w} {n} {split}" for w in ("iron", "wood", "ice", "clay")]}}
            for n in range(self.rows)])


def status_error(status: int, **headers: str) -> httpx.HTTPStatusError:
    request = httpx.Request("GET", "http://hub/x")
    return httpx.HTTPStatusError(str(status), request=request,
                                 response=httpx.Response(status, headers=headers, request=request))


@pytest.fixture
def with_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Runs stage 00 in this process against a HubOfRows."""
    import datasets
    from huggingface_hub import constants

    monkeypatch.setenv("STEPLADDER_RETRY_SECONDS", "0.01")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)  # read at import, where tests/run.sh forbids the hub
    monkeypatch.setattr(hub, "_offline_if_unreachable", lambda attempts: None)
    script = importlib.import_module("00_collect_questions")

    def run_with(rows: HubOfRows, *flags: str) -> None:
        monkeypatch.setattr(datasets, "load_dataset", rows)
        script.run(script.build_parser().parse_args(
            ["--profile", "laptop", "--workdir", str(tmp_path), *COMMON, *flags]))

    return run_with


def test_it_is_not_done_once_the_source_can_be_had(with_hub, tmp_path: Path, capsys) -> None:
    away = HubOfRows(status_error(404))
    with_hub(away, "--allow-missing", "all")
    assert list(meta(tmp_path)["missing_sources"]) == ["openbookqa"]
    asked = away.asked
    with_hub(HubOfRows(), "--status")
    assert "00: done" in capsys.readouterr().out
    still = HubOfRows(httpx.ConnectError("no route"))
    with_hub(still)
    assert "already done" in capsys.readouterr().out
    assert (asked, still.asked) == (1, 1), "asked once, and not again and again"
    with_hub(HubOfRows())
    assert "openbookqa was missing and can be had now" in capsys.readouterr().out
    assert meta(tmp_path)["missing_sources"] == {}
    assert "openbookqa" in {record["source"] for record in read(tmp_path, "questions")}
    with_hub(HubOfRows(status_error(500)))
    assert "already done" in capsys.readouterr().out


def test_a_hub_that_fails_for_a_moment_is_asked_again(with_hub, tmp_path: Path, capsys) -> None:
    rows = HubOfRows(status_error(500), ConnectionError("cut"), status_error(429), NO_ERROR)
    with_hub(rows)
    assert meta(tmp_path)["missing_sources"] == {}
    assert capsys.readouterr().out.count("asked again in") == 3


@pytest.mark.parametrize(("error", "asked", "told"), [
    (status_error(503), patience.ATTEMPTS, "503"), (status_error(404), 1, "404"), (status_error(401), 1, "HF_TOKEN")])
def test_what_passes_is_asked_again_and_the_rest_is_not(with_hub, error: Exception, asked: int, told: str) -> None:
    rows = HubOfRows(error)
    with pytest.raises(StageError, match=told):
        with_hub(rows)
    assert rows.asked == asked


def test_a_source_without_rows_is_missing(with_hub) -> None:
    with pytest.raises(StageError, match="it has no rows"):
        with_hub(HubOfRows(rows=0))


@pytest.mark.parametrize(("value", "seconds"), [("7", 7.0), ("", None), ("soon", None),
                                                ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)])
def test_what_a_server_asks_to_wait(value: str, seconds: float | None) -> None:
    error = RuntimeError("wrapped")
    error.__cause__ = status_error(429, **({"Retry-After": value} if value else {}))
    assert patience.retry_after(error) == seconds
    assert patience.transient(error)


def test_a_wait_ends_with_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stop_flag, "requested", True)
    with pytest.raises(Interrupted):
        patience.pause(3600)
