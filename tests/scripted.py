"""A generator that says what it is told to; it faces the contract tests of the real ones."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from bot.errors import GeneratorError
from bot.types import Prompt


@dataclass
class ScriptedGenerator:
    """Says `reply` in pieces of a few characters and remembers what it was asked.

    Attributes:
        reply: what is said to every prompt; "!" makes it fail, as a broken runtime would.
        pause_s: time before each piece.
        prompts: what it was asked, oldest first.
        closed: how many streams were closed before their end.
    """

    reply: str = "Yes [1]."
    pause_s: float = 0.0
    name: str = "scripted"
    prompts: list[Prompt] = field(default_factory=list)
    closed: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def stream(self, prompt: Prompt, *, max_tokens: int) -> Iterator[str]:
        """Pieces of the reply; a piece stands for a token."""
        with self._lock:
            self.prompts.append(prompt)
        if self.reply == "!":
            raise GeneratorError("the generator failed: scripted")
        pieces = [self.reply[i : i + 4] for i in range(0, len(self.reply), 4)][:max_tokens]
        for number, piece in enumerate(pieces):
            time.sleep(self.pause_s)
            try:
                yield piece
            except GeneratorExit:
                self.closed += number < len(pieces) - 1
                raise
