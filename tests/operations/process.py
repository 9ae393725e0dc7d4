"""Starting and ending `server_process`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.channels.webhooks.chatwoot_peer import SECRET, TOKEN
from tests.channels.webhooks.support import wait_for

ROOT = Path(__file__).parents[2]


class ServerProcess:
    """The edge as a child process; its log goes to a file."""

    def __init__(
        self, home: Path, database_url: str, peer: str, answer_s: float, **settings: str
    ) -> None:
        self.log_file = home / f"server-{time.monotonic_ns()}.log"
        port_file = self.log_file.with_suffix(".port")
        environ = {k: v for k, v in os.environ.items() if not k.startswith("SHOPKEEPER_")}
        environ |= {"SHOPKEEPER_CHATWOOT_TOKEN": TOKEN, "SHOPKEEPER_CHATWOOT_SECRET": SECRET}
        environ |= {f"SHOPKEEPER_{name.upper()}": value for name, value in settings.items()}
        command = [
            *(sys.executable, "-m", "tests.operations.server_process"),
            *(database_url, str(home), peer, str(answer_s), str(port_file)),
        ]
        with self.log_file.open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environ, stdout=log, stderr=subprocess.STDOUT
            )
        wait_for(lambda: port_file.exists() and port_file.read_text() != "", "a port", 240)
        self.url = f"http://127.0.0.1:{port_file.read_text()}"
        wait_for(self._answers, "the server to answer", 180)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz").status_code == 200
        except httpx.TransportError:
            return False

    @property
    def log(self) -> str:
        """What it wrote."""
        return self.log_file.read_text("utf-8", "replace")

    def terminate(self, timeout_s: float = 120.0) -> int:
        """SIGTERM; the exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout_s)

    def close(self) -> None:
        """Whatever happened: gone."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@contextmanager
def server_process(
    home: Path, database_url: str, peer: str = "http://127.0.0.1:9", answer_s: float = 0.0, **s: str
) -> Iterator[ServerProcess]:
    """The edge, while the block runs."""
    process = ServerProcess(home, database_url, peer, answer_s, **s)
    try:
        yield process
    finally:
        process.close()
