"""What a customer wants: a trained head, a few unmistakable phrases, and the shop's own examples.

Covered: the nine intents of `bot.types.Intent` with calibrated confidence; a shop's CSV of phrases
that adds to one of these, or makes an intent of its own, by nearest example and without training.
The CSV's column `then` says what an intent of the shop's own is treated as: one of the nine
(`question` when empty), or `hand_over`, which keeps it for people.
Not covered: what is done about an intent (`bot.answering.decision`).

Source of the nearest-example idea: Snell et al., 2017, Prototypical Networks (arXiv:1703.05175);
here every example is a prototype, since a shop gives few and they differ.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bot.errors import InputError
from bot.heads import Heads
from bot.protocols import Encoder, Vectors
from bot.types import Intent

SHIPPED = Path(__file__).resolve().parents[1] / "training" / "adapters" / "intent"
HAND_OVER = "hand_over"
_RULE_CONFIDENCE = 0.99
_PERSON_EN = (
    r"(?:human|person|people|agent|representative|rep|someone|somebody|staff|employee|operator"
    r"|manager|supervisor|colleague)"
)
_WANTS_HUMAN = re.compile(
    rf"(?:talk|speak|chat|connect me|transfer me|put me through)\s+(?:to|with)\s+"
    rf"(?:an?\s+|the\s+|your\s+|some\s+)?(?:real\s+|actual\s+|live\s+|human\s+)*{_PERSON_EN}\b"
    rf"|\b(?:real|actual|live)\s+(?:human|person|agent)\b"
    rf"|^\W*(?:a\s+)?(?:human|agent|representative|operator)(?:\s+(?:please|pls|now))?\W*$"
    r"|转接?人工|轉接?人工|(?:接|找|要|叫|换)个?(?:人工|真人|活人)|找(?:个|一个)?(?:真人|活人)"
    r"|^\W*(?:人工|人工客服|真人|真人客服)\W*$",
    re.IGNORECASE,
)
_NOT_A_WISH = re.compile(
    r"\b(?:don't|do not|not|no need|without|never|hours?|when)\b|[不别無无]|没有必要|几点|時間|时间|上班|人工智能",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class IntentGuess:
    """An intent and how sure it is; `name` is the shop's own where the examples decided, and
    `for_people` says that the shop keeps it for people."""

    intent: Intent
    confidence: float
    name: str = ""
    for_people: bool = False


@dataclass(frozen=True, slots=True)
class PrototypeMatch:
    """The shop's example that is nearest to a message, by cosine."""

    name: str
    phrase: str
    similarity: float


class IntentPrototypes:
    """A shop's phrases as prototypes: a message close to one has its intent.

    Args:
        names: intent of each phrase; one of the nine, or a name of the shop's own.
        phrases: the examples.
        vectors: their unit vectors in the role of a query, shape (phrases, dimension).
        least: cosine from which on a message counts as close (E5: 0.9 is "the same question").
        then: what an intent is treated as: one of the nine, or `hand_over`.
    """

    def __init__(
        self,
        names: Sequence[str],
        phrases: Sequence[str],
        vectors: Vectors,
        least: float = 0.9,
        then: Mapping[str, str] | None = None,
    ) -> None:
        self._names = tuple(names)
        self._then = dict(then or {})
        self._phrases = tuple(phrases)
        self._vectors = vectors
        self._least = least

    @classmethod
    def from_csv(cls, path: Path, encoder: Encoder, least: float = 0.9) -> IntentPrototypes:
        """Read a UTF-8 CSV with the columns `intent`, `phrase` and, if wanted, `then`.

        Raises:
            InputError: the file cannot be read or a row lacks a value; names file and line.
        """
        try:
            with path.open(encoding="utf-8-sig", newline="") as stream:
                rows = [_checked(row, path, line) for line, row in enumerate(_table(stream), 2)]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"cannot read {path}: {error}", fix="give a UTF-8 CSV file") from error
        if not rows:
            raise InputError(f"{path} has no rows", fix="give rows of intent,phrase")
        names = [row.name for row in rows]
        phrases = [row.phrase for row in rows]
        vectors = encoder.encode(phrases, "query")
        return cls(names, phrases, vectors, least, _outcomes(rows, path))

    def guess(self, found: PrototypeMatch) -> IntentGuess:
        """What a match means: the intent it is treated as, and whether people get it."""
        if found.name in set(Intent):
            return IntentGuess(Intent(found.name), found.similarity, found.name)
        then = self._then.get(found.name, "")
        intent = Intent.QUESTION if then in ("", HAND_OVER) else Intent(then)
        return IntentGuess(intent, found.similarity, found.name, then == HAND_OVER)

    def match(self, vector: Vectors) -> PrototypeMatch | None:
        """The nearest example of a message, given its unit vector; None when none is close."""
        similarities = self._vectors @ vector
        best = int(np.argmax(similarities))
        if similarities[best] < self._least:
            return None
        return PrototypeMatch(self._names[best], self._phrases[best], float(similarities[best]))


