"""Turning records into pages: the template environment, times, short names, small drawings.

Covered: what templates may call. Everything is escaped unless the template says otherwise, and
none does. Not covered: what is shown (`bot.console.pages`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.config import Settings
from bot.console.auth import csrf_token, take_note
from bot.console.roles import may
from bot.console.texts import Words
from bot.store.agents import Agent

_HERE = Path(__file__).parent
STATIC = _HERE / "static"


class Renderer:
    """Makes pages from the templates beside this file."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            moment=moment, iso=iso, short=short, percent=percent, ms=milliseconds, score=score
        )
        self._environment.globals.update(sparkline=sparkline, static=_versioned, may=may)

    def page(
        self,
        template: str,
        request: Request,
        say: Words,
        *,
        status: int = 200,
        agent: Agent | None = None,
        fragment: bool = False,
        **values: Any,
    ) -> HTMLResponse:
        """A page in the reader's language; a `fragment` of one leaves waiting notes alone."""
        settings = self._settings
        base = request.scope.get("root_path", "")
        body = self._environment.get_template(template).render(
            say=say,
            agent=agent,
            base=base,
            chat_url=base.removesuffix("/console") + "/",
            shop=settings.shop_name_zh if say.lang == "zh" else settings.shop_name_en,
            here=request.url.path,
            query=request.query_params,
            csrf=csrf_token(request),
            note=None if fragment else take_note(request),
            now=datetime.now(UTC),
            since=lambda at: since(at, say),
            ago=lambda at: ago(at, say),
            **values,
        )
        return HTMLResponse(body, status, headers={"Cache-Control": "no-store"})


def since(at: datetime, say: Words, now: datetime | None = None) -> str:
    """How long ago, in the largest whole unit."""
    seconds = max(0, int(((now or datetime.now(UTC)) - at).total_seconds()))
    for key, unit in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= unit:
            return say(key, n=seconds // unit)
    return say("now")


def ago(at: datetime, say: Words, now: datetime | None = None) -> str:
    """The same, as a point in the past."""
    told = since(at, say, now)
    return told if told == say("now") else say("ago", time=told)


def moment(at: datetime) -> str:
    """A time for people without scripts; the page turns it into local time."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def iso(at: datetime) -> str:
    """A time for machines."""
    return at.astimezone(UTC).isoformat(timespec="seconds")


def short(text: str, chars: int = 12) -> str:
    """The beginning of a long identifier."""
    return text if len(text) <= chars else text[:chars] + "…"


def percent(share: float) -> str:
    """A share in [0, 1] as per cent."""
    return f"{100 * share:.0f} %"


def milliseconds(value: float) -> str:
    """A duration given in milliseconds."""
    return f"{value / 1000:.1f} s" if value >= 1000 else f"{value:.0f} ms"


def score(value: float | None) -> str:
    """A score with as many digits as anybody reads; a dash where there is none."""
    return "–" if value is None else f"{value:.3g}"


def sparkline(values: Sequence[float], width: int = 120, height: int = 28) -> str:
    """Points of an SVG polyline for values in [0, 1], oldest left."""
    inner = height - 6
    step = (width - 6) / max(1, len(values) - 1)
    return " ".join(
        f"{3 + step * place:.1f},{3 + inner * (1 - min(1.0, max(0.0, value))):.1f}"
        for place, value in enumerate(values)
    )


def _versioned(name: str) -> str:
    digest = sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"static/{name}?v={digest}"
