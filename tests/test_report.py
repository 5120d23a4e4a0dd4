"""The report: made from whatever is there, self-contained, and readable in a real browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import verdict_planted as planted

from stepladder.agents import calibration
from stepladder.agents.validator import Calibration
from stepladder.core.files import read_json, write_json
from stepladder.core.workspace import Workspace
from stepladder.show.summary import read_metas
from stepladder.verdict import report

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))),
                None)
HOSTILE = "</pre><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


class Page(HTMLParser):
    """Ids, links, text and every address that a page names."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            if name in ("href", "src", "xlink:href", "action", "data"):
                self.addresses.append(value)

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, "sample", "smollm2_135m")


def meta(counts: dict[str, Any], seconds: float = 12.0) -> dict[str, Any]:
    return {"stage": "05", "finished": "2026-11-22T20:00:00+00:00", "command": "x.py --profile laptop",
            "arguments": {"verdict.votes": {"value": 1, "from": "default"}}, "seed": 0, "limit": None,
            "profile": "laptop", "versions": {"python": "3.11"}, "machine": "Linux", "counts": counts,
            "seconds": seconds, "peak_memory_bytes": 700_000_000}


def put(space: Workspace, name: str, content: Any, counts: dict[str, Any] | None = None) -> None:
    write_json(space.enhanced(name), content)
    write_json(space.enhanced(name).with_suffix(".meta.json"), meta(counts or {}))


def validator_measured() -> dict[str, Any]:
    """As stage 06 measures it: four questions, their keys stated at 0.7 and three at once wrong."""
    rows = [{"id": str(n), "answer": "A", "alone": "A" if n else "B", "final": "A", "retry": None if n else "A",
             "probability": 0.7 if n else 0.1, "evidence": {kind: {"A": 0.7, "B": 0.1, "C": 0.1, "D": 0.1}
                                                            for kind in ("orders", "yes", "reasoned")}}
            for n in range(4)]
    return calibration.measured(rows, Calibration((1.0, 0.0, 0.0)))


def fill(space: Workspace) -> Workspace:
    """A workspace in which stages 00, 03, 04, 05 and 06 have left something."""
    put(space, "questions", [], {"records": 90, "training": 60, "by_source": {
        "made": {"read": 100, "kept": 90, "rejected": 7, "duplicates": 3, "not_sampled": 0,
                 "rejected_because": {"not four choices A-D": 7}}}})
    records = planted.questions(60, seed=3)
    put(space, "curriculum_ordered", [r | {"difficulty_raw": 5.0, "difficulty_by": "smol", "level": "easy", "cot": {
        "status": "verified", "teacher_answer": r["answer"]}} for r in records], {"records": 60})
    put(space, "training_log", {"steps": [
        {"step": i, "loss": 2.0 - i / 40, "learning_rate": 1e-4, "difficulty": 1 + i / 5} for i in range(1, 31)],
        "guard": {"verdict": "healthy throughout", "readings": [
            {"step": s, "loss": 1.5 - s / 40, "losses": [1.5 - s / 40] * 3,
             "levels": {"easy": 1.2 - s / 40, "medium": 1.5 - s / 40, "hard": 1.8 - s / 40}} for s in (0, 20)],
            "best_step": 20, "decisions": []},
        "agreement": {"gguf": {"texts": 8, "tokens": 405, "effect": 1.8291, "distance": 0.086, "allowed": 0.297,
                               "share": 0.994, "standard_error": 0.002},
                      "merged": {"questions": 16, "decided": 0, "agreed": 0, "largest_difference": 0.01}}})
    row = {"player": "student", "rating": 1530.0, "low": 1490.0, "high": 1570.0, "won": 3, "drawn": 1, "lost": 0,
           "a_score": {"mean": 60.0, "low": 40.0, "high": 80.0}, "q_score": {"mean": 30.0, "low": None, "high": None},
           "late_answers": 0, "null_answers": 0}
    put(space, "tournament", {
        "gate": {"deployed": "student", "reason": "student minus base +12.0 points"}, "deployed": "student",
        "validator": {"fitted_on": 40, "measured": validator_measured()},
        "arena": {"ratings": [row], "matches": [{"round": 0, "players": ["base", "student"], "winner": "student",
                                                 "scores": {"base": 40.0, "student": 90.0}}]}, "earlier": []})
    content = planted.results_of(planted.questions(80), {"base": planted.knows(0.4), "student": planted.knows(0.7)},
                                 ("fast", "reasoning"), permute=2, text=HOSTILE)
    put(space, "test_results", content, {"warnings": content["summary"]["warnings"]})
    return space


