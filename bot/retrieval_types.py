"""The vocabulary of knowledge and search: what the shop knows, what was found, how it was read.

Covered: passages, their changes, and the answer of a retriever down to the sentences of a passage.
Not covered: the question (`bot.types.Query`) and how hits are quoted (`bot.answering.evidence`).
Other modules take these names from `bot.types`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Lang = Literal["en", "zh-Hans", "zh-Hant", "other"]
"""Language of a text. `other` is anything that is neither English nor Chinese."""

PassageKind = Literal["faq", "policy", "product"]


@dataclass(frozen=True, slots=True)
class Passage:
    """One piece of the shop's knowledge, the unit that is retrieved and cited.

    `passage_id` is stable over edits; `version` counts them. `group` joins the translations of
    one entry. A passage answers only while `valid_from <= today <= valid_until`.
    """

    passage_id: str
    kind: PassageKind
    lang: Lang
    title: str
    text: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    alternatives: tuple[str, ...] = ()
    group: str = ""
    source: str = ""
    version: int = 1
    valid_from: date | None = None
    valid_until: date | None = None

    def is_valid_on(self, day: date) -> bool:
        """Whether the passage may be used in an answer on `day`."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_until is None or day <= self.valid_until
        )


@dataclass(frozen=True, slots=True)
class KnowledgeChanges:
    """What happened to the knowledge up to change number `version`.

    `stamp` is unlike any other change's, so that number and stamp name one state of one database.
    `passages` are new or changed, `deleted` holds ids.
    """

    version: int
    stamp: str
    passages: tuple[Passage, ...] = ()
    deleted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EvidenceSentence:
    """A sentence of a passage, in characters (end not included), and how likely it is needed."""

    start: int
    end: int
    needed: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading a passage with the question in mind told.

    Attributes:
        logit: log-odds that the passage answers the question.
        sentences: of the passage, in order, as far as it was read.
        span: characters of the shortest answer; worth something only if the passage answers.
        span_score: its share of all spans' probability, in [0, 1].
    """

    logit: float
    sentences: tuple[EvidenceSentence, ...] = ()
    span: tuple[int, int] = (0, 0)
    span_score: float = 0.0


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved passage. `score` orders hits; the others say where it came from.

    `dense` is a cosine in [-1, 1], `lexical` a BM25 score, `reading` what the reader made of it,
    `judged` the generator's log-odds that it answers; None where that search did not return the
    passage, or nobody asked. `exact` marks a SKU or name match; `unmet`
    says in words which demands of the question ("price ≤ 50 EUR") the product does not meet.
    """

    passage: Passage
    score: float
    dense: float | None = None
    lexical: float | None = None
    reading: Reading | None = None
    judged: float | None = None
    exact: bool = False
    unmet: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Retrieval:
    """The answer of a retriever: hits, best first, and what is known about them as a whole.

    `answerability` is a calibrated probability that the hits answer the question.
    """

    hits: tuple[Hit, ...]
    answerability: float
    index_version: str
    timings_ms: Mapping[str, float] = field(default_factory=dict)
