"""Who is up in a conversation, and what may happen next: the one place that says so.

Covered: every change of a conversation's status. Not covered: storing it (`turn_writes`,
`conversations`).

    bot ──hand_over──▶ waiting ──take_over──▶ agent ──resolve──▶ resolved
     ▲────hand_back──────┴──────hand_back──────┘                    │
     └────────────────────customer_message──────────────────────────┘
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.errors import InputError
from bot.store.queue_records import ElsewhereEvent
from bot.store.records import Status


class Event(StrEnum):
    """What can happen to a conversation."""

    CUSTOMER_MESSAGE = "customer_message"
    HAND_OVER = "hand_over"
    TAKE_OVER = "take_over"
    AGENT_REPLY = "agent_reply"
    HAND_BACK = "hand_back"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class Standing:
    """Who is up. `assigned_to` names an agent exactly while the status is `agent`."""

    status: Status = "bot"
    assigned_to: str = ""


class TransitionError(InputError):
    """What was asked for makes no sense in the conversation's present state."""


def after(standing: Standing, event: Event, agent: str = "") -> Standing:
    """The standing that `event` leads to.

    Args:
        standing: who is up now.
        event: what happened.
        agent: who does it; needed to take over and to reply.

    Raises:
        TransitionError: the event may not happen now; the message may be shown to an agent.
    """
    match event, standing.status:
        case Event.CUSTOMER_MESSAGE, "resolved":
            return Standing("bot")
        case Event.CUSTOMER_MESSAGE, _:
            return standing
        case Event.HAND_OVER, "bot":
            return Standing("waiting")
        case Event.HAND_OVER, "waiting" | "agent":
            return standing
        case Event.TAKE_OVER, "bot" | "waiting" if agent:
            return Standing("agent", agent)
        case Event.TAKE_OVER | Event.AGENT_REPLY, "agent" if standing.assigned_to == agent:
            return standing
        case Event.HAND_BACK, "waiting" | "agent":
            return Standing("bot")
        case Event.RESOLVE, "bot" | "waiting" | "agent":
            return Standing("resolved")
    raise _refusal(standing, event, agent)


def followed(standing: Standing, event: ElsewhereEvent, agent: str) -> Standing:
    """The standing after something that people did in the connected system.

    Nothing is refused: it has happened. What changes nothing here is passed over.
    """
    match event, standing.status:
        case "taken_over", _:
            return Standing("agent", agent)
        case "opened", "bot":
            return Standing("waiting")
        case "handed_back", "waiting" | "agent":
            return Standing("bot")
        case "resolved", _:
            return Standing("resolved")
    return standing


def _refusal(standing: Standing, event: Event, agent: str) -> TransitionError:
    wish = event.value.replace("_", " ")
    if event in (Event.TAKE_OVER, Event.AGENT_REPLY) and not agent:
        return TransitionError(f"{wish}: no agent was named", fix="sign in")
    if event in (Event.TAKE_OVER, Event.AGENT_REPLY) and standing.status == "agent":
        return TransitionError(
            f"{wish}: the conversation is with {standing.assigned_to}",
            fix="ask for it to be handed back first",
        )
    if event is Event.AGENT_REPLY:
        return TransitionError(
            f"{wish}: nobody has taken this conversation over ({standing.status})",
            fix="take the conversation over first",
        )
    return TransitionError(
        f"{wish}: not possible while the conversation is {standing.status!r}",
        fix="reload the page to see how things stand",
    )
