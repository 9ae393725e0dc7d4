"""The guard: what must hold before a drafted sentence reaches a customer.

Covered, per sentence: it cites a passage that was given (a citation that is missing or wrong is
mended when one passage plainly holds the sentence); every number, price, date, time, code, link,
e-mail and phone occurs in what it cites, after normalisation (`facts`); names in Latin letters
occur there or in the question; it keeps the negation and the condition of the sentence that it is
taken from (`polarity`); it claims no action that the bot cannot take; it shows nothing of the
prompt; what it cites bears it out, by a score and its floor (`support`). Not covered: a true number
put to the wrong use in a sentence that scores well all the same. Quotations are not checked: they
are the shop's text. Pure functions; the score is given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.answering.facts import facts_of, fold, is_supported
from bot.answering.polarity import kept
from bot.answering.support import Support
from bot.types import Problem, Verdict

_CITATION = re.compile(r"\s*\[(\d{1,2}|none)\]")
_CLAIMED_ACTION = re.compile(
    r"\b(?:i|we)(?:'ve| have| just|'ll| will)? (?:already )?(?:refund|cancel|chang|updat|ship|"
    r"sent|process|issu|credit|arrang|book|appl|reserv)\w*\b(?= (?:you|your|it|the|a|this)\b)"
    r"|(?:已经?|马上|正在|这就|會|会)(?:为|給|给|替|帮)(?:您|你)(?:办理|處理|处理|退款|取消|修改|安排|发货|"
    r"补发|登记|申请|升级|开具|更改)",
    re.IGNORECASE,
)
_LEAK = re.compile(
    r"<\|[a-z_]*\|>|^(?:system|assistant|user|passages?|question|reply in)\b ?[:：]", re.IGNORECASE
)
_LATIN_NAME = re.compile(r"(?<![\w-])[A-Z][a-zA-Z]+(?:[ -][A-Z][a-zA-Z]+)*")
_LATIN_WORD = re.compile(r"[A-Za-z][A-Za-z-]{2,}")
_HAN = re.compile(r"[\u3400-\u9fff]")
_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[\u3400-\u9fff]")
_COURTESY = re.compile(
    r"(?:you(?:'re| are) (?:very )?welcome|thank|hello|hi\b|i'm sorry|sorry|we apologi[sz]e|"
    r"i(?:'m| am) (?:happy|glad) to help|please let (?:me|us) know|have a (?:nice|good|great)|"
    r"不客气|感谢|谢谢|謝謝|您好|你好|抱歉|很抱歉|非常抱歉|不好意思|祝您|祝你|还有其他|如有其他)"
)
_REFUSAL = re.compile(
    r"(?:don't|do not|doesn't|does not) (?:have|contain|include) (?:that|this|the|any) (?:\w+ )?"
    r"information|couldn't find (?:that|this|it) in the shop|"
    r"(?:店铺|店鋪|店铺的)?[资資]料[里裡]?(?:没有|沒有|未|并未|並未)(?:找到|提|说|說|写|寫|这|這|相关|相關)"
)
_EVERYDAY_WORDS = """
i i'm yes no ok please you your we our the a an it this that there if for and or but however also
unfortunately sorry monday tuesday wednesday thursday friday saturday sunday china eu european union
europe english chinese pdf qr sms app email
"""
_EVERYDAY = frozenset(_EVERYDAY_WORDS.split())
"""Words written with a capital that name nothing a passage would have to hold."""
_ATTRIBUTION_FLOOR = 0.6
"""Share of a sentence's words that a passage must hold to be taken for its source."""


def citations_in(sentence: str) -> tuple[int, ...]:
    """Numbers cited in a drafted sentence, in order, each once."""
    numbers = [int(n) for n in _CITATION.findall(sentence) if n != "none"]
    return tuple(dict.fromkeys(numbers))


def says_none(sentence: str) -> bool:
    """Whether the draft says that no passage tells: by its mark, or in so many words."""
    return "[none]" in sentence or bool(_REFUSAL.search(fold(sentence)))


def without_citations(sentence: str) -> str:
    """The sentence as a customer reads it."""
    return _CITATION.sub("", sentence).strip()


