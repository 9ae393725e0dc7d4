"""What this program connects to, held against real servers on loopback.

Names resolve here as an attacker's name server would answer: the resolver is replaced, the guard
and the connections are real.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.webhooks.adapter import NotDeliveredError
from bot.channels.webhooks.http_failures import send
from bot.config import Settings
from bot.errors import ConfigError
from bot.outgoing import OutgoingRules, client

ROOT = Path(__file__).parents[1]
ANYWHERE = OutgoingRules.of("127.0.0.0/8")
NOWHERE = OutgoingRules()


class _Peer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server: Any = self.server
        server.asked.append(self.path)
        redirect = server.redirect
        self.send_response(302 if redirect else 200)
        if redirect:
            self.send_header("Location", redirect)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


class Server:
    """A server on loopback that remembers what it was asked."""

    def __init__(self) -> None:
        self._http: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Peer)
        self._http.asked, self._http.redirect = [], ""
        self.port = self._http.server_address[1]
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def asked(self) -> list[str]:
        return list(self._http.asked)

    def redirect(self, place: str) -> None:
        self._http.redirect = place

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    """One server."""
    made = Server()
    yield made
    made.close()


@pytest.fixture
def inside() -> Iterator[Server]:
    """Another one, which nobody outside may reach."""
    made = Server()
    yield made
    made.close()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What names resolve to; a list is used up from the front, its last entry stays."""
    told: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def resolve(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if host not in told:
            return real(host, port, *args, **options)
        answers = told[host]
        return real(answers.pop(0) if len(answers) > 1 else answers[0], port, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return told


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "127.1", "2130706433", "[::ffff:127.0.0.1]"],
)
def test_an_address_inside_is_refused_before_anything_is_sent(server: Server, host: str) -> None:
    with client(NOWHERE) as use, pytest.raises(httpx.ConnectError):
        use.get(f"http://{host}:{server.port}/secret")
    assert server.asked == []


def test_a_public_name_that_leads_inside_is_refused(
    server: Server, names: dict[str, list[str]]
) -> None:
    names["shop.example.com"] = ["127.0.0.1"]
    url = f"http://shop.example.com:{server.port}/"
    named = OutgoingRules.of("", [url])
    for rules in (NOWHERE, named):
        with client(rules) as use, pytest.raises(httpx.ConnectError, match="OUTGOING_ALLOW"):
            use.get(url)
    assert server.asked == []
    with client(OutgoingRules.of("shop.example.com")) as use:
        assert use.get(url).status_code == 200


def test_a_redirect_inside_is_refused(server: Server, inside: Server) -> None:
    """The first server is allowed, by its port; where it sends us is not."""
    server.redirect(f"http://127.0.0.1:{inside.port}/latest/meta-data")
    rules = OutgoingRules.of("", [f"http://127.0.0.1:{server.port}"])
    with client(rules, follow_redirects=True) as use, pytest.raises(httpx.ConnectError):
        use.get(f"http://127.0.0.1:{server.port}/hook")
    assert server.asked == ["/hook"]
    assert inside.asked == []


def test_deliveries_follow_no_redirect_at_all(server: Server, inside: Server) -> None:
    server.redirect(f"http://127.0.0.1:{inside.port}/")
    with client(ANYWHERE, follow_redirects=True) as use:
        answer = send(use, "POST", f"http://127.0.0.1:{server.port}/", "it", {}, b"{}")
    assert answer.status_code == 302
    assert inside.asked == []


def test_a_name_cannot_change_its_mind_between_look_and_connection(
    server: Server, names: dict[str, list[str]]
) -> None:
    """The second answer of the name server is never asked for."""
    names["rebind.example.com"] = ["127.0.0.2", "127.0.0.1"]
    rules = OutgoingRules.of("127.0.0.2/32")
    with client(rules) as use, pytest.raises(httpx.ConnectError, match="refused"):
        # Nothing of ours listens at .2 on this port; had the name been asked again, .1 answered.
        use.get(f"http://rebind.example.com:{server.port}/", timeout=2)
    assert server.asked == []


