"""How well the masking does on labelled texts.

Covered: each labelled piece of personal data must be covered by findings (kinds that overlap, like
`order` and `number`, may be taken for one another); every finding must touch a labelled piece. Not
covered: whether a placeholder reads well.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bot.errors import InputError
from bot.privacy.finding import find
from bot.privacy.kinds import Kind


@dataclass(frozen=True, slots=True)
class Case:
    """A text and the pieces of it that are personal, each with its kind."""

    case_id: str
    lang: str
    text: str
    personal: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Row:
    """Counts of labelled pieces and findings; `precision` and `recall` are in [0, 1]."""

    name: str
    texts: int
    personal: int
    found: int
    missed: int
    wrong: int
    precision: float
    recall: float


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something missed or masked wrongly."""

    case_id: str
    what: str
    text: str


@dataclass(frozen=True, slots=True)
class Score:
    """All rows: everything, by language, by kind."""

    rows: tuple[Row, ...]
    mistakes: tuple[Mistake, ...]


def read_cases(file: Path) -> list[Case]:
    """Cases of a JSON Lines file with `id`, `lang`, `text`, `personal` ([kind, piece] pairs).

    Raises:
        InputError: names file and line.
    """
    cases = []
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot read {file}: {error}", fix="name a UTF-8 JSON Lines file"
        ) from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
            pieces = tuple((Kind(kind).value, str(piece)) for kind, piece in data["personal"])
            case = Case(str(data["id"]), str(data["lang"]), str(data["text"]), pieces)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{file}, line {number}: {error}", fix="use the fields id, lang, text, personal"
            ) from error
        absent = [piece for _, piece in pieces if piece not in case.text]
        if absent:
            raise InputError(f"{file}, line {number}: {absent[0]!r} is not in the text")
        cases.append(case)
    return cases


def measure_file(file: Path) -> Score:
    """Score a file; see `read_cases`."""
    return measure(read_cases(file))


def measure(cases: Iterable[Case]) -> Score:
    """Score cases: micro-averaged over pieces."""
    counts: dict[str, list[int]] = {}
    mistakes: list[Mistake] = []
    for case in cases:
        findings = find(case.text)
        spans = [(case.text.find(piece), piece, kind) for kind, piece in case.personal]
        names = ("all", f"lang {case.lang}")
        for name in names:
            counts.setdefault(name, [0, 0, 0, 0])[0] += 1
        for start, piece, kind in spans:
            covered = any(f.start <= start and start + len(piece) <= f.end for f in findings)
            for name in (*names, f"kind {kind}"):
                row = counts.setdefault(name, [0, 0, 0, 0])
                row[1] += 1
                row[2] += covered
            if not covered:
                mistakes.append(Mistake(case.case_id, "missed", piece))
        for finding in findings:
            right = any(
                finding.start < start + len(piece) and start < finding.end
                for start, piece, _ in spans
            )
            if not right:
                mistakes.append(Mistake(case.case_id, "wrong", finding.text))
                for name in (*names, f"kind {finding.kind.value}"):
                    counts.setdefault(name, [0, 0, 0, 0])[3] += 1
    return Score(tuple(_row(name, *row) for name, row in counts.items()), tuple(mistakes))


def _row(name: str, texts: int, personal: int, found: int, wrong: int) -> Row:
    precision = found / (found + wrong) if found + wrong else 1.0
    recall = found / personal if personal else 1.0
    return Row(name, texts, personal, found, personal - found, wrong, precision, recall)
