"""Who is up in a conversation, and what may happen next: the one place that says so.

Covered: every change of a conversation's standing, whoever causes it, and which prepared sentence
a change owes the customer. Not covered: storing it (`bot.store.standing`), opening hours
(`bot.handover.hours`).

    bot ──hand_over, timer──▶ waiting ──take_over──▶ agent ──resolve──▶ resolved
     ▲────hand_back──────────────┴──────hand_back──────┘                    │
     └─────────────────────────customer_message─────────────────────────────┘

A customer is *owed* something from the moment they write until they are answered, and for as long
as they were promised a person. Whoever is owed something has a person (`agent`) or an open timer;
`Standing` cannot express anything else, and its tests hold that no sequence of events leads there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from bot.errors import InputError

Status = Literal["bot", "waiting", "agent", "resolved"]
"""Who is up: the bot, a person to be found, the person who took over, nobody any more."""

ElsewhereEvent = Literal["taken_over", "opened", "handed_back", "resolved"]
"""What people do in a connected system."""


class Event(StrEnum):
    """What can happen to a conversation."""

    CUSTOMER_MESSAGE = "customer_message"
    BOT_REPLY = "bot_reply"
    REPLY_LOST = "reply_lost"
    HAND_OVER = "hand_over"
    TAKE_OVER = "take_over"
    AGENT_REPLY = "agent_reply"
    HAND_BACK = "hand_back"
    RESOLVE = "resolve"
    TIMER = "timer"


@dataclass(frozen=True, slots=True)
class Standing:
    """Who is up, and whether the customer is owed an answer or a person.

    `assigned_to` names an agent exactly while the status is `agent`.
    """

    status: Status = "bot"
    assigned_to: str = ""
    owed: bool = False

    def __post_init__(self) -> None:
        possible = (
            (self.status == "agent") == bool(self.assigned_to)
            and not (self.status == "waiting" and not self.owed)
            and not (self.status == "resolved" and self.owed)
        )
        if not possible:
            raise ValueError(f"impossible standing: {self}")

    @property
    def timed(self) -> bool:
        """Whether a timer runs: something is owed, and no person has the conversation."""
        return self.owed and self.status in ("bot", "waiting")


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
            return Standing("bot", owed=True)
        case Event.CUSTOMER_MESSAGE, _:
            return replace(standing, owed=True)
        case Event.BOT_REPLY, "bot":
            return Standing("bot")
        case Event.BOT_REPLY | Event.HAND_OVER, "waiting" | "agent":
            return standing
        case Event.REPLY_LOST, "bot":
            return Standing("bot", owed=True)
        case Event.REPLY_LOST, _:
            return standing
        case Event.HAND_OVER, "bot":
            return Standing("waiting", owed=True)
        case Event.TAKE_OVER, "bot" | "waiting" if agent:
            return Standing("agent", agent, standing.owed)
        case Event.TAKE_OVER, "agent" if standing.assigned_to == agent:
            return standing
        case Event.AGENT_REPLY, "agent" if standing.assigned_to == agent:
            return replace(standing, owed=False)
        case Event.HAND_BACK, "waiting" | "agent":
            return Standing("bot")
        case Event.RESOLVE, "bot" | "waiting" | "agent":
            return Standing("resolved")
        case Event.TIMER, "bot" | "waiting" if standing.timed:
            return Standing("waiting", owed=True)
    raise _refusal(standing, event, agent)


def followed(standing: Standing, event: ElsewhereEvent, agent: str) -> Standing:
    """The standing after something that people did in the connected system.

    Nothing is refused: it has happened. What changes nothing here is passed over.
    """
    match event, standing.status:
        case "taken_over", _:
            return Standing("agent", agent)
        case "opened", "bot":
            return Standing("waiting", owed=True)
        case "handed_back", "waiting" | "agent":
            return Standing("bot")
        case "resolved", _:
            return Standing("resolved")
    return standing


def word_due(before: Standing, now: Standing) -> str:
    """The prepared sentence a change owes the customer; empty when it owes none.

    People who end a conversation that still owes the customer something say so: being dropped
    without a word is what a handover must never do.
    """
    if not before.owed or now.owed:
        return ""
    if now.status == "resolved":
        return "closed"
    return "handed_back" if now.status == "bot" and before.status in ("waiting", "agent") else ""


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
