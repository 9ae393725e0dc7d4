"""Cut a stream of text into sentences as they become complete, citations included.

Covered: Chinese and Latin full stops, question and exclamation marks, line breaks, list items;
decimals, times and common abbreviations do not end a sentence. Not covered: a citation that
follows the full stop after more than a space (it stays with the next sentence).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_END = re.compile(
    r"[。！？]+[”’」』）)]*(?:\s*\[(?:\d{1,2}|none)\])*"
    r"|[.!?]+[\"')]*(?:\s*\[(?:\d{1,2}|none)\])*(?=\s)"
    r"|\n+"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|approx|no|nos|incl|max|min|vs|dr|mr|mrs|ms|st|a\.m|p\.m|etc)|^\s*\d{1,2})$",
    re.IGNORECASE,
)


def sentences(pieces: Iterable[str]) -> Iterator[str]:
    """Whole sentences of a stream, stripped; the last one may lack its full stop.

    A sentence is given out only when the text after it shows that it has ended, so that `[1]`
    behind a full stop still belongs to it.
    """
    waiting = ""
    for piece in pieces:
        waiting += piece
        while (cut := _first_end(waiting)) is not None:
            sentence, waiting = waiting[:cut].strip(), waiting[cut:]
            if sentence:
                yield sentence
    if waiting.strip():
        yield waiting.strip()


def split(text: str) -> list[str]:
    """Sentences of a whole text."""
    return list(sentences([text]))


def _first_end(text: str) -> int | None:
    """Where the first sentence ends; None while more text may still change that."""
    for match in _END.finditer(text):
        before = text[: match.start()]
        if match.group()[0] == "." and _ABBREVIATION.search(before):
            continue
        rest = text[match.end() :]
        # A citation may still be on its way: wait for something that is not one.
        if not rest.strip() or rest.lstrip().startswith("["):
            return None
        return match.end()
    return None
