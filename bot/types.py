"""The vocabulary: frozen records that pass between the stages of a turn.

Covered: everything that crosses a module edge while a customer is being answered. Not covered:
rows of the database (`bot.store.tables`) and wire formats of a channel (`bot.channels`). The words
of knowledge and search stand in `bot.retrieval_types`; this module is the door to both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from bot.retrieval_types import EvidenceSentence as EvidenceSentence
from bot.retrieval_types import Hit as Hit
from bot.retrieval_types import KnowledgeChanges as KnowledgeChanges
from bot.retrieval_types import Lang as Lang
from bot.retrieval_types import Passage as Passage
from bot.retrieval_types import PassageKind as PassageKind
from bot.retrieval_types import Reading as Reading
from bot.retrieval_types import Retrieval as Retrieval

Speaker = Literal["customer", "bot", "agent"]


class Intent(StrEnum):
    """What the customer wants from us, as far as one message tells."""

    QUESTION = "question"
    PRODUCT_QUESTION = "product_question"
    ORDER_MATTER = "order_matter"
    COMPLAINT = "complaint"
    WANTS_HUMAN = "wants_human"
    SMALLTALK = "smalltalk"
    THANKS_BYE = "thanks_bye"
    OUT_OF_SCOPE = "out_of_scope"
    ABUSE = "abuse"


class Action(StrEnum):
    """What the turn does."""

    ANSWER = "answer"
    CLARIFY = "clarify"
    SMALLTALK = "smalltalk"
    ABSTAIN = "abstain"
    HAND_OVER = "hand_over"
    REJECT = "reject"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Message:
    """One thing a customer said, as a channel hands it over."""

    conversation_id: str
    text: str
    channel: str
    customer_id: str = ""
    message_id: str = ""
    interface_lang: Lang | None = None
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One earlier utterance of the conversation, oldest first in a history."""

    speaker: Speaker
    text: str


@dataclass(frozen=True, slots=True)
class Query:
    """A message understood: `text` is what was said, `search_text` what is looked up.

    `intent_name` is the shop's own intent, if one of its phrases was nearest. `reserved` names what
    the shop keeps for people: a topic such as `legal_threat`, or `intent_<name>`. `page_lang` is
    the language of the page that the customer writes on, if it is known.
    """

    text: str
    lang: Lang
    search_text: str
    intent: Intent = Intent.QUESTION
    intent_confidence: float = 0.0
    is_follow_up: bool = False
    intent_name: str = ""
    reserved: str = ""
    page_lang: Lang | None = None


MoodLabel = Literal["negative", "neutral", "positive", "unknown"]


@dataclass(frozen=True, slots=True)
class Mood:
    """How the customer feels. `frustration` in [0, 1]; `trend` > 0 means it is getting worse.

    `error` says why the mood could not be read; the turn goes on without it.
    """

    label: MoodLabel = "unknown"
    probabilities: Mapping[str, float] = field(default_factory=dict)
    frustration: float = 0.0
    trend: float = 0.0
    unhappy: bool = False
    model: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do and why. `reason` is a stable code, e.g. `asked_for_person`."""

    action: Action
    reason: str
    confidence: float = 0.0
    hits: tuple[Hit, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """A conversation that waits for a person: since when, for which reason, and how unhappy."""

    since: datetime
    reason: str
    unhappy: bool = False


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a generator is asked; each generator renders it in its own chat template."""

    system: str
    user: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why a sentence may not be released: a code and the offending text."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The guard's word on one drafted sentence. `cited` holds 1-based positions of hits."""

    sentence: str
    cited: tuple[int, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def released(self) -> bool:
        """True when nothing speaks against showing the sentence to a customer."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a released sentence comes from; the version pins the text that was read.

    `evidence` holds the characters of `text` that the answer rests on, as far as they are known;
    `answer` those of the shortest answer among them, where there is one.
    """

    number: int
    passage_id: str
    version: int
    title: str
    text: str
    kind: PassageKind
    evidence: tuple[tuple[int, int], ...] = ()
    answer: tuple[int, int] | None = None


ReplyKind = Literal["sentence", "verbatim", "notice"]


@dataclass(frozen=True, slots=True)
class Reply:
    """One checked piece of text on its way to the customer, and what it rests on.

    `sentence` was drafted by the generator and checked, `verbatim` is the shop's own text,
    `notice` is a prepared sentence (don't know, handover, greeting, error).
    """

    text: str
    kind: ReplyKind
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """A whole turn as data: stored once, read by the console, evaluation and training export."""

    turn_id: str
    conversation_id: str
    message: Message
    query: Query
    retrieval: Retrieval
    mood: Mood
    decision: Decision
    draft: str
    verdicts: tuple[Verdict, ...]
    replies: tuple[Reply, ...]
    timings_ms: Mapping[str, float]
    versions: Mapping[str, str]
    created_at: datetime
    error: str = ""

    @property
    def reply_text(self) -> str:
        """The text the customer saw."""
        return join_sentences(reply.text for reply in self.replies)


@dataclass(frozen=True, slots=True)
class ReadinessCheck:
    """Whether one part can do its work now. `detail` is for the operator and holds no secrets."""

    name: str
    ok: bool
    detail: str = ""


def join_sentences(sentences: Iterable[str]) -> str:
    """Join sentences as their scripts do: a space between Latin ones, none between Chinese ones."""
    joined = ""
    for sentence in sentences:
        if not sentence:
            continue
        gap = " " if joined and ord(joined[-1]) < 0x2E80 and joined[-1] != "\n" else ""
        joined += gap + sentence
    return joined
