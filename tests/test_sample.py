"""The shipped sample questions and the domain list keep what data/sample/README.md promises."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[1] / "data"
FIELDS = {"id", "question", "choices", "answer", "source", "subject", "domain", "kind"}
KINDS = {"fact", "commonsense", "logic", "calculation"}
MMLU_SUBJECTS = """
    abstract_algebra anatomy astronomy business_ethics clinical_knowledge college_biology college_chemistry
    college_computer_science college_mathematics college_medicine college_physics computer_security
    conceptual_physics econometrics electrical_engineering elementary_mathematics formal_logic global_facts
    high_school_biology high_school_chemistry high_school_computer_science high_school_european_history
    high_school_geography high_school_government_and_politics high_school_macroeconomics
    high_school_mathematics high_school_microeconomics high_school_physics high_school_psychology
    high_school_statistics high_school_us_history high_school_world_history human_aging human_sexuality
    international_law jurisprudence logical_fallacies machine_learning management marketing medical_genetics
    miscellaneous moral_disputes moral_scenarios nutrition philosophy prehistory professional_accounting
    professional_law professional_medicine professional_psychology public_relations security_studies
    sociology us_foreign_policy virology world_religions
"""


@pytest.fixture(scope="module")
def questions() -> list[dict]:
    return json.loads((DATA / "sample/questions.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def domains() -> list[dict]:
    return json.loads((DATA / "domains.json").read_text(encoding="utf-8"))


def slug(name: str) -> str:
    return re.sub(r"[^a-z]+", "_", name.lower())


def words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower()))


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    return len(a & b) / len(a | b)


def key_text(question: dict) -> str:
    return question["choices"][question["answer"]]


def key_is_longest(question: dict) -> bool:
    """True where the key is longer than every other option."""
    others = (text for letter, text in question["choices"].items() if letter != question["answer"])
    return len(key_text(question)) > max(map(len, others))


def test_domains_are_42_with_unique_names(domains: list[dict]) -> None:
    assert all(set(domain) == {"name", "about", "mmlu_subjects"} for domain in domains)
    assert len({domain["name"] for domain in domains}) == len(domains) == 42
    assert len({slug(domain["name"]) for domain in domains}) == 42
    assert all(domain["about"] and "\n" not in domain["about"] for domain in domains)


def test_every_mmlu_subject_has_exactly_one_domain(domains: list[dict]) -> None:
    mapped = [subject for domain in domains for subject in domain["mmlu_subjects"]]
    subjects = MMLU_SUBJECTS.split()
    assert len(subjects) == 57
    assert sorted(mapped) == sorted(subjects)


def test_every_record_has_the_form_of_a_question(questions: list[dict], domains: list[dict]) -> None:
    names = {domain["name"] for domain in domains}
    for question in questions:
        where = question["id"]
        assert set(question) == FIELDS, where
        assert list(question["choices"]) == ["A", "B", "C", "D"], where
        texts = [question["question"], question["subject"], *question["choices"].values()]
        assert all(isinstance(text, str) and text and text == text.strip() for text in texts), where
        assert question["answer"] in question["choices"], where
        assert question["source"] == "sample", where
        assert question["kind"] in KINDS, where
        assert question["domain"] in names, where
        assert question["id"].startswith(f"sample/{slug(question['domain'])}/"), where
        assert len(question["question"]) <= 220, where
        assert max(map(len, question["choices"].values())) <= 60, where


def test_ids_are_unique_and_numbered_within_each_domain(questions: list[dict]) -> None:
    numbers: dict[str, list[int]] = {}
    for question in questions:
        prefix, number = question["id"].rsplit("/", 1)
        numbers.setdefault(prefix, []).append(int(number))
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())


def test_every_domain_has_six_questions_or_more(questions: list[dict], domains: list[dict]) -> None:
    counts = Counter(question["domain"] for question in questions)
    assert {domain["name"]: counts[domain["name"]] for domain in domains if counts[domain["name"]] < 6} == {}
    assert len(questions) >= 256


def test_options_differ_and_none_refers_to_another(questions: list[dict]) -> None:
    for question in questions:
        options = list(question["choices"].values())
        assert len({option.casefold() for option in options}) == 4, question["id"]
        refers = [o for o in options if re.search(r"of the above|of these$|^(both|neither) [a-d]\b", o, re.I)]
        assert not refers, question["id"]


def test_keys_are_spread_over_the_letters(questions: list[dict]) -> None:
    counts = Counter(question["answer"] for question in questions)
    assert set(counts) == set("ABCD")
    assert all(0.24 <= count / len(questions) <= 0.26 for count in counts.values())


def test_the_length_of_an_option_does_not_give_the_key_away(questions: list[dict]) -> None:
    assert sum(map(key_is_longest, questions)) / len(questions) < 0.35


def test_no_two_questions_are_near_duplicates(questions: list[dict]) -> None:
    asked = [(q["id"], words(q["question"])) for q in questions]
    whole = [(q["id"], words(" ".join([q["question"], *q["choices"].values()]))) for q in questions]
    close = [(a, b) for (a, left), (b, right) in combinations(asked, 2) if jaccard(left, right) > 0.6]
    close += [(a, b) for (a, left), (b, right) in combinations(whole, 2) if jaccard(left, right) > 0.5]
    assert close == []


def test_the_readme_states_the_counts_of_the_file(questions: list[dict]) -> None:
    readme = (DATA / "sample/README.md").read_text(encoding="utf-8")
    letters = Counter(question["answer"] for question in questions)
    kinds = Counter(question["kind"] for question in questions)
    longest = 100 * sum(map(key_is_longest, questions)) / len(questions)
    assert set(kinds) == KINDS
    assert f"holds {len(questions)} four-option questions" in readme
    assert f"| questions | {' | '.join(str(letters[letter]) for letter in 'ABCD')} |" in readme
    assert all(f"| {kind} | {count} |" in readme for kind, count in kinds.items())
    assert f"in {longest:.1f} % of the questions" in readme
