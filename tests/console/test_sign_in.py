"""Nobody gets in without a password, nobody guesses for long, no form works from elsewhere."""

from __future__ import annotations

import pytest

from tests.console.conftest import PASSWORD, Desk

PAGES = ["/console/", "/console/unanswered", "/console/c/x", "/console/?part=rows"]


@pytest.mark.parametrize("path", PAGES)
def test_strangers_see_the_sign_in_page_only(desk: Desk, path: str) -> None:
    answer = desk.client.get(path, follow_redirects=False)
    if "part=" in path:
        assert answer.status_code == 401
    else:
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/console/login?next=")
    assert "Guest" not in answer.text


def test_the_right_password_opens_and_the_cookie_is_guarded(desk: Desk) -> None:
    answer = desk.sign_in()
    assert answer.headers["location"] == "/console/"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/console" in cookie
    assert "secure" not in cookie
    assert desk.client.get("/console/").status_code == 200


def test_over_https_the_cookie_stays_on_https(desk: Desk) -> None:
    desk.client.base_url = desk.client.base_url.copy_with(scheme="https")
    assert "secure" in desk.sign_in().headers["set-cookie"].lower()


def test_signing_in_begins_a_new_session(desk: Desk) -> None:
    before = desk.token()
    desk.sign_in()
    assert desk.token("/console/") != before


@pytest.mark.parametrize(("name", "password"), [("anna", "wrong"), ("nobody", PASSWORD), ("", "")])
def test_wrong_names_and_passwords_look_alike(desk: Desk, name: str, password: str) -> None:
    answer = desk.sign_in(name, password)
    assert answer.status_code == 401
    assert "Name or password is not right." in answer.text
    assert password == "" or password not in answer.text


def test_after_five_failures_even_the_right_password_waits(desk: Desk) -> None:
    for _ in range(5):
        assert desk.sign_in(password="guess").status_code == 401
    answer = desk.sign_in()
    assert answer.status_code == 429
    assert "Too many attempts" in answer.text


def test_a_disabled_person_is_out_at_once(anna: Desk) -> None:
    anna.shop.parts.agents.disable("anna")
    assert anna.client.get("/console/", follow_redirects=False).status_code == 303


def test_signing_out_ends_the_session(anna: Desk) -> None:
    token = anna.token("/console/")
    anna.client.post("/console/logout", data={"csrf": token})
    assert anna.client.get("/console/", follow_redirects=False).status_code == 303


def test_a_forged_cookie_is_nobody(desk: Desk) -> None:
    desk.client.cookies.set("shopkeeper_console", "eyJhZ2VudCI6ImFubmEifQ==.x.y", path="/console")
    assert desk.client.get("/console/", follow_redirects=False).status_code == 303


@pytest.mark.parametrize("csrf", ["", "x", "é", "a" * 5000])
def test_a_form_from_elsewhere_does_nothing(anna: Desk, csrf: str) -> None:
    waiting = anna.ids[0]
    form = {"csrf": csrf, "conversation_id": waiting}
    page = anna.client.post("/console/do/take_over", data=form)
    assert "open for too long" in page.text
    found = anna.shop.parts.queries.summary(waiting)
    assert found is not None
    assert found.status == "waiting"


def test_a_sign_in_form_needs_its_token_too(desk: Desk) -> None:
    answer = desk.client.post(
        "/console/login", data={"name": "anna", "password": PASSWORD}, follow_redirects=False
    )
    assert answer.status_code == 303
    assert desk.client.get("/console/", follow_redirects=False).status_code == 303


@pytest.mark.parametrize(
    ("wanted", "target"),
    [
        ("/console/unanswered", "/console/unanswered"),
        ("/console/?view=waiting", "/console/?view=waiting"),
        ("https://evil.example/", "/console/"),
        ("//evil.example/", "/console/"),
        ("/console//evil.example", "/console/"),
        ("/console/\\evil", "/console/"),
        ("/elsewhere", "/console/"),
    ],
)
def test_after_signing_in_one_stays_in_the_console(desk: Desk, wanted: str, target: str) -> None:
    form = {"csrf": desk.token(), "name": "anna", "password": PASSWORD}
    answer = desk.client.post(
        "/console/login", params={"next": wanted}, data=form, follow_redirects=False
    )
    assert answer.headers["location"] == target


def test_a_copied_cookie_is_worth_nothing_after_signing_out(anna: Desk) -> None:
    """The cookie is signed, not remembered: only the server can make a copy useless."""
    copied = dict(anna.client.cookies)
    token = anna.token("/console/")
    anna.client.post("/console/logout", data={"csrf": token})
    anna.client.cookies.update(copied)
    assert anna.client.get("/console/", follow_redirects=False).status_code == 303


def test_a_new_password_ends_the_sessions_of_the_old_one(anna: Desk) -> None:
    anna.shop.parts.agents.set_password("anna", "another horse battery")
    assert anna.client.get("/console/", follow_redirects=False).status_code == 303
    assert anna.sign_in().status_code == 401
    assert anna.sign_in(password="another horse battery").status_code == 303


def test_a_locked_sign_in_says_when_to_come_back_in_chinese_too(desk: Desk) -> None:
    for _ in range(5):
        desk.sign_in(password="guess")
    answer = desk.client.post(
        "/console/login?lang=zh",
        data={"csrf": desk.token(), "name": "anna", "password": "guess"},
    )
    assert answer.status_code == 429
    assert "尝试次数过多" in answer.text
    assert 0 < int(answer.headers["retry-after"]) <= 900


def test_people_who_sign_in_at_one_address_do_not_lock_it(desk: Desk) -> None:
    """A whole office behind one address comes to work."""
    for _ in range(25):
        assert desk.sign_in().status_code == 303
        desk.client.post("/console/logout", data={"csrf": desk.token("/console/")})
