"""The shop's own words as replies: what is quoted of a hit, and what a reply cites.

Covered: quoting the hits that answer, the verbatim fallback when a draft fails, citations with the
characters that matter. Not covered: which sentences these are (`bot.answering.evidence`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.answering.evidence import answer_place, needed_places, quoted, same_language
from bot.answering.notices import to_script
from bot.types import Citation, Hit, Lang, Reply

_BUDGET = 700
"""Width of a quotation; longer ones are cut after a sentence."""


def quote(hits: Sequence[Hit], numbers: Sequence[int], lang: Lang) -> Iterator[Reply]:
    """What answers of the hits at these 1-based positions, in the shop's own words."""
    for number in numbers:
        hit = hits[number - 1]
        text = in_script(quoted(hit, _BUDGET), hit.passage.lang, lang)
        yield Reply(text, "verbatim", citations_of(hits, (number,)))


def nearest(hits: Sequence[Hit], lang: Lang) -> int:
    """1-based position of the best hit in the customer's language, otherwise of the best one."""
    readable = (n for n, hit in enumerate(hits, 1) if same_language(hit.passage.lang, lang))
    return next(readable, 1)


def citations_of(hits: Sequence[Hit], numbers: Sequence[int]) -> tuple[Citation, ...]:
    """The cited hits; `numbers` are 1-based positions."""
    return tuple(
        Citation(
            number=number,
            passage_id=hit.passage.passage_id,
            version=hit.passage.version,
            title=hit.passage.title,
            text=hit.passage.text,
            kind=hit.passage.kind,
            evidence=needed_places(hit),
            answer=answer_place(hit),
        )
        for number, hit in ((number, hits[number - 1]) for number in numbers)
    )


def in_script(text: str, written: Lang, lang: Lang) -> str:
    """A text in the customer's script; one that is written in it stays as the shop wrote it.

    Converting traditional text once more would respell it (台灣 becomes 臺灣).
    """
    return text if written == lang else to_script(text, lang)
