"""How a conversation bears on the mood of its latest message, fitted on the written conversations.

Covered: four weights on log-odds (`bot.mood.Context`), held close to "the message alone" since
there are few conversations; their scores with and without. They are kept only if they rank messages
better than the message alone does, cross-validated over all conversations: a fit to so few of them
that looks better on its own conversations made the ranking on others worse. Not covered: single
texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.errors import InputError
from bot.heads import logit, sigmoid
from bot.mood import Context, EncoderMood, Reading
from training.data.jsonl import Row, file_hash, read_jsonl
from training.data.mood import SourceFile
from training.tasks.measures import f1_at
from training.tasks.text_metrics import auroc

Floats = NDArray[np.float64]
_PRIOR = np.array([0.0, 1.0, 0.0, 0.0])
_FOLDS = 8
_LEAST_GAIN = 0.01
"""Area under the curve that the weights must add to be kept: about what folds differ by."""
_STRENGTH = 4.0
"""How strongly the weights are held at `_PRIOR`: about as much as so many examples."""


@dataclass(frozen=True, slots=True)
class CustomerTurn:
    """One customer message and those before it, with its label."""

    text: str
    before: tuple[str, ...]
    frustration: bool
    split: str


@dataclass(frozen=True, slots=True)
class ContextFit:
    """The fitted weights, what they are worth, and the file they come from."""

    context: Context
    scores: dict[str, dict[str, float]]
    file: SourceFile

    @property
    def extra(self) -> dict[str, dict[str, float]]:
        """As it is stored beside the heads."""
        return {"context": {name: round(v, 4) for name, v in asdict(self.context).items()}}


def fit_context(path: Path, mood: EncoderMood) -> ContextFit:
    """Fit on the train conversations, score on dev.

    Args:
        path: `service_conversations.jsonl`.
        mood: reads single texts; its own context is not used.

    Raises:
        InputError: the file is missing or has a bad line.
    """
    conversations = read_jsonl(path, _turns).strict()
    turns = [turn for turns in conversations for turn in turns]
    number_of = {id(turn): number for number, own in enumerate(conversations) for turn in own}
    texts = list(dict.fromkeys(text for turn in turns for text in (turn.text, *turn.before)))
    readings = dict(zip(texts, mood.readings(texts), strict=True))
    usable = [turn for turn in turns if readings[turn.text] is not None]
    features = np.array([_features(turn, readings, mood) for turn in usable])
    gold = np.array([turn.frustration for turn in usable])
    later = np.array([bool(turn.before) for turn in usable])
    train = np.array([turn.split == "train" for turn in usable])
    number = np.array([number_of[id(turn)] for turn in usable])
    tried = _cross_validated(features, gold, later, number)
    context = Context()
    if tried["auroc"] >= tried["auroc_message_alone"] + _LEAST_GAIN:
        context = Context(*map(float, _fit(features[train & later], gold[train & later])))
    scores = {
        split: _scores(features[rows], gold[rows], later[rows], context, mood.threshold)
        for split, rows in (("train", train), ("dev", ~train))
    }
    scores["cross_validated"] = tried
    return ContextFit(context, scores, SourceFile(path.name, len(usable), file_hash(path)))


def _turns(row: Row) -> list[CustomerTurn]:
    split = row.one_of("split", ("train", "dev"))
    found: list[CustomerTurn] = []
    said: list[str] = []
    for turn in row.values.get("turns", ()):
        if turn.get("speaker") != "customer":
            continue
        if not isinstance(turn.get("frustration"), bool) or not isinstance(turn.get("text"), str):
            raise InputError(f"{row.where}: a customer turn lacks text or frustration")
        found.append(CustomerTurn(turn["text"], tuple(said[-4:]), turn["frustration"], split))
        said.append(turn["text"])
    return found


def _features(
    turn: CustomerTurn, readings: dict[str, Reading | None], mood: EncoderMood
) -> list[float]:
    now = readings[turn.text]
    before = [reading for text in turn.before if (reading := readings[text]) is not None]
    if now is None or not before:
        return [1.0, logit(now.frustration if now else 0.0), 0.0, 0.0]
    return [
        1.0,
        logit(now.frustration),
        float(np.mean([logit(reading.frustration) for reading in before])),
        mood.repeated([turn.text, *turn.before]),
    ]


def _fit(features: Floats, gold: NDArray[np.bool_]) -> Floats:
    """Logistic regression with a Gaussian prior at `_PRIOR`, by Newton's method."""
    weights = _PRIOR.copy()
    for _ in range(25):
        p = sigmoid((features @ weights).astype(np.float32)).astype(float)
        gradient = features.T @ (p - gold) + _STRENGTH * (weights - _PRIOR)
        hessian = (features * (p * (1 - p))[:, None]).T @ features + _STRENGTH * np.eye(4)
        weights = weights - np.linalg.solve(hessian, gradient)
    return weights


def _cross_validated(
    features: Floats,
    gold: NDArray[np.bool_],
    later: NDArray[np.bool_],
    conversation: NDArray[np.int64],
) -> dict[str, float]:
    """Areas under the curve over all messages; weights come from the other conversations."""
    joined = features[:, 1].copy()
    for fold in range(_FOLDS):
        held = conversation % _FOLDS == fold
        weights = _fit(features[~held & later], gold[~held & later])
        joined[held & later] = (features @ weights)[held & later]
    return {
        "n": float(len(gold)),
        "auroc_message_alone": auroc(list(features[:, 1]), list(gold)),
        "auroc": auroc(list(joined), list(gold)),
    }


def _scores(
    features: Floats,
    gold: NDArray[np.bool_],
    later: NDArray[np.bool_],
    context: Context,
    threshold: float,
) -> dict[str, float]:
    weights = np.array(list(asdict(context).values()))
    alone = sigmoid(features[:, 1].astype(np.float32)).astype(float)
    together = sigmoid((features @ weights).astype(np.float32)).astype(float)
    joined = np.where(later, together, alone)
    return {
        "n": float(len(gold)),
        "auroc_message_alone": auroc(list(alone), list(gold)),
        "auroc": auroc(list(joined), list(gold)),
        "f1_message_alone": f1_at(gold, alone, threshold),
        "f1": f1_at(gold, joined, threshold),
        "flag_precision": _share(gold[joined >= threshold]),
        "flag_recall": _share(joined[gold] >= threshold),
    }


def _share(flags: Sequence[bool] | NDArray[np.bool_]) -> float:
    return float(np.mean(flags)) if len(flags) else float("nan")
