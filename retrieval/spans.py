"""Where the sentences of a passage begin and end: the unit of evidence.

Covered: Chinese and Latin full stops, question and exclamation marks, semicolons, line breaks;
decimals, times and common abbreviations do not end a sentence. Not covered: the sentences of a
draft with its citations (`bot.answering.sentences`).
"""

from __future__ import annotations

import re

_END = re.compile(r"[。！？；]+[”’」』）)]*|[.!?;]+[\"')]*(?=\s)|\n+")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|approx|no|nos|incl|max|min|vs|dr|mr|mrs|ms|st|a\.m|p\.m|etc|[A-Z])"
    r"|(?:^|\n)\s*\d{1,2})$",
    re.IGNORECASE,
)


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Start and end (not included) of every sentence, in order, without the space around it."""
    spans: list[tuple[int, int]] = []
    begin = 0
    for match in _END.finditer(text):
        if match.group()[0] == "." and _ABBREVIATION.search(text[begin : match.start()]):
            continue
        _add(text, begin, match.end(), spans)
        begin = match.end()
    _add(text, begin, len(text), spans)
    return spans


def _add(text: str, start: int, end: int, spans: list[tuple[int, int]]) -> None:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    end -= len(piece) - len(piece.rstrip())
    if start < end:
        spans.append((start, end))
