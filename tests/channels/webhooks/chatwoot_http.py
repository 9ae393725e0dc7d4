"""The HTTP of the Chatwoot peer: a server that can be taken down and comes back on its port.

Covered: requests to `_answer` and back, connections broken unanswered. Not covered: what is
answered (`chatwoot_peer`).
"""

from __future__ import annotations

import json
import sys
import threading
from abc import ABC, abstractmethod
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that is killed breaks its connection; that is what the tests are about."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class PeerServer(ABC):
    """Listens on loopback; a subclass says what is answered."""

    _server: ThreadingHTTPServer | None = None
    _port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def up(self) -> None:
        """Listen (again, on the same port)."""
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                peer._serve(self, "GET")

            def do_POST(self) -> None:
                peer._serve(self, "POST")

            def log_message(self, *_args: object) -> None:
                pass

        server = _Server(("127.0.0.1", self._port), Handler)
        self._port = server.server_address[1]
        self._server = server
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def down(self) -> None:
        """Refuse connections."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _serve(self, request: BaseHTTPRequestHandler, method: str) -> None:
        length = int(request.headers.get("Content-Length") or 0)
        raw = request.rfile.read(length)
        if self._server is None:  # a kept connection of a server that is down
            request.close_connection = True
            return
        body = json.loads(raw) if raw else {}
        answer = self._answer(method, request.path, request.headers.get("api_access_token"), body)
        if answer is None:
            request.close_connection = True
            return
        status, value = answer
        out = json.dumps(value).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(out)))
        request.end_headers()
        request.wfile.write(out)

    @abstractmethod
    def _answer(
        self, method: str, path: str, token: str | None, body: dict
    ) -> tuple[int, dict] | None:
        """Status and JSON; None breaks the connection."""
