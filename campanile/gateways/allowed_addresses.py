"""Which addresses a gateway may be at: never one that only a machine's own network or cloud answers.

A link-local address, above all 169.254.169.254, is where clouds hand out their machines' keys; none is a gateway. What
counts is the address that a connection reached, so no spelling of it and no name that resolves to it gets by.
"""

import ipaddress
import re
import socket
from contextlib import suppress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure
        "192.0.0.192",  # Oracle
        "fd00:ec2::254",  # Amazon
        "fd20:ce::254",  # Google
    )
)
#: Networks whose last 32 bits are an IPv4 address: NAT64 (RFC 6052) and the deprecated IPv4-compatible ones.
CARRIES_IPV4 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))


def refused_reason(host: str) -> str | None:
    """Return why no gateway may be at an address, or None: it may, or the text is a name and no address.

    Args:
        host: an address in any spelling that the system takes: dotted, decimal, hexadecimal, octal, IPv6, in brackets.
    """
    address = _parse(host)
    if address is None:
        return None
    plain = _unwrapped(address)
    if plain.is_link_local or plain in METADATA:
        return f"{address} is a link-local or metadata address"
    if plain.is_unspecified or plain.is_multicast:
        return f"{address} is the address of no machine"
    return None


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine by a loopback address, or by the name localhost."""
    address = _parse(host)
    return host.lower() == "localhost" if address is None else _unwrapped(address).is_loopback


def shown_url(url: str) -> str:
    """Return a URL for a message: not whole, for keys are sometimes put into the user part or the query."""
    return re.sub(r"//.*@", "//…@", url.partition("?")[0])


def _parse(host: str) -> Address | None:
    text = host.removeprefix("[").removesuffix("]").partition("%")[0].removesuffix(".")
    with suppress(ValueError):
        return ipaddress.ip_address(text)
    with suppress(OSError):
        return ipaddress.IPv4Address(socket.inet_aton(text))
    return None


def _unwrapped(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in (ipaddress.IPv6Address("::"), ipaddress.IPv6Address("::1")):
        return address
    if any(address in network for network in CARRIES_IPV4):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address
