"""Questions with passages, for the reader: which passage answers, where, or none of them.

Covered: squad2_half, cmrc2018, drcd and half of the xquad articles (spans, hard negatives from the same
article and from BM25, either language), stackfaq, banking77 and hint3 (a customer's wording against
a FAQ's), the written answers (the shop's voice, near-miss passages, follow-ups), pages of made-up shops that tell most things
but not always the one that is asked; and pages with questions on their topic that they do not
answer (`written/beside.*.jsonl`). Splits are by article, conversation, invented shop or fact. Not
covered: the demo shop's golden questions, which calibrate and measure what is trained here, and
xquad's other articles, which only measure.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import bm25s
import numpy as np

from retrieval.reader import aligned
from retrieval.spans import sentence_spans
from retrieval.text import simplified, terms
from training.data.altered import with_other_names
from training.data.answers import WRITTEN, read_jsonl
from training.data.beside import beside_questions
from training.data.shop_facts import shop_questions

Split = Literal["train", "dev"]
XQUAD_TRAINED = (
    "1973_oil_crisis",
    "Black_Death",
    "Computational_complexity_theory",
    "Force",
    "Fresno,_California",
    "Huguenot",
    "Immune_system",
    "Islamism",
    "Normans",
    "Private_school",
    "Rhine",
    "Warsaw",
)
"""Articles of xquad that are trained on; squad2_half's training rows share five of them."""
_BESIDE_TIMES = 4  # few, and the nearest to what a shop is asked


@dataclass(frozen=True, slots=True)
class ReadPassage:
    """A passage beside a question. Offsets are in characters of `text`, ends not included.

    Attributes:
        answers: whether it answers the question.
        span: the shortest answer in it, where one is known.
        evidence: the stretches that the answer rests on; empty where they are not known.
    """

    text: str
    answers: bool
    span: tuple[int, int] | None = None
    evidence: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ReadGroup:
    """A question with the passages it is compared on; none of them may answer it.

    Attributes:
        topic: what is asked, where the corpus says so: groups of one topic share their answers.
    """

    question: str
    lang: str
    source: str
    passages: tuple[ReadPassage, ...]
    topic: str = ""


def load_reading(data: Path, split: Split, seed: int = 5) -> list[ReadGroup]:
    """All groups of a split, in a fixed order.

    Args:
        data: folder of the public corpora.
        seed: of the negatives that are drawn.
    """
    rng = random.Random(seed)  # noqa: S311 (sampling, not security)
    groups = [
        *_span_groups(data, "squad2_half", split, rng),
        *_span_groups(data, "cmrc2018", split, rng),
        *_span_groups(data, "drcd", split, rng),
        *_xquad_groups(data, split, rng),
        *_wording_groups(data, split, rng),
        *_written_groups(split),
        *_shop_groups(split, rng),
        *[*_beside_groups(split)] * (_BESIDE_TIMES if split == "train" else 1),
    ]
    return [_in_simplified(group) for group in groups]


def _in_simplified(group: ReadGroup) -> ReadGroup:
    passages = tuple(replace(p, text=aligned(p.text)) for p in group.passages)
    return replace(group, question=simplified(group.question), passages=passages)


