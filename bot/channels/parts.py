"""What the web edge is made of: finished parts, handed in by whoever starts the server.

Covered: the record that `create_app` takes. Not covered: making the parts (`bot.build`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.config import Settings
from bot.protocols import AnswerMessage, Readiness
from bot.store.access import Access
from bot.store.knowledge import SqlKnowledgeStore
from bot.store.queries import ConsoleQueries
from bot.store.sql import SqlAgents, SqlConversations, SqlFeedback
from bot.why import Explanation, no_explanation


@dataclass(frozen=True)
class AppParts:
    """Everything the pages need.

    Attributes:
        settings: the settings in force.
        answer: answers a message; the turn is stored under the message's id.
        readiness: looks at models, index and database.
        queries: reads conversations.
        feedback: stores customers' votes.
        conversations: what agents do.
        agents: who may sign in to the console.
        knowledge: what the shop knows; agents write to it.
        access: API keys, sessions, attempts to sign in.
        session_secret: signs the console's session cookies (`bot.console.secret`).
        why: which words drove the mood of a text; asked when an agent wants to see it.
    """

    settings: Settings
    answer: AnswerMessage
    readiness: Readiness
    queries: ConsoleQueries
    feedback: SqlFeedback
    conversations: SqlConversations
    agents: SqlAgents
    knowledge: SqlKnowledgeStore
    access: Access
    session_secret: str
    why: Callable[[str], Explanation] = no_explanation
