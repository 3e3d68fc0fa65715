"""Gateways by name."""

import pytest

from campanile.gateways.credentials import GatewayAccess
from campanile.gateways.registry import GATEWAY_NAMES, manifest_of, open_gateway
from campanile.services.settings import Settings
from campanile.sms.errors import ConfigurationError
from schemas.gateway import Balance, Resolution

#: What a team sets before it can use a gateway.
OPTIONS = {
    "sandbox": {"url": "http://127.0.0.1:1", "api_key": "key"},
    "kannel": {
        "url": "http://127.0.0.1:1",
        "username": "user",
        "password": "password",
        "callback_url": "http://127.0.0.1:2",
        "callback_secret": "secret-of-callbacks",
    },
    "twilio": {"url": "http://127.0.0.1:1", "account_sid": f"AC{'0' * 32}", "auth_token": "token"},
    "ovhcloud": {
        "url": "http://127.0.0.1:1",
        "service_name": "sms-ab12345-1",
        "application_key": "key",
        "application_secret": "secret",
        "consumer_key": "key",
    },
}


@pytest.mark.parametrize("name", GATEWAY_NAMES)
def test_each_name_opens_what_it_promises(name):
    gateway = open_gateway(name, GatewayAccess(name, OPTIONS[name], 1, allows_local=True))
    assert gateway.manifest == manifest_of(name)
    assert gateway.manifest.gateway == name


@pytest.mark.parametrize(
    ("name", "option"), [(name, option) for name, options in OPTIONS.items() for option in options]
)
def test_what_is_not_set_is_named_by_its_variable(name, option):
    options = {known: value for known, value in OPTIONS[name].items() if known != option}
    variable = f"SMS_{name}_{option}".upper()
    with pytest.raises(ConfigurationError, match=f"gateway {name} needs {variable}, which is not set"):
        open_gateway(name, GatewayAccess(name, options, allows_local=True))
    assert variable.removeprefix("SMS_").lower() in Settings.model_fields


@pytest.mark.parametrize("name", GATEWAY_NAMES)
def test_a_url_that_is_none_is_refused_at_once(name):
    with pytest.raises(ConfigurationError, match="the gateway's URL is 'nowhere'"):
        open_gateway(name, GatewayAccess(name, OPTIONS[name] | {"url": "nowhere"}))


def test_opened_gateway_works(sandbox):
    access = GatewayAccess("sandbox", {"url": sandbox.base_url, "api_key": sandbox.api_key}, 5)
    assert open_gateway("sandbox", access).balance() == Balance(sandbox.balance(), "EUR")


def test_the_sandbox_settles_as_configured():
    access = GatewayAccess("sandbox", OPTIONS["sandbox"] | {"resolution": "look_up"})
    manifest = open_gateway("sandbox", access).manifest
    assert (manifest.resolution, manifest.key_life_seconds) == (Resolution.LOOK_UP, 0)
    assert manifest_of("sandbox", access.options) == manifest


@pytest.mark.parametrize("ask", [manifest_of, lambda name: open_gateway(name, GatewayAccess(name, {}))])
def test_unknown_name_lists_the_known_ones(ask):
    with pytest.raises(ConfigurationError, match="there is no gateway 'pigeon'; there are: sandbox"):
        ask("pigeon")


def test_key_is_not_in_the_repr():
    assert "hunter2" not in repr(GatewayAccess("sandbox", {"api_key": "hunter2"}))
