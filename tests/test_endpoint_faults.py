"""Endpoints that die, stall, lie and come back: every request is answered exactly once, or refused in clear words."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections import Counter
from pathlib import Path

import pytest
import test_02_generate as stage_02
from hypothesis import given, settings
from hypothesis import strategies as st
from server_zoo import BAD_MODES, FOREVER, Zoo, ask
from test_engine_endpoint import MESSAGES, Answer, chat, serve  # noqa: F401

from stepladder.core import progress
from stepladder.core.errors import Interrupted, StageError
from stepladder.core.interrupts import stop_flag
from stepladder.core.settings import EngineSettings
from stepladder.engine.backend import open_by_settings
from stepladder.engine.endpoint import Endpoint
from stepladder.engine.health import MOST_WAIT, Health
from stepladder.engine.requests import Completion, EngineError, Request
from stepladder.verdict import contestants

# -- the circuit breaker -------------------------------------------------------------------------------------------


def test_a_circuit_opens_after_some_failures_waits_longer_each_time_and_closes_after_an_answer() -> None:
    now = [0.0]
    health = Health(lambda: now[0])
    for _ in range(2):
        health.failed("boom", sent=now[0])
    health.answered(now[0])
    for _ in range(2):
        health.failed("boom", sent=now[0])
    assert health.state == "closed", "an answer in between starts the count anew"
    health.failed("boom", sent=now[0])
    waits = []
    for _ in range(12):
        assert health.state == "open"
        assert not health.due
        waits.append(health.retry_at - now[0])
        now[0] = health.retry_at
        assert health.due
        health.probe_sent()
        health.failed("from before the probe", sent=0.0)
        assert health.state == "half-open", "only the probe tells"
        health.probe_failed("boom")
    assert all(low <= wait <= MOST_WAIT for low, wait in zip([0.5 * 2.0**n for n in range(6)], waits, strict=False))
    assert max(waits[-3:]) > MOST_WAIT / 2
    health.probe_sent()
    health.probe_passed()
    health.answered(now[0])
    health.unavailable("gone")
    assert health.retry_at - now[0] <= 1.0, "a real answer makes waits short again"


def test_an_opened_circuit_is_an_outage_unless_probes_pass_and_no_call_is_answered() -> None:
    now = [0.0]
    health = Health(lambda: now[0])

    def trouble(*, probes_failed: int) -> int:
        """Outages after a circuit that opened is closed again."""
        for _ in range(3):
            health.failed("boom", sent=now[0])
        for _ in range(probes_failed):
            health.probe_sent()
            health.probe_failed("boom")
        health.probe_sent()
        now[0] += 1.0
        health.probe_passed()
        return health.outages

    assert trouble(probes_failed=0) == 1
    assert health.proven == now[0] - 1.0, "it worked when the probe was under way, not surely later"
    assert [trouble(probes_failed=0) for _ in range(3)] == [1, 1, 1], "only the probes pass: the calls are to blame"
    assert trouble(probes_failed=1) == 2
    health.answered(now[0])
    assert trouble(probes_failed=0) == 3
    health.unavailable("busy")
    health.probe_sent()
    health.probe_passed()
    assert health.outages == 4


def test_a_failure_older_than_the_last_proof_of_health_is_no_sign_of_illness() -> None:
    now = [10.0]
    health = Health(lambda: now[0])
    health.answered(sent=9.0)
    for _ in range(9):
        health.failed("slow", sent=1.0)
    assert health.state == "closed"


# -- random faults -------------------------------------------------------------------------------------------------

timetable = st.lists(st.tuples(st.sampled_from([0.5, 3.0, 40.0, 700.0, 4000.0]), st.sampled_from(("ok", *BAD_MODES))),
                     max_size=5)


@settings(max_examples=80, deadline=None)
@given(st.lists(timetable, min_size=1, max_size=3), st.integers(1, 40), st.integers(1, 12), st.integers(0, 3))
def test_whatever_servers_do_every_request_is_answered_once(timetables, count, sequences, bad) -> None:
    zoo = Zoo({f"s{number}": table for number, table in enumerate(timetables)},
              refuses=lambda prompt: prompt in {f"p{number}" for number in range(bad)})
    done = ask(zoo, count, sequences=sequences, attempts=10_000, outage=FOREVER)
    assert set(done) == {str(number) for number in range(count)}
    for name, one in done.items():
        if int(name) < bad:
            assert one.finish_reason == "refused"
            assert f"p{name} is too long for me" in one.refusal
        else:
            assert (one.text, one.finish_reason) == (f"reply to p{name}", "stop")
            assert isinstance(one.tokens, int)
            assert one.tokens > 0
    assert set(zoo.answered.values()) <= {1}, "no good answer is thrown away and asked for again"


@settings(max_examples=40, deadline=None)
@given(st.lists(timetable, min_size=1, max_size=3), st.integers(1, 40))
def test_with_few_attempts_each_is_answered_or_refused_and_refused_only_for_failed_calls(timetables, count) -> None:
    zoo = Zoo({f"s{number}": table for number, table in enumerate(timetables)})
    done = ask(zoo, count, sequences=8, attempts=2, outage=FOREVER)
    assert set(done) == {str(number) for number in range(count)}
    for name, one in done.items():
        if one.finish_reason == "refused":
            assert "where other requests did not" in one.refusal
            assert not any(words in one.refusal for words in ("ConnectError", "429", "503")), "not the request's fault"
        else:
            assert one.text == f"reply to p{name}"


@pytest.mark.parametrize("mode", ["dead", "500", "cut"])
def test_one_of_two_servers_bad_for_good_slows_the_run_and_no_more(mode: str) -> None:
    zoo = Zoo({"a": [(FOREVER, mode)], "b": []})
    done = ask(zoo, 3000, sequences=64)
    assert {one.finish_reason for one in done.values()} == {"stop"}
    assert Counter(name for name, _, _ in zoo.calls)["a"] < 150, "a bad server is left alone"


@pytest.mark.parametrize("mode", BAD_MODES)
def test_a_trouble_of_every_kind_at_one_of_two_servers_loses_nothing(mode: str) -> None:
    zoo = Zoo({"a": [(20.0, "ok"), (1500.0, mode)], "b": []})
    done = ask(zoo, 600, sequences=16)
    assert {one.text for one in done.values()} == {f"reply to p{number}" for number in range(600)}
    assert sum(one.tokens for one in done.values()) > 0


@pytest.mark.parametrize("mode", [mode for mode in BAD_MODES if mode != "no usage"])
def test_a_total_outage_is_waited_out(mode: str) -> None:
    zoo = Zoo({"a": [(5.0, "ok"), (1500.0, mode)], "b": [(4.0, "ok"), (1400.0, mode)]})
    done = ask(zoo, 100, sequences=8, timeout=60.0)
    assert {one.finish_reason for one in done.values()} == {"stop"}
    if mode != "stall":
        assert len([1 for _, m, _ in zoo.calls if m == mode]) < 150, "the waits grow"


def test_an_outage_longer_than_its_setting_ends_the_run_and_says_what_servers_said() -> None:
    zoo = Zoo({"a": [(5.0, "ok"), (FOREVER, "500")], "b": [(5.0, "ok"), (FOREVER, "dead")]})
    answers: list[Completion] = []
    with zoo.endpoint(sequences=4, outage=600.0) as backend, pytest.raises(EngineError) as failure:
        answers.extend(backend.generate(Request(str(number), f"p{number}") for number in range(100)))
    assert "no server answered for 10 min" in str(failure.value)
    assert "CUDA error" in str(failure.value)
    assert "ConnectError" in str(failure.value)


def test_retry_after_is_respected() -> None:
    zoo = Zoo({"a": [(30.0, "429 later")]})
    assert len(ask(zoo, 3, sequences=3)) == 3
    refused = [when for _, mode, when in zoo.calls if mode == "429 later"]
    assert min(when for _, _, when in zoo.calls if when > max(refused)) >= max(refused) + 90


# -- what the user sees --------------------------------------------------------------------------------------------


def test_the_progress_line_says_that_servers_are_waited_for(capsys: pytest.CaptureFixture[str],
                                                            caplog: pytest.LogCaptureFixture) -> None:
    zoo = Zoo({"a": [(3.0, "ok"), (300.0, "dead")]})
    with progress.Progress("02 reasoning", 20) as line, zoo.endpoint(sequences=1) as backend:
        for _ in backend.generate(Request(str(number), f"p{number}") for number in range(20)):
            line.update()
    shown = capsys.readouterr().err
    assert shown.count("waiting for servers, since ") == 1
    assert "waiting" not in shown.splitlines()[-1], "it is over"
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert told == ["http://a is left alone for now: ConnectError All connection attempts failed",
                    "http://a answers again"]


def test_a_stop_during_an_outage_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stop_flag, "requested", True)
    zoo = Zoo({"a": [(FOREVER, "dead")]})
    with zoo.endpoint(outage=FOREVER) as backend, pytest.raises(Interrupted, match="no server answered"):
        list(backend.generate([Request("q", "p")]))


# -- over real connections -----------------------------------------------------------------------------------------


def test_3000_requests_over_two_servers_of_which_one_dies_and_returns(serve) -> None:  # noqa: F811
    servers = [serve(lambda path, body, number: chat(f"reply to {body['prompt']}")) for _ in range(2)]
    texts: dict[str, str] = {}
    with Endpoint([server.url for server in servers], model="m", sequences=32) as backend:
        for done in backend.generate(Request(str(number), f"p{number}") for number in range(3000)):
            assert done.id not in texts
            texts[done.id] = done.text
            if len(texts) == 300:
                servers[0].die()
            if len(texts) == 1500:
                servers[0].revive()
    assert texts == {str(number): f"reply to p{number}" for number in range(3000)}


def test_a_stage_reports_an_outage_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    zoo = Zoo({"a": [(FOREVER, "dead")]})
    group = [contestants.Contestant("teacher", "endpoint", "http://a#m")]
    monkeypatch.setattr(contestants, "_open", lambda *args: zoo.endpoint(outage=60.0))
    with pytest.raises(StageError, match=r"teacher .*no server answered for 1 min: .*ConnectError.*run it"), \
            contestants.opened(group, EngineSettings()) as backend:
        list(backend.generate([Request("q", "p")]))


def test_stage_02_over_two_servers_of_which_one_dies(serve, tmp_path: Path,  # noqa: F811
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    """The real script: every record is there, a refused one in the server's words, and no key in any file."""
    monkeypatch.setenv("KEY_B", "secret-b")
    folder = tmp_path / "data" / "enhanced"
    folder.mkdir(parents=True)
    (folder / "questions_sample.json").write_text(json.dumps([stage_02.question(number) for number in range(40)]))

    def answer(path: str, body: dict, number: int) -> Answer:
        asked = body["messages"][-1]["content"]
        if "before 8?" in asked:
            return 400, {}, b'{"error": {"message": "the context is too short"}}'
        if number == 15 and not servers[0].dead:
            threading.Thread(target=servers[0].die).start()
        right = re.search(r"before (\d+)\?", asked)
        letter = re.search(rf"^([A-D])\. {int(right[1]) - 1}$", asked, re.MULTILINE) if right else None
        return chat(f"{stage_02.BODY}\nAnswer: {letter[1] if letter else 'A'}")

    servers = [serve(answer) for _ in range(2)]
    urls = [server.url for server in servers]
    script = stage_02.stage02
    script.run(script.build_parser().parse_args(
        ["--profile", "laptop", "--workdir", str(tmp_path), "--endpoints", *urls, "--endpoint-model", "m",
         "--endpoint-keys", f"{urls[1]}=KEY_B", "--concurrency", "4"]))
    records = json.loads((folder / "cot_enhanced_sample.json").read_text())
    assert [record["id"] for record in records] == [f"q/{number}" for number in range(40)]
    assert {record["cot"]["status"] for record in records if record["id"] != "q/7"} == {"verified"}
    (refused,) = [record for record in records if record["cot"]["status"] == "failed"]
    assert {outcome["outcome"] for outcome in refused["cot"]["outcomes"]} == {"refused"}
    assert "the context is too short" in refused["cot"]["outcomes"][0]["words"]
    assert servers[0].authorisations == {None}
    assert servers[1].authorisations == {"Bearer secret-b"}
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"secret-b" in path.read_bytes()]


