"""Jobs and places of the engine: pure logic, without a model."""

from __future__ import annotations

from inspect import signature

import numpy as np
import pytest
from fakes import ScriptedBackend
from hypothesis import given
from hypothesis import strategies as st

from stepladder.engine.jobs import Job
from stepladder.engine.places import MIN_COPY_GAIN, Place, common_length, find_seat, takes
from stepladder.engine.requests import Backend, Request
from stepladder.engine.sampling import ChoiceScorer, log_softmax_at


def tokens(*ids: int) -> np.ndarray:
    return np.array(ids, np.int32)


def job(number: int = 1, prompt: tuple[int, ...] = (1, 2, 3), **fields) -> Job:
    return Job(Request(f"r{number}", prompt, **fields), number, tokens(*prompt), tokens(), None, None, started=0.0)


def feed(work: Job, pieces: list[bytes]) -> None:
    """Hand a job one token a piece, until it is finished."""
    for number, piece in enumerate(pieces):
        if work.finish is not None:
            return
        work.take(number, piece, False)


def test_all_backends_have_the_same_face() -> None:
    from stepladder.engine.batching import Engine
    from stepladder.engine.endpoint import Endpoint

    for kind in (Engine, Endpoint, ScriptedBackend):
        missing = [name for name in dir(Backend) if not name.startswith("_") and not hasattr(kind, name)]
        assert missing == []
        for name in ("generate", "render", "count_tokens", "check", "close"):
            wanted, given = signature(getattr(Backend, name)), signature(getattr(kind, name))
            assert list(given.parameters) == list(wanted.parameters), name


# -- jobs ----------------------------------------------------------------------------------------------------------


@given(st.data())
def test_a_stop_string_is_found_wherever_tokens_are_cut(data) -> None:
    text = data.draw(st.text("ab\nQé", max_size=30))
    stop = data.draw(st.text("ab\nQé", min_size=1, max_size=5))
    raw = (text + stop + "tail").encode()
    cuts = sorted(data.draw(st.sets(st.integers(1, len(raw) - 1), max_size=12)))
    pieces = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    work = job(max_tokens=1000, stop=(stop,))
    feed(work, pieces)
    assert work.finish == "stop"
    assert work.completion(1.0).text == (text + stop).partition(stop)[0]


def test_the_earliest_of_several_stop_strings_ends_the_text() -> None:
    work = job(max_tokens=9, stop=("late", "ly"))
    work.take(5, b"early and late", False)
    assert work.completion(1.0).text == "ear"


def test_the_end_of_turn_token_is_neither_text_nor_counted() -> None:
    work = job(max_tokens=9)
    work.take(5, b"yes", False)
    work.take(6, b"<end>", True)
    assert (work.finish, work.completion(1.0).text, work.tokens) == ("stop", "yes", 1)


def test_the_length_limit_ends_the_text() -> None:
    work = job(max_tokens=2)
    feed(work, [b"a", b"b", b"c"])
    assert (work.finish, work.text, work.tokens) == ("length", b"ab", 2)


@pytest.mark.parametrize("character", ["é", "€", "😀"])
def test_characters_split_over_tokens_are_whole_again_and_unfinished_ones_dropped(character: str) -> None:
    raw = character.encode()
    whole = job(max_tokens=len(raw))
    feed(whole, [bytes([byte]) for byte in raw])
    assert whole.completion(1.0).text == character
    for kept in range(1, len(raw)):
        cut = job(max_tokens=kept + 1)
        feed(cut, [b"x", *(bytes([byte]) for byte in raw[:kept])])
        assert cut.completion(1.0).text == "x"


def test_the_closing_is_due_when_just_enough_room_is_left() -> None:
    request = Request("r", (1,), 10, closing="\nAnswer:", closing_tokens=2)
    work = Job(request, 1, tokens(1), tokens(7, 8, 9), None, None, started=0.0)
    for number in range(5):
        assert not work.closing_due
        work.take(number, b"w", False)
    assert work.closing_due
    work.close()
    assert not work.closing_due
    assert work.pending.tolist() == [7, 8, 9]
    feed(work, [b" ", b"B", b"!"])
    done = work.completion(1.0)
    assert (done.finish_reason, done.text, done.tokens) == ("closed", "wwwww\nAnswer: B", 10)


def test_a_stop_string_inside_the_closing_does_not_count() -> None:
    request = Request("r", (1,), 10, stop=("\n",), closing="\nAnswer:")
    work = Job(request, 1, tokens(1), tokens(7), None, None, started=0.0)
    work.close()
    work.take(3, b" B", False)
    assert work.finish is None
    work.take(4, b"\n", False)
    assert work.completion(1.0).text == "\nAnswer: B"


# -- places --------------------------------------------------------------------------------------------------------


def place(sequence: int, content: tuple[int, ...] = (), work: Job | None = None, freed_at: int = 0) -> Place:
    made = Place(sequence, capacity=100, job=work, freed_at=freed_at)
    made.hold(tokens(*content))
    return made


@given(st.lists(st.integers(0, 2), max_size=8), st.lists(st.integers(0, 2), max_size=8))
def test_common_length_is_that_of_the_shared_beginning(one: list[int], other: list[int]) -> None:
    expected = 0
    while expected < min(len(one), len(other)) and one[expected] == other[expected]:
        expected += 1
    assert common_length(tokens(*one), tokens(*other)) == expected


def test_a_prompt_goes_where_its_beginning_is_held() -> None:
    places = [place(0, (1, 2, 9)), place(1, (1, 2, 3, 4)), place(2)]
    seat = find_seat(places, tokens(1, 2, 3, 4, 5))
    assert (seat.place.sequence, seat.own, seat.source) == (1, 4, None)


