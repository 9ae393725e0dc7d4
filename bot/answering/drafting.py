"""Drafts: what the generator writes of the passages, cut into sentences and judged one by one.

A sentence is given out before the next one is drafted; closing the iterator frees the generator.
Not covered: what becomes of the verdicts (`bot.answering.compose`).
"""

from __future__ import annotations

import time
from collections import abc
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field

from bot.answering.evidence import shown
from bot.answering.guard import check, says_none
from bot.answering.prompt import Source, answer_prompt
from bot.answering.sentences import sentences
from bot.answering.support import Support
from bot.errors import GeneratorError
from bot.protocols import Generator
from bot.types import HistoryEntry, Hit, Lang, Prompt, Query, Reply, Verdict


@dataclass
class Draft:
    """What happened while a reply was composed; filled as it goes, stored with the turn."""

    text: str = ""
    verdicts: list[Verdict] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    first_reply_ms: float = 0.0
    error: str = ""
    declined: bool = False


@dataclass(frozen=True, slots=True)
class Drafter:
    """Has the generator write and the guard read.

    Attributes:
        max_tokens: upper bound of a draft.
        deadline_s: seconds that a draft may take.
        support: judges whether a passage bears a sentence out; None for the other checks alone.
    """

    generator: Generator
    max_tokens: int = 160
    deadline_s: float = 20.0
    support: Support | None = None

    def verdicts(
        self,
        hits: Sequence[Hit],
        query: Query,
        lang: Lang,
        history: Sequence[HistoryEntry],
        draft: Draft,
    ) -> abc.Generator[Verdict, None, None]:
        """A verdict on each drafted sentence, repetitions left out, kept in `draft` as well.

        A draft that says that the passages do not tell sets `draft.declined`; if it says nothing
        else there is no verdict.

        Raises:
            GeneratorError: the generator failed or took too long.
        """
        sources = [Source(hit.passage.title, shown(hit)) for hit in hits]
        passages = [f"{hit.passage.title}\n{hit.passage.text}".strip() for hit in hits]
        prompt = answer_prompt(query.text, lang, sources, history)
        seen: set[str] = set()
        with closing(self._pieces(prompt, draft)) as pieces:
            for sentence in sentences(pieces):
                verdict = check(sentence, passages, query.text, self.support)
                if verdict.sentence in seen or not verdict.sentence:
                    continue  # small models repeat themselves
                seen.add(verdict.sentence)
                if says_none(sentence):
                    draft.declined = True
                    if not draft.verdicts:
                        continue  # a lone refusal becomes the prepared notice
                draft.verdicts.append(verdict)
                yield verdict

    def _pieces(self, prompt: Prompt, draft: Draft) -> abc.Generator[str, None, None]:
        """The draft as it is made, until the deadline."""
        started = time.monotonic()
        stream = self.generator.stream(prompt, max_tokens=self.max_tokens)
        try:
            for piece in stream:
                draft.text += piece
                yield piece
                if time.monotonic() - started > self.deadline_s:
                    raise GeneratorError(f"the draft took longer than {self.deadline_s:g} s")
        finally:
            close = getattr(stream, "close", None)
            if close:
                close()
