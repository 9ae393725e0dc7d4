"""Whether a passage bears a drafted sentence out: the reader's word, and a floor fitted for it.

The reader is asked with the sentence in place of a question: what answers "The warranty is 24
months." is a passage that says so. Covered: the score, the floor and where it is kept. Not covered:
fitting it (`training.tasks.support`), facts, names, negations and conditions, which are compared
word by word (`bot.answering.guard`).

A floor belongs to the weights that it was fitted with. With another reader it is not used, and the
log says so.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

from bot.errors import ConfigError
from bot.protocols import Reader

log = structlog.get_logger(__name__)
SHIPPED = Path(__file__).with_name("support.json")


@dataclass(frozen=True, slots=True)
class Floor:
    """From which score on a sentence counts as supported, and what that costs.

    Attributes:
        floor: log-odds, by the reader.
        reader: name of the weights that it was fitted with.
        fitted_on: a note on where the sentences come from.
        false_block: share of supported sentences below it, on sentences left out of the fit.
        blocked: share of sentences held against another passage that fall below it, on the same.
    """

    floor: float
    reader: str
    fitted_on: str
    false_block: float
    blocked: float

    @classmethod
    def load(cls, path: Path = SHIPPED) -> Floor:
        """The floor in a file that `save` wrote.

        Raises:
            ConfigError: the file is missing or damaged.
        """
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                float(record["floor"]),
                str(record["reader"]),
                str(record["fitted_on"]),
                float(record["false_block"]),
                float(record["blocked"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"the support floor in {path} cannot be read: {error}",
                fix="fit it again: shopkeeper eval support --fit",
            ) from error

    def save(self, path: Path = SHIPPED) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Support:
    """A reader and the floor of its scores."""

    reader: Reader
    floor: float

    @classmethod
    def fitted(cls, reader: Reader | None, floor: Floor) -> Support | None:
        """With the floor if it was fitted for this reader; None, and a line in the log, if not."""
        if reader is None:
            return None
        if reader.name != floor.reader:
            log.warning(
                "support_floor_unused",
                reader=reader.name,
                fitted_with=floor.reader,
                fix="shopkeeper eval support --fit",
            )
            return None
        return cls(reader, floor.floor)

    def score(self, sentence: str, passages: Sequence[str]) -> float:
        """The most that one of the passages supports a sentence, as log-odds; -inf without any."""
        readings = self.reader.read(sentence, passages) if passages else ()
        return max((reading.logit for reading in readings), default=float("-inf"))
