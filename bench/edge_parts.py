"""Processes of the edge benchmark: the server, the other side, a database for them.

Covered: starting, killing, stopping and continuing a server on a fixed port; asking the other side
what arrived. Not covered: what is sent (`edge_load`).
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.edge_client import Client
from bench.edge_load import Reply
from tests.postgres import end_with_parent

ROOT = Path(__file__).resolve().parents[1]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""The example of the Standard Webhooks specification."""

_MARK = re.compile(r"c\d{5}m\d{5}")


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """One server process after another on the same port.

    Attributes:
        database_url: its database.
        home: its folder.
        peer_port: where its replies go.
        options: of `bench.edge_server`.
        environment: more settings.
    """

    database_url: str
    home: Path
    peer_port: int
    options: Sequence[str] = ()
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start; it listens some seconds later."""
        plain = {k: v for k, v in os.environ.items() if not k.startswith("SHOPKEEPER_")}
        peer = f"http://127.0.0.1:{self.peer_port}/hooks"
        settings = {
            "SHOPKEEPER_HOME": str(self.home),
            "SHOPKEEPER_DATABASE_URL": self.database_url,
            "SHOPKEEPER_GENERIC_URL": peer,
            "SHOPKEEPER_GENERIC_SECRET": SECRET,
            "SHOPKEEPER_WEBHOOK_QUIET_S": "0",
            "SHOPKEEPER_OUTGOING_ALLOW": "127.0.0.0/8",
            "SHOPKEEPER_LOG_LEVEL": "ERROR",
        }
        models = os.environ.get("SHOPKEEPER_MODELS_DIR")
        kept = {"SHOPKEEPER_MODELS_DIR": models} if models else {}
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "bench.edge_server"),
                    *("--port", str(self.port), *self.options),
                ],
                cwd=ROOT,
                env=plain | settings | kept | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=end_with_parent,
            )

    async def ready(self) -> None:
        """Wait until it listens.

        Raises:
            RuntimeError: it ended, or does not listen after two minutes.
        """
        for _ in range(2400):
            if self.process is None or self.process.poll() is not None:
                told = (self.home / "server.log").read_text(errors="replace")
                raise RuntimeError(f"the server ended: {told[-3000:]}")
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
        raise RuntimeError("the server does not listen")

    def send(self, number: signal.Signals) -> None:
        """SIGSTOP, SIGCONT, SIGTERM."""
        if self.process is not None:
            self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL: nothing is flushed, no handler runs."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@dataclass
class PeerProcess:
    """`bench.edge_peer`, running."""

    port: int
    process: subprocess.Popen[bytes]
    repeated: int = 0
    refused: int = 0
    replies: list[Reply] = field(default_factory=list)

    async def look(self) -> list[Reply]:
        """Everything that arrived so far, in order."""
        client = Client(self.port)
        while True:
            try:
                report = await client.get(f"/report?after={len(self.replies)}")
                break
            except OSError:
                await asyncio.sleep(0.05)
        client.close()
        self.repeated, self.refused = report["repeated"], report["refused"]
        for one in report["arrived"]:
            marks = tuple(_MARK.findall(one["text"]))
            self.replies.append(Reply(one["at"], one["conversation"], marks))
        return self.replies

    async def until(self, answered: int, patience_s: float) -> None:
        """Wait until so many marks are answered, or nothing happened for `patience_s`."""
        before, idle = -1, 0.0
        while idle < patience_s:
            now = sum(len(reply.marks) for reply in await self.look())
            if now >= answered:
                return
            idle = 0.0 if now != before else idle + 0.2
            before = now
            await asyncio.sleep(0.2)


@contextmanager
def running_peer() -> Iterator[PeerProcess]:
    """The other side, while the block runs."""
    port = free_port()
    command = [sys.executable, "-m", "bench.edge_peer", str(port), SECRET]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL)
    try:
        yield PeerProcess(port, process)
    finally:
        process.kill()
        process.wait()
