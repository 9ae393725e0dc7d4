"""`python -m bench.store`: the console over a million stored turns on PostgreSQL.

Rows are made inside the database (INSERT … SELECT), Chinese and English, some words in every tenth
message and some in a handful. Each query of the console is timed as its pages ask it; the slowest of
its repetitions counts against the limit. Ends with one JSON object, kept in results/store.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from bot.store.codec import dump_turn
from bot.store.engine import migrate, open_engine
from bot.store.queries import ConsoleQueries, ConversationFilter
from bot.store.queue import SqlQueue
from bot.store.transactions import writing
from tests.postgres import running_postgres
from tests.store.samples import a_turn

RESULT = Path(__file__).parent / "results" / "store.json"
LIMIT_MS = 200
TURNS_EACH = 4

FILL = (
    """
    INSERT INTO conversations (id, channel, customer_id, lang, status, created_at, last_at,
      last_text, turn_count, unanswered_count, unhappy, handover_at, handover_reason)
    SELECT 'web:' || n, 'web', 'customer-' || (n % 50000), 'zh-Hans',
      CASE WHEN n % 997 = 0 THEN 'waiting' WHEN n % 1999 = 0 THEN 'agent' ELSE 'bot' END,
      now() - n * interval '30 s', now() - n * interval '30 s', '怎么退货', 4,
      CASE WHEN n % 50 = 0 THEN 1 ELSE 0 END, n % 200 = 0,
      CASE WHEN n % 997 = 0 THEN now() - n * interval '30 s' END, ''
    FROM generate_series(1, {conversations}) AS n
    """,
    """
    INSERT INTO turns (turn_id, conversation_id, created_at, question, lang, intent, action, reason,
      answerability, confidence, unanswered, mood_label, frustration, unhappy, total_ms, generator,
      encoder, mood_model, index_version, error, data)
    SELECT 't' || n, 'web:' || (n - 1) / 4 + 1, now() - n * interval '8 s', 'q', 'zh-Hans',
      'question', 'answer', 'answerable', 0.9, 0.9, n % 200 = 0, 'neutral', 0.1, false, 900, 'g',
      'e', 'm', '1', '', $data$
    FROM generate_series(1, {turns}) AS n
    """,
    """
    INSERT INTO messages (conversation_id, speaker, text, search_text, turn_id, created_at)
    SELECT 'web:' || (n - 1) / 4 + 1, s, said, said, 't' || n, now() - n * interval '8 s'
    FROM generate_series(1, {turns}) AS n,
      LATERAL (VALUES
        ('customer', CASE WHEN n % 10 = 0 THEN '请问怎么退货，订单' || n
                          WHEN n % 100003 = 7 THEN '我要开增值税发票 invoice-' || n
                          ELSE 'where is my order number ' || n || ' 谢谢' END),
        ('bot', 'it is on its way and arrives within ' || n % 9 || ' days. 请耐心等待。')
      ) AS v(s, said)
    """,
    """
    INSERT INTO inbox (source, dedupe_key, conversation_key, payload, headers, received_at, status,
      next_attempt_at, finished_at)
    SELECT 'chatwoot', 'k' || n, 'web:' || n, '', '', now(), 'done', now(), now()
    FROM generate_series(1, {conversations}) AS n
    """,
)


def fill(engine: Engine, turns: int) -> float:
    """Make the rows; how many seconds it took. The search indexes are built behind them: row by
    row, as in production, they would take an hour."""
    started = time.perf_counter()
    with writing(engine) as connection:
        indexes = connection.execute(
            text("SELECT indexname, indexdef FROM pg_indexes WHERE indexdef LIKE '%USING gin%'")
        ).all()
        for index in indexes:
            connection.exec_driver_sql(f"DROP INDEX {index.indexname}")
    data = "'" + dump_turn(a_turn("web:1", "怎么退货？", turn_id="t")).replace("'", "''") + "'"
    for statement in (*FILL, *(index.indexdef for index in indexes), "ANALYZE"):
        told = statement.replace("{turns}", str(turns))
        told = told.replace("{conversations}", str(turns // TURNS_EACH)).replace("$data$", data)
        with writing(engine) as connection:
            connection.exec_driver_sql("SET LOCAL maintenance_work_mem = '1GB'")
            connection.exec_driver_sql(told.replace("%", "%%"))
        print(f"  {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    return time.perf_counter() - started


def queries(engine: Engine, turns: int) -> dict[str, Callable[[], object]]:
    """What the console asks, by a name for the table."""
    console, queue = ConsoleQueries(engine), SqlQueue(engine)
    middle = f"web:{turns // TURNS_EACH // 2}"

    def lists(**where: Any) -> Callable[[], object]:
        return lambda: console.conversations(ConversationFilter(**where))

    def second_page() -> object:
        return console.conversations(ConversationFilter(), before=first.next)

    first = console.conversations(ConversationFilter())
    return {
        "first page": lists(),
        "second page": second_page,
        "unhappy": lists(unhappy=True),
        "unanswered": lists(unanswered=True),
        "handed over": lists(handed_over=True),
        "waiting": lists(status="waiting"),
        "with agents": lists(status="agent"),
        "counts": console.counts,
        "one conversation": lambda: console.conversation(middle),
        "unanswered questions": console.unanswered_questions,
        "search 退货 (in 10 %)": lists(search="退货"),
        "search 增值税 (rare)": lists(search="增值税"),
        "search 没有的词": lists(search="没有的词"),
        "search order (nearly all)": lists(search="order"),
        "search invoice-7": lists(search="invoice-7"),
        "search customer-4999": lists(search="customer-4999"),
        "search 退货 unhappy": lists(search="退货", unhappy=True),
        "search one character 票": lists(search="票"),
        "claim from the queue": lambda: queue.claim_inbox("bench"),
        "queue counts": queue.stats,
    }


def main() -> None:
    """Fill, ask, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--no-write", action="store_true")
    arguments = parser.parse_args()
    with running_postgres() as server:
        engine = open_engine(server.url(server.create()))
        migrate(engine)
        seconds = fill(engine, arguments.turns)
        figures = {}
        for name, ask in queries(engine, arguments.turns).items():
            times = []
            for _ in range(arguments.repeats):
                started = time.perf_counter()
                ask()
                times.append(1000 * (time.perf_counter() - started))
            figures[name] = {"median_ms": round(sorted(times)[len(times) // 2], 1)}
            figures[name]["slowest_ms"] = round(max(times), 1)
            print(f"  {name}: {figures[name]}", file=sys.stderr, flush=True)
        engine.dispose()
    slow = [name for name, one in figures.items() if one["median_ms"] > LIMIT_MS]
    result = {
        "benchmark": "store",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load_average": round(os.getloadavg()[1], 1),
        "turns": arguments.turns,
        "fill_s": round(seconds, 1),
        "limit_ms": LIMIT_MS,
        "over_the_limit": slow,
        "queries": figures,
    }
    if not arguments.no_write:
        RESULT.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(result, ensure_ascii=False))


if __name__ == "__main__":
    main()
