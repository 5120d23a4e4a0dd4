"""A domain for every question: by its MMLU subject where it has one, else by a text classifier.

The classifier (TF-IDF of words, linear SVM; scikit-learn) learns from questions whose domain is known (MMLU by
subject, the shipped sample) and from the telling words of domain_words.py. Its accuracy is measured on questions left
out of the training.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stepladder.core.files import read_json
from stepladder.core.records import Record

from .domain_words import pieces
from .rows import dice

TRAINING_MAX = 20_000
FOLDS = 5


def load(path: Path) -> tuple[list[str], dict[str, str]]:
    """(names of the domains, MMLU subject -> domain) of data/domains.json."""
    content = read_json(path)
    return [item["name"] for item in content], {
        subject: item["name"] for item in content for subject in item["mmlu_subjects"]}


def text_of(record: Record) -> str:
    """What the classifier reads: the question and its options."""
    return "\n".join([record["question"], *record["choices"].values()])


class Classifier:
    """Gives texts a domain, having learnt from other texts and from each domain's telling words."""

    def __init__(self, texts: Sequence[str], labels: Sequence[str]) -> None:
        words, domains = zip(*pieces(), strict=True)
        self._model = _pipeline().fit([*texts, *words], [*labels, *domains])

    def __call__(self, texts: Sequence[str]) -> list[str]:
        """The domains of texts, in their order."""
        return [str(label) for label in self._model.predict(texts)] if texts else []


def _pipeline() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    return make_pipeline(
        TfidfVectorizer(sublinear_tf=True, max_features=100_000, stop_words="english"),
        LinearSVC(C=0.2, class_weight="balanced", random_state=0))


def known(records: Sequence[Record], subjects: dict[str, str]) -> None:
    """Set the domain of records whose subject says it."""
    for record in records:
        if record["domain"] is None and record["subject"] in subjects:
            record["domain"] = subjects[record["subject"]]


def classify(records: Sequence[Record], sample: Sequence[Record]) -> dict[str, Any]:
    """Set the domain of all records that have none; returns what the meta says about it.

    sample: the shipped questions, which are material even when they are not among the records.
    """
    material = {record["id"]: record for record in [*sample, *records]
                if record["domain"] is not None and "puzzle" not in record}
    chosen = sorted(material.values(), key=lambda record: dice("domain", record["id"]))[:TRAINING_MAX]
    unknown = [record for record in records if record["domain"] is None]
    report: dict[str, Any] = {"known": len(records) - len(unknown), "classified": len(unknown)}
    if not unknown:
        return report
    texts, labels = [text_of(record) for record in chosen], [record["domain"] for record in chosen]
    report |= {"trained_on": dict(Counter(record["source"] for record in chosen).most_common()),
               "accuracy": accuracy(texts, labels, [record["source"] for record in chosen]),
               "thin_domains": sorted(name for name, count in Counter(labels).items() if count < 20)}
    for record, domain in zip(unknown, Classifier(texts, labels)([text_of(record) for record in unknown]), strict=True):
        record["domain"] = domain
    return report


def accuracy(texts: Sequence[str], labels: Sequence[str], sources: Sequence[str]) -> dict[str, Any]:
    """Share of left-out questions that get their domain: one fifth held out, over all and by source and domain."""
    held = [index % FOLDS == 0 for index in range(len(texts))]  # the order is already by lot
    model = Classifier([text for text, out in zip(texts, held, strict=True) if not out],
                       [label for label, out in zip(labels, held, strict=True) if not out])
    tested = [index for index, out in enumerate(held) if out]
    found = model([texts[index] for index in tested])
    right: dict[str, list[bool]] = defaultdict(list)
    by_source: dict[str, list[bool]] = defaultdict(list)
    for index, domain in zip(tested, found, strict=True):
        right[labels[index]].append(domain == labels[index])
        by_source[sources[index]].append(domain == labels[index])
    return {"questions": len(tested), "all": _share([hit for hits in right.values() for hit in hits]),
            "mean_of_domains": round(sum(map(_share, right.values())) / len(right), 4),
            "by_source": {name: {"questions": len(hits), "accuracy": _share(hits)}
                          for name, hits in sorted(by_source.items())}}


def _share(hits: list[bool]) -> float:
    return round(sum(hits) / len(hits), 4)


def coverage(records: Sequence[Record], names: Sequence[str], size: int, per_50k: int = 100) -> dict[str, Any]:
    """How many domains have enough of these (training) questions: 100 at 50,000 questions, in proportion below."""
    counts = Counter(record["domain"] for record in records)
    needed = max(1, round(per_50k * size / 50_000))
    gaps = {name: counts[name] for name in names if counts[name] < needed}
    return {"needed_a_domain": needed, "covered": len(names) - len(gaps), "of": len(names),
            "share": round(1 - len(gaps) / len(names), 4), "gaps": gaps,
            "training": {name: counts[name] for name in names}}
