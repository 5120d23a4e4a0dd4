"""The validator: evidence carried back through permutations, calibration, and what it is said to be worth."""

from __future__ import annotations

import random
import re

import pytest
from agent_fakes import AgentBackend, record

from stepladder.agents import calibration
from stepladder.agents.answerer import Answerer, Limits
from stepladder.agents.pace import Pace
from stepladder.agents.validator import UNFITTED, Calibration, Evidence, Validator

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
    fitted = Calibration((1.0, 0.0, 0.0), 0.0, 0.6, 0.15)
    found = validator(knows, 4, fitted).validate(record(1), "C")
    assert (found.verdict, round(found.probability, 2)) == ("right", 0.7)
    assert "C is likeliest" in found.reason
    assert validator(knows, 4, fitted).validate(record(1), "A").verdict == "wrong"
    assert fitted.verdict(0.3) == "unsure"


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
    held = made_up(300, 0.9, seed=2)
    predicted = [(fitted.probability(evidence, letter), letter == key) for evidence, key in held for letter in LETTERS]
    sure = [right for probability, right in predicted if probability >= fitted.right_from]
    assert sum(sure) / len(sure) > 0.8
    mean = sum(probability for probability, _ in predicted) / len(predicted)
    assert mean == pytest.approx(0.25, abs=0.03)


def test_evidence_that_tells_nothing_makes_a_validator_that_is_never_sure():
    fitted = calibration.fit(made_up(300, 0.0))
    held = made_up(200, 0.0, seed=5)
    called = [fitted.verdict(fitted.probability(evidence, letter)) for evidence, _ in held for letter in LETTERS]
    assert called.count("right") < 0.05 * len(called)


def test_a_handful_of_questions_fits_nothing():
    assert calibration.fit(made_up(5, 1.0)) is UNFITTED


def test_the_limit_of_right_is_where_half_are():
    predicted = [0.9] * 10 + [0.4] * 10
    assert calibration.right_limit(predicted, [True] * 10 + [False] * 10) == pytest.approx(0.4)
    assert calibration.right_limit(predicted, [False] * 20) == 0.5


def test_false_accepts_and_rejects_are_counted_with_intervals():
    verdicts = [("right", True)] * 6 + [("wrong", True)] * 2 + [("right", False)] * 3 + [("unsure", False)] * 9
    found = calibration.rates(verdicts)
    assert (found["false_accepts"]["count"], found["false_accepts"]["of"]) == (3, 12)
    assert (found["false_rejects"]["count"], found["false_rejects"]["of"]) == (2, 8)
    assert found["unsure"]["share"] == 9 / 20
    assert found["false_accepts"]["low"] < 0.25 < found["false_accepts"]["high"]
    assert calibration.proportion(0, 0)["share"] is None


def test_a_retry_is_taken_where_the_validator_likes_it_better():
    assert calibration.chosen("A", "B", {"A": 0.2, "B": 0.6, "C": 0, "D": 0}) == "B"
    assert calibration.chosen("A", "B", {"A": 0.4, "B": 0.4, "C": 0, "D": 0}) == "A"


@pytest.mark.parametrize(("low", "high", "word"), [
    (0.01, 0.2, "beats"), (-0.2, -0.01, "worse"), (-0.1, 0.1, "no difference"), (None, None, "not measured")])
def test_the_retry_is_judged_by_its_interval(low, high, word):
    assert word in calibration.retry_verdict(low, high)


def test_held_out_questions_are_examined_and_summed_up():
    keyed = [record(n, key="C" if n % 2 else "A") for n in range(12)]
    found = validator(knows, 2, Calibration((0.5, 0.0, 0.5), 0.0, 0.6, 0.15))
    rows = calibration.examine(found, keyed)
    assert [row["id"] for row in rows] == [row["id"] for row in keyed]
    measured = calibration.measured(rows, found.calibration)
    assert measured["retry"]["alone"] == measured["retry"]["with_validation"] == 0.5
    assert (measured["retry"]["difference"], measured["retry"]["verdict"]) == (0, "no difference seen")
    assert measured["proposals"]["proposals"] == 48
    accepts = measured["own"]["false_accepts"]
    assert (accepts["count"], accepts["of"]) == (6, 6)
