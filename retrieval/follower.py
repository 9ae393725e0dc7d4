"""A thread that keeps an index up to date, until it is closed."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

import structlog

from bot.errors import ShopkeeperError
from retrieval.encoding import Progress

log = structlog.get_logger(__name__)

POLL_S = 0.25


class Follower(ABC):
    """Calls `refresh` every `poll_s` seconds once it is started."""

    def __init__(self, poll_s: float) -> None:
        self._poll_s = poll_s
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @abstractmethod
    def refresh(self, progress: Progress | None = None) -> bool:
        """Bring the index up to date now; whether there was anything to do."""

    @property
    def following(self) -> bool:
        """Whether the thread that follows edits is alive."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def stopping(self) -> bool:
        """Whether a long update had better end early."""
        return self._stop.is_set()

    def start(self) -> Self:
        """Follow from now on, in a thread of its own."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._follow, name="knowledge", daemon=True)
            self._thread.start()
        return self

    def close(self) -> None:
        """Stop following and wait until a running update is finished."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _follow(self) -> None:
        failed = ""
        while not self._stop.wait(self._poll_s):
            try:
                self.refresh()
                failed = ""
            except Exception as error:  # the thread must outlive a locked or absent database
                if str(error) != failed:  # once, not four times a second
                    known = isinstance(error, ShopkeeperError)
                    log.warning("index not updated", error=str(error), exc_info=not known)
                failed = str(error)
