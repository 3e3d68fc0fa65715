"""Gateways by name."""

import pytest

from gateways.registry import GATEWAY_NAMES, GatewayAccess, manifest_of, open_gateway
from schemas.gateway import Balance
from sms.errors import ConfigurationError


@pytest.mark.parametrize("name", GATEWAY_NAMES)
def test_each_name_opens_what_it_promises(name):
    gateway = open_gateway(name, GatewayAccess("http://127.0.0.1:1", "key", 1))
    assert gateway.manifest == manifest_of(name)
    assert gateway.manifest.gateway == name


def test_opened_gateway_works(sandbox):
    gateway = open_gateway("sandbox", GatewayAccess(sandbox.base_url, sandbox.api_key, 5))
    assert gateway.balance() == Balance(sandbox.balance(), "EUR")


@pytest.mark.parametrize("ask", [manifest_of, lambda name: open_gateway(name, GatewayAccess("http://x", "k"))])
def test_unknown_name_tells_the_known_ones(ask):
    with pytest.raises(ConfigurationError, match="there is no gateway 'pigeon'; there are: sandbox"):
        ask("pigeon")


def test_key_is_not_in_the_repr():
    assert "hunter2" not in repr(GatewayAccess("http://x", "hunter2"))
