"""A small HTTP/1.1 client for load: kept connections, little work per request, bodies that lie.

Covered: POST and GET with a body of known length, requests cut off in the middle. Not covered:
chunked answers, redirects, TLS.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Answered:
    """A response. `seconds` from the first byte sent to the last received; `at` is Unix time."""

    status: int
    seconds: float
    at: float
    body: bytes = b""


@dataclass
class Client:
    """One connection at a time, opened again when it breaks. Not for two tasks at once."""

    port: int
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = field(
        default=None, repr=False
    )

    async def post(
        self, path: str, headers: Mapping[str, str], body: bytes, *, sent: int | None = None
    ) -> Answered:
        """Send a request; only `sent` bytes of its body when given, then the connection ends.

        Raises:
            OSError: the server is away, or the connection broke before the answer.
        """
        lines = [f"POST {path} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n\r\n"
        return await self._exchange(head + body[:sent], cut=sent is not None)

    async def get(self, path: str) -> Any:
        """The JSON at `path`."""
        found = await self._exchange(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode())
        return json.loads(found.body)

    async def _exchange(self, request: bytes, *, cut: bool = False) -> Answered:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._tell(request, cut)
        except (asyncio.IncompleteReadError, TimeoutError, ValueError) as error:
            self.close()
            raise ConnectionError(type(error).__name__) from error
        except OSError:
            self.close()
            raise

    async def _tell(self, request: bytes, cut: bool) -> Answered:
        started = time.perf_counter()
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self._streams
        writer.write(request)
        if cut:
            writer.write_eof()
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head.split(b" ", 2)[1])
        length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        body = await reader.readexactly(length)
        if cut or b"connection: close" in head:
            self.close()
        return Answered(status, time.perf_counter() - started, time.time(), body)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