# -- keys ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def two(serve) -> list:  # noqa: F811
    return [serve(lambda path, body, number: chat("x")) for _ in range(2)]


def keyed(endpoints: list[str], **keys: str) -> Endpoint:
    chosen = EngineSettings(endpoints=endpoints, endpoint_keys=keys.pop("names", {}), concurrency=2)
    return open_by_settings(chosen, "m", endpoints=endpoints)  # type: ignore[return-value]


def test_a_key_goes_to_its_own_server_only(two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_A", "secret-a\n")
    monkeypatch.setenv("OPENAI_API_KEY", "of-somebody-else")
    urls = [server.url for server in two]
    with keyed(urls, names={f"{urls[0]}/v1": "KEY_A"}) as backend:  # type: ignore[arg-type]
        assert len(list(backend.generate(Request(str(number), "p") for number in range(8)))) == 8
        assert "secret" not in repr(backend._servers.all) + backend.name
    assert two[0].authorisations == {"Bearer secret-a"}
    assert two[1].authorisations == {None}


def test_a_redirect_is_not_followed(two) -> None:
    away = {"Location": f"{two[1].url}/v1/completions"}
    two[0].script = lambda path, body, number: (307, away, b"")
    with (Endpoint([two[0].url], model="m", keys={two[0].url: "secret"}) as backend,
          pytest.raises(EngineError, match=f"HTTP 307 to {two[1].url}.*not followed")):
        list(backend.generate([Request("q", "p")]))
    assert two[1].authorisations == set(), "the other host hears nothing"


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_wrong_key_or_model_ends_the_run_at_once_and_never_shows_the_key(two, status: int) -> None:
    two[0].script = lambda path, body, number: (status, {}, b'{"error": {"message": "no such thing: secret-a"}}')
    with Endpoint([two[0].url], model="m", keys={two[0].url: "secret-a"}) as backend, pytest.raises(
            EngineError, match=rf"no server can serve this: .* HTTP {status} no such thing: \*\*\*"):
        list(backend.generate([Request("q", "p")]))


def test_one_server_with_a_wrong_key_leaves_the_work_to_the_other(two) -> None:
    two[0].script = lambda path, body, number: (401, {}, b"")
    with Endpoint([server.url for server in two], model="m", sequences=4) as backend:
        assert {one.text for one in backend.generate(Request(str(number), "p") for number in range(20))} == {"x"}


@pytest.mark.parametrize("url", ["http://user:secret@host", "http://host?key=secret", "ftp://host/secret", "secret"])
def test_addresses_with_secrets_are_refused_without_showing_them(url: str) -> None:
    with pytest.raises(EngineError) as refused:
        Endpoint([url], model="m")
    assert "secret" not in str(refused.value)


def test_a_key_given_instead_of_its_variables_name_is_not_shown() -> None:
    with pytest.raises(EngineError, match="name of an environment variable") as refused:
        keyed(["http://a"], names={"http://a": "sk-secret"})  # type: ignore[arg-type]
    assert "secret" not in str(refused.value)


# -- servers that do not continue a reply --------------------------------------------------------------------------


def unwilling(path: str, body: dict, number: int) -> Answer:
    """Refuses an assistant prefill, as servers with thinking switched on do; gives its letter as a first token."""
    if body["messages"][-1]["role"] == "assistant":
        return 400, {}, b'{"error": {"message": "Assistant response prefill is incompatible with enable_thinking."}}'
    if body.get("logprobs"):
        top = [{"token": "B", "logprob": -0.5}, {"token": " B", "logprob": -3.0}, {"token": "A", "logprob": -1.5}]
        return chat("B", "length", logprobs={"content": [{"top_logprobs": top}]})
    if len(body["messages"]) == 1:
        return chat("First step.\nSecond st", "length", tokens=body["max_tokens"])
    return chat("Answer: B", tokens=4)


def test_a_server_that_refuses_a_prefill_is_asked_in_a_turn_of_its_own_from_then_on(serve) -> None:  # noqa: F811
    server = serve(unwilling)
    with Endpoint([server.url], model="m", sequences=1) as backend:
        requests = [Request(str(n), backend.render(MESSAGES), 20, closing="\nAnswer:", choices=(" A", " B"))
                    for n in range(3)]
        done = list(backend.generate(requests))
    for one in done:
        assert (one.text, one.finish_reason) == ("First step.\nSecond st\nAnswer: B", "closed")
        assert one.probabilities[" B"] > one.probabilities[" A"] > 0
    refused = [body for _, body in server.bodies if body["messages"][-1]["role"] == "assistant"]
    assert len(refused) == 1, "it is remembered"
    turns = server.bodies[-1][1]["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert turns[1]["content"] == "First step.\nSecond st"
    assert '"Answer:"' in turns[2]["content"]


def test_a_begun_reply_without_text_becomes_part_of_the_question(serve) -> None:  # noqa: F811
    server = serve(unwilling)
    with Endpoint([server.url], model="m") as backend:
        (done,) = backend.generate([Request("q", backend.render(MESSAGES, "Answer:"), 0, choices=(" A", " B"))])
    assert done.probabilities[" B"] > 0.5
    (last,) = server.bodies[-1][1]["messages"]
    assert last["role"] == "user"
    assert last["content"].startswith(MESSAGES[0]["content"])


def test_choices_of_several_tokens_have_no_probabilities_where_a_reply_cannot_be_continued(serve) -> None:  # noqa: F811
    def script(path: str, body: dict, number: int) -> Answer:
        if body["messages"][-1]["role"] == "assistant":
            return 400, {}, b"no prefill"
        return chat("1", "length", logprobs={"content": [{"top_logprobs": [{"token": "1", "logprob": -0.1}]}]})

    server = serve(script)
    with Endpoint([server.url], model="m") as backend:
        (done,) = backend.generate([Request("q", backend.render(MESSAGES, "Rating:"), 0, choices=("1", "10"))])
    assert done.probabilities is None, "not an invented 0.0"


def test_a_server_without_logprobs_gives_no_probabilities(serve) -> None:  # noqa: F811
    server = serve(lambda path, body, number: chat("B", "length"))
    with Endpoint([server.url], model="m") as backend:
        (done,) = backend.generate([Request("q", backend.render(MESSAGES), 0, choices=(" A", " B"))])
    assert done.probabilities is None


def test_a_budget_spent_in_thought_is_a_reply_without_text_and_a_filter_a_refusal(serve) -> None:  # noqa: F811
    thought = {"choices": [{"message": {"content": None, "reasoning_content": "Hm."}, "finish_reason": "length"}]}
    filtered = {"choices": [{"message": {"content": "x"}, "finish_reason": "content_filter"}]}
    server = serve(lambda path, body, number: (200, {}, filtered if body["max_tokens"] == 7 else thought))
    with Endpoint([server.url], model="m", sequences=1) as backend:
        prompt = backend.render(MESSAGES)
        first, second = backend.generate([Request("a", prompt, 9), Request("b", prompt, 7)])
    assert (first.text, first.finish_reason, first.tokens, first.thinking) == ("", "length", 1, "Hm.")
    assert "content_filter" in second.refusal
