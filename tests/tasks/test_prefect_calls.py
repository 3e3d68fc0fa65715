"""Calls of Prefect's API that are not waited for."""

import threading

import pytest
from httpx import ConnectError

from tasks.prefect_calls import Breaker, PrefectAway, call_prefect


def refuse() -> str:
    raise ConnectError("Connection refused")


def test_what_answers_is_returned() -> None:
    assert call_prefect(lambda: "hello") == "hello"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        pytest.param(refuse, "Connection refused", id="no server"),
        pytest.param(threading.Event().wait, "did not answer within 0.05 s", id="a server that does not answer"),
    ],
)
def test_what_does_not_answer_ends(call, words) -> None:
    with pytest.raises(PrefectAway, match=words):
        call_prefect((lambda: call(1)) if words.startswith("did") else call, seconds=0.05)


def test_a_mistake_of_ours_is_no_missing_server() -> None:
    with pytest.raises(KeyError):
        call_prefect(lambda: {}["no such key"])


def test_prefect_tries_once() -> None:
    from prefect.settings import PREFECT_CLIENT_MAX_RETRIES

    before = PREFECT_CLIENT_MAX_RETRIES.value()
    assert before != 0
    assert call_prefect(PREFECT_CLIENT_MAX_RETRIES.value) == 0
    assert PREFECT_CLIENT_MAX_RETRIES.value() == before, "the settings of the caller stay"


def test_a_call_has_the_settings_of_its_caller() -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    for url in ("http://127.0.0.1:4201/api", "http://127.0.0.1:4202/api"):
        with temporary_settings({PREFECT_API_URL: url}):
            assert call_prefect(PREFECT_API_URL.value) == url


def test_after_a_failure_no_call_is_made_for_a_while() -> None:
    calls = []

    def failing() -> None:
        calls.append("made")
        refuse()

    breaker = Breaker(away_seconds=3600)
    for _ in range(3):
        with pytest.raises(PrefectAway):
            breaker.call(failing)
    assert calls == ["made"]


def test_and_then_one_is_made_again() -> None:
    breaker = Breaker(away_seconds=0)
    with pytest.raises(PrefectAway):
        breaker.call(refuse)
    assert breaker.call(lambda: "hello") == "hello"
