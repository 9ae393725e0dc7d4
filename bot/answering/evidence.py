"""What of a passage an answer rests on, as the reader sees it.

Covered: the sentences to quote and the shortest answer in them, the sentences to show a generator,
the hits worth showing at all. A passage that was not read counts whole. Not covered: reading
(`retrieval.reader`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.answering.prompt import clip, width
from bot.types import EvidenceSentence, Hit, Lang

Place = tuple[int, int]
Places = tuple[Place, ...]

_QUOTED_WHOLE = 240
"""Width up to which a passage is quoted whole: three lines are read as fast as one."""
_NEEDED = 0.12
_CLOSE = 0.2
"""Sentences at least this share as needed as the most needed one are quoted with it. The reader
learnt to point to one line; with less than these, second parts and prices are left out (golden dev,
products: 0.77 instead of 0.63 judged right, at 215 instead of 105 characters)."""
_SURE_OF_SPAN = 0.05
"""Share of all spans' probability from which on one is marked as the answer."""
_EDGES = " \t\r\n,.;:!?，。；：！？、"
_SHOWN_WHOLE = 320
_SHOWN = 0.08
_FILING = re.compile(r"(?:SKU|Category|Brand|货号|貨號|类别|類別|品牌)\s*[:：]", re.IGNORECASE)
"""Lines of a product sheet that file it away; nobody asks for them by the way."""
_BESIDE = 0.7
_BESIDE_JUDGED = 1.5
"""The reader's log-odds behind the best hit up to which a second one is quoted beside it: one
question in two has its answer spread over two entries or is about the other one
(docs/evaluation.md). Further where the generator was asked, who then denies what only looks alike."""
_LESS_SURE = 1.0
"""The generator's log-odds behind its word on the best hit from which on it denies a second one."""
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
    places = [(s.start, s.end) for s in sentences if s.needed >= _floor(sentences)]
    if answer := answer_place(hit):
        places += [(s.start, s.end) for s in hit.reading.sentences if _touch(s, answer)]
    return _joined(places, hit.passage.text)


def answer_place(hit: Hit) -> Place | None:
    """Characters of the shortest answer; None where the reader is not sure of one.

    A name, a price or a date has one; "how do I return it?" has none. Its sentence is quoted: it
    is the short answer within the long one, as in Natural Questions (Kwiatkowski et al., 2019). On
    a product's sheet every line looks like an answer to something: there it must lie in a sentence
    that is needed (70 instead of 33 in 100 marks right on golden dev, at half as many).
    """
    reading = hit.reading
    if reading is None or reading.span_score < _SURE_OF_SPAN:
        return None
    start, end = reading.span
    found = hit.passage.text[start:end]
    start += len(found) - len(found.lstrip(_EDGES))
    end = start + len(found.strip(_EDGES))
    around = [s for s in reading.sentences if _touch(s, (start, end))]
    if start >= end or not around:
        return None
    needed = max(s.needed for s in around) >= _floor(reading.sentences)
    return (start, end) if needed or hit.passage.kind != "product" else None


def _floor(sentences: Sequence[EvidenceSentence]) -> float:
    """How much a sentence must be needed to be quoted: the most needed one always is."""
    return min(_NEEDED, _CLOSE * max(s.needed for s in sentences))


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

    Nothing is quoted that was not read, or that is in another language than the customer's. A
    second hit is quoted if it answers as well as the first and the generator, where it was asked,
    does not deny it; or if both are products that were named.
    """
    if not hits or not _can_be_quoted(hits[0], lang):
        return ()
    chosen = [1]
    for number, hit in enumerate(hits[1:], start=2):
        if len(chosen) == _QUOTED:
            break
        as_well = _logit(hit) > _logit(hits[0]) - _reach(hit) and not _denied(hit, hits[0])
        beside = (hit.exact and hits[0].exact) or as_well
        if _can_be_quoted(hit, lang) and beside and hit.passage.text != hits[0].passage.text:
            chosen.append(number)
    return tuple(chosen)


def _reach(hit: Hit) -> float:
    return _BESIDE if hit.judged is None else _BESIDE_JUDGED


def _denied(hit: Hit, best: Hit) -> bool:
    if hit.judged is None:
        return False
    return hit.judged < 0.0 or (best.judged is not None and hit.judged < best.judged - _LESS_SURE)


def _can_be_quoted(hit: Hit, lang: Lang) -> bool:
    return hit.reading is not None and same_language(hit.passage.lang, lang)


def _logit(hit: Hit) -> float:
    return hit.reading.logit if hit.reading else float("-inf")


def same_language(one: Lang, other: Lang) -> bool:
    """Whether a reader of one understands the other; the two Chinese scripts count as one."""
    return one == other or (one.startswith("zh") and other.startswith("zh"))


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


def _touch(sentence: EvidenceSentence, place: Place) -> bool:
    return sentence.start < place[1] and place[0] < sentence.end


def _joined(places: Sequence[Place], text: str) -> Places:
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
