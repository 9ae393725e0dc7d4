"""Lines of a product's sheet that a question asks for by name: "and what does it cost?" its price.

The reader points to the line it is surest of; of two things that are asked it often sees one, and a
price in passing it seldom sees. A line whose own label stands in the question, or whose kind the
question asks for in other words, is needed whatever the reader says. Covered: labels in front of a
colon in either language, and the common kinds (price, stock, weight, size, colour, material,
warranty). Not covered: text without labels, and what no line is labelled with.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from bot.types import EvidenceSentence, Hit
from retrieval.text import fold, has_han

_LABEL = re.compile(r"^\s*(?P<label>[^:：\n]{1,40}?)\s*[:：]")
_LEAST_LATIN = 3
"""Letters from which on a label in a question is no accident."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """What people say when they ask for a kind of fact, and how sheets label it; both folded."""

    asked: re.Pattern[str]
    label: re.Pattern[str]


def _kind(asked: str, label: str) -> _Kind:
    return _Kind(re.compile(asked), re.compile(rf"^(?:{label})"))


_KINDS = (
    _kind(
        r"\bpric(?:e|es|ed|ey)\b|\bcosts?\b|\bcheap(?:er|est)?\b|\bexpensive\b|\bhow much (?:is|are|for)\b"
        r"|\bhow much\W*$|多少钱|价格|价钱|售价|价位|什么价|多少元|多少块|几块钱|价差|差价|差多少钱|便宜|贵",
        r"(?:\w+ )?price\b|售价|价格|现价|原价|零售价|标价|会员价",
    ),
    _kind(
        r"\b(?:in|out of) stock\b|\bavailab|\bsold out\b|\b(?:have|got) (?:it|them|one|any|some)\b"
        r"|\bright now\b|有货|现货|库存|缺货|断货|卖完|售罄|补货|还有吗|有没有货",
        r"availab|stock|库存|有货|现货|供货",
    ),
    _kind(
        r"\bweigh|\bheav(?:y|ier|iest)\b|\blight(?:er|est)\b|\bhow light\b"
        r"|重量|多重|几斤|多少斤|多沉|更轻|最轻|更重|几公斤|多少克",
        r"(?:\w+ )?weight\b|weighs|重量|净重|毛重|总重|自重",
    ),
    _kind(
        r"\bdimensions?\b|\bmeasure|\bhow (?:big|large|wide|long|tall|high|deep|small)\b|\bsizes?\b"
        r"|尺寸|多大|多高|多长|多宽|大小|规格|几寸",
        r"(?:\w+ )?(?:size|dimensions?|measurements?)\b|尺寸|大小|规格|外形",
    ),
    _kind(r"\bcolou?rs?\b|颜色|配色|什么色|哪些色", r"colou?rs?\b|颜色|配色"),
    _kind(
        r"\bmade (?:of|from|out of)\b|\bmaterials?\b|\bfabric\b|材质|面料|材料|什么做的",
        r"(?:\w+ )?(?:material|fabric)\b|材质|面料|材料",
    ),
    _kind(
        r"\bwarrant|\bguarante|保修|质保|保固",
        r"(?:\w+ )?(?:warranty|guarantee)\b|保修|质保|保固",
    ),
)


def with_named_facts(hit: Hit, question: str) -> Hit:
    """The hit with the lines needed that `question` asks for by name; others as they were."""
    reading = hit.reading
    if reading is None or hit.passage.kind != "product":
        return hit
    said = fold(question)
    kinds = [kind.label for kind in _KINDS if kind.asked.search(said)]
    # As needed as the most needed one, not more: what else is needed is judged beside that one.
    most = max((sentence.needed for sentence in reading.sentences), default=0.0)
    sentences = tuple(
        replace(sentence, needed=most)
        if _named(hit.passage.text, sentence, said, kinds)
        else sentence
        for sentence in reading.sentences
    )
    return replace(hit, reading=replace(reading, sentences=sentences))


def _named(text: str, sentence: EvidenceSentence, said: str, kinds: list[re.Pattern[str]]) -> bool:
    match = _LABEL.match(text[sentence.start : sentence.end])
    if match is None:
        return False
    label = fold(match["label"])
    return _mentioned(label, said) or any(kind.match(label) for kind in kinds)


def _mentioned(label: str, said: str) -> bool:
    if has_han(label):
        return len(label) > 1 and label in said
    return len(label) >= _LEAST_LATIN and bool(re.search(rf"\b{re.escape(label)}s?\b", said))
