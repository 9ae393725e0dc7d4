"""Long texts in parts: a passage that no prompt holds is cut where its paragraphs end.

A prompt shows about 900 Latin or 360 Chinese characters of a passage; what stands behind them
would be found and never read. Covered: paragraphs, lines, sentences, and texts without any of
them. Not covered: cutting by topic, which headings do.
"""

from __future__ import annotations

import re
from dataclasses import replace

from bot.types import Passage

MAX_WIDTH = 3000
"""A longer text is cut; a Latin character counts 1, a Chinese one 2.5, about as its tokens do."""
PART_WIDTH = 900
"""The most that one part holds."""
PART_MARK = "~"

_CUTS = (
    re.compile(r"(?<=\n\n)"),
    re.compile(r"(?<=\n)"),
    re.compile(r"(?<=[。！？；])|(?<=[.!?;]\s)"),
    re.compile(r"(?<=[，、,])|(?<=\s)"),
)


def width(text: str) -> float:
    """How much room a text takes."""
    wide = sum(1 for char in text if ord(char) > 0x2E80)
    return len(text) + 1.5 * wide


def parts_of(passage: Passage) -> list[Passage]:
    """The passage itself, or its parts: `id`, `id~2`, `id~3`, each with the title and its number.

    The first part keeps the id, so that a text that shrinks keeps it too.
    """
    if width(passage.text) <= MAX_WIDTH:
        return [passage]
    texts = split(passage.text, PART_WIDTH)
    if len(texts) < 2:
        return [passage]
    parts = []
    for number, text in enumerate(texts, start=1):
        mark = f"{PART_MARK}{number}" if number > 1 else ""
        title = f"{passage.title} ({number}/{len(texts)})".strip()
        group = passage.group + mark if passage.group else ""
        part_id = passage.passage_id + mark
        parts.append(replace(passage, passage_id=part_id, title=title, text=text, group=group))
    return parts


def split(text: str, room: float) -> list[str]:
    """Pieces of at most `room`, cut at the coarsest ends that there are."""
    pieces = [text]
    for cut in _CUTS:
        pieces = [
            part
            for piece in pieces
            for part in (cut.split(piece) if width(piece) > room else [piece])
        ]
    pieces = [part for piece in pieces for part in _hard_cut(piece, room)]
    joined: list[str] = []
    used = room
    for piece in pieces:
        size = width(piece)
        if not joined or used + size > room:
            joined.append("")
            used = 0.0
        joined[-1] += piece
        used += size
    return [whole for piece in joined if (whole := piece.strip())]


def _hard_cut(piece: str, room: float) -> list[str]:
    if width(piece) <= room:
        return [piece]
    step = max(1, int(room / 2.5))
    return [piece[at : at + step] for at in range(0, len(piece), step)]
