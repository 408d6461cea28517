"""Where a tenant's provider may be: customers write these addresses, and our machine calls them.

Names are checked when an address is written and when a client is made; the address that a name
stands for is checked at each connect, just before it, so that a name whose address changes in
between (DNS rebinding) leads nowhere new.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from typing import Any

from django.conf import settings
from yarl import URL

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Cloud machines hand out their own credentials here; no provider of models is ever there.
_METADATA = frozenset(
    ipaddress.ip_address(text) for text in ("100.100.100.200", "192.0.0.192", "fd00:ec2::254")
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressRefused(OSError):
    """The address is one that providers may not have here. `strerror` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(errno.EACCES, reason)


def why_not_host(host: str) -> str | None:
    """Why PROVIDER_ALLOWED_HOSTS keeps this host out, as a sentence; None when it may be used."""
    allowed = [name.lower() for name in settings.PROVIDER_ALLOWED_HOSTS]
    name = host.lower().rstrip(".")
    if not allowed or any(
        name == entry or (entry.startswith(".") and name.endswith(entry)) for entry in allowed
    ):
        return None
    return f"The host {host} is not among those this installation allows for providers."


def why_not_url(text: str) -> str | None:
    """Why this base URL can't be a provider's, as a sentence; None when it can."""
    try:
        url = URL(text)
        port = url.port
    except ValueError:
        return "This is no address: it should look like https://models.example.com/v1"
    if url.scheme not in ("http", "https") or not url.host or port == 0:
        return "The address should look like https://models.example.com/v1"
    if url.user is not None or url.password is not None:
        return "The address must hold no name or password: a key goes into its own field."
    if url.query_string or url.fragment:
        return "The address must hold no ? or #: it ends with the path."
    if url.scheme == "http" and not settings.PROVIDER_PRIVATE_NETWORKS:
        return "The address must begin with https: the key and all text would travel in the clear."
    try:
        literal = ipaddress.ip_address(url.host)
    except ValueError:
        return why_not_host(url.host)
    return why_not_address(literal) or why_not_host(url.host)


def why_not_address(address: _Address) -> str | None:
    """Why no provider may be at this address, as a sentence; None when one may."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return why_not_address(inner)
    if (
        address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address in _METADATA
    ):
        return "The address is link-local or one that clouds keep for themselves: never allowed."
    if not address.is_global and not settings.PROVIDER_PRIVATE_NETWORKS:
        return "The address lies in a private network, which this installation does not allow."
    return None


def check_address(text: str) -> None:
    """Raises `AddressRefused` for an address (no name) that no provider may have."""
    reason = why_not_address(ipaddress.ip_address(text.partition("%")[0]))
    if reason:
        raise AddressRefused(reason)


def guarded_socket(info: tuple[Any, ...]) -> socket.socket:
    """A socket for a connect to `info` (as getaddrinfo gives it), if that may be done at all."""
    family, kind, protocol, _, address = info
    check_address(str(address[0]))
    return socket.socket(family=family, type=kind, proto=protocol)
