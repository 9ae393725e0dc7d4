"""Text of a PDF: headings, found by their size, make passages; pages do where there are none.

Covered: lines put together to paragraphs, words cut at a line's end, headers and footers that come
on every page, encrypted and damaged files. Not covered: scanned pages (reported, they hold pictures
and no text), the order of columns in tables.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from pypdf import PdfReader
from pypdf.errors import PdfReadError

from bot.types import Passage
from retrieval.importers.html_page import slug_of
from retrieval.importers.reading import Reading
from retrieval.importers.result import FileFound, Item
from retrieval.importers.values import clean
from retrieval.text import guess_lang, has_han

_HEADING_FROM = 1.15
"""How much larger than the text a line is that counts as a heading."""
_MAX_HEADING = 120
_REPEATED = 0.6
"""Share of the pages on which a line must stand to be a header or footer."""
_PRESENTATION = re.compile("[\ufb00-\ufb06\u2f00-\u2fdf]")
"""Ligatures and radicals that fonts put in place of letters: ﬁrst, ⼀年."""


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    size: float
    page: int


def import_pdf(reading: Reading) -> Iterator[Item]:
    """Passages of one document."""
    logging.getLogger("pypdf").setLevel(logging.ERROR)  # it tells of every oddity it mends
    try:
        document = PdfReader(reading.path)
        if document.is_encrypted and not document.decrypt(""):
            message = "the PDF is protected with a password; save it without"
            yield reading.problem(0, "", None, message)
            return
        pages = len(document.pages)
        yield FileFound(reading.file, f"PDF of {pages} page{'s' if pages != 1 else ''}")
        lines: list[_Line] = []
        silent = []
        for number, page in enumerate(document.pages, start=1):
            found = list(_lines(page, number))
            lines += found
            if not found:
                silent.append(number)
    except OSError:
        raise
    except Exception as error:  # pypdf raises whatever damaged objects make of its parser
        kind = "" if isinstance(error, PdfReadError) else f"{type(error).__name__}: "
        message = f"the PDF is damaged or only half written ({kind}{error})"
        yield reading.problem(0, "", None, message)
        return
    if not lines:
        message = "no text in this PDF: it is scanned or a picture; run it through OCR first"
        yield reading.problem(0, "", None, message)
        return
    for number in silent:
        message = f"page {number} has no text: it is scanned or a picture"
        yield reading.problem(number, "", None, message)
    yield from _passages(_without_repeated(lines, pages), reading)


def _lines(page: Any, number: int) -> Iterator[_Line]:
    """Lines of a page with the size of their letters, in the order of the file."""
    pieces: list[tuple[str, float]] = []

    def see(text: str, _: Any, matrix: list[float], __: Any, size: float) -> None:
        scale = abs(matrix[3]) or abs(matrix[1]) or 1.0
        pieces.append((text, round(size * scale, 1)))

    page.extract_text(visitor_text=see)
    current, sizes = "", Counter[float]()
    for text, size in [*pieces, ("\n", 0.0)]:
        for number_of_part, part in enumerate(text.split("\n")):
            if number_of_part:
                line = re.sub(r"\s+", " ", _PRESENTATION.sub(_plain, current)).strip()
                if line:
                    yield _Line(line, sizes.most_common(1)[0][0] if sizes else 0.0, number)
                current, sizes = "", Counter()
            current += part
            if part.strip():
                sizes[size] += len(part.strip())


def _plain(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", match.group())


def _without_repeated(lines: list[_Line], pages: int) -> list[_Line]:
    """Lines but for those that come on most pages, whatever number stands in them."""
    if pages < 3:
        return lines
    seen = Counter[str]()
    for _, name in {(line.page, _numberless(line.text)) for line in lines}:
        seen[name] += 1
    return [line for line in lines if seen[_numberless(line.text)] < max(3, pages * _REPEATED)]


def _numberless(text: str) -> str:
    return re.sub(r"\d+", "#", text)


def _passages(lines: list[_Line], reading: Reading) -> Iterator[Item]:
    sizes = Counter[float]()
    for line in lines:
        sizes[line.size] += len(line.text)
    body = sizes.most_common(1)[0][0] if sizes else 0.0
    stem = PurePath(reading.file).with_suffix("").as_posix()
    title, slugs = _title(lines, body), Counter[str]()
    for heading, page, text in _sections(lines, body):
        if not text:
            continue
        try:
            text, heading = clean(text), clean(heading)
        except ValueError as error:
            yield reading.problem(page, heading, text, str(error))
            continue
        slug = slug_of(heading) or f"page-{page}"
        slugs[slug] += 1
        slug += f"-{slugs[slug]}" if slugs[slug] > 1 else ""
        passage_id = f"pdf-{slug_of(stem)}#{slug}"
        parts = [title or stem] if heading == title else [title or stem, heading]
        named = " – ".join(part for part in parts if part)
        lang = guess_lang(heading + text)
        passage = Passage(passage_id, "policy", lang, named, text, group=passage_id)
        yield from reading.keep(page, passage)


def _title(lines: list[_Line], body: float) -> str:
    """The one line in the largest letters."""
    largest = max((line.size for line in lines), default=0.0)
    found = [line for line in lines if line.size == largest]
    return found[0].text if len(found) == 1 and _is_heading(found[0], body) else ""


def _sections(lines: list[_Line], body: float) -> Iterator[tuple[str, int, str]]:
    """Heading, page and text of each section; a page without headings is a section."""
    heading, page, kept = "", 1, [""]
    has_headings = any(_is_heading(line, body) for line in lines)
    for line in lines:
        starts = _is_heading(line, body)
        if starts or (not has_headings and line.page != page):
            if heading or any(kept):
                yield heading, page, _paragraphs(kept)
            heading, page, kept = line.text if starts else "", line.page, []
        if not starts:
            kept.append(line.text)
    if heading or any(kept):
        yield heading, page, _paragraphs(kept)


def _is_heading(line: _Line, body: float) -> bool:
    return line.size > body * _HEADING_FROM and len(line.text) <= _MAX_HEADING


def _paragraphs(lines: list[str]) -> str:
    """Lines joined: a line that ends a sentence or starts a list keeps its end."""
    text = ""
    for line in filter(None, lines):
        starts = re.match(r"[-•·*▪–]\s|\d+[.)、]\s*|[（(]?[一二三四五六七八九十]+[、）)]", line)
        if not text:
            text = line
        elif starts or re.search(r"[.!?。！？;；:：]$", text):
            text += "\n" + line
        elif re.search(r"[a-z]-$", text) and re.match(r"[a-z]", line):
            text = text[:-1] + line
        elif has_han(text[-1]) or has_han(line[0]):
            text += line
        else:
            text += " " + line
    return text
