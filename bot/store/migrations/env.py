"""Alembic's entry point.

`bot.store.engine.migrate` hands over an open transaction. Run by hand, in order to write a new
script (`alembic -c bot/store/migrations/alembic.ini revision --autogenerate -m …`), it opens the
database that the settings name.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from bot.store.tables import metadata


def _run(connection: Connection) -> None:
    # SQLite's tables are made inside the transaction too, so that a killed upgrade leaves nothing.
    context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    from bot.config import load_settings
    from bot.store.engine import open_engine
    from bot.store.transactions import writing

    settings = load_settings()
    engine = open_engine(settings.sqlalchemy_url, settings.encryption_keys)
    try:
        with writing(engine) as opened:
            _run(opened)
    finally:
        engine.dispose()
