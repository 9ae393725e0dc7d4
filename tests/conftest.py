"""Fixtures every test may use: an empty, migrated database, on SQLite and on PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine

from bot.store.engine import alembic_config, migrate, open_engine
from bot.store.tables import metadata
from tests.postgres import PostgresMissing, PostgresServer, running_postgres

# A busy machine is no reason to fail: what must be quick is measured in bench/. And a test that
# passed yesterday fails today because of what was changed, not because of what was drawn:
# `make explore` draws anew.
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("shopkeeper", settings.get_profile("explore"), derandomize=True)
settings.load_profile("shopkeeper")

BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of our own."""
    try:
        with running_postgres() as server:
            yield server
    except PostgresMissing as error:
        pytest.fail(str(error))


@pytest.fixture(scope="session")
def migrated_postgres(postgres: PostgresServer) -> str:
    """Name of a migrated database."""
    name = postgres.create()
    _migrate(postgres.url(name))
    return name


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file to copy."""
    file = tmp_path_factory.mktemp("migrated") / "shop.db"
    _migrate(f"sqlite:///{file}")
    return file


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """URL of an empty, migrated SQLite database."""
    file = tmp_path / "shop.db"
    shutil.copy(migrated_sqlite, file)
    return f"sqlite:///{file}"


@pytest.fixture
def postgres_url(postgres: PostgresServer, migrated_postgres: str) -> Iterator[str]:
    """URL of an empty, migrated PostgreSQL database."""
    yield postgres.url(migrated_postgres)
    # Emptied, not made anew: PostgreSQL takes up to a second to copy a database.
    tables = [table.name for table in reversed(metadata.sorted_tables)]
    revision = f"UPDATE alembic_version SET version_num = '{_head()}'"
    postgres.execute(
        "; ".join(
            # The audit log lets nothing be deleted from it.
            [f"{'TRUNCATE' if name == 'audit_log' else 'DELETE FROM'} {name}" for name in tables]
            + [revision]
        ),
        migrated_postgres,
    )


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest) -> str:
    """URL of an empty, migrated database; the test runs once on each kind."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An empty, migrated database; the test runs once on each kind."""
    opened = open_engine(database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def sqlite_engine(sqlite_url: str) -> Iterator[Engine]:
    """An empty, migrated SQLite database, for tests that need any one database."""
    opened = open_engine(sqlite_url)
    yield opened
    opened.dispose()


def _head() -> str | None:
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


def _migrate(url: str) -> None:
    engine = open_engine(url)
    try:
        migrate(engine)
    finally:
        engine.dispose()
