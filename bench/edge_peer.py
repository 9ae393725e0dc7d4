"""`python -m bench.edge_peer`: the other side, a receiver of Standard Webhooks on loopback.

It keeps the rules of the specification: a wrong signature is refused, a repeated `webhook-id` is
answered 200 and not taken again. `GET /report?after=N` tells what arrived, in order.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import parse_qs

import uvicorn
from standardwebhooks import Webhook, WebhookVerificationError


@dataclass
class Arrived:
    """One reply that was taken. `at` is the Unix time in seconds."""

    at: float
    number: str
    conversation: str
    answers: str
    text: str


@dataclass
class Peer:
    """ASGI application."""

    secret: str
    arrived: list[Arrived] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    repeated: int = 0
    refused: int = 0

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            part = await receive()
            body += part.get("body", b"")
            if part["type"] == "http.disconnect" or not part.get("more_body"):
                break
        if scope["method"] == "GET":
            after = int(parse_qs(scope["query_string"].decode()).get("after", ["0"])[0])
            rest = [asdict(one) for one in self.arrived[after:]]
            report = {"repeated": self.repeated, "refused": self.refused, "arrived": rest}
            await _respond(send, 200, json.dumps(report).encode())
            return
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        await _respond(send, self._take(headers, body), b"{}")

    def _take(self, headers: dict[str, str], body: bytes) -> int:
        try:
            event = Webhook(self.secret).verify(body.decode(), headers)
        except (WebhookVerificationError, ValueError):
            self.refused += 1
            return 401
        number = headers["webhook-id"]
        if number in self.seen:
            self.repeated += 1
            return 200
        self.seen.add(number)
        if event["type"] == "turn.answered":
            data = event["data"]
            self.arrived.append(
                Arrived(
                    time.time(), number, data["conversation_id"], data["in_reply_to"], data["text"]
                )
            )
        return 200


async def _respond(send: Any, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """Arguments: port, secret."""
    uvicorn.run(
        Peer(sys.argv[2]),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="warning",
        access_log=False,
        lifespan="off",
    )


if __name__ == "__main__":
    main()
