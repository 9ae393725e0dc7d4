"""The API's JSON, in and out, with the examples that its documentation shows.

Covered: shapes and their conversion from the records of a turn. Not covered: what is allowed in a
text (`bot.channels.intake`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bot.types import Citation, Reply, Turn, join_sentences


class MessageIn(BaseModel):
    """A customer's message."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"text": "How many days do I have to send something back?", "lang": "en"},
                {"conversation_id": "web-42", "text": "那加急呢？", "lang": "zh-Hans"},
            ]
        },
    )

    text: str = Field(description="What the customer wrote, in any language.")
    conversation_id: str | None = Field(
        None, description="Continues a conversation; left out, a new one begins."
    )
    lang: Annotated[
        str | None,
        Field(max_length=35, description="Language of the interface, as a BCP 47 tag."),
    ] = None
    customer_id: str | None = Field(None, description="Your own id of the customer, if any.")


class CitationOut(BaseModel):
    """Where a sentence comes from."""

    number: int = Field(examples=[1], description="Tells the sources of one answer apart.")
    passage_id: str = Field(examples=["faq-returns-01.en"])
    version: int = Field(examples=[1])
    title: str = Field(examples=["How long do I have to return something?"])
    text: str
    kind: Literal["faq", "policy", "product"]
    evidence: list[tuple[int, int]] = Field(
        default=[],
        examples=[[[0, 42]]],
        description="Characters of `text` that the answer rests on, ends not included.",
    )
    answer: tuple[int, int] | None = Field(
        default=None,
        examples=[[9, 16]],
        description="Characters of the shortest answer among them, where there is one.",
    )

    @classmethod
    def of(cls, citation: Citation) -> CitationOut:
        """From the record."""
        return cls(
            number=citation.number,
            passage_id=citation.passage_id,
            version=citation.version,
            title=citation.title,
            text=citation.text,
            kind=citation.kind,
            evidence=list(citation.evidence),
            answer=citation.answer,
        )


class SentenceOut(BaseModel):
    """One checked sentence and its sources. Data of the event `sentence`."""

    index: int = Field(examples=[0])
    text: str = Field(examples=["You have 14 days from the day your parcel arrives."])
    kind: Literal["sentence", "verbatim", "notice"] = Field(
        description="Drafted and checked; the shop's own text; or a prepared sentence."
    )
    citations: list[CitationOut]

    @classmethod
    def of(cls, index: int, reply: Reply) -> SentenceOut:
        """From the record."""
        return cls(
            index=index,
            text=reply.text,
            kind=reply.kind,
            citations=[CitationOut.of(citation) for citation in reply.citations],
        )


class StartedOut(BaseModel):
    """Data of the event `started`."""

    conversation_id: str
    turn_id: str


class OutcomeOut(BaseModel):
    """What the turn did. Data of the event `done`."""

    conversation_id: str
    turn_id: str = Field(description="Name it in feedback.")
    text: str = Field(description="The whole reply.")
    action: str = Field(
        examples=["answer"],
        description="answer, clarify, smalltalk, abstain, hand_over, reject; silent while a person "
        "has the conversation.",
    )
    reason: str = Field(examples=["answerable"], description="Stable code of the decision.")
    mood: str = Field(examples=["neutral"], description="negative, neutral, positive or unknown.")
    lang: str = Field(examples=["en"], description="Language of the message, as understood.")

    @classmethod
    def of(
        cls, conversation_id: str, turn_id: str, replies: list[Reply], turn: Turn | None
    ) -> OutcomeOut:
        """From the replies that went out and the turn as stored (None if none was)."""
        return cls(
            conversation_id=conversation_id,
            turn_id=turn_id,
            text=join_sentences(reply.text for reply in replies),
            action=str(turn.decision.action) if turn else "",
            reason=turn.decision.reason if turn else "",
            mood=turn.mood.label if turn else "unknown",
            lang=turn.query.lang if turn else "other",
        )


class AnswerOut(OutcomeOut):
    """The whole answer at once."""

    sentences: list[SentenceOut]


class FeedbackIn(BaseModel):
    """A customer's vote on one answer. A later vote replaces an earlier one."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"turn_id": "8f14e45fceea467a9c3d1a5b2f6e7c90", "value": "up"},
                {
                    "turn_id": "8f14e45fceea467a9c3d1a5b2f6e7c90",
                    "value": "down",
                    "comment": "The fee is wrong.",
                },
            ]
        },
    )

    turn_id: str = Field(max_length=128)
    value: Literal["up", "none", "down"]
    comment: str = Field("", max_length=2000)


class CheckOut(BaseModel):
    """One part of the server."""

    name: str = Field(examples=["database"])
    ok: bool
    detail: str = ""


class ReadyOut(BaseModel):
    """Whether the server can answer customers now."""

    ready: bool
    checks: list[CheckOut]
