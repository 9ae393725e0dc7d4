"""What of a passage an answer rests on, as the reader sees it.

Covered: the sentences to quote, the sentences to show a generator, the hits worth showing at all.
A passage that was not read counts whole. Not covered: reading (`retrieval.reader`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.answering.prompt import clip, width
from bot.types import Hit, Lang

Places = tuple[tuple[int, int], ...]

_QUOTED_WHOLE = 160
"""Width up to which a passage is quoted whole: two lines are read as fast as one."""
_NEEDED = 0.5
_CLOSE = 0.6
"""Sentences at least this share as needed as the most needed one are quoted with it."""
_SHOWN_WHOLE = 320
_SHOWN = 0.08
_FILING = re.compile(r"(?:SKU|Category|Brand|货号|貨號|类别|類別|品牌)\s*[:：]", re.IGNORECASE)
"""Lines of a product sheet that file it away; nobody asks for them by the way."""
_BESIDE = 0.7
"""Log-odds behind the best hit up to which a second one is quoted beside it: one question in two
has its answer spread over two entries or is about the other one (docs/evaluation.md)."""
_QUOTED = 2
_BEHIND = 4.0
"""Log-odds behind the best hit from which on a hit only distracts."""


def needed_places(hit: Hit) -> Places:
    """Characters of the sentences that answer, neighbours joined; empty if nothing was read."""
    if hit.reading is None or not hit.reading.sentences:
        return ()
    sentences = hit.reading.sentences
    if hit.passage.kind == "product":
        telling = [s for s in sentences if not _FILING.match(hit.passage.text[s.start : s.end])]
        sentences = tuple(telling) or sentences
    best = max(s.needed for s in sentences)
    floor = min(_NEEDED, _CLOSE * best)
    return _joined([(s.start, s.end) for s in sentences if s.needed >= floor], hit.passage.text)


def quoted(hit: Hit, budget: float) -> str:
    """The passage as a customer should read it: whole if short, otherwise what answers."""
    text = hit.passage.text
    places = needed_places(hit)
    if width(text) > _QUOTED_WHOLE and places:
        text = _between(text, places)
    if hit.passage.kind == "product" and hit.passage.title:
        # A line of a sheet says nothing without the name of what it is about.
        colon = "：" if hit.passage.lang.startswith("zh") else ": "
        text = f"{hit.passage.title}{colon}{text}"
    return clip(text, budget)


def to_quote(hits: Sequence[Hit], lang: Lang) -> tuple[int, ...]:
    """1-based positions of the hits whose own words answer, best first; empty if none should.

    Nothing is quoted that was not read, or that is in another language than the customer's.
    """
    chosen: list[int] = []
    for number, hit in enumerate(hits, start=1):
        same_language = hit.passage.lang.startswith("zh") == lang.startswith("zh")
        if hit.reading is None or not same_language or lang == "other":
            if not chosen:
                return ()
            continue
        first = hits[chosen[0] - 1] if chosen else hit
        both_named = hit.exact and first.exact
        near = first.reading is not None and hit.reading.logit > first.reading.logit - _BESIDE
        new = all(hits[n - 1].passage.text != hit.passage.text for n in chosen)
        if not chosen or ((both_named or near) and new):
            chosen.append(number)
        if len(chosen) == _QUOTED:
            break
    return tuple(chosen)


def shown(hit: Hit) -> str:
    """The passage as a generator should read it: a long one without what has nothing to do with it.

    Sentences next to a needed one stay, since a condition often stands there.
    """
    text = hit.passage.text
    if hit.reading is None or width(text) <= _SHOWN_WHOLE or not hit.reading.sentences:
        return text
    sentences = hit.reading.sentences
    keep = {i for i, s in enumerate(sentences) if s.needed >= _SHOWN}
    best = max(range(len(sentences)), key=lambda i: sentences[i].needed)
    keep |= {i + step for i in (*keep, best) for step in (-1, 0, 1)}
    places = [(s.start, s.end) for i, s in enumerate(sentences) if i in keep]
    return _between(text, _joined(places, text))


def worth_showing(hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """The hits without those that the reader puts far behind the best one."""
    best = max((hit.reading.logit for hit in hits if hit.reading), default=0.0)
    return tuple(
        hit
        for number, hit in enumerate(hits)
        if number == 0 or hit.exact or hit.reading is None or hit.reading.logit >= best - _BEHIND
    )


def _joined(places: Sequence[tuple[int, int]], text: str) -> Places:
    """Places in order, those with nothing but space between them made one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(places):
        end = min(end, len(text))
        if start >= end:
            continue
        if found and not text[found[-1][1] : start].strip():
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return tuple(found)


def _between(text: str, places: Places) -> str:
    """The text at `places`, with a mark where something was left out in the middle."""
    return " … ".join(text[start:end].strip() for start, end in places).rstrip(";；,，")