class _Neighbours:
    """BM25 over a corpus: the passages that look like an answer."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._index = bm25s.BM25()
        self._index.index([terms(text) for text in texts], show_progress=False)
        self._count = len(texts)

    def of(self, question: str, count: int) -> list[int]:
        """Places of the best passages, best first."""
        asked = terms(question)
        if not asked:
            return []
        scores = self._index.get_scores(asked)
        return [int(i) for i in np.argsort(-scores)[:count] if scores[i] > 0]


def _span_groups(data: Path, corpus: str, split: Split, rng: random.Random) -> Iterator[ReadGroup]:
    passages = {row["passage_id"]: row for row in read_jsonl(data / corpus / "passages.jsonl")}
    rows = list(read_jsonl(data / corpus / f"{split}.jsonl"))
    ids = sorted({row.get("gold_passage_id") or row["passage_id"] for row in rows})
    texts = [passages[key]["text"] for key in ids]
    near = _Neighbours(texts)
    siblings = defaultdict(list)
    for place, key in enumerate(ids):
        siblings[passages[key].get("title") or key.rsplit("-", 1)[0]].append(place)
    for row in rows:
        if row["answerable"]:
            found = _with_span(row["context"], row["answers"])
            if found is None:
                continue
            title = passages[row["passage_id"]].get("title") or row["passage_id"].rsplit("-", 1)[0]
            places = [*near.of(row["question"], 4), *rng.sample(siblings[title], 1)]
            wrong = _unlike(row["context"], [texts[i] for i in places], row["answers"])
            shown = (found, *(ReadPassage(text, False) for text in wrong[:2]))
            other = rng.choice(rows)["question"]
            altered = with_other_names(row["question"], other, row["context"], rng)
            if altered and split == "train":
                yield ReadGroup(altered, row["lang"], corpus, (ReadPassage(row["context"], False),))
        else:
            shown = (ReadPassage(row["context"], False),)
            gold = row.get("gold_passage_id")
            if gold and gold != row["passage_id"] and gold in passages:
                # The derived rows were answerable before their passage was exchanged.
                shown = (ReadPassage(passages[gold]["text"], True), *shown)
        yield ReadGroup(row["question"], row["lang"], corpus, shown)


def _with_span(text: str, answers: Sequence[str]) -> ReadPassage | None:
    places = [(text.find(answer), answer) for answer in answers if answer and answer in text]
    if not places:
        return None
    start, answer = min(places, key=lambda item: (len(item[1]), item[0]))
    end = start + len(answer)
    around = tuple(s for s in sentence_spans(text) if s[0] < end and start < s[1])
    return ReadPassage(text, True, (start, end), around)


def _unlike(gold: str, texts: Sequence[str], answers: Sequence[str]) -> list[str]:
    """The texts that are not the gold one and do not hold an answer, each once."""
    return [
        text
        for text in dict.fromkeys(texts)
        if text != gold and not any(answer in text for answer in answers)
    ]


def _xquad_groups(data: Path, split: Split, rng: random.Random) -> Iterator[ReadGroup]:
    folder = data / "xquad_en_zh"
    passages = {row["passage_id"]: row for row in read_jsonl(folder / "dev_passages.jsonl")}
    by_title = defaultdict(list)
    for row in passages.values():
        by_title[row["title"]].append(row)
    for row in read_jsonl(folder / "dev_questions.jsonl"):
        passage = passages[row["passage_id"]]
        if (passage["title"] in XQUAD_TRAINED) != (split == "train"):
            continue
        others = [p for p in by_title[passage["title"]] if p is not passage]
        for asked, told in (("en", "en"), ("zh", "zh"), ("en", "zh"), ("zh", "en")):
            answers = [row[f"answer_{told}"]]
            found = _with_span(passage[f"text_{told}"], answers)
            if found is None:
                continue
            drawn = rng.sample(others, 3)
            wrong = _unlike(found.text, [p[f"text_{told}"] for p in drawn], answers)
            yield ReadGroup(
                row[f"question_{asked}"],
                "zh-Hans" if asked == "zh" else "en",
                f"xquad-{asked}-{told}",
                (found, *(ReadPassage(text, False) for text in wrong[:2])),
            )


@dataclass(frozen=True, slots=True)
class _Wording:
    """Two wordings that ask for the same."""

    asked: str
    target: str
    topic: str


def _wording_groups(data: Path, split: Split, rng: random.Random) -> Iterator[ReadGroup]:
    """A customer's wording against other wordings, of which one asks for the same."""
    if split != "train":
        return
    rows = list(read_jsonl(data / "stackfaq_paraphrases/pairs.jsonl"))
    pairs = [_Wording(row["query"], row["faq_question"], row["faq_question"]) for row in rows]
    yield from _wordings("stackfaq", pairs, 4)
    rows = list(read_jsonl(data / "banking77/train.jsonl"))
    yield from _wordings("banking77", _same_label(rows, rng, 1800), 4)
    for shop in ("sofmattress", "powerplay11"):
        rows = [r for r in read_jsonl(data / "hint3/train.jsonl") if r["shop"] == shop]
        known = [r for r in rows if r["in_scope"]]
        yield from _wordings(f"hint3-{shop}", _same_label(known, rng, len(known)), 4)


