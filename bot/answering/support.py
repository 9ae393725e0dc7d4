"""Whether a passage bears a drafted sentence out: the reader's word, and a floor fitted for it.

The reader is asked with the sentence in place of a question: what answers "The warranty is 24
months." is a passage that says so. Covered: the score, the floor and where it is kept. Not covered:
fitting it (`training.tasks.support`), facts, names, negations and conditions, which are compared
word by word (`bot.answering.guard`).

A passage in the other language scores lower for the same words, and has a floor of its own. Floors
belong to the weights that they were fitted with. With another reader they are not used, and the log
says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

from bot.errors import ConfigError
from bot.protocols import Reader

log = structlog.get_logger(__name__)
SHIPPED = Path(__file__).with_name("support.json")
_HAN = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Floors:
    """From which score on a sentence counts as supported, and what that costs.

    Attributes:
        same: log-odds, by the reader, where sentence and passage are in one language.
        across: the same where one is Chinese and the other is not.
        reader: name of the weights that they were fitted with.
        fitted_on: a note on where the sentences come from.
        false_block: share of supported sentences below it, on sentences left out of the fit.
        blocked: share of sentences held against another passage that fall below it, on the same.
    """

    same: float
    across: float
    reader: str
    fitted_on: str
    false_block: float
    blocked: float

    @classmethod
    def load(cls, path: Path = SHIPPED) -> Floors:
        """The floors in a file that `save` wrote.

        Raises:
            ConfigError: the file is missing or damaged.
        """
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                float(record["same"]),
                float(record["across"]),
                str(record["reader"]),
                str(record["fitted_on"]),
                float(record["false_block"]),
                float(record["blocked"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"the support floors in {path} cannot be read: {error}",
                fix="fit it again: shopkeeper eval support --fit",
            ) from error

    def save(self, path: Path = SHIPPED) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Support:
    """A reader and the floors of its scores."""

    reader: Reader
    same: float
    across: float

    @classmethod
    def fitted(cls, reader: Reader | None, floors: Floors) -> Support | None:
        """With the floors if they are of this reader; None, and a line in the log, if not."""
        if reader is None:
            return None
        if reader.name != floors.reader:
            log.warning(
                "support_floor_unused",
                reader=reader.name,
                fitted_with=floors.reader,
                fix="shopkeeper eval support --fit",
            )
            return None
        return cls(reader, floors.same, floors.across)

    def margin(self, sentence: str, passages: Sequence[str]) -> float:
        """How far the passage that supports it most is above its floor, in log-odds.

        Negative for a sentence that none bears out; -inf without passages.
        """
        readings = self.reader.read(sentence, passages) if passages else ()
        return max(
            (
                reading.logit - (self.across if across(sentence, passage) else self.same)
                for reading, passage in zip(readings, passages, strict=True)
            ),
            default=float("-inf"),
        )


def across(sentence: str, passage: str) -> bool:
    """Whether one of them is Chinese and the other is not."""
    return bool(_HAN.search(sentence)) != bool(_HAN.search(passage))
