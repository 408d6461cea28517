"""Who is really asking, when a proxy stands in front: read from X-Forwarded-For, or not at all.

Anybody can send that header, so it counts only as far as TRUSTED_PROXIES says: the number of
proxies that each append to it, or the networks that they are in. By default none is trusted.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from config.env import EnvError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Trusted = int | tuple[Network, ...]


def trusted_proxies(values: Sequence[str]) -> Trusted:
    """TRUSTED_PROXIES as a number of proxies, or as networks. Raises `EnvError`."""
    if not values:
        return 0
    if len(values) == 1 and values[0].isdigit():
        return int(values[0])
    try:
        return tuple(ipaddress.ip_network(value, strict=False) for value in values)
    except ValueError as error:
        raise EnvError(
            f"TRUSTED_PROXIES={','.join(values)!r}: expected a number of proxies, or networks "
            f"such as 10.0.0.0/8,fd00::/8 ({error})"
        ) from None


def client_address(peer: str, forwarded: str, trusted: Trusted) -> Address | None:
    """The client's address behind the trusted proxies; None when the server knows none.

    `peer` is who opened the connection ("" on a Unix socket), `forwarded` the X-Forwarded-For
    header, rightmost entry the newest. What can't be read as an address ends the walk: the last
    one that a trusted proxy vouched for counts.
    """
    found = _address(peer)
    hops = [part for part in forwarded.split(",") if part.strip()]
    if isinstance(trusted, int):
        enough = 0 < trusted <= len(hops)
        return (_address(hops[-trusted]) or found) if enough else found
    for hop in reversed(hops):
        if found is None or not any(found in network for network in trusted):
            break
        further = _address(hop)
        if further is None:
            break
        found = further
    return found


def _address(text: str) -> Address | None:
    """An address as proxies write it: bare, with a port, in brackets, or IPv4 inside IPv6."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if address.version == 6 else None
    return mapped or address


def counted_as(address: Address | None) -> str:
    """What limits count by: an IPv4 address, or the /64 that an IPv6 client may choose from.

    "" when the address isn't known: then nothing is counted by it.
    """
    if address is None:
        return ""
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
