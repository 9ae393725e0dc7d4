"""Whether a sentence keeps the "not" and the "only if" of the text that it is taken from.

Covered: English and Chinese negations and restrictions, by comparing a drafted sentence with the
sentences of its passage that hold its facts and most of its words. Not covered: double negation
("not impossible"), opposites in other words ("refused" for "not accepted" counts as a negation,
most others do not), irony, and sentences in another language than the passage, which share too few
words to be compared. Pure functions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.answering.facts import facts_of, fold, is_supported
from bot.types import Problem
from retrieval.spans import sentence_spans

_NEGATION = re.compile(
    r"\b(?:not|no|never|cannot|can't|don't|doesn't|won't|isn't|aren't|didn't|without|neither|nor|"
    r"none|nothing|unable|exclud\w+|refus\w+|declin\w+|prohibit\w+|non-\w+)\b|n't\b"
    r"|不(?!客气|好意思|锈|銹|同|仅|僅|少|断|斷|论|論|管|到|足|满|滿|超)|没有|沒有|没|沒|无法|無法|无需|無需|"
    r"勿|未|非(?!常|洲)|禁止|谢绝|謝絕|拒绝|拒絕"
)
_RESTRICTION = re.compile(
    r"\b(?:unless|except(?:ing|ion)?|only (?:if|when|for|with|in|on)|provided (?:that)?|"
    r"as long as|excluding|other than|if|when|must)\b"
    r"|除外|除非|除.{1,16}外|仅限|僅限|只限|仅|僅|只有|只能|须|須|必须|必須|前提|如果|若|以外|不含|不包括|需"
)
_STRONG_RESTRICTION = re.compile(
    r"\b(?:unless|except(?:ing|ion)?|only (?:if|when|for|with)|provided that|as long as|"
    r"excluding|other than)\b"
    r"|除外|除非|仅限|僅限|只限|只有|前提|以外|不包括"
)
_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[\u3400-\u9fff]")
_CLAUSE = re.compile(r"(?<!\d)[,，、;；:：]|\bbut\b|\band\b|但是?|而且?")
_SAYS_NO = re.compile(r"^(?:no|nope|sorry|i'm sorry|不是的?|不|抱歉|很抱歉|不好意思)[,，.。:：\s]+")
_ALIKE = 0.65
"""Share of a draft's words that a stretch of the passage must hold to be its source."""
_THE_SAME = 0.9
"""From here on a draft that says no is held against a source that does not."""
_NEARLY = 0.85
"""A stretch this near to the best one may as well be the source."""


def kept(sentence: str, evidence: str) -> list[Problem]:
    """`negation_changed` or `condition_lost`, where the passage's own words tell.

    Args:
        sentence: a draft, without its citations.
        evidence: the text of what it cites.
    """
    said = _SAYS_NO.sub("", fold(sentence))
    whole = [evidence[start:end] for start, end in sentence_spans(evidence)]
    return _changed_negation(said, whole) or _lost_condition(said, whole)


def _changed_negation(said: str, evidence: Sequence[str]) -> list[Problem]:
    """Clause against clause, since "hearts are possible, emojis are not" says both."""
    negated = bool(_NEGATION.search(said))
    clauses = [clause for text in evidence for clause in (text, *_CLAUSE.split(text))]
    share, sources = _sources(said, clauses)
    opposed = sources and all(_denies(source, said) != negated for source in sources)
    if opposed and (not negated or share >= _THE_SAME):
        return [Problem("negation_changed", sources[0].strip()[:80])]
    return []


def _lost_condition(said: str, evidence: Sequence[str]) -> list[Problem]:
    """Sentence against sentence: a condition often stands in a clause of its own."""
    _, sources = _sources(said, evidence)
    lost = sources and all(_STRONG_RESTRICTION.search(source) for source in sources)
    if lost and not _RESTRICTION.search(said):
        return [Problem("condition_lost", sources[0][:80])]
    return []


def _denies(source: str, said: str) -> bool:
    """Whether a clause of `source` that `said` repeats at least half of holds a negation."""
    words = set(_WORD.findall(said))
    for clause in _CLAUSE.split(source):
        there = _WORD.findall(_NEGATION.sub(" ", clause))
        repeated = sum(word in words for word in there)
        if repeated and 2 * repeated >= len(there) and _NEGATION.search(clause):
            return True
    return False


def _sources(said: str, texts: Sequence[str]) -> tuple[float, list[str]]:
    """The folded texts that a folded draft may be taken from, and the best one's share of it."""
    words = _WORD.findall(said)
    if len(words) < 4:
        return 0.0, []
    facts = facts_of(said)
    scored = []
    for text in texts:
        known = facts_of(text)
        if not all(is_supported(fact, known) for fact in facts):
            continue
        there = set(_WORD.findall(fold(text)))
        scored.append((sum(word in there for word in words) / len(words), fold(text)))
    best = max((share for share, _ in scored), default=0.0)
    if best < _ALIKE:
        return best, []
    return best, [text for share, text in scored if share >= _NEARLY * best]