def test_the_last_token_of_a_prompt_is_always_computed() -> None:
    assert find_seat([place(0, (1, 2, 3))], tokens(1, 2, 3)).own == 2


def test_a_long_beginning_is_copied_from_a_busy_place_into_the_least_recently_used_one() -> None:
    shared = tuple(range(MIN_COPY_GAIN + 5))
    busy = place(0, (*shared, 99), job())
    seat = find_seat([busy, place(1, (), freed_at=7), place(2, (5,), freed_at=3)], tokens(*shared, 50))
    assert (seat.place.sequence, seat.source, seat.shared) == (2, busy, len(shared))


def test_a_short_gain_is_not_copied() -> None:
    shared = tuple(range(MIN_COPY_GAIN - 1))
    assert find_seat([place(0, shared, job()), place(1)], tokens(*shared, 50)).source is None


def test_a_beginning_that_is_still_being_computed_counts_as_held() -> None:
    shared = tuple(range(40))
    first = place(0, (), job(prompt=(*shared, 7)))
    seat = find_seat([first, place(1)], tokens(*shared, 8))
    assert (seat.source, seat.shared) == (first, 40)


def test_where_no_end_can_be_dropped_only_a_beginning_that_is_held_whole_counts() -> None:
    shared = tuple(range(40))
    longer, whole, busy = place(0, (*shared, 99)), place(1, shared[:30], freed_at=5), place(2, shared, job())
    seat = find_seat([longer, whole, busy], tokens(*shared, 50), trims=False)
    assert (seat.place, seat.own, seat.source) == (whole, 30, None)
    assert find_seat([longer, busy], tokens(*shared, 50), trims=False).own == 0


def test_no_seat_when_all_places_are_taken() -> None:
    assert find_seat([place(0, (), job())], tokens(1, 2)) is None


def test_decoding_comes_first_and_prompts_share_the_rest_in_order_of_arrival() -> None:
    late = place(0, (), job(5, prompt=tuple(range(30))))
    early = place(1, (), job(2, prompt=tuple(range(30))))
    decoding = place(2, (1, 2, 3), job(9))
    decoding.job.pending = tokens(4)
    assert takes([late, early, decoding], budget=40, spare_outputs=8) == {decoding: 1, early: 30, late: 9}


def test_a_finished_job_feeds_nothing() -> None:
    late = place(0, (), job(1))
    late.job.conclude("deadline")
    assert takes([late], budget=9, spare_outputs=8) == {}


def test_waiting_places_feed_nothing_and_paths_go_whole_or_not_at_all() -> None:
    waiting = place(0, (), job(1))
    waiting.leader = place(9)
    scoring = place(1, (1, 2, 3), job(2))
    scoring.job.path, scoring.job.pending = (4, 5, 6), tokens(4, 5, 6)
    assert takes([waiting, scoring], budget=2, spare_outputs=8) == {}
    assert takes([waiting, scoring], budget=3, spare_outputs=1) == {}
    assert takes([waiting, scoring], budget=3, spare_outputs=2) == {scoring: 3}
    scoring.job.pending = tokens(1, 2, 3, 4, 5, 6)  # with what has to be computed anew before the path
    assert takes([waiting, scoring], budget=2, spare_outputs=2) == {scoring: 2}
    assert takes([waiting, scoring], budget=5, spare_outputs=2) == {scoring: 3}
    assert takes([waiting, scoring], budget=6, spare_outputs=1) == {scoring: 3}
    assert takes([waiting, scoring], budget=6, spare_outputs=2) == {scoring: 6}


# -- choices -------------------------------------------------------------------------------------------------------


def test_choices_of_one_token_need_no_paths() -> None:
    scorer = ChoiceScorer({" A": (3,), " B": (4,)})
    assert scorer.paths == []
    scorer.observe((), np.log(np.array([0.1, 0.1, 0.1, 0.5, 0.2], np.float32)))
    assert scorer.probabilities() == pytest.approx({" A": 0.5, " B": 0.2}, abs=1e-6)


def test_a_tree_of_choices_is_covered_by_its_longest_inner_paths() -> None:
    """" 1" to " 10" in digits: one run of the two tokens " " and "1" shows every node that is needed."""
    choices = {f" {number}": (9, *(int(digit) for digit in str(number))) for number in range(1, 11)}
    assert ChoiceScorer(choices).paths == [(9, 1)]


choice_tokens = st.lists(st.integers(0, 3), min_size=1, max_size=4)


@given(st.dictionaries(st.text(min_size=1, max_size=3), choice_tokens, min_size=1))
def test_choice_probabilities_are_products_over_their_tokens(choices: dict[str, list[int]]) -> None:
    def logits_after(node: tuple[int, ...]) -> np.ndarray:
        return np.random.default_rng(list(node)).normal(size=4).astype(np.float32)

    def softmax(node: tuple[int, ...]) -> np.ndarray:
        shares = np.exp(logits_after(node).astype(np.float64))
        return shares / shares.sum()

    scorer = ChoiceScorer(choices)
    scorer.observe((), logits_after(()))
    for path in scorer.paths:
        for depth in range(len(path)):
            scorer.observe(path[: depth + 1], logits_after(path[: depth + 1]))
    expected = {
        text: float(np.prod([softmax(tuple(ids[:depth]))[token] for depth, token in enumerate(ids)]))
        for text, ids in choices.items()
    }
    assert scorer.probabilities() == pytest.approx(expected, rel=1e-5)


def test_log_softmax_survives_large_logits() -> None:
    assert log_softmax_at(np.array([1000.0, 0.0], np.float32), [0]) == [pytest.approx(0.0)]
