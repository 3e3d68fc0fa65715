"""Opt-outs are pushed to the provider's own list, where it takes them: once, again after a failure, without an echo."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from campanile.gateways.sandbox.adapter import SandboxGateway
from campanile.services.contacts.lists import record_told_opt_out
from campanile.services.context import Context
from campanile.services.inbound.push_opt_outs import push_opt_outs
from campanile.sms.errors import GatewayUnreachable
from campanile.store.db.invariants import broken_invariants
from schemas.gateway import ProviderOptOut
from tests.services.test_inbound import Desk, number
from tests.store.conftest import Clock


class Provider(Desk):
    """A desk whose gateway takes opt-outs, in memory."""

    def __init__(self, context: Context, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(context, clock)
        self.calls: list[list[str]] = []
        self.fails = False
        monkeypatch.setattr(SandboxGateway, "push_opt_outs", self.take)

    def take(self, msisdns: list[str]) -> None:
        self.calls.append(list(msisdns))
        if self.fails:
            raise GatewayUnreachable("no connection")

    def push(self) -> int:
        return push_opt_outs(self.context, "sandbox")


@pytest.fixture
def make_provider(
    make_context: Callable[..., Context], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Provider]]:
    made: list[Provider] = []

    def make(**settings: Any) -> Provider:
        made.append(Provider(make_context(**settings), clock, monkeypatch))
        return made[-1]

    yield make
    for provider in made:
        with provider.context.transaction(read_only=True) as tx:
            assert broken_invariants(tx) == {}


def test_each_opt_out_is_pushed_once(make_provider: Callable[..., Provider]) -> None:
    provider = make_provider()
    provider.reply("STOP")
    record_told_opt_out(provider.context, number(2), "phone", "camille", None, None)
    assert provider.push() == 2
    provider.reply("STOP encore")
    assert provider.push() == 0, "the person is there already"
    assert provider.calls == [[number(1), number(2)]]


def test_what_the_provider_told_us_is_not_pushed_back(make_provider: Callable[..., Provider]) -> None:
    provider = make_provider()
    provider.read("opt_outs", [ProviderOptOut(number(1), provider.clock.at)])
    assert (provider.push(), provider.calls) == (0, [])


def test_a_request_that_fails_is_made_again(make_provider: Callable[..., Provider]) -> None:
    provider = make_provider()
    provider.reply("STOP")
    provider.fails = True
    assert provider.push() == 0, "and the run goes on"
    provider.fails = False
    assert provider.push() == 1
    assert provider.calls == [[number(1)], [number(1)]]


def test_who_opts_out_again_is_pushed_again(make_provider: Callable[..., Provider]) -> None:
    provider = make_provider()
    for text in ("STOP", "START", "STOP"):
        provider.reply(text)
        provider.push()
        provider.clock.forward(minutes=20)
    assert provider.calls == [[number(1)], [number(1)]]


def test_a_start_ends_a_stop_that_was_pushed(make_provider: Callable[..., Provider]) -> None:
    """The provider lists what we pushed; that must not become a second opt-out, which no START would end."""
    provider = make_provider()
    record_told_opt_out(provider.context, number(2), "phone", "camille", None, None)
    provider.reply("STOP", received_at=provider.clock.at - timedelta(hours=1))
    provider.push()
    listed = [ProviderOptOut(number(person), provider.clock.at + timedelta(seconds=1)) for person in (1, 2)]
    provider.clock.forward(minutes=1)
    assert provider.read("opt_outs", listed) == 0
    provider.reply("START")
    assert provider.sql("SELECT opt_out_key FROM opt_out") == [(int(number(2)),)]
    provider.clock.forward(minutes=30)
    provider.read("opt_outs", [ProviderOptOut(number(1), provider.clock.at)])
    assert provider.sql("SELECT source FROM opt_out ORDER BY entry_id") == [("phone",), ("gateway",)], "a new one binds"


def test_it_can_be_switched_off(make_provider: Callable[..., Provider]) -> None:
    provider = make_provider(push_opt_outs=False)
    provider.reply("STOP")
    assert (provider.push(), provider.calls) == (0, [])
