"""How the customer feels: heads on the encoder with an adapter of its own, one pass a message.

Covered: sentiment and frustration of a message, the trend over the conversation, the same
question asked again, long texts, messages that quote somebody else. The words of the bot and of
agents are not read. Not covered: what is done about it (`bot.answering.decision`).

A text that says nothing (empty, only spaces or dashes) or that is nothing but a quotation is
`unknown`. Languages the head was not trained on are read all the same: the encoder is
multilingual. The mood of a turn never raises; what went wrong is in the log.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from bot.heads import Heads, logit, sigmoid
from bot.protocols import Encoder, Vectors
from bot.types import HistoryEntry, Message, Mood
from retrieval.text import simplified

log = structlog.get_logger(__name__)

SHIPPED = Path(__file__).resolve().parents[1] / "training" / "adapters" / "mood"
_WINDOW = 1000
_WINDOWS = 4
_LOOK_BACK = 4
_QUOTED = re.compile(
    r"“[^”]{20,}”|\"[^\"\n]{20,}\"|「[^」]{20,}」|『[^』]{20,}』|«[^»]{20,}»|^[ \t]*>.*$",
    re.MULTILINE,
)
_LEAST_OWN_WORDS = 4


@dataclass(frozen=True, slots=True)
class Context:
    """How a conversation bears on the frustration of its latest message: weights on log-odds.

    Attributes:
        bias: constant.
        now: of the message itself.
        before: of the mean over the customer's earlier messages.
        repeated: of `repetition`, in [0, 1].
    """

    bias: float = 0.0
    now: float = 1.0
    before: float = 0.0
    repeated: float = 0.0

    def frustration(self, now: float, before: Sequence[float], repeated: float) -> float:
        """Probability, given the single messages' ones; `now` itself without earlier ones."""
        if not before:
            return now
        earlier = float(np.mean([logit(p) for p in before]))
        score = self.bias + self.now * logit(now) + self.before * earlier + self.repeated * repeated
        return float(sigmoid(np.array([score], np.float32))[0])


@dataclass(frozen=True, slots=True)
class Reading:
    """One text, by itself: probabilities by label, and frustration."""

    probabilities: Mapping[str, float]
    frustration: float


