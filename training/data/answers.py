"""Examples for the answer adapter: written ones in a shop's voice, and public question answering.

Covered: `training/data/written/answers.*.jsonl` (sentences with citations) and the rows of
squad2_half, cmrc2018 and drcd (short spans with a citation), each with distractors and the gold
passage at every rank. Rows marked `dev` are never built for training. Splits are by invented shop
and by article. Not covered: the demo shop's golden questions, which only measure.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bot.answering.prompt import PASSAGE_BUDGET, Source, answer_prompt, width
from bot.types import HistoryEntry, Lang, Prompt

WRITTEN = Path(__file__).parent / "written"
REFUSALS: dict[Lang, str] = {
    "en": "I'm sorry, I don't have that information. [none]",
    "zh-Hans": "抱歉，店铺资料里没有这方面的信息[none]。",
    "zh-Hant": "抱歉，店鋪資料裡沒有這方面的資訊[none]。",
    "other": "I'm sorry, I don't have that information. [none]",
}
_SENTENCES = re.compile(r"(?<=[。！？；])|(?<=[.!?])\s+")
_PUBLIC: dict[str, Lang] = {"squad2_half": "en", "cmrc2018": "zh-Hans", "drcd": "zh-Hant"}


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt, what should follow it, and where both come from."""

    prompt: Prompt
    completion: str
    corpus: str
    lang: Lang
    answerable: bool


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a JSON Lines file, blank lines passed over."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


def written_examples(split: Literal["train", "dev"]) -> list[Example]:
    """The examples written for this project, both languages."""
    found = []
    for lang in ("en", "zh"):
        for row in read_jsonl(WRITTEN / f"answers.{lang}.jsonl"):
            if row["split"] != split:
                continue
            sources = [Source(passage["title"], passage["text"]) for passage in row["passages"]]
            history = [HistoryEntry(_speaker(h["speaker"]), h["text"]) for h in row["history"]]
            prompt = answer_prompt(row["question"], row["lang"], sources, history)
            found.append(Example(prompt, row["answer"], "written", row["lang"], row["answerable"]))
    return found


def drawn(examples: Sequence[Example], count: int, seed: int) -> list[Example]:
    """`count` of the examples, or all for 0."""
    rng = random.Random(seed)  # noqa: S311 (sampling, not security)
    return rng.sample(list(examples), min(count, len(examples))) if count else list(examples)


def _speaker(name: str) -> Literal["customer", "bot"]:
    return "customer" if name == "customer" else "bot"


def public_examples(
    data: Path, split: Literal["train", "dev"], count: int, seed: int, refusal_share: float = 0.06
) -> list[Example]:
    """`count` examples spread evenly over the public question-answering corpora.

    Args:
        data: folder that holds the corpora, one folder each.
        refusal_share: share of unanswerable questions. Small on purpose: a generator learns to
            refuse long before it learns to read (training/LOG.md).
    """
    rng = random.Random(seed)  # noqa: S311 (sampling, not security)
    found: list[Example] = []
    for corpus, lang in _PUBLIC.items():
        rows = list(read_jsonl(data / corpus / f"{split}.jsonl"))
        rng.shuffle(rows)
        wanted = count // len(_PUBLIC)
        refusals = int(wanted * refusal_share)
        answerable = [row for row in rows if row["answerable"]][: wanted - refusals]
        unanswerable = [row for row in rows if not row["answerable"]][:refusals]
        contexts = [row["context"] for row in rows]
        found.extend(
            _span_example(row, corpus, lang, contexts, rng) for row in answerable + unanswerable
        )
    rng.shuffle(found)
    return found


def _span_example(
    row: dict[str, Any], corpus: str, lang: Lang, contexts: list[str], rng: random.Random
) -> Example:
    answer = min(row["answers"], key=len) if row["answerable"] else ""
    texts = [excerpt(row["context"], answer, rng)]
    for _ in range(rng.choice([0, 1, 1, 2])):
        other = rng.choice(contexts)
        if other != row["context"] and (not answer or answer not in other):
            texts.append(excerpt(other, "", rng))
    rng.shuffle(texts)
    number = next((n for n, text in enumerate(texts, 1) if answer and answer in text), 0)
    if number:
        completion = f"{answer} [{number}]." if lang == "en" else f"{answer}[{number}]。"
    else:
        completion = REFUSALS[lang]
    prompt = answer_prompt(row["question"], lang, [Source("", text) for text in texts])
    return Example(prompt, completion, corpus, lang, bool(number))


def excerpt(context: str, answer: str, rng: random.Random) -> str:
    """A run of whole sentences of `context` that holds `answer`, of random length.

    Short passages train faster than whole paragraphs and resemble a shop's; the place of the
    answer in them varies.
    """
    sentences = [part for part in _SENTENCES.split(context) if part]
    budget = rng.uniform(0.3, 0.95) * PASSAGE_BUDGET
    start = next((i for i, s in enumerate(sentences) if answer and answer in s), None)
    if start is None:
        start = 0 if answer else rng.randrange(len(sentences))
    first = last = start
    gap = " " if width(context) < 1.5 * len(context) else ""
    while True:
        options = [i for i in (first - 1, last + 1) if 0 <= i < len(sentences)]
        if not options:
            break
        chosen = rng.choice(options)
        grown = gap.join(sentences[min(first, chosen) : max(last, chosen) + 1])
        if width(grown) > budget:
            break
        first, last = min(first, chosen), max(last, chosen)
    text = gap.join(sentences[first : last + 1])
    return text if not answer or answer in text else context
