"""Small helpers for reading JSON of strangers.

Covered: what a refusal may say, times with and without a zone. Not covered: any system's format.
"""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.channels.webhooks.adapter import Failure, Refused


class Lenient(BaseModel):
    """A shape of somebody else's: fields that nobody here reads are none of our business."""

    model_config = ConfigDict(extra="ignore")


def refused_shape(what: str, error: ValidationError) -> Refused:
    """A body that does not fit: the fields' names alone, what was in them must not be logged."""
    fields = {".".join(str(part) for part in one["loc"]) for one in error.errors()}
    return Refused(Failure.UNEXPECTED_SHAPE, f"{what[:60]}: {', '.join(sorted(fields))[:200]}")


def with_zone(moment: datetime | None) -> datetime | None:
    """`moment` with a timezone: one without is in UTC."""
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=UTC)
