"""Scores of one text against another: token F1, exact match, ROUGE-L, in both languages.

Chinese is compared character by character, other text word by word, after folding of width, case,
punctuation and English articles, as in SQuAD's and CMRC's own evaluation.

Sources: Rajpurkar et al., 2016 (arXiv:1606.05250); Cui et al., 2019 (arXiv:1810.07366); Lin, 2004.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

_TOKEN = re.compile(r"[\u3400-\u9fff]|[a-z0-9]+(?:[.,:][0-9]+)*|[^\W\d_]+")
_ARTICLES = frozenset({"a", "an", "the"})


def tokens(text: str) -> list[str]:
    """Comparable tokens of a text."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return [token for token in _TOKEN.findall(folded) if token not in _ARTICLES]


def token_f1(text: str, reference: str) -> float:
    """Harmonic mean of token precision and recall, in [0, 1]."""
    said, wanted = Counter(tokens(text)), Counter(tokens(reference))
    common = sum((said & wanted).values())
    if not common:
        return float(not said and not wanted)
    precision, recall = common / sum(said.values()), common / sum(wanted.values())
    return 2 * precision * recall / (precision + recall)


def exact_match(text: str, reference: str) -> float:
    """1 when both have the same tokens in the same order."""
    return float(tokens(text) == tokens(reference))


def rouge_l(text: str, reference: str) -> float:
    """F-measure of the longest common subsequence of tokens, in [0, 1]."""
    said, wanted = tokens(text), tokens(reference)
    if not said or not wanted:
        return float(said == wanted)
    row = np.zeros(len(wanted) + 1, np.int32)
    for token in said:
        before = row.copy()
        for j, other in enumerate(wanted, start=1):
            row[j] = before[j - 1] + 1 if token == other else max(before[j], row[j - 1])
    common = int(row[-1])
    if not common:
        return 0.0
    precision, recall = common / len(said), common / len(wanted)
    return 2 * precision * recall / (precision + recall)


def best(score: Callable[[str, str], float], text: str, references: Sequence[str]) -> float:
    """The highest score against any of the references; 0 without one."""
    return max((score(text, reference) for reference in references), default=0.0)


def auroc(
    scores: Sequence[float] | NDArray[np.float64], positive: Sequence[bool] | NDArray[np.bool_]
) -> float:
    """Area under the ROC curve; NaN unless both classes occur. Ties count half."""
    values, labels = np.asarray(scores, float), np.asarray(positive, bool)
    n_positive, n_negative = int(labels.sum()), int((~labels).sum())
    if not n_positive or not n_negative:
        return float("nan")
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]  # ties share the mean of their ranks
    return float(
        (ranks[labels].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)
    )
