"""A JSON API on loopback whose answers a test decides, and that remembers what it was asked.

Covered: JSON and forms, statuses, answers that never come. Not covered: any system's rules; the
peers that have some (`chatwoot_peer`, `meta_peer`, `slack_peer`) build on this.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Asked:
    """One request. `data` is its JSON or its form."""

    path: str
    headers: dict[str, str]
    raw: bytes
    data: dict[str, Any]

    @property
    def bearer(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")


Answer = tuple[int, dict[str, Any] | None] | None
"""Status and JSON; None breaks the connection unanswered."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A broken connection is what some tests are about."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@dataclass
class HttpPeer:
    """Answers with `answer`, or with what `answer_next` holds, first come first served."""

    answer: Callable[[Asked], Answer]
    asked: list[Asked] = field(default_factory=list)
    answer_next: list[Answer] = field(default_factory=list)
    url: str = ""

    def take(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        return self.answer_next.pop(0) if self.answer_next else self.answer(asked)


@contextmanager
def listening(peer: HttpPeer) -> Iterator[HttpPeer]:
    """The peer on loopback, until the end."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = peer.take(Asked(self.path, headers, raw, _data(raw, headers)))
            if answer is None:
                self.close_connection = True
                return
            status, value = answer
            out = b"" if value is None else json.dumps(value).encode()
            self.send_response(status)
            for name, text in ((value or {}).get("__headers__") or {}).items():
                self.send_header(name, text)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(out)))
            self.end_headers()
            self.wfile.write(out)

        def log_message(self, *_args: object) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    peer.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield peer
    finally:
        server.shutdown()
        server.server_close()


def _data(raw: bytes, headers: dict[str, str]) -> dict[str, Any]:
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(raw.decode()))
    return json.loads(raw) if raw else {}
