"""A scriptable `answer`, with a real SQLite store behind it, for everything that shows answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from argon2 import PasswordHasher
from sqlalchemy import Engine

from bot.channels.parts import AppParts
from bot.config import Settings
from bot.store.access import Access
from bot.store.knowledge import SqlKnowledgeStore
from bot.store.queries import ConsoleQueries
from bot.store.sql import (
    SqlAgents,
    SqlConversations,
    SqlFeedback,
    SqlTurnStore,
    migrate,
    open_engine,
)
from bot.types import (
    Action,
    Citation,
    Decision,
    Hit,
    Intent,
    Lang,
    Message,
    Mood,
    Passage,
    Problem,
    Query,
    ReadinessCheck,
    Reply,
    Retrieval,
    Turn,
    Verdict,
)

RETURNS = Passage(
    "faq-returns-01.en",
    "faq",
    "en",
    "How long do I have to return something?",
    "In the EU you may return items within 14 days of delivery. In mainland China it is 7 days.",
    version=3,
)
SHIPPING = Passage(
    "policy-shipping.en",
    "policy",
    "en",
    "Delivery policy",
    "Standard delivery is free from €59. Below that it costs €5.90.",
)
RETURNS_ZH = Passage(
    "faq-returns-01.zh",
    "faq",
    "zh-Hans",
    "多少天内可以退货？",
    "中国大陆订单签收后7天内可以无理由退货，欧盟订单为14天。",
)


def cite(number: int, passage: Passage) -> Citation:
    """A citation of `passage`."""
    return Citation(
        number, passage.passage_id, passage.version, passage.title, passage.text, passage.kind
    )


ENGLISH = (
    Reply(
        "You have 14 days in the EU and 7 days in mainland China.", "sentence", (cite(1, RETURNS),)
    ),
    Reply("Delivery is free from €59.", "sentence", (cite(2, SHIPPING),)),
)
CHINESE = (Reply("签收后7天内可以退货。", "sentence", (cite(1, RETURNS_ZH),)),)


@dataclass
class Script:
    """What to answer, and what happens on the way. `before` is called before each reply."""

    replies: Sequence[Reply] = ENGLISH
    action: Action = Action.ANSWER
    reason: str = "answerable"
    mood: Mood = field(default_factory=lambda: Mood("neutral", {}, 0.1, 0.0, unhappy=False))
    before: Callable[[], object] = lambda: None
    error: Exception | None = None
    hits: Sequence[Passage] = (RETURNS, SHIPPING)
    verdicts: Sequence[Verdict] | None = None
    lang: Lang = "en"


class ScriptedAnswer:
    """An `AnswerMessage` that plays scripts by the customer's text and remembers its calls."""

    def __init__(self, store: SqlTurnStore | None = None) -> None:
        self.store = store
        self.open = 0
        self.reset()

    def reset(self) -> None:
        """Forget scripts and calls."""
        self.scripts: dict[str, Script] = {}
        self.default = Script()
        self.calls: list[Message] = []
        self.freed = threading.Semaphore(0)

    def __call__(self, message: Message) -> Iterator[Reply]:
        self.calls.append(message)
        script = self.scripts.get(message.text, self.default)
        self.open += 1
        said: list[Reply] = []
        try:
            if self.store is not None and self.store.is_with_agent(message.conversation_id):
                script = Script((), Action.SILENT, "with_agent", hits=())
            for reply in script.replies:
                script.before()
                said.append(reply)
                yield reply
            if script.error is not None:
                raise script.error
        finally:
            self.open -= 1
            if self.store is not None:
                self.store.save(make_turn(message, script, said))
            self.freed.release()


def make_turn(message: Message, script: Script, said: Sequence[Reply]) -> Turn:
    """The turn as the service would store it."""
    verdicts = script.verdicts
    if verdicts is None:
        drafted = [reply for reply in said if reply.kind == "sentence"]
        verdicts = [Verdict(r.text, tuple(c.number for c in r.citations)) for r in drafted]
    hits = tuple(
        Hit(passage, 1 / (60 + rank), 0.91 - rank / 50, 12.5 - rank, None)
        for rank, passage in enumerate(script.hits, start=1)
    )
    return Turn(
        turn_id=message.message_id,
        conversation_id=message.conversation_id,
        message=message,
        query=Query(message.text, script.lang, message.text, Intent.QUESTION, 0.93),
        retrieval=Retrieval(hits, 0.87 if script.action is Action.ANSWER else 0.16, "7"),
        mood=script.mood,
        decision=Decision(script.action, script.reason, 0.87, hits),
        draft=" ".join(v.sentence for v in verdicts),
        verdicts=tuple(verdicts),
        replies=tuple(said),
        timings_ms={
            "understand": 14.2,
            "mood": 9.1,
            "retrieve": 31.0,
            "compose": 910.0,
            "first_reply": 402.0,
            "total": 968.0,
        },
        versions={"generator": "qwen2.5-coder-0.5b-instruct", "encoder": "e5", "index": "7"},
        created_at=message.received_at or datetime.now(UTC),
        error=str(script.error or ""),
    )


BLOCKED = Verdict(
    "Returns are free within 30 days.", (1,), (Problem("unsupported_number", "30 day"),)
)


@dataclass
class Shop:
    """Everything a test needs to serve pages."""

    parts: AppParts
    engine: Engine
    answer: ScriptedAnswer
    store: SqlTurnStore


def open_shop(folder: Path, **settings: object) -> Shop:
    """A shop on a fresh database in `folder`. Dispose of `engine` at the end."""
    made = Settings(home=folder, models_dir=folder, **settings)  # type: ignore[arg-type]
    engine = open_engine(f"sqlite:///{folder / 'shop.db'}")
    migrate(engine)
    store = SqlTurnStore(engine)
    answer = ScriptedAnswer(store)
    parts = AppParts(
        settings=made,
        answer=answer,
        readiness=lambda: [ReadinessCheck("database", ok=True, detail="sqlite")],
        queries=ConsoleQueries(engine),
        feedback=SqlFeedback(engine),
        conversations=SqlConversations(engine),
        # Real argon2, at a cost that tests can afford.
        agents=SqlAgents(engine, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)),
        knowledge=SqlKnowledgeStore(engine),
        access=Access.of(engine),
        session_secret="a secret for tests, 32 characters long",
    )
    return Shop(parts, engine, answer, store)