class EncoderMood:
    """Implements `bot.protocols.MoodReader`.

    Args:
        encoder: the one the heads were trained on.
        heads: outputs `sentiment` and `frustration` (threshold `unhappy`).
        asked: tells by its vectors whether the same is asked again: the one that searches, since
            an adapter for moods puts all complaints close together. None for `encoder`.

    Raises:
        ModelError: the heads were trained on another encoder.
    """

    def __init__(self, encoder: Encoder, heads: Heads, asked: Encoder | None = None) -> None:
        heads.require_encoder(encoder.name, encoder.dimension)
        self._encoder = encoder
        self._asked = asked or encoder
        self._heads = heads
        self._context = Context(**heads.extra.get("context", {}))
        self._unhappy = heads.outputs["frustration"].thresholds.get("unhappy", 1.0)

    @classmethod
    def shipped(
        cls, encoder: Encoder, asked: Encoder | None = None, folder: Path = SHIPPED
    ) -> EncoderMood:
        """With the heads that come with the program.

        Raises:
            ModelError: they are missing, damaged, or of another encoder.
        """
        return cls(encoder, Heads.load(folder), asked)

    @property
    def name(self) -> str:
        """Identifies the heads; stored with every turn."""
        return self._heads.name

    @property
    def threshold(self) -> float:
        """Frustration from which on a customer counts as unhappy."""
        return self._unhappy

    def read(self, message: Message, history: Sequence[HistoryEntry]) -> Mood:
        """The mood of the latest message in the light of the customer's earlier ones."""
        try:
            earlier = [entry.text for entry in history if entry.speaker == "customer"]
            return self._read(message.text, earlier[-_LOOK_BACK:])
        except Exception as error:
            # A mood that fails must not cost the customer the answer; it is recorded and unknown.
            log.exception("mood_failed", conversation=message.conversation_id)
            return Mood(model=self._heads.name, error=f"{type(error).__name__}: {error}")

    def read_texts(self, texts: Sequence[str]) -> list[Mood]:
        """Moods of single texts such as reviews, in order: no conversation, quotations and all."""
        return [self._mood(reading, (), 0.0) for reading in self.readings(texts)]

    def readings(self, texts: Sequence[str]) -> list[Reading | None]:
        """What the heads say of each text; None for one that says nothing."""
        pieces = [windows(text.strip()) if says_something(text) else [] for text in texts]
        flat = list(dict.fromkeys(piece for group in pieces for piece in group))
        vectors = self._encoder.encode([simplified(piece) for piece in flat], "query")
        found = dict(zip(flat, self._judge(vectors), strict=True))
        return [_joined([found[piece] for piece in group]) for group in pieces]

    def _judge(self, vectors: Vectors) -> list[Reading]:
        if not len(vectors):
            return []
        said = self._heads.probabilities(vectors)
        labels = self._heads.outputs["sentiment"].labels
        return [
            Reading(dict(zip(labels, map(float, row), strict=True)), float(angry[0]))
            for row, angry in zip(said["sentiment"], said["frustration"], strict=True)
        ]

    def _read(self, text: str, earlier: Sequence[str]) -> Mood:
        said = [own_words(words) for words in (text, *earlier)]
        now, *before = self.readings(said)
        known = [reading.frustration for reading in before if reading is not None]
        return self._mood(now, known, self.repeated(said) if now and known else 0.0)

    def repeated(self, said: Sequence[str]) -> float:
        """How far the first of some texts asks what one of the others asked, in [0, 1]."""
        texts = [simplified(text[:_WINDOW]) for text in said if says_something(text)]
        now, *before = self._asked.encode(texts, "query")
        return max((repetition(now, vector) for vector in before), default=0.0)

    def _mood(self, now: Reading | None, before: Sequence[float], repeated: float) -> Mood:
        if now is None:
            return Mood(model=self._heads.name)
        frustration = self._context.frustration(now.frustration, before, repeated)
        label = max(now.probabilities, key=lambda name: now.probabilities[name])
        return Mood(
            label=label,  # type: ignore[arg-type]
            probabilities=now.probabilities,
            frustration=frustration,
            trend=frustration - float(np.mean(before)) if before else 0.0,
            unhappy=frustration >= self._unhappy,
            model=self._heads.name,
        )


def own_words(text: str) -> str:
    """The text without long quotations; empty when nothing else is in it.

    Short words in quotation marks are emphasis, not a quotation, and stay.
    """
    own = _QUOTED.sub(" ", text)
    if own == text:
        return text
    return own.strip() if sum(map(str.isalnum, own)) >= _LEAST_OWN_WORDS else ""


def windows(text: str) -> list[str]:
    """A long text in at most four pieces of 1,000 characters: the first three and the last."""
    if len(text) <= _WINDOW:
        return [text] if text else []
    pieces = [text[start : start + _WINDOW] for start in range(0, len(text), _WINDOW)]
    if len(pieces) <= _WINDOWS:
        return pieces
    return [*pieces[: _WINDOWS - 1], text[-_WINDOW:]]


def repetition(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """How far two messages ask the same, in [0, 1], from their vectors.

    E5's cosines of unrelated short texts lie around 0.8, of the same question above 0.9.
    """
    return float(np.clip((float(one @ other) - 0.85) / 0.1, 0.0, 1.0))


def _joined(readings: Sequence[Reading]) -> Reading | None:
    # Of a long text the labels are averaged, and its angriest window counts.
    if not readings:
        return None
    if len(readings) == 1:
        return readings[0]
    return Reading(
        {
            label: float(np.mean([reading.probabilities[label] for reading in readings]))
            for label in readings[0].probabilities
        },
        max(reading.frustration for reading in readings),
    )


def says_something(text: str) -> bool:
    """Whether there is a letter, digit, symbol (emoji among them) or a mark that carries a tone."""
    return any(c in "!?！？" or unicodedata.category(c)[0] in "LNS" for c in text)
