"""Messages with what the customer wants: the written utterances, and public sets where a label of
theirs honestly means the same.

Covered: the nine intents of `bot.types.Intent`. Not covered: a shop's own intents (those are
prototypes, see `bot.intents`) and the 150 intents of clinc150 as such (`shopkeeper eval intent`
fits a fresh head for any such file).

What is mapped, and what is left alone: `clinc150` is about an assistant for everyday life, so its
out-of-scope rows and the domains a shop has nothing to do with are out of scope here; of `hint3`
only labels with a plain counterpart are used, and its out-of-scope rows are not, since many ask
for things a shop does answer.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.types import Intent
from training.data.jsonl import Row, file_hash, read_jsonl
from training.data.mood import WRITTEN, SourceFile, Split

_CLINC_DOMAINS_ELSEWHERE = frozenset(
    {"utility", "travel", "auto_and_commute", "kitchen_and_dining", "work"}
)
_CLINC_LABELS: Mapping[str, Intent] = {
    "oos": Intent.OUT_OF_SCOPE,
    "thank_you": Intent.THANKS_BYE,
    "goodbye": Intent.THANKS_BYE,
    "greeting": Intent.SMALLTALK,
    "are_you_a_bot": Intent.SMALLTALK,
    "what_is_your_name": Intent.SMALLTALK,
    "who_made_you": Intent.SMALLTALK,
    "how_old_are_you": Intent.SMALLTALK,
    "where_are_you_from": Intent.SMALLTALK,
    "tell_joke": Intent.SMALLTALK,
    "what_are_your_hobbies": Intent.SMALLTALK,
    "do_you_have_pets": Intent.SMALLTALK,
    "order_status": Intent.ORDER_MATTER,
}
_HINT3_LABELS: Mapping[str, Intent] = {
    **dict.fromkeys(
        (
            "EMI",
            "COD",
            "WARRANTY",
            "100_NIGHT_TRIAL_OFFER",
            "CHECK_PINCODE",
            "DISTRIBUTORS",
            "OFFERS",
        ),
        Intent.QUESTION,
    ),
    **dict.fromkeys(
        (
            "ORTHO_FEATURES",
            "ERGO_FEATURES",
            "COMPARISON",
            "WHAT_SIZE_TO_ORDER",
            "MATTRESS_COST",
            "PRODUCT_VARIANTS",
            "PILLOWS",
        ),
        Intent.PRODUCT_QUESTION,
    ),
    **dict.fromkeys(("ORDER_STATUS", "CANCEL_ORDER", "DELAY_IN_DELIVERY"), Intent.ORDER_MATTER),
    "THANKS": Intent.THANKS_BYE,
    "GREETINGS_DAY": Intent.SMALLTALK,
    "PRESENCE": Intent.SMALLTALK,
    "CRITICISM": Intent.ABUSE,
}
_MULTIDOGO_LABELS: Mapping[str, Intent] = {
    "openinggreeting": Intent.SMALLTALK,
    "thankyou": Intent.THANKS_BYE,
    "closinggreeting": Intent.THANKS_BYE,
}
_ANSWER_KINDS: Mapping[str, Intent] = {
    "product_spec": Intent.PRODUCT_QUESTION,
    "comparison": Intent.PRODUCT_QUESTION,
    "policy_condition": Intent.QUESTION,
}
_CAP = 300
"""Most rows of one intent from one public file: they widen the head, they do not set its taste."""


@dataclass(frozen=True, slots=True)
class IntentExample:
    """One message and what it wants."""

    text: str
    lang: str
    source: str
    intent: Intent


@dataclass(frozen=True, slots=True)
class IntentData:
    """Examples of one split and the files they came from."""

    examples: tuple[IntentExample, ...]
    files: tuple[SourceFile, ...]


def load_intents(
    data: Path, split: Split, written: Path = WRITTEN, seed: int = 20240607
) -> IntentData:
    """All examples of a split; `seed` picks which public rows stay under the cap.

    Raises:
        InputError: a file is missing or empty, or a line is not as its README says.
    """
    examples: list[IntentExample] = []
    files: list[SourceFile] = []
    for source, path, convert in _sources(data, split, written):
        found = [item for items in read_jsonl(path, convert).strict() for item in items]
        kept = found if source == "written" else _capped(found, seed)
        examples.extend(kept)
        files.append(SourceFile(f"{source}/{path.name}", len(kept), file_hash(path)))
    return IntentData(tuple(examples), tuple(files))


_Convert = Callable[[Row], tuple[IntentExample, ...]]


def _sources(data: Path, split: Split, written: Path) -> list[tuple[str, Path, _Convert]]:
    found: list[tuple[str, Path, _Convert]] = [
        ("written", written / "service_utterances.jsonl", _written(split)),
        ("clinc150", data / f"clinc150/{split}.jsonl", _clinc),
        ("hint3", data / f"hint3/{split}.jsonl", _mapped("hint3", _HINT3_LABELS)),
        ("multidogo", data / f"multidogo/{split}.jsonl", _multidogo),
    ]
    if split == "train":
        found.append(("crosswoz", data / "crosswoz/dev.jsonl", _crosswoz))
        found.extend(
            ("answers", written / f"answers.{lang}.jsonl", _answers) for lang in ("en", "zh")
        )
    return found


def _capped(examples: Iterable[IntentExample], seed: int) -> list[IntentExample]:
    unique = list({example.text.strip().lower(): example for example in examples}.values())
    random.Random(seed).shuffle(unique)  # noqa: S311 - a sample, not a secret
    counts: dict[Intent, int] = {}
    kept = []
    for example in unique:
        counts[example.intent] = counts.get(example.intent, 0) + 1
        if counts[example.intent] <= _CAP:
            kept.append(example)
    return kept


def _written(split: Split) -> _Convert:
    def convert(row: Row) -> tuple[IntentExample, ...]:
        intent = Intent(row.one_of("intent", [str(i) for i in Intent]))
        example = IntentExample(row.text("text"), row.text("lang"), "written", intent)
        return (example,) if row.one_of("split", ("train", "dev")) == split else ()

    return convert


def _mapped(source: str, labels: Mapping[str, Intent]) -> _Convert:
    def convert(row: Row) -> tuple[IntentExample, ...]:
        intent = labels.get(row.text("label"))
        if intent is None:
            return ()
        return (IntentExample(row.text("text"), row.text("lang"), source, intent),)

    return convert


def _clinc(row: Row) -> tuple[IntentExample, ...]:
    intent = _CLINC_LABELS.get(row.text("label"))
    if intent is None and row.text("domain") in _CLINC_DOMAINS_ELSEWHERE:
        intent = Intent.OUT_OF_SCOPE
    if intent is None:
        return ()
    return (IntentExample(row.text("text"), row.text("lang"), "clinc150", intent),)


def _multidogo(row: Row) -> tuple[IntentExample, ...]:
    return tuple(
        IntentExample(
            turn["text"], row.text("lang"), "multidogo", _MULTIDOGO_LABELS[turn["intent"]]
        )
        for turn in row.values.get("turns", ())
        if turn["intent"] in _MULTIDOGO_LABELS
    )


def _crosswoz(row: Row) -> tuple[IntentExample, ...]:
    # People looking for sights, hotels and restaurants in Beijing: the first wish, and the goodbye.
    said = [t["text"] for t in row.values.get("turns", ()) if t["speaker"] == "customer"]
    found = []
    if said and any(word in said[0] for word in ("酒店", "餐馆", "景点", "地铁", "出租")):
        found.append(IntentExample(said[0], row.text("lang"), "crosswoz", Intent.OUT_OF_SCOPE))
    if said and "谢" in said[-1] and len(said[-1]) <= 16:
        found.append(IntentExample(said[-1], row.text("lang"), "crosswoz", Intent.THANKS_BYE))
    return tuple(found)


def _answers(row: Row) -> tuple[IntentExample, ...]:
    intent = _ANSWER_KINDS.get(row.text("kind"))
    if intent is None or row.values.get("history"):
        return ()
    return (IntentExample(row.text("question"), row.text("lang"), "answers", intent),)
