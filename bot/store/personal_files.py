"""Export files that hold a customer: found and erased with the rest.

Covered: the folder of exports, files that only their owner may read. A JSON file that names the
customer or one of the customer's conversations or turns is deleted; of a JSON Lines file only the
rows that name one are dropped. Not covered: files that somebody moved elsewhere (the audit log
tells who made them).
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bot.errors import StoreError
from bot.store.columns import utc_now
from bot.store.personal import CustomerRef, Holdings

_NAMES = ("conversation_id", "turn_id", "id", "conversation_key", "customer_id", "email", "phone")


def erase_in_files(
    folder: Path, found: Holdings, customer: CustomerRef | None = None
) -> tuple[str, ...]:
    """Erase; the names of the files that were changed or deleted.

    Args:
        folder: searched with all folders inside; it need not exist.
        found: the conversations and turns to look for.
        customer: and exports that were made for this customer, though nothing was found then.

    Raises:
        StoreError: a file cannot be read or changed; it is named.
    """
    ids = found.names | (
        {customer.customer_id, customer.email, customer.phone} if customer else set()
    )
    ids -= {""}
    changed = []
    for file in sorted(folder.rglob("*.json*")) if folder.is_dir() and ids else ():
        try:
            if _erase_in(file, ids):
                changed.append(str(file.relative_to(folder)))
        except OSError as error:
            raise StoreError(
                f"cannot erase in {file}: {error.strerror}",
                fix="make the file writable for the user who runs shopkeeper and erase again",
            ) from error
    return tuple(changed)


def new_export_file(folder: Path) -> Path:
    """A fresh name for an export; it names nobody."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"customer-{utc_now():%Y%m%d-%H%M%S}-{secrets.token_hex(3)}.json"


def write_private(file: Path, document: str) -> None:
    """Write a file that only its owner may read.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(document)
    except OSError as error:
        raise StoreError(
            f"cannot write {file}: {error.strerror}", fix="choose another place with --out"
        ) from error


def _erase_in(file: Path, ids: frozenset[str]) -> bool:
    if file.suffix == ".json":
        if not ids.isdisjoint(_named(_parsed(file.read_text(encoding="utf-8")))):
            file.unlink()
            return True
        return False
    if file.suffix != ".jsonl":
        return False
    with file.open(encoding="utf-8") as lines:
        kept = [line for line in lines if ids.isdisjoint(_named(_parsed(line)))]
    size = sum(len(line.encode()) for line in kept)
    if size == file.stat().st_size:
        return False
    fresh = file.with_name(file.name + ".new")
    fresh.write_text("".join(kept), encoding="utf-8")
    fresh.replace(file)
    return True


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _named(value: Any) -> Iterator[str]:
    """Every conversation, turn and customer that is named anywhere in a JSON value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in _NAMES and isinstance(inner, str):
                yield inner
            else:
                yield from _named(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _named(inner)
