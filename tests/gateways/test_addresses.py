"""Secrets and numbers go to the provider and nowhere else, however an address is written."""

import socket

import pytest

from campanile.gateways.allowed_addresses import is_loopback, refused_reason
from campanile.gateways.credentials import GatewayAccess
from campanile.gateways.http import HttpClient
from campanile.gateways.registry import open_gateway
from campanile.sms.errors import ConfigurationError, GatewayUnreachable

METADATA = [
    ("dotted", "169.254.169.254"),
    ("decimal", "2852039166"),
    ("hexadecimal", "0xa9fea9fe"),
    ("octal", "0251.0376.0251.0376"),
    ("mixed, three parts", "169.0xfe.43518"),
    ("mixed, two parts", "169.16689662"),
    ("a dot behind it", "169.254.169.254."),
    ("IPv6-mapped", "[::ffff:169.254.169.254]"),
    ("IPv6-mapped, in hexadecimal", "[::ffff:a9fe:a9fe]"),
    ("IPv4-compatible", "[::169.254.169.254]"),
    ("NAT64", "[64:ff9b::a9fe:a9fe]"),
    ("6to4", "[2002:a9fe:a9fe::1]"),
    ("link-local IPv6", "[fe80::1]"),
    ("another link-local one", "169.254.0.1"),
    ("Amazon's IPv6", "[fd00:ec2::254]"),
    ("Google's IPv6", "[fd20:ce::254]"),
    ("Alibaba's", "100.100.100.200"),
    ("Azure's", "168.63.129.16"),
    ("Oracle's", "192.0.0.192"),
    ("no address", "0.0.0.0"),
    ("no address, short", "0"),
    ("no IPv6 address", "[::]"),
    ("multicast", "224.0.0.1"),
]


@pytest.mark.parametrize("host", [row[1] for row in METADATA], ids=[row[0] for row in METADATA])
def test_no_spelling_of_a_metadata_address_is_a_gateway(host):
    assert refused_reason(host)
    with pytest.raises(ConfigurationError, match="the gateway's URL is"):
        HttpClient(f"http://{host}/", {}, 1)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "10.1.2.3", "192.168.0.9", "151.80.0.1", "kannel", "api.twilio.com"]
)
def test_other_hosts_are_allowed(host):
    assert refused_reason(host) is None


@pytest.mark.parametrize("address", ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1"])
def test_a_name_that_resolves_to_one_is_refused_once_connected_and_before_a_byte(raw_server, monkeypatch, address):
    """The name is looked up once, by the connection itself: what is checked is what it reached."""
    seen = raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    peer = (address, 80) if "." in address and ":" not in address else (address, 80, 0, 0)
    monkeypatch.setattr(socket.socket, "getpeername", lambda _: peer)
    with pytest.raises(GatewayUnreachable, match="link-local or metadata address, where no gateway may be"):
        HttpClient(seen.url, {"Authorization": "Bearer key"}, 5).request("POST", "/", json={"to": "+33612345678"})
    assert b"".join(seen.requests) == b""


TWILIO = {"account_sid": f"AC{'0' * 32}", "auth_token": "token"}
OVHCLOUD = {
    "service_name": "sms-ab12345-1",
    "application_key": "a",
    "application_secret": "b",
    "consumer_key": "c",
}
OURS = [
    ("twilio", TWILIO, "https://api.twilio.com"),
    ("twilio", TWILIO, "https://api.dublin.ie1.twilio.com"),
    ("twilio", TWILIO, "https://api.twilio.com:443"),
    ("ovhcloud", OVHCLOUD, "https://eu.api.ovh.com/1.0"),
    ("ovhcloud", OVHCLOUD, "https://ca.api.ovh.com/1.0"),
    ("ovhcloud", OVHCLOUD, "https://api.us.ovhcloud.com/1.0"),
]
NOT_THEIRS = [
    ("no TLS", "http://{host}"),
    ("a host below another domain", "https://{host}.evil.example"),
    ("a domain that ends alike", "https://evil{domain}"),
    ("the host as the user", "https://{host}@evil.example"),
    ("the host in the path", "https://evil.example/{host}"),
    ("the host behind a backslash", "https://evil.example\\@{host}"),
    ("another port", "https://{host}:8443"),
    ("a port that is none", "https://{host}:port"),
    ("this machine", "http://127.0.0.1:8080"),
    ("an address", "https://151.80.0.1"),
    ("metadata", "https://169.254.169.254"),
]


@pytest.mark.parametrize(("name", "options", "url"), OURS)
def test_a_provider_is_reached_at_its_own_hosts(name, options, url):
    open_gateway(name, GatewayAccess(name, options | {"url": url}))


@pytest.mark.parametrize(
    ("name", "options", "host", "domain"),
    [("twilio", TWILIO, "api.twilio.com", "twilio.com"), ("ovhcloud", OVHCLOUD, "eu.api.ovh.com", "api.ovh.com")],
)
@pytest.mark.parametrize("url", [row[1] for row in NOT_THEIRS], ids=[row[0] for row in NOT_THEIRS])
def test_a_provider_is_reached_nowhere_else(name, options, host, domain, url):
    with pytest.raises(ConfigurationError, match="the gateway's URL is"):
        open_gateway(name, GatewayAccess(name, options | {"url": url.format(host=host, domain=domain)}))


def test_for_tests_a_server_on_this_machine_stands_in_and_no_other():
    for url in ("http://127.0.0.1:8080", "http://[::1]:8080", "http://localhost:8080"):
        open_gateway("twilio", GatewayAccess("twilio", TWILIO | {"url": url}, allows_local=True))
    with pytest.raises(ConfigurationError, match="it must be https at"):
        open_gateway("twilio", GatewayAccess("twilio", TWILIO | {"url": "http://10.0.0.1"}, allows_local=True))
    assert is_loopback("127.9.9.9")
    assert not is_loopback("127.0.0.1.evil.example")