@pytest.fixture
def full(tmp_path: Path) -> Workspace:
    """A full workspace to change."""
    return fill(workspace(tmp_path))


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of the full workspace."""
    space = fill(workspace(tmp_path_factory.mktemp("run")))
    path = report.render(space)
    assert path == space.enhanced("report").with_suffix(".html")
    return path.read_text(encoding="utf-8")


def test_the_page_holds_every_section_and_links_to_each(text: str) -> None:
    page = Page(text)
    links = [address[1:] for address in page.addresses if address.startswith("#") and "-" not in address]
    assert {"verdict", "ran", "data", "difficulty", "training", "accuracy", "domains", "calibration", "latency",
            "tournament", "won", "settings"} <= set(links) <= set(page.ids)
    assert "could not be made" not in page.text
    assert "student is better than base" in page.text
    assert "exported gguf shows 99 % of the adapter's effect (1.83 nats a token) on 8 texts" in page.text
    assert "0 of 0" not in page.text
    assert "within the target of 60 ms" in page.text
    assert "Deployed: student. Student minus base +12.0 points" in page.text
    assert "every option right 25 % 70 % 100 % (51 to 100)" in page.text
    assert "own answers unsure 25 % 10 % 0 % (0 to 79)" in page.text
    assert "Answer, validate and retry against answer alone: no difference seen" in page.text
    assert "1,530" in page.text
    assert "Not there yet: stage 01 (models), 02 (cot_enhanced)" in page.text


def test_the_time_of_stage_06_is_that_of_its_agents_and_its_tournament(full: Workspace) -> None:
    write_json(full.adapter / "agents" / "agents.meta.json", meta({}, 100.0))
    assert read_metas(full)["06"]["seconds"] == 112
    assert "cost 2 min 40 s" in Page(report.render(full).read_text()).text


@pytest.mark.parametrize("damaged", [{}, [], {"seconds": 3.0, "peak_memory_bytes": None}])
def test_a_damaged_meta_of_the_agents_is_told_and_costs_no_page(full: Workspace, damaged: Any) -> None:
    write_json(full.adapter / "agents" / "agents.meta.json", damaged)
    text = Page(report.render(full).read_text()).text
    assert "agents.meta.json: not the meta of a finished stage; delete it and run stage 06 again" in text
    assert "student is better than base" in text


def test_slices_of_an_earlier_version_are_shown_without_interval(full: Workspace) -> None:
    content = read_json(full.enhanced("test_results"))
    for row in content["slices"]["source"]:
        row["difference"] = 0.054
    write_json(full.enhanced("test_results"), content)
    text = Page(report.render(full).read_text()).text
    assert "+5.4" in text
    assert "could not be made" not in text


def test_the_gain_leads_and_warnings_come_before_all_else(text: str) -> None:
    assert text.index('class="cards"') < text.index("only 80 questions") < text.index("<nav") < text.index("<section")
    cards = Page(text[text.index('class="cards"'):text.index('id="warnings"')]).text
    assert "student against base" in cards
    assert "on made" in cards
    assert "on other" in cards
    assert "cost 1 min 00 s" in cards


def test_the_page_asks_nobody_for_anything(text: str) -> None:
    page = Page(text)
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    assert not {"script", "link", "iframe"} & (set(page.tags) - {"link"})
    assert re.findall(r"url\((?!#)[^)]*\)", text) == []
    assert "@import" not in text


def test_charts_take_their_colours_from_the_page(text: str) -> None:
    charts = re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)
    assert len(charts) >= 8
    for chart in charts:
        assert re.findall(r"#[0-9a-f]{6}\b(?=[;\"])", chart) == []
        assert "var(--" in chart
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids)), "an id that occurs twice would let one chart draw another's parts"


def test_the_page_is_the_same_every_time(full: Workspace, tmp_path: Path, text: str) -> None:
    assert report.render(full, tmp_path / "b.html").read_text(encoding="utf-8") == text


def test_an_empty_workspace_has_a_page_too(tmp_path: Path) -> None:
    page = Page(report.render(workspace(tmp_path)).read_text(encoding="utf-8"))
    assert "Not there yet" in page.text
    assert "verdict" not in page.ids


@pytest.mark.parametrize("damage", ["{", "[]", '{"contestants": 3}'])
def test_a_damaged_output_is_named_on_the_page(full: Workspace, damage: str) -> None:
    full.enhanced("test_results").write_text(damage)
    text = Page(report.render(full).read_text(encoding="utf-8")).text
    assert "healthy throughout" in text, "the other sections are there all the same"


def test_an_unreadable_output_is_a_warning(full: Workspace) -> None:
    full.enhanced("training_log").write_text("{")
    assert "training_log_sample.json is not valid JSON" in Page(report.render(full).read_text(encoding="utf-8")).text


def browse(path: Path, *flags: str) -> str:
    """The page's DOM after headless Chromium has loaded it, scripts and all."""
    return subprocess.run(
        [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={path.parent}/profile", *flags,
         "--dump-dom", path.as_uri()], capture_output=True, text=True, timeout=120, check=True).stdout


PROBE = """<script>addEventListener("load", () => {
  const wide = [...document.querySelectorAll("body *")].filter(e => !e.closest(".scroll, svg")
    && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName + "." + e.className);
  const small = [...document.querySelectorAll("figure svg")].filter(e => e.getBoundingClientRect().height < 40).length;
  const style = getComputedStyle(document.body);
  document.body.dataset.probe = JSON.stringify({wide, small, width: innerWidth, title: document.title,
    paper: style.backgroundColor, ink: style.color, chart: getComputedStyle(document.querySelector("svg")).color,
    requests: performance.getEntriesByType("resource").map(r => r.name)});
});</script>"""


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: the page was not opened in a browser")
@pytest.mark.parametrize(("flags", "dark"), [
    (["--window-size=1100,900"], False), (["--window-size=500,900"], False),
    (["--window-size=1100,900", "--blink-settings=preferredColorScheme=0"], True)])
def test_a_browser_shows_the_page(text: str, tmp_path: Path, flags: list[str], dark: bool) -> None:
    probed = tmp_path / "probed.html"
    probed.write_text(text.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    dom = browse(probed, *flags)
    seen = json.loads(re.search(r'data-probe="([^"]*)"', dom)[1].replace("&quot;", '"'))
    assert seen["wide"] == [], "nothing but tables may be wider than the screen, and those scroll"
    assert seen["small"] == 0
    assert seen["requests"] == []
    assert seen["title"] == "Stepladder sample", "what a model wrote is text, never code"
    luminance = sum(map(int, re.findall(r"\d+", seen["paper"])[:3])) / 3
    assert (luminance < 60) is dark
    assert seen["chart"] == seen["ink"]
