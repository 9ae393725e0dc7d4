"""Every page and form behind the sign-in leaves an entry in the audit log, before it is answered.

Covered: who, which page or form, which conversation, turn or person; refusals. Pages that renew
themselves (`part=…`) are recorded once, when they are opened. Not covered: what was typed: searches
and replies may hold anything about a customer.
"""

from __future__ import annotations

from typing import Final

import anyio.to_thread
from fastapi import Request

from bot.store.agents import Agent
from bot.store.audit import SqlAudit

_NAMES: Final = ("conversation_id", "turn_id", "item_id", "passage_id", "name")
"""What a path or a form calls the thing it is about, the most telling first."""


async def watched(request: Request, agent: Agent, *, refused: bool = False) -> None:
    """Record what this person is about to see or do.

    Raises:
        StoreError: it cannot be recorded; then it does not happen.
    """
    if request.query_params.get("part"):
        return
    audit: SqlAudit = request.app.state.parts.access.audit
    about = {**request.query_params, **request.path_params}
    if request.method == "POST":
        form = await request.form()
        about |= {key: value for key, value in form.items() if isinstance(value, str)}
    subject = next((str(about[name]) for name in _NAMES if about.get(name)), "")
    page = getattr(request.scope.get("endpoint"), "__name__", "page")
    action = f"console.{'do' if request.method == 'POST' else 'read'}.{page}"
    detail = [str(about["what"])[:40]] if request.method == "POST" and about.get("what") else []
    detail += ["searched"] if about.get("q") else []
    detail += ["refused: no right"] if refused else []
    record = (f"console:{agent.name}", action, subject, ", ".join(detail))
    await anyio.to_thread.run_sync(audit.record, *record)
