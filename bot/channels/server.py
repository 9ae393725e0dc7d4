"""The server process: requests until a signal comes, then an orderly end.

Covered: SIGTERM and SIGINT (what is being answered is finished, streams that only wait are closed,
the worker takes no more work and gives back what it cannot finish), our own log format. Not covered:
what is served (`bot.channels.app`), several processes on one port (put a proxy in front).
"""

from __future__ import annotations

import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI

log = structlog.get_logger(__name__)

FINISH_S: Final = 20
"""How long answers may take to finish after a signal; a service manager should wait for longer."""

SHORT_TURN_S: Final = 0.0005
"""How long a thread may hold the interpreter while others wait; ten times shorter than usual."""


def take_short_turns() -> None:
    """Let the event loop and those who store webhooks have the interpreter soon.

    With each statement they give it up and must get it back from threads that store answers; at
    5 ms a turn and half a dozen threads an acknowledgement took a tenth of a second.
    """
    sys.setswitchinterval(SHORT_TURN_S)


class Server(uvicorn.Server):
    """uvicorn's server that tells others when it begins to end.

    Args:
        app: what to serve. `app.state.on_stop` holds what is called when a signal came (it must
            neither block nor take locks), `app.state.idle_streams` what ends streams that only
            wait.
    """

    def __init__(self, app: FastAPI) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                ws="none",
                # `bot.channels.admission` decides whom to believe.
                proxy_headers=False,
                timeout_graceful_shutdown=FINISH_S,
            )
        )
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal came (uvicorn's hook)."""
        for tell in getattr(self._app.state, "on_stop", ()):
            tell()
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what is being answered (uvicorn's hook, in the event loop)."""
        log.info("stopping", finish_within_s=FINISH_S)
        for close in getattr(self._app.state, "idle_streams", ()):
            close()
        await super().shutdown(sockets)


@contextmanager
def orderly_end() -> Iterator[None]:
    """Let SIGTERM unwind the program as Ctrl+C does, so that everything is closed in its order.

    uvicorn raises the signal again when it has finished; by default that kills the process with
    the worker's leases held and the database open.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
