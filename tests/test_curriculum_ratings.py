"""The assessor's rating and the student's probe: how probabilities are read, and what happens where there are none."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from fakes import ScriptedBackend
from hypothesis import given
from hypothesis import strategies as st

from stepladder.core.errors import InputError
from stepladder.curriculum import rating_prompts
from stepladder.curriculum.ratings import (
    RATINGS,
    Assessor,
    expectation,
    parse_rating,
    ten_continues_one,
    why_unusable,
)
from stepladder.curriculum.student_signal import StudentProbe
from stepladder.engine.requests import Completion, Request, RequestError

PROMPTS = ("difficulty", "steps")


def record(name: str, **more: object) -> dict:
    return {"id": name, "question": f"What is {name}?", "choices": {"A": "1", "B": "2", "C": "3", "D": "4"},
            "answer": "B", "chain_of_thought": "Because.\nAnswer: B", **more}


def shares(**found: float) -> dict[str, float]:
    return {rating: found.get(f"p{rating}", 0.0) for rating in RATINGS}


def completion(request: Request, probabilities: dict[str, float] | None, text: str = "") -> Completion:
    return Completion(request.id, text, 10, 0, "length", probabilities)


def backend_of(rate: Callable[[Request], dict[str, float] | None], text: str = "?", split_ten: bool = True,
               **options: object) -> ScriptedBackend:
    """A backend with `rate` for ratings, `text` for texts, and an honest answer to the counting question."""

    def reply(request: Request) -> Completion:
        if request.id == "ten":
            return completion(request, {"1": 0.9 if split_ten else 0.01, "10": 0.9})
        return completion(request, rate(request) if request.choices else None, text)

    return ScriptedBackend(reply, **options)


@pytest.mark.parametrize(("found", "split", "value", "mass"), [
    (shares(p5=0.8), True, 5.0, 0.8),
    (shares(p2=0.3, p8=0.3), True, 5.0, 0.6),
    (shares(p1=0.5, p10=0.5), True, 10.0, 0.5),  # all of P("1") went on as "10"
    (shares(p1=0.5, p10=0.2), True, (0.3 + 2.0) / 0.5, 0.5),
    (shares(p1=0.4, p10=0.4), False, 5.5, 0.8),  # two tokens of their own
    (shares(p1=0.1, p10=0.1000001), True, 10.0, 0.1000001),  # rounding never makes a share negative
])
def test_expectation(found: dict, split: bool, value: float, mass: float) -> None:
    got, got_mass = expectation(found, split)
    assert got == pytest.approx(value)
    assert got_mass == pytest.approx(mass)


@pytest.mark.parametrize("found", [None, shares(), shares(p5=0.04), shares(p5=math.nan), shares(p3=math.inf)])
def test_no_rating_is_invented(found: dict | None) -> None:
    assert expectation(found, True)[0] is None


@given(st.lists(st.floats(0.0, 0.1), min_size=10, max_size=10), st.booleans())
def test_a_rating_lies_on_its_scale(values: list[float], split: bool) -> None:
    rating, mass = expectation(dict(zip(RATINGS, values, strict=True)), split)
    assert 0 <= mass <= 1.000001
    assert rating is None or 1 <= rating <= 10 + 1e-9


@pytest.mark.parametrize(("text", "value"), [
    ("7", 7.0), (" 7/10", 7.0), ("Difficulty: 6.5", 6.5), ("about 10.", 10.0), ("**3**", 3.0),
    ("I'd say 4, maybe 5", 4.0),
    ("8.", 8.0), ("0", None), ("11", None), ("100", None), ("hard", None), ("", None), ("-3", None), ("1,000", None),
    ("2.5.1", None),
])  # fmt: skip
def test_ratings_in_text(text: str, value: float | None) -> None:
    assert parse_rating(text) == value


@pytest.mark.parametrize("split", [True, False])
def test_the_model_itself_tells_how_ten_is_written(split: bool) -> None:
    assert ten_continues_one(backend_of(lambda request: None, split_ten=split)) is split


def test_prompts_differ_only_after_the_record() -> None:
    rendered = [ScriptedBackend({}).render(*rating_prompts.messages(record("q"), name)) for name in PROMPTS]
    end = rating_prompts.record_text(record("q"))
    shared = [text[: text.index(end) + len(end)] for text in rendered]
    assert shared[0] == shared[1]
    assert rendered[0] != rendered[1]
    assert "Because." in shared[0]
    assert "None" not in rating_prompts.record_text(record("q", chain_of_thought=None))


def test_the_assessor_reads_no_line_twice() -> None:
    reasoning = "2 + 2 = 4.\nA. 3 no\nB. 4 yes\n\nC. 4.5 no\nAnswer: B"
    assert rating_prompts.compact(reasoning) == "2 + 2 = 4."
    plain = "Answer: to be found.\nB. Smith says no word.\nIt is B."
    assert rating_prompts.compact(plain) == plain


def test_a_rating_is_the_mean_over_the_prompts_whatever_the_order() -> None:
    def rate(request: Request) -> dict[str, float]:
        base = 2 if request.id.startswith("easy") else 7
        return shares(**{f"p{base + ('#steps' in request.id)}": 0.9})

    records = [record(f"{kind}{i}") for i in range(5) for kind in ("easy", "hard")]
    found = {}
    for group, reverse in ((records, False), (records[::-1], True)):
        results = list(Assessor(backend_of(rate, reverse=reverse), PROMPTS).measure(group))
        assert len(results) == len(records)
        found[reverse] = {result["id"]: result for result in results}
    assert found[False] == found[True]
    assert found[True]["easy3"]["assessor"] == 2.5
    assert found[True]["hard3"] == {"id": "hard3", "assessor": 7.5, "by_prompt": {"difficulty": 7.0, "steps": 8.0},
                                    "mass": 0.9, "read": "probabilities"}


def test_text_is_read_where_probabilities_say_nothing() -> None:
    def rate(request: Request) -> dict[str, float] | None:
        return {"q0": shares(p5=0.9), "q1": None, "q2": shares(p5=0.01)}[request.id.split("#")[0]]

    assessor = Assessor(backend_of(rate, text="8 of 10"), PROMPTS)
    results = {result["id"]: result for result in assessor.measure(map(record, ("q0", "q1", "q2")))}
    assert {name: (r["assessor"], r["read"]) for name, r in results.items()} == {
        "q0": (5.0, "probabilities"), "q1": (8.0, "text"), "q2": (8.0, "text")}
    unread = list(Assessor(backend_of(rate, text="quite hard"), PROMPTS).measure([record("q1")]))
    assert unread[0]["assessor"] is None


def test_a_record_that_does_not_fit_is_kept_without_a_rating() -> None:
    class Short(ScriptedBackend):
        def check(self, request: Request) -> None:
            if request.id.startswith("long"):
                raise RequestError(request.id, "too long")

    backend = Short(backend_of(lambda request: shares(p5=0.9)).replies)
    names = ["long0", "q1", "long2", "q3", "long4"]
    results = {r["id"]: r for r in Assessor(backend, PROMPTS).measure(map(record, names))}
    assert sorted(results) == sorted(names)
    assert results["long4"]["assessor"] is None
    assert results["long4"]["read"] == "too long"
    probed = {r["id"]: r["student"] for r in StudentProbe(letters_backend(Short), 4).measure(map(record, names))}
    assert probed == {"long0": None, "q1": 0.75, "long2": None, "q3": 0.75, "long4": None}


def test_a_record_that_the_server_refuses_is_kept_without_a_rating_and_with_its_words() -> None:
    class Refusing(ScriptedBackend):
        def _complete(self, request: Request) -> Completion:
            if request.id.startswith("bad"):
                raise RequestError(request.id, "HTTP 400 context length exceeded")
            return super()._complete(request)

    names = ["bad0", "q1", "bad2", "q3"]
    backend = Refusing(backend_of(lambda request: shares(p5=0.9)).replies)
    results = {r["id"]: r for r in Assessor(backend, PROMPTS).measure(map(record, names))}
    assert {name: (r["assessor"] is None, r["read"]) for name, r in results.items()} == {
        "bad0": (True, "HTTP 400 context length exceeded"), "bad2": (True, "HTTP 400 context length exceeded"),
        "q1": (False, "probabilities"), "q3": (False, "probabilities")}
    assert not any(call.id.endswith("#text") for call in backend.calls), "what is refused is not asked again"
    probed = {r["id"]: (r["student"], r["read"])
              for r in StudentProbe(letters_backend(Refusing), 4).measure(map(record, names))}
    assert probed["bad2"] == (None, "HTTP 400 context length exceeded")
    assert probed["q3"] == (0.75, "probabilities")


def letters_backend(kind: type[ScriptedBackend] = ScriptedBackend) -> ScriptedBackend:
    """Loves the letter A, whatever stands there: 0.7 against 0.1 each."""
    return kind(lambda request: completion(request, {" A": 0.35, " B": 0.05, " C": 0.05, " D": 0.05}))


def test_rotating_the_options_cancels_a_love_of_one_letter() -> None:
    keys = {letter: record(letter, answer=letter) for letter in "ABCD"}
    once = {r["id"]: r["student"] for r in StudentProbe(letters_backend(), 1).measure(keys.values())}
    assert once == {"A": 0.3, "B": 0.9, "C": 0.9, "D": 0.9}
    turned = {r["id"]: r["student"] for r in StudentProbe(letters_backend(), 4).measure(keys.values())}
    assert turned == dict.fromkeys("ABCD", 0.75)  # 1 - (0.7 + 3 x 0.1) / 4, wherever the key stood


def test_options_that_name_each_other_are_not_rotated() -> None:
    fixed = record("q", choices={"A": "1", "B": "2", "C": "3", "D": "None of the above"})
    backend = letters_backend()
    assert len(list(StudentProbe(backend, 4).measure([fixed]))) == 1
    assert len(backend.calls) == 1


@pytest.mark.parametrize(("values", "says"), [
    ([5.0] * 50, "alike"), ([None] * 50, "0 of 50"), ([math.nan] * 50, "0 of 50"),
    ([3.0] * 20 + [None] * 30, "20 of 50"), ([], "0 of 0"),
])  # fmt: skip
def test_unusable_ratings(values: list, says: str) -> None:
    assert says in (why_unusable(values) or "")


def test_usable_ratings() -> None:
    assert why_unusable([4.9, 5.1] * 20) is None
    assert why_unusable([5.0]) is None  # one record: nothing to be alike with


@pytest.mark.parametrize("names", [[], ["difficulty", "difficulty"], ["beauty"]])
def test_wrong_prompt_names_are_refused(names: list[str]) -> None:
    with pytest.raises(InputError, match="steps"):
        rating_prompts.check(names)
