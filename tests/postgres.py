"""A private PostgreSQL for the tests: made in a temporary folder, gone when they end.

Covered: finding the server's programs, running them as somebody other than root (they refuse to
run as root), databases in it. Not covered: installing PostgreSQL (`make test` does).
"""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

START_S = 60
_NUMBERS = count(1)


class PostgresMissing(Exception):
    """The server's programs are not installed."""


@dataclass
class PostgresServer:
    """A server; it listens on a Unix socket in `folder` only."""

    folder: Path
    fsync: bool = False
    programs: Path | None = None
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it (again) and wait until it answers."""
        options = [
            *("-D", str(self.folder / "data"), "-k", str(self.folder)),
            *("-c", "listen_addresses=", "-c", "max_connections=200"),
            *("-c", f"fsync={'on' if self.fsync else 'off'}"),
        ]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str((self.programs or find_programs()) / "postgres"), *options],
                stdout=log,
                stderr=log,
                preexec_fn=end_with_parent,
                **_as(_server_user(), self.folder),
            )
        _wait_for(self, self.process)

    def stop(self) -> None:
        """Stop it at once, its connections cut."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://shop@/{database}?host={self.folder}"

    def create(self) -> str:
        """A new, empty database; returns its name."""
        name = f"shop_{next(_NUMBERS)}"
        self.execute(f'CREATE DATABASE {name} TEMPLATE template0 ENCODING "UTF8"')
        return name

    def execute(self, statements: str, database: str = "postgres") -> None:
        with self.connect(database) as connection:
            connection.execute(statements)

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(host=str(self.folder), user="shop", dbname=database, autocommit=True)


@contextmanager
def running_postgres(
    programs: Path | None = None, *, fsync: bool = False
) -> Iterator[PostgresServer]:
    """Start a server, stop it at the end. With `fsync` it is as slow as a real one.

    `programs` is the folder with the server's programs; None for those of the system.
    """
    programs = programs or find_programs()
    # Not in pytest's folder: that one is closed to the other user, and too long for a socket.
    folder = Path(tempfile.mkdtemp(prefix="shop-pg-", dir="/tmp"))
    user = _server_user()
    try:
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        folder.chmod(0o700)
        data = folder / "data"
        options = ["-U", "shop", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        made = subprocess.run(
            [str(programs / "initdb"), "-D", str(data), *options],
            capture_output=True,
            text=True,
            **_as(user, folder),
        )
        if made.returncode != 0:
            raise RuntimeError(f"initdb failed: {made.stderr}")
        server = PostgresServer(folder, fsync, programs)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_programs() -> Path:
    """The folder with `initdb` and `postgres`; Debian keeps them off the PATH."""
    on_path = shutil.which("initdb")
    places = [Path(on_path).resolve().parent] if on_path else []
    for pattern in (
        "usr/lib/postgresql/*/bin",
        "usr/pgsql-*/bin",
        "opt/homebrew/opt/postgresql*/bin",
    ):
        found = Path("/").glob(pattern)
        places += sorted(found, key=lambda place: [int(n) for n in _numbers(place)], reverse=True)
    places.append(Path("/usr/local/pgsql/bin"))
    for place in places:
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    raise PostgresMissing(
        "PostgreSQL's server programs (initdb, postgres) are not installed; "
        "`make test` installs them, or: apt-get install postgresql"
    )


def _numbers(place: Path) -> list[str]:
    return ["".join(c for c in part if c.isdigit()) or "0" for part in place.parts]


def _server_user() -> pwd.struct_passwd | None:
    """Whom to run as: ourselves, unless that is root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresMissing("neither the user postgres nor nobody exists to run the server")


def _as(user: pwd.struct_passwd | None, folder: Path) -> dict[str, Any]:
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}
    if user is None:
        return {"cwd": folder, "env": environment}
    who: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    return {"cwd": folder, "env": environment, **who}


def end_with_parent() -> None:
    # A killed test run must not leave a server behind.
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGINT)


def _wait_for(postgres: PostgresServer, server: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + START_S
    while True:
        try:
            postgres.connect().close()
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > give_up:
                log = (postgres.folder / "log").read_text(errors="replace")
                raise RuntimeError(f"PostgreSQL did not start: {log}") from error
            time.sleep(0.05)
        else:
            return
