"""Follow-ups: does a message lean on what was said before, and if so, complete it for the search.

Covered: "and express?", 那新疆呢？, "is it waterproof?", in English and Chinese; the customer's own
latest messages are put before the question, which measures better than rewriting it or adding the
bot's words (training/LOG.md). Not covered: messages in other languages (their vector still
speaks, their words do not), and references to something further back than three messages.

Whether it is a follow-up is judged by a linear head on the message's vector and a few clues in its
wording (`training.followups`); taking a whole question for a follow-up costs about as much recall
as missing one, so the threshold lies near one half.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rjieba
from numpy.typing import NDArray

from bot.heads import Heads
from bot.language import word_set
from bot.protocols import Encoder
from bot.types import HistoryEntry, Lang

SHIPPED = Path(__file__).resolve().parents[1] / "training" / "adapters" / "followup"
_TURNS_BACK = 3
_LONGEST = 300

_EN_OPENING = re.compile(
    r"^(?:(?:ok(?:ay)?|oh|hm+|well|yes|no|right|thanks?|great|good|sure)[,.!\s]+)*"
    r"(?:and|but|or|so|also|what about|how about|what if|then|even|not even|only|with|without|in|for"
    r"|to|from)\b",
    re.IGNORECASE,
)
_EN_POINTING = re.compile(
    r"\b(?:it|its|it's|that|this|these|those|they|them|their|ones?|there|then|same|instead|else|too"
    r"|either|as well|though|already|again|above|both|latter|former|other|another)\b",
    re.IGNORECASE,
)
_EN_ENDING = re.compile(r"\b(?:then|though|too|as well|instead|either)\W*$", re.IGNORECASE)
_ZH_OPENING = re.compile(
    r"^(?:那|那么|還|还|还有|還有|另外|可是|但|要是|如果|万一|萬一|然后|然後|再|也|所以|哦|噢|嗯|好的|哎呀)"
)
_ZH_POINTING = re.compile(
    r"这个|那个|這個|那個|这款|那款|這款|它|这种|那种|这样|那样|那里|那儿|这里|这家|另一|其他|别的|同样|一样|一樣"
    r"|也是|也算|也能|也可以|前面|上面|刚才|刚刚|的话|的話|那(?!边)|这(?!边)"
)
_ZH_ENDING = re.compile(r"[呢咧勒][？?！!。~～]*$")
_CODE = re.compile(r"[A-Z]{2,}-?\d+|\b[A-Z]\d{2,}")
_WORD = re.compile(r"[\w'-]+")
_EN_FILLERS = word_set(
    "a an the is are was were be do does did can could may might will would shall should i you we "
    "they he she it its my your our their me us them this that these those of to in on at for from "
    "with by and or but so if then than as not no yes what which who whom when where why how much "
    "many long far often there here have has had get got go any some all about please pls ok okay "
    "well just also too still again more most other another same one ones"
)
_ZH_FILLERS = word_set(
    "的 了 吗 呢 吧 啊 呀 是 有 没 没有 不 在 我 你 您 我们 你们 要 能 可以 会 多少 多久 几 几天 什么 怎么 怎么样 "
    "哪 哪里 哪个 请问 一下 就 都 也 还 再 那 这 和 跟 给 到 想 嗎 麼 沒 沒有 能不能 可不可以 是不是 有没有 多长 "
    "多大 多 大 小 好 行 个 钱 多少钱 要是 如果 直接 用 算 对 把 被 让"
)
CLUES = (
    "opening",
    "pointing",
    "ending",
    "opening_and_pointing",
    "content_words",
    "at_most_1",
    "at_most_2",
    "at_most_3",
    "words",
    "similarity",
    "code",
    "chinese",
)


class FollowUps:
    """Judges and completes messages.

    Args:
        encoder: the shared encoder.
        heads: output `follow_up` over `CLUES` and the message's vector, threshold `follow_up`.

    Raises:
        ModelError: the head was trained on another encoder.
    """

    def __init__(self, encoder: Encoder, heads: Heads) -> None:
        heads.require_encoder(encoder.name, encoder.dimension + len(CLUES))
        self._encoder = encoder
        self._heads = heads
        self._threshold = heads.outputs["follow_up"].thresholds["follow_up"]

    def probability(self, text: str, before: str, lang: Lang) -> float:
        """How likely `text` leans on `before`, the customer's message ahead of it."""
        return float(self._probabilities([(text, before)], lang)[0])

    def complete(self, text: str, history: Sequence[HistoryEntry], lang: Lang) -> str:
        """`text`, with the customer's earlier messages before it when it leans on them.

        A follow-up of a follow-up takes along what that one leaned on, up to three messages.
        """
        said = [entry.text.strip() for entry in history if entry.speaker == "customer"]
        said = [words for words in said if words][-_TURNS_BACK:]
        if not said or not text:
            return text
        chain = [*said, text]
        pairs = list(zip(chain[1:], chain[:-1], strict=True))
        leans = self._probabilities(pairs, lang) >= self._threshold
        first = len(chain) - 1
        while first > 0 and leans[first - 1]:
            first -= 1
        return "\n".join([*(words[:_LONGEST] for words in chain[first:-1]), text])

    def _probabilities(self, pairs: Sequence[tuple[str, str]], lang: Lang) -> NDArray[np.float32]:
        said = self._heads.probabilities(features(self._encoder, pairs, lang))
        return said["follow_up"][:, 0]


def features(encoder: Encoder, pairs: Sequence[tuple[str, str]], lang: Lang) -> NDArray[np.float32]:
    """Clues and vector of each (message, message before it), shape (pairs, clues + dimension)."""
    texts = list(dict.fromkeys(text for pair in pairs for text in pair))
    vectors = dict(zip(texts, encoder.encode(texts, "query"), strict=True))
    rows = [
        np.concatenate([clues(text, float(vectors[text] @ vectors[before]), lang), vectors[text]])
        for text, before in pairs
    ]
    return np.stack(rows).astype(np.float32)


def clues(text: str, similarity: float, lang: Lang) -> NDArray[np.float32]:
    """The values of `CLUES`, all of the order of one."""
    chinese = lang in ("zh-Hans", "zh-Hant")
    if chinese:
        words = [word for word in rjieba.cut(text) if _WORD.search(word)]
        fillers, patterns = _ZH_FILLERS, (_ZH_OPENING, _ZH_POINTING, _ZH_ENDING)
    else:
        words = _WORD.findall(text.lower())
        fillers, patterns = _EN_FILLERS, (_EN_OPENING, _EN_POINTING, _EN_ENDING)
    content = sum(word not in fillers and not word.isdigit() for word in words)
    opening, pointing, ending = (bool(pattern.search(text.strip())) for pattern in patterns)
    return np.array(
        [
            opening,
            pointing,
            ending,
            opening and pointing,
            min(content, 8) / 4,
            content <= 1,
            content <= 2,
            content <= 3,
            min(len(words), 20) / 10,
            (similarity - 0.85) * 10,
            bool(_CODE.search(text)),
            chinese,
        ],
        np.float32,
    )
