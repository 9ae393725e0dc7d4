"""Stand-ins that are scriptable, remember their calls, and face the same contract tests.

Covered: `TurnStore` and `KnowledgeStore` in memory. Not covered: models.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from secrets import token_hex

from bot.errors import StoreError
from bot.types import Action, HistoryEntry, KnowledgeChanges, Message, Passage, Turn, Waiting


@dataclass
class FakeTurnStore:
    """A `TurnStore` in memory.

    Script it: `agents` holds conversations a person has taken over, `say` adds to a history,
    `error` is raised by the next call. Ask it: `turns` in the order they were saved, `calls` as
    (method, argument).
    """

    turns: list[Turn] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    waits: set[str] = field(default_factory=set)
    error: Exception | None = None
    calls: list[tuple[str, object]] = field(default_factory=list)
    _said: dict[str, list[HistoryEntry]] = field(default_factory=dict)

    def say(self, conversation_id: str, *entries: HistoryEntry) -> None:
        """Make these the latest utterances."""
        self._said.setdefault(conversation_id, []).extend(entry for entry in entries if entry.text)

    def history(self, conversation_id: str, limit: int = 12) -> tuple[HistoryEntry, ...]:
        """As in `bot.protocols`."""
        self._called("history", conversation_id)
        said = self._said.get(conversation_id, [])
        return tuple(said[max(0, len(said) - max(0, limit)) :])

    def is_with_agent(self, conversation_id: str) -> bool:
        """As in `bot.protocols`."""
        self._called("is_with_agent", conversation_id)
        return conversation_id in self.agents

    def failed_before(self, conversation_id: str) -> bool:
        """As in `bot.protocols`."""
        self._called("failed_before", conversation_id)
        own = [turn for turn in self.turns if turn.conversation_id == conversation_id]
        return bool(own) and own[-1].decision.action is Action.ABSTAIN

    def waiting(self, conversation_id: str) -> Waiting | None:
        """As in `bot.protocols`."""
        self._called("waiting", conversation_id)
        own = [turn for turn in self.turns if turn.conversation_id == conversation_id]
        if conversation_id not in self.waits or conversation_id in self.agents:
            return None
        first = next(turn for turn in own if turn.decision.action is Action.HAND_OVER)
        unhappy = any(turn.mood.unhappy for turn in own)
        return Waiting(first.created_at, first.decision.reason, unhappy)

    def save(self, turn: Turn) -> None:
        """As in `bot.protocols`."""
        self._called("save", turn)
        for known in self.turns:
            if known.turn_id == turn.turn_id:
                if known.conversation_id != turn.conversation_id:
                    raise StoreError(f"turn {turn.turn_id!r} belongs to another conversation")
                return
        self.turns.append(turn)
        if not self._knows(turn.conversation_id, turn.message):
            self.messages.append(replace(turn.message, conversation_id=turn.conversation_id))
            self.say(turn.conversation_id, HistoryEntry("customer", turn.message.text))
        self.say(turn.conversation_id, HistoryEntry("bot", turn.reply_text))
        if turn.decision.action is Action.HAND_OVER and turn.conversation_id not in self.agents:
            self.waits.add(turn.conversation_id)

    def _knows(self, conversation_id: str, message: Message) -> bool:
        return bool(message.message_id) and any(
            (known.conversation_id, known.message_id) == (conversation_id, message.message_id)
            for known in self.messages
        )

    def _called(self, method: str, argument: object) -> None:
        self.calls.append((method, argument))
        if self.error is not None:
            error, self.error = self.error, None
            raise error


@dataclass
class FakeKnowledgeStore:
    """A `KnowledgeStore` in memory; `calls` as (method, argument)."""

    calls: list[tuple[str, object]] = field(default_factory=list)
    _versions: dict[str, list[Passage]] = field(default_factory=dict)
    _deleted: set[str] = field(default_factory=set)
    _version: int = 0
    _changed_in: dict[str, int] = field(default_factory=dict)
    _stamps: dict[int, str] = field(default_factory=lambda: {0: ""})

    def upsert(self, passages: Sequence[Passage]) -> int:
        """As in `bot.protocols`."""
        self.calls.append(("upsert", tuple(passages)))
        changed: list[str] = []
        for passage in {passage.passage_id: passage for passage in passages}.values():
            known = self._versions.setdefault(passage.passage_id, [])
            passage = replace(passage, version=len(known) + 1)
            unchanged = known and replace(known[-1], version=passage.version) == passage
            if unchanged and passage.passage_id not in self._deleted:
                continue
            known.append(passage)
            self._deleted.discard(passage.passage_id)
            changed.append(passage.passage_id)
        self._count(changed)
        return len(changed)

    def delete(self, passage_ids: Sequence[str]) -> int:
        """As in `bot.protocols`."""
        self.calls.append(("delete", tuple(passage_ids)))
        gone = {p for p in passage_ids if p in self._versions} - self._deleted
        for passage_id in gone:
            known = self._versions[passage_id]
            known.append(replace(known[-1], version=len(known) + 1))
        self._deleted |= gone
        self._count(gone)
        return len(gone)

    def live_passages(self) -> tuple[Passage, ...]:
        """As in `bot.protocols`."""
        return tuple(
            self._versions[passage_id][-1]
            for passage_id in sorted(self._versions)
            if passage_id not in self._deleted
        )

    def version(self) -> int:
        """As in `bot.protocols`."""
        return self._version

    def changes_since(self, version: int, stamp: str) -> KnowledgeChanges | None:
        """As in `bot.protocols`."""
        self.calls.append(("changes_since", version))
        if self._stamps.get(version) != stamp:
            return None
        ids = [key for key in sorted(self._changed_in) if self._changed_in[key] > version]
        ids.sort(key=lambda key: -self._changed_in[key])
        return KnowledgeChanges(
            self._version,
            self._stamps[self._version],
            passages=tuple(self._versions[key][-1] for key in ids if key not in self._deleted),
            deleted=tuple(key for key in ids if key in self._deleted),
        )

    def snapshot(self) -> KnowledgeChanges:
        """As in `bot.protocols`."""
        return KnowledgeChanges(self._version, self._stamps[self._version], self.live_passages())

    def _count(self, changed: Collection[str]) -> None:
        if changed:
            self._version += 1
            self._stamps[self._version] = token_hex(8)
            self._changed_in |= dict.fromkeys(changed, self._version)
