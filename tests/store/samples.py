"""Turns and passages to store: one believable of each, and any that the types allow."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import count

from hypothesis import strategies as st

from bot.store.queue_records import Inbound, Outgoing
from bot.types import (
    Action,
    Citation,
    Decision,
    EvidenceSentence,
    Hit,
    Intent,
    Message,
    Mood,
    Passage,
    Problem,
    Query,
    Reading,
    Reply,
    Retrieval,
    Turn,
    Verdict,
)

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_NUMBERS = count(1)

RETURNS = Passage(
    "faq-returns",
    "faq",
    "zh-Hans",
    "退货期限",
    "签收后7天内可以无理由退货。",
    attributes={"category": "returns"},
    alternatives=("怎么退货？", "退货要几天"),
    group="returns",
    source="faqs.csv",
)


def a_turn(
    conversation_id: str = "web:1",
    text: str = "怎么退货？",
    *,
    action: Action = Action.ANSWER,
    reason: str = "answerable",
    reply: str = "签收后7天内可以退货。",
    mood: Mood | None = None,
    intent: Intent = Intent.QUESTION,
    error: str = "",
    turn_id: str = "",
    message_id: str = "",
    channel: str = "web",
    customer_id: str = "",
    at: datetime | None = None,
    lang: str = "zh-Hans",
) -> Turn:
    """A turn; each call is a minute after the one before."""
    number = next(_NUMBERS)
    at = at or NOON + timedelta(minutes=number)
    hit = Hit(
        RETURNS,
        0.9,
        dense=0.8,
        lexical=4.2,
        reading=Reading(2.5, (EvidenceSentence(0, 20, 0.9),), (0, 4), 0.5),
    )
    citation = Citation(1, RETURNS.passage_id, 1, RETURNS.title, RETURNS.text, "faq")
    cited = (citation,) if action is Action.ANSWER else ()
    return Turn(
        turn_id=turn_id or f"turn-{number}",
        conversation_id=conversation_id,
        message=Message(conversation_id, text, channel, customer_id, message_id, received_at=at),
        query=Query(text, lang, text, intent, 0.9),  # type: ignore[arg-type]
        retrieval=Retrieval((hit,), 0.87, "idx-3", {"dense": 1.5}),
        mood=mood or Mood("neutral", {"neutral": 1.0}, 0.1, 0.0, model="mood-1"),
        decision=Decision(action, reason, 0.8, (hit,)),
        draft="签收后7天内可以退货。[1]",
        verdicts=(Verdict("签收后7天内可以退货。", (1,)),),
        replies=(Reply(reply, "sentence", cited),) if reply else (),
        timings_ms={"retrieve": 3.0, "first_reply": 40.0, "total": 90.0},
        versions={"generator": "qwen", "encoder": "e5"},
        created_at=at + timedelta(seconds=1),
        error=error,
    )


def unhappy(frustration: float = 0.9) -> Mood:
    """The mood of a customer who has had enough."""
    return Mood("negative", {"negative": 0.95}, frustration, 0.4, unhappy=True, model="mood-1")


def event(key: str, conversation: str = "c", source: str = "chatwoot") -> Inbound:
    """An event to receive."""
    return Inbound(source, key, conversation, f'{{"id":"{key}"}}', {"x-delivery": key})


def reply(key: str, conversation: str = "c", channel: str = "chatwoot") -> Outgoing:
    """A reply to send."""
    return Outgoing(key, channel, conversation, "reply", f"text {key}", '{"a":1}')


# Any character there is: emoji, NUL, right-to-left marks, halves of surrogate pairs.
texts = st.text(st.characters(), max_size=30)
numbers = st.floats(allow_nan=False)
moments = st.datetimes(
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=8)), timezone(timedelta(hours=-3.5))]),
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001
    max_value=datetime(9000, 1, 1),  # noqa: DTZ001
)
langs = st.sampled_from(["en", "zh-Hans", "zh-Hant", "other"])
kinds = st.sampled_from(["faq", "policy", "product"])
some_texts = st.lists(texts, max_size=3).map(tuple)
positions = st.lists(st.integers(1, 9), max_size=3).map(tuple)
tables = st.dictionaries(texts, texts, max_size=3)
figures = st.dictionaries(texts, numbers, max_size=3)


def tuples_of(strategy: st.SearchStrategy) -> st.SearchStrategy:
    """Short tuples."""
    return st.lists(strategy, max_size=2).map(tuple)


passages = st.builds(
    Passage,
    passage_id=texts,
    kind=kinds,
    lang=langs,
    title=texts,
    text=texts,
    attributes=tables,
    alternatives=some_texts,
    group=texts,
    source=texts,
    version=st.integers(1, 10**6),
    valid_from=st.none() | st.dates(),
    valid_until=st.none() | st.dates(),
)
readings = st.builds(
    Reading,
    logit=numbers,
    sentences=st.lists(
        st.builds(
            EvidenceSentence,
            start=st.integers(0, 10**4),
            end=st.integers(0, 10**4),
            needed=numbers,
        ),
        max_size=3,
    ).map(tuple),
    span=st.tuples(st.integers(0, 10**4), st.integers(0, 10**4)),
    span_score=numbers,
)
hits = st.builds(
    Hit,
    passage=passages,
    score=numbers,
    dense=st.none() | numbers,
    lexical=st.none() | numbers,
    reading=st.none() | readings,
    exact=st.booleans(),
)
messages = st.builds(
    Message,
    conversation_id=texts,
    text=texts,
    channel=texts,
    customer_id=texts,
    message_id=texts,
    interface_lang=st.none() | langs,
    received_at=st.none() | moments,
)
citations = st.builds(
    Citation,
    number=st.integers(1, 9),
    passage_id=texts,
    version=st.integers(1, 9),
    title=texts,
    text=texts,
    kind=kinds,
)
turns = st.builds(
    Turn,
    turn_id=texts,
    conversation_id=texts,
    message=messages,
    query=st.builds(
        Query,
        text=texts,
        lang=langs,
        search_text=texts,
        intent=st.sampled_from(Intent),
        intent_confidence=numbers,
        is_follow_up=st.booleans(),
    ),
    retrieval=st.builds(
        Retrieval,
        hits=tuples_of(hits),
        answerability=numbers,
        index_version=texts,
        timings_ms=figures,
    ),
    mood=st.builds(
        Mood,
        label=st.sampled_from(["negative", "neutral", "positive", "unknown"]),
        probabilities=figures,
        frustration=numbers,
        trend=numbers,
        unhappy=st.booleans(),
        model=texts,
    ),
    decision=st.builds(
        Decision,
        action=st.sampled_from(Action),
        reason=texts,
        confidence=numbers,
        hits=tuples_of(hits),
    ),
    draft=texts,
    verdicts=tuples_of(
        st.builds(
            Verdict,
            sentence=texts,
            cited=positions,
            problems=tuples_of(st.builds(Problem, code=texts, detail=texts)),
        )
    ),
    replies=tuples_of(
        st.builds(
            Reply,
            text=texts,
            kind=st.sampled_from(["sentence", "verbatim", "notice"]),
            citations=tuples_of(citations),
        )
    ),
    timings_ms=figures,
    versions=tables,
    created_at=moments,
    error=texts,
)


def storable_turn(turn: Turn, number: int) -> Turn:
    """`turn` under ids of its own, as a service would give it."""
    return replace(turn, turn_id=f"any-{number}", conversation_id=f"conversation-{number}")
