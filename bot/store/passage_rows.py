"""Passages as rows, and back.

Covered: what both `passages` and `passage_versions` hold. Not covered: when a version counts up
(`bot.store.knowledge`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

from sqlalchemy import Row

from bot.store.codec import dump, to_json
from bot.store.columns import clean_key, clean_text
from bot.types import Passage


def storable(passage: Passage) -> Passage:
    """`passage` with every text as the database will hold it."""
    return replace(
        passage,
        passage_id=clean_key(passage.passage_id),
        title=clean_text(passage.title),
        text=clean_text(passage.text),
        attributes={clean_text(k): clean_text(v) for k, v in passage.attributes.items()},
        alternatives=tuple(clean_text(text) for text in passage.alternatives),
        group=clean_key(passage.group),
        source=clean_text(passage.source),
    )


def content_hash(passage: Passage) -> str:
    """SHA-256 over everything but the version: equal means unchanged."""
    attributes = dict(sorted(passage.attributes.items()))
    compared = replace(passage, version=0, attributes=attributes)
    return hashlib.sha256(dump(compared).encode()).hexdigest()


def row_of_passage(passage: Passage) -> dict[str, Any]:
    """Column values; `deleted` and `changed_at` are the writer's."""
    return {
        "passage_id": passage.passage_id,
        "version": passage.version,
        "kind": passage.kind,
        "lang": passage.lang,
        "title": passage.title,
        "text": passage.text,
        "attributes": to_json(dict(passage.attributes)),
        "alternatives": to_json(list(passage.alternatives)),
        "group_id": passage.group,
        "source": passage.source,
        "valid_from": passage.valid_from,
        "valid_until": passage.valid_until,
        "content_hash": content_hash(passage),
    }


def passage_of_row(row: Row[Any]) -> Passage:
    """The passage that a row of either table holds."""
    return Passage(
        passage_id=row.passage_id,
        kind=row.kind,
        lang=row.lang,
        title=row.title,
        text=row.text,
        attributes=json.loads(row.attributes),
        alternatives=tuple(json.loads(row.alternatives)),
        group=row.group_id,
        source=row.source,
        version=row.version,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
    )
