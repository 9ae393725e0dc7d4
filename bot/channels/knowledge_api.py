"""The shop's knowledge by the open API: `/api/v1/knowledge/passages`.

Covered: putting passages in and changing them, days of validity, deleting, reading one with every
version it had, for keys with the scope `knowledge`, whatever the shop demands elsewhere. What is
answered with 200 is searched within a second. Not covered: files (`shopkeeper knowledge import`).
"""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, ConfigDict, Field, model_validator

from bot.channels.api_access import key_for
from bot.channels.parts import AppParts
from bot.channels.problems import PROBLEM_JSON, Problem
from bot.store.api_keys import ApiKey, Scope
from bot.store.knowledge import SqlKnowledgeStore
from bot.types import Passage
from retrieval.passages import group_of

_AT_ONCE = 500
_MAX_TEXT = 50_000


class PassageIn(BaseModel):
    """One passage. An id that is there already is replaced; old turns keep what they cited."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "passage_id": "faq-gift.en",
                    "lang": "en",
                    "title": "Do you wrap gifts?",
                    "text": "Yes, for 2 €.",
                    "valid_until": "2026-12-24",
                }
            ]
        },
    )

    passage_id: str = Field(min_length=1, max_length=200)
    kind: Literal["faq", "policy", "product"] = "faq"
    lang: Literal["en", "zh-Hans", "zh-Hant", "other"]
    title: str = Field(max_length=2000, description="Of an FAQ entry: the question.")
    text: str = Field(min_length=1, max_length=_MAX_TEXT)
    alternatives: list[str] = Field([], max_length=100, description="The question in other words.")
    attributes: dict[str, str] = Field({}, description="Of a product: sku, price_eur, …")
    group: str = Field(
        "",
        max_length=200,
        description="Joins translations; by default the id without its language.",
    )
    valid_from: date | None = Field(None, description="Answers from this day on.")
    valid_until: date | None = Field(None, description="Answers up to and on this day.")

    @model_validator(mode="after")
    def _days_in_order(self) -> "PassageIn":
        if self.valid_from and self.valid_until and self.valid_from > self.valid_until:
            raise ValueError(
                f"valid_from {self.valid_from} is after valid_until {self.valid_until}"
            )
        return self

    def passage(self, source: str) -> Passage:
        """As the store takes it."""
        values = self.model_dump(exclude={"alternatives", "group"})
        return Passage(
            **values,
            alternatives=tuple(self.alternatives),
            group=self.group or group_of(self.passage_id),
            source=source,
        )


class PassageOut(BaseModel):
    """A passage as it read in one version."""

    passage_id: str
    version: int
    kind: str
    lang: str
    title: str
    text: str
    valid_from: date | None
    valid_until: date | None
    deleted: bool
    changed_at: str


class ChangeOut(BaseModel):
    """What came of it. `knowledge_version` grows with every change."""

    changed: int = Field(examples=[1])
    knowledge_version: int = Field(examples=[42])


_PROBLEM: dict[str, Any] = {
    "model": Problem,
    "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    401: _PROBLEM | {"description": "No valid API key."},
    403: _PROBLEM | {"description": "The API key lacks the scope `knowledge`."},
}
_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such passage."}}


def knowledge_router(store: SqlKnowledgeStore, parts: AppParts) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/v1/knowledge/passages", tags=["knowledge"])
    demanded = key_for(parts, Scope.KNOWLEDGE, always=True)
    Key = Annotated[ApiKey | None, Depends(demanded)]  # noqa: N806 (a type)
    Items = Annotated[list[PassageIn], Field(min_length=1, max_length=_AT_ONCE)]  # noqa: N806

    @router.put("", summary="Add or change passages", responses=_REFUSALS)
    def put(body: Items, key: Key) -> ChangeOut:
        """All of them or none; unchanged ones keep their version."""
        source = f"api:{key.key_id}" if key else "api"
        changed = store.upsert([item.passage(source) for item in body])
        return ChangeOut(changed=changed, knowledge_version=store.version())

    @router.get("/{passage_id}", summary="A passage", responses=_REFUSALS | _UNKNOWN)
    def versions(passage_id: str, key: Key) -> list[PassageOut]:  # noqa: ARG001 (the door)
        """Every version it had, the latest first."""
        known = store.versions(passage_id)
        if not known:
            raise HTTPException(404, f"there is no passage {passage_id!r}")
        return [
            PassageOut(
                passage_id=one.passage.passage_id,
                version=one.passage.version,
                kind=one.passage.kind,
                lang=one.passage.lang,
                title=one.passage.title,
                text=one.passage.text,
                valid_from=one.passage.valid_from,
                valid_until=one.passage.valid_until,
                deleted=one.deleted,
                changed_at=one.changed_at.isoformat(),
            )
            for one in reversed(known)
        ]

    @router.delete("/{passage_id}", summary="Delete a passage", responses=_REFUSALS | _UNKNOWN)
    def delete(passage_id: str, key: Key) -> ChangeOut:  # noqa: ARG001 (the door)
        """It never answers again; turns that cited it keep the text."""
        changed = store.delete([passage_id])
        if not changed:
            raise HTTPException(404, f"there is no passage {passage_id!r}")
        return ChangeOut(changed=changed, knowledge_version=store.version())

    return router
