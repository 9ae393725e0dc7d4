"""Find personal data in a text, and mask it.

Covered: which kind wins where two rules want the same characters, what always stays (prices, dates,
articles), texts that were masked before. Not covered: names of people; documents and pictures.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from bot.privacy.addresses import addresses
from bot.privacy.identities import emails, identities
from bot.privacy.keep import kept_spans
from bot.privacy.kinds import Candidate, Finding
from bot.privacy.orders import long_numbers, orders
from bot.privacy.phones import phones
from bot.privacy.plain import plain

_Rule = Callable[[str], Iterator[Candidate]]
_SURE: tuple[_Rule, ...] = (emails, addresses)
"""Rules that prices and sizes do not resemble."""

_NUMBERS: tuple[_Rule, ...] = (identities, phones, orders, long_numbers)
_ROUNDS = 4
MAX_CHARS = 1000
"""Longer texts are looked at in pieces, so that the time grows with the length and no faster."""

_CUT = re.compile(r".*(?:\n|[。！？；!?;](?!\d)|(?<=\D)\s(?=\D))", re.DOTALL)
"""Up to the last place where no address or number goes on."""


def find(text: str) -> tuple[Finding, ...]:
    """Personal data in `text`, in the order in which it stands there; nothing overlaps.

    Never raises: any string is looked at.
    """
    found: list[Finding] = []
    offset = 0
    while offset < len(text):
        piece = text[offset : offset + MAX_CHARS]
        if offset + MAX_CHARS < len(text) and (cut := _CUT.match(piece)):
            piece = cut[0]
        found += _find(piece, offset)
        offset += len(piece)
    return tuple(found)


def mask(text: str) -> str:
    """`text` with a placeholder for each piece of personal data. Masking twice changes nothing."""
    for _ in range(_ROUNDS):
        found = find(text)
        if not found:
            break
        pieces: list[str] = []
        end = 0
        for piece in found:
            pieces += [text[end : piece.start], piece.kind.placeholder]
            end = piece.end
        text = "".join(pieces) + text[end:]
    return text


def _find(text: str, offset: int) -> list[Finding]:
    seen = plain(text)
    if not _may_hold_any(seen.text):
        return []
    taken: list[Candidate] = []
    for rule in _SURE:
        _take(rule(seen.text), taken, [])
    kept = list(kept_spans(seen.text))
    for rule in _NUMBERS:
        _take(rule(seen.text), taken, kept)
    findings = []
    for candidate in sorted(taken, key=lambda one: one.start):
        start, end = seen.span(candidate.start, candidate.end)
        findings.append(Finding(offset + start, offset + end, candidate.kind, text[start:end]))
    return findings


def _may_hold_any(text: str) -> bool:
    return any(char.isdigit() for char in text) or "@" in text or "号" in text or "at" in text


def _take(
    candidates: Iterator[Candidate], taken: list[Candidate], kept: list[tuple[int, int]]
) -> None:
    for one in candidates:
        if one.end <= one.start:
            continue
        if any(one.start < end and start < one.end for start, end in kept):
            continue
        if not any(one.start < other.end and other.start < one.end for other in taken):
            taken.append(one)
