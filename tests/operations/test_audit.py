"""The audit fails on findings, passes without, and says when it could not look."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.dependency_audit import audit


class _Advisories(BaseHTTPRequestHandler):
    """An advisory database that knows one thing: jinja2 before 3.1.6 is ill."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        ill = asked["package"]["name"].lower() == "jinja2" and asked["version"] < "3.1.6"
        affected = {
            "package": {"name": "jinja2", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.1.6"}]}],
            "versions": [asked["version"]],
        }
        vuln = {"id": "PYSEC-1", "summary": "x", "details": "x", "affected": [affected]}
        body = json.dumps({"vulns": [vuln]} if ill else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Advisories)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AUDIT_URL", f"http://127.0.0.1:{server.server_address[1]}/v1/query")
    yield
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(("version", "code"), [("3.1.6", 0), ("3.1.2", 1)])
def test_findings_fail_and_name_the_fix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], version: str, code: int
) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text(f"Jinja2=={version}\n")
    assert audit(lock) == code
    told = capsys.readouterr().out
    assert ("PYSEC-1, fixed in 3.1.6" in told) == bool(code)


def test_a_machine_offline_is_told_that_nothing_was_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIT_URL", "http://127.0.0.1:9/v1/query")
    lock = tmp_path / "lock.txt"
    lock.write_text("Jinja2==3.1.6\n")
    assert audit(lock) == 0
    assert "SKIPPED" in capsys.readouterr().out


def test_an_unreadable_lock_is_no_pass(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIT_URL", "http://127.0.0.1:9/v1/query")
    lock = tmp_path / "lock.txt"
    lock.write_text("Jinja2>=3\n")
    assert audit(lock) == 1
    assert "FAILED" in capsys.readouterr().out
