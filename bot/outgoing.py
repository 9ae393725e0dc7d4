"""Where this program may connect to: the one place that makes HTTP clients.

Covered: every address that a name resolves to is looked at before the connection is made, and the
connection goes to the address that was looked at, so that a name cannot change its mind in between
(DNS rebinding); redirects are connections like any other. Cloud metadata, link-local, private,
loopback and reserved addresses are refused, also when they hide in an IPv6 form.

What opens a private address: a network or host in SHOPKEEPER_OUTGOING_ALLOW, or a setting that
names a host which only a private network can mean (`http://chatwoot:3000`, `http://127.0.0.1:11434`)
for that host and port. A public name that leads inside is refused. Not covered: egress proxies of
the environment (they are not used), packages and model hubs (`bot.models.fetch`).
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import httpcore
import httpx
import structlog

from bot.errors import ConfigError

log = structlog.get_logger(__name__)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NEVER_BY_NAME: Final = (
    ipaddress.ip_network("169.254.0.0/16"),
    ipaddress.ip_network("fe80::/10"),
    ipaddress.ip_network("fd00:ec2::/32"),
    ipaddress.ip_network("100.100.100.200/32"),
    ipaddress.ip_network("168.63.129.16/32"),
    ipaddress.ip_network("192.0.0.192/32"),
)
"""Where clouds keep a machine's credentials; one of these addresses is public by its number."""

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_PRIVATE_ENDINGS: Final = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".intranet")
"""Names that no public name server answers (RFC 6761, 6762, 8375 and common use)."""


class RefusedAddressError(httpcore.ConnectError):
    """A connection that must not be made. Clients see it as `httpx.ConnectError`."""


@dataclass(frozen=True)
class OutgoingRules:
    """What may be connected to besides the public internet.

    Attributes:
        networks: addresses that are allowed whatever name leads to them.
        hosts: names that are allowed wherever they lead.
        named: (host, port) pairs that an operator's settings name, allowed to lead inside, though
            never to metadata or link-local addresses.
    """

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()
    named: frozenset[tuple[str, int]] = field(default_factory=frozenset)

    @classmethod
    def of(cls, allow: str, urls: Iterable[str] = ()) -> OutgoingRules:
        """Rules from a setting like `10.0.0.0/8, chat.example.com` and from settings' URLs.

        Raises:
            ConfigError: a part of `allow` is neither a network nor a name.
        """
        networks: list[Network] = []
        hosts: set[str] = set()
        for part in allow.replace(",", " ").split():
            try:
                networks.append(ipaddress.ip_network(part, strict=False))
            except ValueError:
                if "/" in part or ":" in part:
                    raise ConfigError(
                        f"SHOPKEEPER_OUTGOING_ALLOW holds {part[:60]!r}, no network and no host",
                        fix="write networks and hosts, e.g. 10.20.0.0/16, chatwoot.example.com",
                    ) from None
                hosts.add(_plain(part))
        named = frozenset(filter(None, map(_private_place, urls)))
        return cls(tuple(networks), frozenset(hosts), named)

    def permits(self, host: str, port: int, address: str) -> bool:
        """Whether a connection for `host` and `port` may go to `address`."""
        meant = _meanings(ipaddress.ip_address(address.partition("%")[0]))
        if _plain(host) in self.hosts or _among(meant, self.networks):
            return True
        if _among(meant, _NEVER_BY_NAME) or any(a.is_multicast or a.is_unspecified for a in meant):
            return False
        return all(a.is_global for a in meant) or (_plain(host), port) in self.named


def client(rules: OutgoingRules, **options: Any) -> httpx.Client:
    """A client that connects where `rules` permit and nowhere else.

    Args:
        rules: see there.
        options: of `httpx.Client`, e.g. `timeout`, `headers`. Redirects are not followed unless
            `follow_redirects` says so.
    """
    return httpx.Client(transport=GuardedTransport(rules), trust_env=False, **options)


class GuardedTransport(httpx.HTTPTransport):
    """httpx's transport over connections that were looked at first."""

    def __init__(self, rules: OutgoingRules) -> None:
        super().__init__()
        if not isinstance(self._pool, httpcore.ConnectionPool):
            raise TypeError("this httpx keeps its connections elsewhere; the guard would not hold")
        # httpx has no public way to hand in a network backend; the tests hold that this one works.
        self._pool._network_backend = _GuardedBackend(rules)


class _GuardedBackend(httpcore.SyncBackend):
    """Resolves, looks, connects to what was looked at."""

    def __init__(self, rules: OutgoingRules) -> None:
        self._rules = rules

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        give_up = None if timeout is None else time.monotonic() + timeout
        allowed = [a for a in _resolve(host, port) if self._rules.permits(host, port, a)]
        if not allowed:
            log.warning("outgoing_refused", host=host, port=port)
            raise RefusedAddressError(
                f"{host}:{port} leads to an address inside this network, which is refused;"
                " SHOPKEEPER_OUTGOING_ALLOW can allow it"
            )
        for address in allowed[:-1]:
            try:
                return self._connect(address, port, give_up, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                log.debug("outgoing_next_address", host=host, port=port)
        return self._connect(allowed[-1], port, give_up, local_address, socket_options)

    def _connect(
        self,
        address: str,
        port: int,
        give_up: float | None,
        local_address: str | None,
        socket_options: Any,
    ) -> httpcore.NetworkStream:
        left = None if give_up is None else max(0.001, give_up - time.monotonic())
        return super().connect_tcp(address, port, left, local_address, socket_options)


def _resolve(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(f"{host[:100]} cannot be resolved: {error}") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _meanings(address: Address) -> tuple[Address, ...]:
    """The address and the IPv4 address that an IPv6 form carries: a gateway may turn to either."""
    if not isinstance(address, ipaddress.IPv6Address):
        return (address,)
    if address.ipv4_mapped:
        return (address.ipv4_mapped,)
    carried = address.sixtofour or (address.teredo or (None, None))[1]
    if address in _NAT64:
        carried = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return (address, carried) if carried else (address,)


def _among(addresses: Iterable[Address], networks: Iterable[Network]) -> bool:
    known = tuple(networks)
    return any(address in network for address in addresses for network in known)


def _private_place(url: str) -> tuple[str, int] | None:
    """Host and port of a URL that only a private network can mean; None for any other."""
    try:
        parts = urlsplit(url)
        host, port = _plain(parts.hostname or ""), parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return None
    try:
        inside = not ipaddress.ip_address(host).is_global
    except ValueError:
        inside = "." not in host or host.endswith(_PRIVATE_ENDINGS)
    return (host, port or (443 if parts.scheme == "https" else 80)) if inside else None


def _plain(host: str) -> str:
    return host.strip("[]").rstrip(".").casefold()