def _same_label(rows: Sequence[dict[str, Any]], rng: random.Random, count: int) -> list[_Wording]:
    by_label = defaultdict(list)
    for row in rows:
        by_label[row["label"]].append(row["text"])
    found = []
    for row in rng.sample(list(rows), min(count, len(rows))):
        others = [text for text in by_label[row["label"]] if text != row["text"]]
        if others:
            found.append(_Wording(row["text"], rng.choice(others), row["label"]))
    return found


def _wordings(source: str, pairs: Sequence[_Wording], negatives: int) -> Iterator[ReadGroup]:
    """Groups with the most similar wordings of other topics as negatives."""
    topics = {pair.target: pair.topic for pair in pairs}
    targets = list(topics)
    near = _Neighbours(targets)
    for pair in pairs:
        found = [targets[i] for i in near.of(pair.asked, len(targets))]
        wrong = [text for text in found if topics[text] != pair.topic][:negatives]
        shown = (ReadPassage(pair.target, True), *(ReadPassage(text, False) for text in wrong))
        yield ReadGroup(pair.asked, "en", source, shown, pair.topic)


def _written_groups(split: Split) -> Iterator[ReadGroup]:
    for lang in ("en", "zh"):
        for row in read_jsonl(WRITTEN / f"answers.{lang}.jsonl"):
            if row["split"] != split or row["kind"] == "injection":
                continue
            gold = set(row["gold"]) if row["answerable"] else set()
            shown = []
            for number, passage in enumerate(row["passages"], start=1):
                text = f"{passage['title']}\n{passage['text']}".strip()
                right = number in gold
                evidence = _supporting(text, row["answer"]) if right else ()
                shown.append(ReadPassage(text, right, None, evidence))
            asked = [h["text"] for h in row["history"] if h["speaker"] == "customer"][-1:]
            question = " ".join([*asked, row["question"]])
            yield ReadGroup(question, row["lang"], "written", tuple(shown))


def _shop_groups(split: Split, rng: random.Random) -> Iterator[ReadGroup]:
    for asked in shop_questions(split, 5000 if split == "train" else 400, rng):
        shown = []
        for number, page in enumerate(asked.pages):
            place = page.place(asked.key) if number in asked.right else None
            evidence, span = ((place[0],), place[1]) if place else ((), None)
            shown.append(ReadPassage(page.text(), place is not None, span, evidence))
        lang = "en" if asked.lang == "en" else "zh-Hans"
        yield ReadGroup(asked.text, lang, "shop-facts", tuple(shown))


def _beside_groups(split: Split) -> Iterator[ReadGroup]:
    for asked in beside_questions(split):
        right = _with_span(asked.page, [asked.says])
        yield ReadGroup(
            asked.question, asked.lang, "beside", (right or ReadPassage(asked.page, False),)
        )


def _supporting(text: str, answer: str) -> tuple[tuple[int, int], ...]:
    """The sentences of `text` that share most with the answer, by words."""
    said = set(terms(answer))
    scored = []
    for start, end in sentence_spans(text):
        there = set(terms(text[start:end]))
        scored.append((len(said & there) / (len(there) ** 0.5 + 1e-9), (start, end)))
    if not scored:
        return ()
    best = max(score for score, _ in scored)
    return tuple(span for score, span in scored if score >= 0.7 * best and score > 0)