class IntentReader:
    """Reads intents of messages.

    Args:
        encoder: the one that mood reads with.
        heads: output `intent` over the nine intents.
        prototypes: the shop's own examples, which win over the head.

    Raises:
        ModelError: the head was trained on another encoder.
    """

    def __init__(
        self, encoder: Encoder, heads: Heads, prototypes: IntentPrototypes | None = None
    ) -> None:
        heads.require_encoder(encoder.name, encoder.dimension)
        self._encoder = encoder
        self._output = heads.outputs["intent"]
        self._heads = heads
        self._prototypes = prototypes

    def read(self, text: str, completed: str = "") -> IntentGuess:
        """The intent of a message.

        Args:
            completed: a follow-up with what it leans on; its intent is weighed in.
        """
        if _WANTS_HUMAN.search(text) and not _NOT_A_WISH.search(text):
            return IntentGuess(Intent.WANTS_HUMAN, _RULE_CONFIDENCE)
        texts = [text] if completed in ("", text) else [text, completed]
        vectors = self._encoder.encode(texts, "query")
        match = self._prototypes.match(vectors[0]) if self._prototypes else None
        if self._prototypes and match:
            return self._prototypes.guess(match)
        p = self._heads.probabilities(vectors)["intent"].mean(axis=0)
        best = int(np.argmax(p))
        intent = Intent(self._output.labels[best])
        return IntentGuess(intent, float(p[best]))


def _table(stream: Iterable[str]) -> csv.DictReader[str]:
    table = csv.DictReader(stream)
    missing = {"intent", "phrase"} - set(table.fieldnames or ())
    if missing:
        raise csv.Error(f"column {' and '.join(sorted(missing))} is missing in line 1")
    return table


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    phrase: str
    then: str
    line: int


def _checked(row: dict[str, str | None], path: Path, line: int) -> _Row:
    name, phrase = (row.get("intent") or "").strip(), (row.get("phrase") or "").strip()
    if not name or not phrase:
        raise InputError(
            f"{path}:{line}: {'intent' if not name else 'phrase'} is empty",
            fix="fill it in or delete the row",
        )
    then = (row.get("then") or "").strip()
    if then and then != HAND_OVER and then not in set(Intent):
        raise InputError(
            f"{path}:{line}: then {then[:40]!r} is not known",
            fix=f"leave it empty, or write {HAND_OVER} or one of {', '.join(Intent)}",
        )
    return _Row(name, phrase, then, line)


def _outcomes(rows: Sequence[_Row], path: Path) -> dict[str, str]:
    """What each intent is treated as; said once it holds for all its rows."""
    then: dict[str, str] = {}
    for row in rows:
        if row.then and then.setdefault(row.name, row.then) != row.then:
            raise InputError(
                f"{path}:{row.line}: {row.name[:40]!r} is treated as {then[row.name]!r} above and"
                f" as {row.then!r} here",
                fix="write the same in both rows, or only once",
            )
    return then
