"""The reader: a cross-encoder that sees question and passage together, on OpenVINO.

One pass per passage tells how likely it answers the question, which sentences of it the answer
rests on, and the shortest stretch that answers. What was read is
remembered, so that the evidence of a passage that was ranked costs nothing. Long passages are
read in windows. Not covered: training (`training.reader`).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.types import EvidenceSentence, Reading
from retrieval.encoder import TokenModel
from retrieval.spans import sentence_spans
from retrieval.text import simplified

QUESTION_TOKENS = 64
SPAN_TOKENS = 24
"""The longest short answer."""
_WINDOW = 320
_STRIDE = 240
_WINDOWS = 6
_BOS, _EOS = 0, 2
_REMEMBERED = 1024

Array = NDArray[np.float32]


def pair_ids(asked: Sequence[int], passage: Sequence[int]) -> tuple[list[int], int]:
    """What the model is given of a question and a passage, and where the passage begins in it.

    Training and serving must agree on this.
    """
    start = [_BOS, *asked[:QUESTION_TOKENS], _EOS]
    return [*start, *passage, _EOS], len(start)


def aligned(text: str) -> str:
    """`text` in simplified Chinese if every character keeps its place, otherwise unchanged."""
    folded = simplified(text)
    return folded if len(folded) == len(text) else text


class CrossReader:
    """Implements `bot.protocols.Reader`. Safe to share between threads."""

    def __init__(self, model: TokenModel) -> None:
        self._model = model
        # Windows are cut here; the tokenizer must not cut before.
        model.tokenizer.no_truncation()
        self._known: OrderedDict[tuple[str, str], Reading] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def load(cls, folder: Path, threads: int = 0) -> CrossReader:
        """A reader from a converted folder; `threads` 0 means all cores.

        Raises:
            ModelError: the folder is missing or damaged.
        """
        return cls(TokenModel.load(folder, threads))

    @property
    def name(self) -> str:
        """Identifies the weights."""
        return self._model.name

    def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
        """One reading per passage, in order."""
        with self._lock:
            found = {text: self._known.get((question, text)) for text in passages}
        missing = [text for text, reading in found.items() if reading is None]
        for text, reading in zip(missing, self._read(question, missing), strict=True):
            found[text] = reading
            self._remember((question, text), reading)
        return [found[text] for text in passages]  # type: ignore[misc]

    def _remember(self, key: tuple[str, str], reading: Reading) -> None:
        with self._lock:
            self._known[key] = reading
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)

    def _read(self, question: str, passages: Sequence[str]) -> list[Reading]:
        tokenizer = self._model.tokenizer
        asked = tokenizer.encode(simplified(question), add_special_tokens=False)
        coded = tokenizer.encode_batch(
            [aligned(text) for text in passages], add_special_tokens=False
        )
        inputs: list[_Input] = []
        owners: list[tuple[int, int]] = []
        begin = 0
        for place, encoding in enumerate(coded):
            for at in _windows(len(encoding.ids)):
                ids, begin = pair_ids(asked.ids, encoding.ids[at : at + _WINDOW])
                inputs.append(_Input(ids))
                owners.append((place, at))
        answers = self._model.run_all(inputs, ("answers", "tokens"))
        windows: list[list[Reading]] = [[] for _ in passages]
        for (place, at), (logit, tokens) in zip(owners, answers, strict=True):
            offsets = coded[place].offsets[at : at + _WINDOW]
            inside = tokens[begin : begin + len(offsets)]
            windows[place].append(_reading(passages[place], offsets, float(logit), inside))
        return [_joined(group) for group in windows]


@dataclass(frozen=True, slots=True)
class _Input:
    ids: list[int]


def _windows(tokens: int) -> list[int]:
    """Where windows begin; a passage that fits is one window."""
    if tokens <= _WINDOW:
        return [0]
    return list(range(0, tokens - _WINDOW + _STRIDE, _STRIDE))[:_WINDOWS]


def _reading(text: str, offsets: Sequence[tuple[int, int]], logit: float, tokens: Array) -> Reading:
    if not offsets:
        return Reading(logit, (), (0, 0), 0.0)
    first, last = offsets[0][0], offsets[-1][1]
    needed = 1.0 / (1.0 + np.exp(-np.clip(tokens[:, 2], -30, 30)))
    starts = np.array([offset[0] for offset in offsets])
    ends = np.array([offset[1] for offset in offsets])
    sentences = []
    for begin, end in sentence_spans(text):
        inside = (starts < end) & (ends > begin)
        if begin < last and end > first and inside.any():
            sentences.append(EvidenceSentence(begin, end, float(needed[inside].mean())))
    left, right, share = _best_span(tokens[:, 0], tokens[:, 1])
    return Reading(logit, tuple(sentences), (int(starts[left]), int(ends[right])), share)


def _best_span(start: Array, end: Array) -> tuple[int, int, float]:
    """First token, last token and share of the likeliest span of at most `SPAN_TOKENS`."""
    p, q = _softmax(start), _softmax(end)
    best = (0, 0, 0.0)
    for left in np.argsort(-p)[:8].tolist():
        reach = q[left : left + SPAN_TOKENS]
        right = int(np.argmax(reach))
        share = float(p[left] * reach[right])
        if share > best[2]:
            best = (left, left + right, share)
    return best


def _softmax(logits: Array) -> Array:
    e = np.exp(logits - logits.max())
    return np.asarray(e / e.sum(), np.float32)


def _joined(windows: Sequence[Reading]) -> Reading:
    """The likeliest window speaks for the passage; sentences keep their best value."""
    best = max(windows, key=lambda reading: reading.logit)
    if len(windows) == 1:
        return best
    merged: dict[tuple[int, int], float] = {}
    for reading in windows:
        for s in reading.sentences:
            merged[s.start, s.end] = max(s.needed, merged.get((s.start, s.end), 0.0))
    sentences = tuple(EvidenceSentence(*place, needed) for place, needed in sorted(merged.items()))
    return Reading(best.logit, sentences, best.span, best.span_score)
