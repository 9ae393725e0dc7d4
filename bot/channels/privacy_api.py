"""A customer's data by the open API: `POST /api/v1/privacy/export` and `/erase`.

Covered: both, for keys with the scope `privacy`, whatever the shop demands elsewhere; each call
leaves an entry in the audit log. Not covered: what is exported and erased (`bot.store.export`,
`bot.store.erasure`), requests of Shopify (`bot.channels.shop_work`).
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Engine

from bot.channels.api_access import key_for
from bot.channels.parts import AppParts
from bot.channels.problems import PROBLEM_JSON, Problem
from bot.store.api_keys import ApiKey, Scope
from bot.store.erasure import erase_customer
from bot.store.export import FORMAT, export_customer
from bot.store.personal import CustomerRef

_MAX = 300


class CustomerIn(BaseModel):
    """Whom it is about. At least one of the names; everything that is given widens the search."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"customer_id": "4711"},
                {"email": "li.wei@example.com", "phone": "+86 138 0013 8000", "mentions": True},
            ]
        },
    )

    customer_id: str = Field("", max_length=_MAX, description="The customer's id in the channel.")
    channel: str = Field("", max_length=_MAX, description="Only conversations of this channel.")
    conversation_id: str = Field(
        "", max_length=_MAX, description="A conversation, and all others of its customer."
    )
    email: str = Field("", max_length=_MAX)
    phone: str = Field("", max_length=_MAX, description="In any spelling.")
    mentions: bool = Field(
        False, description="Also conversations in which a customer wrote that address or number."
    )

    def ref(self) -> CustomerRef:
        """As the store takes it.

        Raises:
            InputError: nobody is named.
        """
        return CustomerRef(**self.model_dump())


class ErasureOut(BaseModel):
    """What was erased."""

    conversations: int = Field(examples=[2])
    mentioned_in: list[str] = Field(
        description="Conversations that mention the address or number and were not erased."
    )
    rows: dict[str, int] = Field(examples=[{"messages": 12, "turns": 6}])
    files: list[str] = Field(description="Export files that were changed or deleted.")
    compacted: bool = Field(description="Nothing is left in free space of the database either.")
    audit_entry: int = Field(description="The entry of the audit log that tells of it.")


_PROBLEM: dict[str, Any] = {
    "model": Problem,
    "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    401: _PROBLEM | {"description": "No valid API key."},
    403: _PROBLEM | {"description": "The API key lacks the scope `privacy`."},
    422: _PROBLEM | {"description": "Nobody is named, or not in this format."},
}


def privacy_router(engine: Engine, parts: AppParts) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/v1/privacy", tags=["privacy"])
    demanded = key_for(parts, Scope.PRIVACY, always=True)
    Key = Annotated[ApiKey | None, Depends(demanded)]  # noqa: N806 (a type)

    @router.post(
        "/export",
        summary="Everything about a customer",
        response_class=Response,
        responses=_REFUSALS
        | {
            200: {
                "description": f"One JSON document, format `{FORMAT}`.",
                "content": {"application/json": {"schema": {"type": "object"}}},
            }
        },
    )
    def export(body: CustomerIn, key: Key) -> Response:
        """Conversations, messages, turns, feedback, handovers and queue rows of one customer."""
        exported = export_customer(engine, body.ref(), actor=_actor(key))
        return Response(
            exported.document,
            media_type="application/json",
            headers={"Cache-Control": "no-store"},
        )

    @router.post("/erase", summary="Erase a customer", responses=_REFUSALS)
    def erase(body: CustomerIn, key: Key) -> ErasureOut:
        """Erase everything about one customer. It cannot be undone; doing it twice is harmless."""
        exports = parts.settings.exports_dir
        erased = erase_customer(engine, body.ref(), actor=_actor(key), exports=exports)
        return ErasureOut(
            conversations=len(erased.conversation_ids),
            mentioned_in=list(erased.mentioned_in),
            rows=dict(erased.rows),
            files=list(erased.files),
            compacted=erased.compacted,
            audit_entry=erased.audit_entry,
        )

    return router


def _actor(key: ApiKey | None) -> str:
    return f"api:{key.key_id}" if key is not None else "api"