def check(
    sentence: str, passages: Sequence[str], question: str = "", support: Support | None = None
) -> Verdict:
    """Judge one drafted sentence.

    Args:
        sentence: as drafted, with its citations.
        passages: title and text of each numbered passage, in the order of the prompt.
        question: what the customer asked; names in it may be repeated, its numbers may not.
        support: scores sentences against what they cite; asked when nothing else is wrong.

    Returns:
        A verdict whose `sentence` has no citation marks and whose `cited` holds 1-based numbers.
    """
    text = without_citations(sentence)
    named, refuses = citations_in(sentence), says_none(sentence)
    cited = _rests_on(text, named, passages, refuses)
    evidence = _joined(passages, cited)
    problems: list[Problem] = []
    if any(not 1 <= number <= len(passages) for number in named):
        problems.append(Problem("citation_unknown", str(named)))
    if not cited and not refuses and not is_courtesy(text):
        problems.append(Problem("citation_missing", text))
    problems += _unsupported_facts(text, evidence)
    problems += _unsupported_names(text, f"{evidence} {question}")
    if cited and not refuses:
        problems += kept(text, evidence)
    problems += _out_of_place(text)
    if support and cited and not refuses and not problems:
        problems += _little_support(text, [passages[number - 1] for number in cited], support)
    return Verdict(text, cited, tuple(problems))


def _rests_on(
    text: str, named: Sequence[int], passages: Sequence[str], refuses: bool
) -> tuple[int, ...]:
    """The passages that a sentence names; the one that plainly holds it, if it names none or a
    wrong one. Only a refusal needs none.
    """
    known = tuple(number for number in named if 1 <= number <= len(passages))
    if (known or refuses) and not _unsupported_facts(text, _joined(passages, known)):
        return known
    return attribute(text, passages) or known


def _out_of_place(text: str) -> list[Problem]:
    """What no sentence to a customer may hold, whatever the passages say."""
    found = (
        ("claimed_action", _CLAIMED_ACTION.search(text)),
        ("prompt_leak", _LEAK.search(text)),
    )
    return [Problem(code, match.group()) for code, match in found if match]


def _little_support(text: str, cited: Sequence[str], support: Support) -> list[Problem]:
    margin = support.margin(text, cited)
    return [] if margin >= 0 else [Problem("support_low", f"{-margin:.2f} below the floor")]


def _joined(passages: Sequence[str], numbers: Sequence[int]) -> str:
    return "\n".join(passages[number - 1] for number in numbers)


def is_courtesy(text: str) -> bool:
    """A short set phrase that states nothing, such as "You're welcome!"."""
    short = len(_WORD.findall(fold(text))) <= 14
    return short and bool(_COURTESY.match(fold(text))) and not facts_of(text)


def attribute(text: str, passages: Sequence[str]) -> tuple[int, ...]:
    """The one passage that holds a sentence's facts and most of its words; empty if none does."""
    facts = facts_of(text)
    best, best_share = 0, _ATTRIBUTION_FLOOR
    for number, passage in enumerate(passages, start=1):
        known = facts_of(passage)
        if not all(is_supported(fact, known) for fact in facts):
            continue
        share = overlap(text, passage)
        if share > best_share:
            best, best_share = number, share
    return (best,) if best else ()


def overlap(text: str, passage: str) -> float:
    """Share of a text's words (Chinese: characters) that occur in a passage, in [0, 1]."""
    words = _WORD.findall(fold(text))
    known = set(_WORD.findall(fold(passage)))
    return sum(word in known for word in words) / len(words) if words else 0.0


def _unsupported_facts(text: str, evidence: str) -> list[Problem]:
    known = facts_of(evidence)
    return [
        Problem(f"unsupported_{fact.kind}", f"{fact.value} {fact.unit}".strip())
        for fact in sorted(facts_of(text), key=lambda fact: (fact.kind, fact.value))
        if not is_supported(fact, known)
    ]


def _unsupported_names(text: str, known: str) -> list[Problem]:
    folded = fold(known)
    if _HAN.search(text):
        names = _LATIN_WORD.findall(text)
    else:
        # The first word of a sentence is capitalised anyway.
        first = re.match(r"[\W\d]*\w+[\s-]*", text)
        names = _LATIN_NAME.findall(text[first.end() :] if first else text)
    return [
        Problem("unsupported_name", name)
        for name in dict.fromkeys(names)
        if fold(name) not in folded
        and not all(part in _EVERYDAY or part in folded for part in fold(name).split())
    ]
