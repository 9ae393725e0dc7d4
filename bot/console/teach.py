"""Agents write what the bot could not answer, and correct what it answered wrongly.

Covered: a new FAQ entry out of a turn, a change of an entry that the search found, taking one out.
A running server searches it within a second; every version is kept (`shopkeeper knowledge
history`), and the audit log has who wrote it. What is put into the form beforehand is masked: an
entry is read by everybody. Not covered: products, which their shop system would write over again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from bot.channels.parts import AppParts
from bot.console.auth import Spoken, Teacher, checked_form, leave_note
from bot.console.render import Renderer
from bot.console.texts import Words
from bot.privacy.finding import mask
from bot.store.records import MessageRecord, TurnRecord
from bot.types import Passage, Turn
from retrieval.passages import group_of
from retrieval.text import guess_lang

WRITTEN_HERE = "console:"
_MAX_TITLE = 2000
_MAX_TEXT = 20_000
_ALSO = 100
Text = Annotated[str, Form(max_length=_MAX_TEXT)]


@dataclass(frozen=True, slots=True)
class Entry:
    """What the form holds. `version` is the one that was shown; 0 for an entry yet to be made."""

    passage_id: str
    title: str
    text: str
    also: str = ""
    version: int = 0
    source: str = ""


def entry_id(turn_id: str) -> str:
    """The id of the entry that a turn gave rise to: writing again changes the same one."""
    return f"desk-{sha256(turn_id.encode()).hexdigest()[:12]}"


def written(parts: AppParts, turn_ids: Iterable[str]) -> frozenset[str]:
    """Those of the turns whose answer somebody has written."""
    ids = {entry_id(turn_id): turn_id for turn_id in turn_ids}
    return frozenset(ids[found] for found in parts.knowledge.live_ids(list(ids)))


def teach_router(parts: AppParts, renderer: Renderer) -> APIRouter:
    """Routes of the page and its forms."""
    router = APIRouter()
    knowledge = parts.knowledge

    def form(
        request: Request,
        say: Words,
        agent: Teacher,
        record: TurnRecord,
        entry: Entry,
        problem: str = "",
    ) -> Response:
        found = [hit.passage for hit in record.turn.retrieval.hits]
        return renderer.page(
            "teach.html",
            request,
            say,
            status=400 if problem else 200,
            agent=agent,
            turn=record.turn,
            entry=entry,
            problem=problem,
            others=[p for p in found if p.kind != "product" and p.passage_id != entry.passage_id],
            imported=bool(entry.version) and not entry.source.startswith(WRITTEN_HERE),
        )

    @router.get("/teach/{turn_id:path}")
    def teach_page(
        request: Request, say: Spoken, agent: Teacher, turn_id: str, entry: str = ""
    ) -> Response:
        record = _turn(parts, turn_id)
        known = knowledge.get(entry or entry_id(turn_id))
        if known is not None:
            return form(request, say, agent, record, _entry_of(known))
        if entry:
            raise HTTPException(404)
        return form(request, say, agent, record, _fresh(parts, record.turn))

    @router.post("/do/teach", dependencies=[Depends(checked_form)])
    def teach(
        request: Request,
        say: Spoken,
        agent: Teacher,
        turn_id: Annotated[str, Form()],
        passage_id: Annotated[str, Form()] = "",
        version: Annotated[int, Form()] = 0,
        title: Text = "",
        text: Text = "",
        also: Text = "",
    ) -> Response:
        record = _turn(parts, turn_id)
        passage_id = passage_id or entry_id(turn_id)
        known = knowledge.get(passage_id)
        source = known.source if known else ""
        entry = Entry(passage_id, _tidy(title), _tidy(text), _tidy(also), version, source)
        if not entry.title or not entry.text:
            return form(request, say, agent, record, entry, say("teach_empty"))
        if known is not None and known.kind == "product":
            return form(request, say, agent, record, entry, say("teach_product"))
        if known is None and passage_id != entry_id(turn_id):
            raise HTTPException(404)
        if known is not None and known.version != version:
            told = say("teach_meanwhile", text=f"{known.title} – {known.text}")
            return form(request, say, agent, record, replace(entry, version=known.version), told)
        changed = knowledge.upsert([_passage(entry, known, agent.name)])
        if changed:
            _recorded(parts, agent.name, "knowledge.put", passage_id)
        return _back(request, say("done_teach" if changed else "done_same"), record.turn)

    @router.post("/do/retire", dependencies=[Depends(checked_form)])
    def retire(
        request: Request,
        say: Spoken,
        agent: Teacher,
        turn_id: Annotated[str, Form()],
        passage_id: Annotated[str, Form()],
    ) -> Response:
        record = _turn(parts, turn_id)
        known = knowledge.get(passage_id)
        if known is None or known.kind == "product" or not knowledge.delete([passage_id]):
            raise HTTPException(404)
        _recorded(parts, agent.name, "knowledge.delete", passage_id)
        return _back(request, say("done_retire"), record.turn)

    return router


def _tidy(typed: str) -> str:
    return typed.replace("\r\n", "\n").strip()


def _turn(parts: AppParts, turn_id: str) -> TurnRecord:
    record = parts.queries.turn(turn_id)
    if record is None:
        raise HTTPException(404)
    return record


def _recorded(parts: AppParts, name: str, action: str, passage_id: str) -> None:
    parts.access.audit.record(f"console:{name}", action, passage_id)


def _back(request: Request, note: str, turn: Turn) -> Response:
    leave_note(request, note)
    base = request.scope.get("root_path", "")
    place = f"{quote(turn.conversation_id, safe='')}#t{quote(turn.turn_id, safe='')}"
    return RedirectResponse(f"{base}/c/{place}", 303)


def _entry_of(passage: Passage) -> Entry:
    also = "\n".join(passage.alternatives)
    source = passage.source
    return Entry(passage.passage_id, passage.title, passage.text, also, passage.version, source)


def _fresh(parts: AppParts, turn: Turn) -> Entry:
    """An entry as far as it can be filled in: the question, and what a colleague replied to it."""
    detail = parts.queries.conversation(turn.conversation_id)
    reply = _reply_to(turn, detail.messages) if detail else ""
    asked = turn.query.search_text.strip() or turn.message.text
    return Entry(entry_id(turn.turn_id), mask(asked)[:_MAX_TITLE], mask(reply))


def _reply_to(turn: Turn, messages: tuple[MessageRecord, ...]) -> str:
    asked = [place for place, one in enumerate(messages) if one.turn_id == turn.turn_id]
    later = messages[asked[-1] + 1 :] if asked else ()
    return next((one.text for one in later if one.speaker == "agent"), "")


def _passage(entry: Entry, known: Passage | None, name: str) -> Passage:
    also = tuple(dict.fromkeys(line.strip() for line in entry.also.split("\n") if line.strip()))
    lang = guess_lang(f"{entry.title} {entry.text}")
    made = known or Passage(
        entry.passage_id,
        "faq",
        lang,
        "",
        "",
        group=group_of(entry.passage_id),
        source=f"{WRITTEN_HERE}{name}",
    )
    return replace(
        made, title=entry.title[:_MAX_TITLE], text=entry.text, alternatives=also[:_ALSO], lang=lang
    )
