"""Who may do what in the console."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute

from bot.console.app import console_app
from bot.console.roles import RIGHTS, Right, may
from tests.console.conftest import PASSWORD, Desk

OPEN = {"/login", "/logout"}


@pytest.fixture
def boss(desk: Desk) -> Desk:
    """The console, an admin signed in; Anna is an agent."""
    desk.shop.parts.agents.create("boss", PASSWORD, "admin")
    assert desk.sign_in("boss").status_code == 303
    return desk


def manage(desk: Desk, what: str, name: str, **form: str) -> str:
    """Send one of the page's forms; the text of the page it leads to."""
    form = {"csrf": desk.token("/console/"), "name": name, "what": what, **form}
    place = "add" if what == "add" else "change"
    return desk.client.post(f"/console/people/{place}", data=form).text


def test_an_agent_neither_sees_nor_changes_people(anna: Desk) -> None:
    assert "/console/people" not in anna.client.get("/console/").text
    page = anna.client.get("/console/people")
    assert page.status_code == 403
    assert "Your role may not do this." in page.text
    manage(anna, "admin", "anna")
    manage(anna, "add", "eve", password=PASSWORD, role="admin")
    assert [a.role for a in anna.shop.parts.agents.list()] == ["agent"]


def test_an_admin_adds_promotes_and_disables(boss: Desk) -> None:
    agents = boss.shop.parts.agents
    assert "li may sign in now." in manage(boss, "add", "li", password=PASSWORD, role="agent")
    manage(boss, "admin", "li")
    assert agents.get("li") is not None
    assert agents.get("li").role == "admin"  # type: ignore[union-attr]
    manage(boss, "disable", "li")
    assert agents.get("li").disabled  # type: ignore[union-attr]
    manage(boss, "password", "anna", password="another horse battery")
    assert agents.verify("anna", "another horse battery") is not None


@pytest.mark.parametrize("what", ["disable", "agent"])
def test_the_last_admin_stays(boss: Desk, what: str) -> None:
    assert "last admin" in manage(boss, what, "boss")
    assert boss.client.get("/console/people").status_code == 200


def test_signing_a_person_out_everywhere_ends_their_sessions(boss: Desk) -> None:
    sessions = boss.shop.parts.access.sessions
    token = sessions.begin("anna")
    assert sessions.agent(token) is not None
    manage(boss, "sign_out", "anna")
    assert sessions.agent(token) is None


def test_a_form_from_elsewhere_changes_nobody(boss: Desk) -> None:
    boss.client.post("/console/people/change", data={"csrf": "x", "name": "anna", "what": "admin"})
    assert not any(a.name == "anna" and a.role == "admin" for a in boss.shop.parts.agents.list())


def test_a_demoted_admin_loses_the_page_with_the_next_click(boss: Desk) -> None:
    boss.shop.parts.agents.create("root", PASSWORD, "admin")
    boss.shop.parts.agents.set_role("boss", "agent")
    assert boss.client.get("/console/people").status_code == 403


def test_every_route_behind_the_sign_in_asks_for_a_right_and_every_form_for_its_token(
    desk: Desk,
) -> None:
    """Whoever adds a route is reminded here."""
    routes = list(_routes(console_app(desk.shop.parts)))
    assert len(routes) >= 10
    for route in routes:
        asked = _names(route.dependant)
        assert route.path in OPEN or "allowed" in asked, f"{route.path} asks for no right"
        if "POST" in (route.methods or ()):
            assert "checked_form" in asked, f"{route.path} takes a form without its token"


def _routes(owner: Any) -> Iterator[APIRoute]:
    for route in owner.routes:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from _routes(route.original_router)


def _names(dependant: object) -> set[str]:
    found = {getattr(getattr(dependant, "call", None), "__name__", "")}
    for inner in getattr(dependant, "dependencies", ()):
        found |= _names(inner)
    return found


def test_rights_by_role() -> None:
    assert RIGHTS["admin"] == frozenset(Right)
    assert not may("agent", Right.PEOPLE)
    assert not may("agent", Right.PRIVACY)
    assert not may("stranger", Right.READ)  # type: ignore[arg-type]
