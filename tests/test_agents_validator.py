"""The validator: evidence carried back through permutations, calibration, and what it is said to be worth."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest
from agent_fakes import AgentBackend, install, planted_evidence, record
from hypothesis import given, settings
from hypothesis import strategies as st

from stepladder.agents import asking, calibration
from stepladder.agents.answerer import Answerer, Limits
from stepladder.agents.pace import Pace
from stepladder.agents.validator import UNFITTED, Calibration, Evidence, Validator, verdict_of
from stepladder.core.errors import InputError
from stepladder.core.settings import Agents

LETTERS = "ABCD"


def knows(request):
    """Probabilities of one who knows: the option "value nC" wherever it stands."""
    shown = re.findall(r"^([A-D])\. value \d+C$", request.prompt, re.MULTILINE)[-1]
    return tuple(0.7 if letter == shown else 0.1 for letter in LETTERS)


def says_b(request):
    return 0.1, 0.7, 0.1, 0.1


def validator(letters, orders=4, fitted=UNFITTED):
    return Validator(Answerer(AgentBackend(letters, read=1e7), Limits(32, None), Pace(1e6, 0.01)), fitted, orders)


@pytest.mark.parametrize("orders", [1, 2, 4])
def test_one_who_knows_is_seen_through_every_order(orders):
    found = validator(knows, orders).evidence([record(1), record(2)])
    for evidence in found:
        assert evidence.orders == pytest.approx({"A": 0.1, "B": 0.1, "C": 0.7, "D": 0.1})
        assert evidence.reasoned == pytest.approx({"A": 0.1, "B": 0.1, "C": 0.7, "D": 0.1})
        assert evidence.yes == pytest.approx(dict.fromkeys(LETTERS, 7 / 9))


def test_one_who_always_says_b_is_found_to_know_nothing():
    [evidence] = validator(says_b, 4).evidence([record(1)])
    assert evidence.orders == pytest.approx(dict.fromkeys(LETTERS, 0.25))


def test_options_that_speak_of_options_stay_in_their_order():
    fixed = record(1)
    fixed["choices"]["D"] = "all of the above"
    found = validator(says_b, 4)
    [evidence] = found.evidence([fixed])
    assert evidence.orders["B"] == pytest.approx(0.7)


def test_verdicts_follow_the_limits_and_give_reasons():
    fitted = Calibration((1.2, 0.0, 0.0))
    found = validator(knows, 4, fitted).validate(record(1), "C")
    assert (found.verdict, found.probability) == ("right", pytest.approx(0.775, abs=1e-3))
    assert sum(found.probabilities.values()) == pytest.approx(1)
    assert "C is likeliest" in found.reason
    assert validator(knows, 4, fitted).validate(record(1), "A").verdict == "wrong"
    assert [verdict_of(p) for p in (0.499, 0.5, 0.1, 0.099)] == ["unsure", "right", "unsure", "wrong"]


def test_a_calibration_of_an_earlier_version_is_refused():
    assert Calibration.from_json({"weights": [1.0, 0.0, 2.0]}) == Calibration((1.0, 0.0, 2.0))
    with pytest.raises(InputError, match=r"run 06_deploy_agents\.py again"):
        Calibration.from_json({"weights": [1.0, 0.0, 2.0], "intercept": 0.0, "right_from": 0.3})


def made_up(count, informed, seed=1):
    """Evidence whose "orders" tells the key as often as `informed`; the rest is noise."""
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        key = rng.choice(LETTERS)
        told = key if rng.random() < informed else rng.choice(LETTERS)

        def spread(top=None):
            return {letter: (0.7 if letter == top else 0.1) + rng.uniform(-0.05, 0.05) for letter in LETTERS}

        found.append((Evidence(spread(told), spread(), spread()), key))
    return found


def test_calibration_learns_what_tells_and_ignores_noise():
    fitted = calibration.fit(made_up(300, 0.9))
    orders, yes, reasoned = fitted.weights
    assert orders > 3 * abs(yes)
    assert orders > 3 * abs(reasoned)


def test_the_fit_is_the_conditional_logit_of_statsmodels():
    from statsmodels.discrete.conditional_models import ConditionalLogit

    found = planted_evidence(800, 1.6, seed=3)
    rows = np.array([evidence.features(letter) for evidence, _ in found for letter in LETTERS])
    chosen = np.array([float(letter == key) for _, key in found for letter in LETTERS])
    groups = np.repeat(np.arange(len(found)), len(LETTERS))
    known = ConditionalLogit(chosen, rows, groups=groups).fit(disp=0).params
    assert calibration.fit(found).weights == pytest.approx(known, abs=0.05), "the prior counts little with so many"


def test_evidence_that_tells_nothing_makes_a_validator_that_is_never_sure():
    for count in (8, 300):
        fitted = calibration.fit(made_up(count, 0.0))
        called = [verdict_of(p) for evidence, _ in made_up(200, 0.0, seed=5)
                  for p in fitted.probabilities(evidence).values()]
        assert called.count("right") < 0.05 * len(called)


def test_a_handful_of_questions_fits_nothing():
    assert calibration.fit(made_up(5, 1.0)) is UNFITTED


@pytest.mark.parametrize(("read", "write"), [(1000.0, 20.0), (40.0, 8.0), (1000.0, 500.0)])
def test_it_is_fitted_with_the_tokens_that_the_time_limit_leaves_in_use(monkeypatch, read, write):
    backend = AgentBackend(thought=lambda request: "and then " * 200, read=read, write=write)
    install(monkeypatch, backend.clock)
    in_use = Answerer(backend, Limits(128, 6.0))
    fitted = asking.unhurried(in_use, Agents(answer_tokens=128, answer_seconds=6.0))
    assert fitted.limits.seconds is None
    written = in_use.answer(record(1, question="Which value of all these is it? " * 12)).tokens
    assert fitted.limits.tokens == pytest.approx(written, abs=0.15 * written + 8)
    assert (fitted.limits.tokens == 128) is (write == 500.0)


@pytest.mark.parametrize(("skill", "accuracy"), [(1.46, 0.68), (2.02, 0.82)])
@pytest.mark.parametrize("questions", [64, 1_000])
def test_what_is_called_right_is_right_as_often_as_it_says_whatever_the_skill(skill, accuracy, questions):
    fitted, held = calibration.fit(planted_evidence(questions, skill, seed=1)), planted_evidence(3_000, skill, seed=2)
    found = [fitted.probabilities(evidence) for evidence, _ in held]
    assert sum(max(p, key=p.get) == key for p, (_, key) in zip(found, held, strict=True)) / len(held) == pytest.approx(
        accuracy, abs=0.025)
    proposals = [(p[letter], letter == key) for p, (_, key) in zip(found, held, strict=True) for letter in LETTERS]
    worth = calibration.worth(proposals)
    for verdict, row in worth["called"].items():
        assert row["are_right"]["share"] == pytest.approx(row["stated"], abs=0.05), verdict
    assert worth["called"]["right"]["are_right"]["share"] > 0.5
    assert worth["called"]["wrong"]["are_right"]["share"] < 0.1
    near = [right for probability, right in proposals if 0.5 <= probability < 0.6]
    assert sum(near) / len(near) > 0.45, "also of those only just called right"
    assert worth["called"]["right"]["coverage"] > 0.15


def test_the_better_one_calls_more_not_sooner():
    shares = []
    for skill in (1.46, 2.02):
        fitted = calibration.fit(planted_evidence(400, skill, seed=1))
        called = [verdict_of(p) for evidence, _ in planted_evidence(1_000, skill, seed=2)
                  for p in fitted.probabilities(evidence).values()]
        shares.append((called.count("right"), called.count("unsure")))
    assert shares[1][0] > shares[0][0]
    assert shares[1][1] < shares[0][1]


def test_each_verdict_is_told_with_coverage_and_accuracy():
    found = calibration.worth([(0.8, True)] * 6 + [(0.05, True)] * 2 + [(0.6, False)] * 3 + [(0.3, False)] * 9)
    assert found["called"]["right"]["coverage"] == 9 / 20
    assert found["called"]["right"]["stated"] == pytest.approx((6 * 0.8 + 3 * 0.6) / 9)
    assert (found["called"]["right"]["are_right"]["count"], found["called"]["right"]["are_right"]["of"]) == (6, 9)
    assert (found["called"]["unsure"]["coverage"], found["called"]["unsure"]["are_right"]["share"]) == (9 / 20, 0)
    assert (found["false_accepts"]["count"], found["false_accepts"]["of"]) == (3, 12)
    assert (found["false_rejects"]["count"], found["false_rejects"]["of"]) == (2, 8)
    assert found["false_accepts"]["low"] < 0.25 < found["false_accepts"]["high"]
    empty = calibration.worth([])
    assert empty["called"]["right"] == {"coverage": None, "stated": None, "are_right": calibration.proportion(0, 0)}


def test_a_retry_is_taken_where_the_validator_likes_it_better():
    assert calibration.chosen("A", "B", {"A": 0.2, "B": 0.6, "C": 0, "D": 0}) == "B"
    assert calibration.chosen("A", "B", {"A": 0.4, "B": 0.4, "C": 0, "D": 0}) == "A"


@pytest.mark.parametrize(("low", "high", "word"), [
    (0.01, 0.2, "beats"), (-0.2, -0.01, "worse"), (-0.1, 0.1, "no difference"), (None, None, "not measured")])
def test_the_retry_is_judged_by_its_interval(low, high, word):
    assert word in calibration.retry_verdict(low, high)


def test_held_out_questions_are_examined_and_summed_up():
    keyed = [record(n, key="C" if n % 2 else "A") for n in range(12)]
    found = validator(knows, 2, Calibration((0.5, 0.0, 0.5)))
    rows = calibration.examine(found, keyed)
    assert [row["id"] for row in rows] == [row["id"] for row in keyed]
    measured = calibration.measured(rows, found.calibration)
    assert measured["retry"]["alone"] == measured["retry"]["with_validation"] == 0.5
    assert (measured["retry"]["difference"], measured["retry"]["verdict"]) == (0, "no difference seen")
    assert measured["proposals"]["proposals"] == 48
    accepts = measured["own"]["false_accepts"]
    assert (accepts["count"], accepts["of"]) == (6, 6)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(*[st.sampled_from([0.0, 1e-9, 0.25, 0.5, 1.0])] * 12, st.sampled_from(LETTERS)),
                min_size=8, max_size=20))
def test_whatever_the_evidence_probabilities_are_probabilities(rows):
    found = [(Evidence(*(dict(zip(LETTERS, row[start:start + 4], strict=True)) for start in (0, 4, 8))), row[12])
             for row in rows]
    fitted = calibration.fit(found)
    for evidence, _ in found:
        probabilities = fitted.probabilities(evidence)
        assert sum(probabilities.values()) == pytest.approx(1)
        assert all(0 <= p <= 1 for p in probabilities.values())
        assert sum(verdict_of(p) == "right" for p in probabilities.values()) <= 2
