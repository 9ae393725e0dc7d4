"""A database with one customer in every corner of it, and a search through all corners."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, MetaData, select, text

from bot.errors import StoreError
from bot.store.audit import SqlAudit
from bot.store.conversations import SqlConversations
from bot.store.feedback import SqlFeedback
from bot.store.queue import SqlQueue
from bot.store.queue_records import Inbound, Outgoing
from bot.store.subscribers import SqlSubscribers
from bot.store.tables import metadata
from bot.store.transactions import reading
from bot.store.turns import SqlTurnStore
from bot.types import Action, Message
from tests.store.samples import a_turn, unhappy

MARKER = "Zx7qMarker9"
OTHER = "SomebodyElse"
SYSTEMS = ("chatwoot",)


def fill(engine: Engine, exports: Path, who: str = MARKER) -> None:
    """Let `who` chat, vote, get angry, wait, be helped, write again; put names in every queue."""
    subscribers = SqlSubscribers(engine)
    if not subscribers.list():
        subscribers.add("crm", "https://crm.example/hook", ["whsec_" + "A" * 32])
    turns, queue = SqlTurnStore(engine), SqlQueue(engine)
    conversations = SqlConversations(engine, push_channels=SYSTEMS)
    first, second = f"chatwoot:1:{who}", f"web-{who}"
    customer = f"chatwoot:1:{who}"
    for conversation, channel in ((first, "chatwoot"), (second, "web")):
        said = {"channel": channel, "customer_id": customer, "reply": f"Dear {who}, 好的。"}
        turns.save(
            a_turn(
                conversation,
                f"I am {who}, 怎么退货？",
                action=Action.ABSTAIN,
                reason="not_found",
                turn_id=f"{conversation}:t1",
                message_id=f"{conversation}:m1",
                **said,
            )
        )
        turns.save(
            a_turn(
                conversation,
                f"{who} is very angry!!",
                action=Action.HAND_OVER,
                reason="unhappy",
                mood=unhappy(),
                turn_id=f"{conversation}:t2",
                error=f"ValueError: {who}",
                **said,
            )
        )
        SqlFeedback(engine).vote(f"{conversation}:t1", -1, f"{who} does not like it")
        conversations.take_over(conversation, "li")
        conversations.reply_as_agent(conversation, "li", f"Hello {who}", f"r-{who}")
        turns.record(Message(conversation, f"thanks from {who}", channel, customer, f"{who}-m9"))
        conversations.resolve(conversation, "li")
        turns.save(a_turn(conversation, f"{who} again", turn_id=f"{conversation}:t3", **said))
        SqlAudit(engine).record("console:li", "conversation.read", conversation)
    turns.save(
        a_turn(
            f"waits-{who}",
            who,
            action=Action.HAND_OVER,
            reason="asked_for_person",
            customer_id=customer,
            channel="chatwoot",
        )
    )
    queue.receive(Inbound("chatwoot", f"d-{who}", first, f'{{"text":"{who}"}}', {"x": who}))
    queue.receive(Inbound("chatwoot", f"dead-{who}", first, f'{{"text":"{who} dead"}}'))
    queue.enqueue([Outgoing(f"o-{who}", "chatwoot", first, "reply", who, f'{{"p":"{who}"}}')])
    # One of a conversation at a time.
    while held := queue.claim_outbox("worker", limit=99):
        for item in held:
            queue.fail(item, f"refused {who}", permanent=True)
    exports.mkdir(parents=True, exist_ok=True)
    with (exports / "training.jsonl").open("a", encoding="utf-8") as rows:
        rows.write(f'{{"turn_id": "{first}:t1", "text": "{who}"}}\n')


def tables_with(engine: Engine, marker: str) -> set[str]:
    """Tables, as the program reads them, with `marker` anywhere in a row."""
    found = set()
    with reading(engine) as connection:
        for table in metadata.sorted_tables:
            if any(marker in repr(tuple(row)) for row in connection.execute(select(table))):
                found.add(table.name)
    return found


def stored_with(engine: Engine, marker: str) -> set[str]:
    """Tables of the database itself, known to the program or not, with `marker` in any column."""
    found, seen = set(), MetaData()
    seen.reflect(engine)
    with reading(engine) as connection:
        for table in seen.sorted_tables:
            for row in connection.execute(text(f'SELECT * FROM "{table.name}"')):
                if marker.lower() in repr(tuple(row)).lower():
                    found.add(table.name)
    return found


def files_with(folder: Path, *markers: str) -> list[str]:
    """Files below a folder with one of the markers in their bytes."""
    wanted = [marker.encode() for marker in markers]
    return [
        file.name
        for file in sorted(folder.rglob("*"))
        if file.is_file() and any(marker in file.read_bytes() for marker in wanted)
    ]


def opens(url: str, *keys: str) -> bool:
    """Whether the database opens with these keys."""
    from bot.store.engine import open_engine

    try:
        open_engine(url, keys).dispose()
    except StoreError:
        return False
    return True
