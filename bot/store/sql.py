"""Everything that writes to the database, by name: what `bot.build` needs to know of this folder.

Covered: names only; each class lives in the file that its import names.
"""

from bot.store.agents import SqlAgents
from bot.store.conversations import SqlConversations
from bot.store.engine import check, migrate, open_engine
from bot.store.events import SqlEvents
from bot.store.feedback import SqlFeedback
from bot.store.knowledge import SqlKnowledgeStore
from bot.store.products import SqlProductLinks
from bot.store.queue import SqlQueue
from bot.store.review import SqlReview
from bot.store.shop_settings import SqlSettings
from bot.store.subscribers import SqlSubscribers
from bot.store.turns import SqlTurnStore

__all__ = [
    "SqlAgents",
    "SqlConversations",
    "SqlEvents",
    "SqlFeedback",
    "SqlKnowledgeStore",
    "SqlProductLinks",
    "SqlQueue",
    "SqlReview",
    "SqlSettings",
    "SqlSubscribers",
    "SqlTurnStore",
    "check",
    "migrate",
    "open_engine",
]