def test_proxies_of_the_environment_do_not_lead_around_the_guard(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.port}")
    with client(NOWHERE) as use, pytest.raises(httpx.ConnectError):
        use.get("http://10.0.0.1/")
    assert server.asked == []


def test_the_operator_is_told_what_to_set() -> None:
    with client(NOWHERE) as use, pytest.raises(NotDeliveredError) as refused:
        send(use, "POST", "http://192.168.1.5/", "Chatwoot", {}, b"{}")
    assert "SHOPKEEPER_OUTGOING_ALLOW" in refused.value.fix
    assert not refused.value.in_doubt


def test_tls_is_checked_against_the_name_not_the_address(
    server: Server, names: dict[str, list[str]]
) -> None:
    """A plain server is no TLS server: the handshake fails, in the name of the host."""
    names["shop.example.com"] = ["127.0.0.1"]
    with client(ANYWHERE) as use, pytest.raises(httpx.ConnectError, match=r"(?i)ssl|tls"):
        use.get(f"https://shop.example.com:{server.port}/")


METADATA = ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "fe80::1%eth0"]


@pytest.mark.parametrize("address", METADATA)
def test_metadata_is_refused_even_to_hosts_that_settings_name(address: str) -> None:
    for host in ("metadata", address):
        rules = OutgoingRules(named=frozenset({(host, 80)}))
        assert not rules.permits(host, 80, address)
    assert OutgoingRules.of(address.partition("%")[0]).permits("x", 80, address)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_alike_in_every_ipv6_dress(address: Any) -> None:
    plain = NOWHERE.permits("x", 80, str(address))
    number = int(address)
    for dressed in (
        ipaddress.IPv6Address((0xFFFF << 32) | number),
        ipaddress.IPv6Address((0x64FF9B << 96) | number),
        ipaddress.IPv6Address((0x2002 << 112) | (number << 80)),
    ):
        assert NOWHERE.permits("x", 80, str(dressed)) == plain
    if plain:
        assert address.is_global


@given(st.ip_addresses())
def test_what_is_not_public_is_not_permitted(address: Any) -> None:
    if not address.is_global:
        assert not NOWHERE.permits("x", 80, str(address))


@pytest.mark.parametrize(
    ("url", "opened"),
    [
        ("http://chatwoot:3000", True),
        ("http://127.0.0.1:11434", True),
        ("http://LOCALHOST.:3000", True),
        ("http://chat.shop.internal", True),
        ("http://10.0.0.5", True),
        ("https://chat.example.com", False),
        ("ftp://chatwoot:3000", False),
        ("nonsense", False),
        ("http://[half", False),
    ],
)
def test_settings_open_only_what_nothing_but_a_private_network_can_mean(
    url: str, opened: bool
) -> None:
    assert bool(OutgoingRules.of("", [url]).named) == opened


def test_a_named_host_is_open_at_its_port_only() -> None:
    rules = OutgoingRules.of("", ["http://chatwoot:3000"])
    assert rules.permits("chatwoot", 3000, "172.18.0.4")
    assert not rules.permits("chatwoot", 22, "172.18.0.4")
    assert not rules.permits("redis", 3000, "172.18.0.4")


def test_settings_are_read_and_a_wrong_one_is_named() -> None:
    settings = Settings(
        chatwoot_url="http://chatwoot:3000", generic_url="https://erp.example.com/in"
    )
    rules = OutgoingRules.of(settings.outgoing_allow, settings.outgoing_urls)
    assert rules.named == {("chatwoot", 3000)}
    with pytest.raises(ConfigError, match=r"10\.0\.0\.0/99"):
        OutgoingRules.of("10.0.0.0/99")


def test_nobody_makes_an_http_client_of_their_own() -> None:
    own = re.compile(r"httpx2?\.(?:Async)?Client\(|urlopen\(|requests\.(?:get|post)\(")
    found = [
        path.relative_to(ROOT)
        for package in ("bot", "retrieval")
        for path in (ROOT / package).rglob("*.py")
        if own.search(path.read_text("utf-8")) and path.name != "outgoing.py"
    ]
    assert found == [], "use bot.outgoing.client"
