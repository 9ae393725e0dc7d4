"""An HTML page: questions that unfold and headings as passages, product and FAQ data when present.

Covered: pages saved from a browser or written by a site generator; headings that ask become FAQ
entries, other headings sections; what every page repeats is kept once; every encoding of `decode`
and the one a page declares. Not covered: text that scripts write, and following links.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePath

from selectolax.lexbor import LexborHTMLParser, LexborNode

from bot.types import Lang, Passage
from retrieval.importers.decode import decode
from retrieval.importers.exports import keep_listing
from retrieval.importers.html_data import PageData, page_data
from retrieval.importers.html_text import QUESTION, blocks_of
from retrieval.importers.reading import Reading
from retrieval.importers.records import made_id
from retrieval.importers.result import FileFound, Item
from retrieval.importers.values import clean, parse_lang
from retrieval.passages import faq_passage
from retrieval.text import fold, guess_lang

_DECLARED = re.compile(rb"<meta[^>]+charset=[\"']?\s*([\w-]+)", re.IGNORECASE)
_MAX_SLUG = 60


@dataclass(slots=True)
class _Section:
    title: str
    anchor: str
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines).strip()

    @property
    def asks(self) -> bool:
        return self.title.rstrip().endswith(("?", "？"))


def import_html(reading: Reading) -> Iterator[Item]:
    """Passages of one page."""
    data = reading.path.read_bytes()
    text, encoding = _text(data)
    if text is None:
        yield reading.problem(0, "", None, "not a text file; expected an HTML page")
        return
    page = LexborHTMLParser(text)
    found = page_data(page)
    kinds = [name for name, some in (("FAQ", found.faqs), ("product", found.products)) if some]
    told = f"HTML page with {' and '.join(kinds)} data" if kinds else "HTML page"
    yield FileFound(reading.file, told, encoding)
    if found.broken:
        reading.remark(0, f"{found.broken} JSON-LD scripts are damaged and were passed over")
    yield from _passages(page, found, reading)
    if reading.is_empty:
        message = "no text is on this page; is it written by a script? Save it from a browser"
        yield reading.problem(0, "", None, message)


def _text(data: bytes) -> tuple[str | None, str]:
    """A page declares its encoding; where that fits, it is better than a guess."""
    declared = _DECLARED.search(data[:4096])
    if declared and b"\x00" not in data[:4096]:
        name = declared[1].decode().casefold()
        name = "gb18030" if name in {"gb2312", "gbk"} else name
        try:
            return data.removeprefix(b"\xef\xbb\xbf").decode(name), name
        except (UnicodeDecodeError, LookupError):
            pass  # declared wrongly: guess
    decoded = decode(data)
    return (decoded.text, decoded.encoding) if decoded else (None, "")


def _passages(page: LexborHTMLParser, found: PageData, reading: Reading) -> Iterator[Item]:
    asked: set[str] = set()
    for question, answer in found.faqs:
        yield from _faq(question, answer, asked, reading)
    for listing in found.products:
        if not reading.memory.has(f"product-{listing.key}.{_suffix(listing.name)}"):
            yield from keep_listing(listing, 0, reading)
    declared = _declared_lang(page)
    title, sections, questions = _arranged(page)
    for question, answer in questions:
        yield from _faq(question, answer, asked, reading)
    slugs: dict[str, int] = {}
    stem = slug_of(PurePath(reading.file).with_suffix("").as_posix())
    for section in sections:
        try:
            text, name = clean(section.text), clean(section.title)
        except ValueError as error:
            yield reading.problem(0, section.title, section.text, str(error))
            continue
        if not text or fold(name) in asked:
            continue
        if section.asks:
            yield from _faq(name, text, asked, reading)
            continue
        if not reading.memory.is_new_text(f"{name}\n{text}"):
            reading.is_empty = False
            continue  # the same words on every page: a notice, a footer
        slug = slug_of(section.anchor or name) or "top"
        slugs[slug] = slugs.get(slug, 0) + 1
        if slugs[slug] > 1:
            slug += f"-{slugs[slug]}"
        lang = _lang(name + text, declared)
        passage_id = f"page-{stem}#{slug}"
        heading = title if name == title or not name else f"{title} – {name}" if title else name
        passage = Passage(passage_id, "policy", lang, heading, text, group=passage_id)
        yield from reading.keep(0, passage)


def _faq(question: str, answer: str, asked: set[str], reading: Reading) -> Iterator[Item]:
    if fold(question) in asked:
        return
    asked.add(fold(question))
    if not reading.memory.is_new_text(f"{question}\n{answer}"):
        reading.is_empty = False
        return
    lang = guess_lang(question + answer)
    suffix = "zh" if lang.startswith("zh") else lang
    passage_id = f"{made_id('faq', question)}.{suffix}"
    yield from reading.keep(0, faq_passage(passage_id, lang, question, answer))


def _arranged(page: LexborHTMLParser) -> tuple[str, list[_Section], list[tuple[str, str]]]:
    """A page's title, its sections, and the questions that unfold."""
    root = _content(page)
    if root is None:
        return "", [], []
    revealed = frozenset(
        name
        for node in page.css("[aria-controls]")
        for name in (node.attributes.get("aria-controls") or "").split()
    )
    sections = [_Section("", "")]
    questions: list[tuple[str, str]] = []
    title = ""
    for block in blocks_of(root, revealed):
        if block.level == QUESTION:
            questions.append((block.text, block.answer))
        elif block.level:
            title = title or (block.text if block.level == 1 else "")
            sections.append(_Section(block.text, block.anchor))
        else:
            sections[-1].lines.append(block.text)
    return (
        title or _document_title(page),
        [section for section in sections if section.lines],
        questions,
    )


def _content(page: LexborHTMLParser) -> LexborNode | None:
    """The part of a page that is its own, where it says so."""
    body = page.body
    if body is None:
        return None
    for node in page.css("main, [role=main]") or page.css("article"):
        if len(node.text(strip=True)) * 5 >= len(body.text(strip=True)):
            return node
    for header in body.css("header"):
        parent = header.parent
        if parent is not None and parent.tag not in {"main", "article", "section"}:
            header.decompose()
    return body


def _document_title(page: LexborHTMLParser) -> str:
    node = page.css_first("title")
    whole = " ".join((node.text() if node else "").split())
    return re.split(r"\s[|–—·-]\s", whole)[0]


def _declared_lang(page: LexborHTMLParser) -> Lang | None:
    root = page.css_first("html")
    told = (root.attributes.get("lang") or "") if root else ""
    try:
        return parse_lang(told) if told else None
    except ValueError:
        return None


def _lang(text: str, declared: Lang | None) -> Lang:
    """The script decides; what the page declares tells apart what is written in one script."""
    guessed = guess_lang(text)
    return declared if guessed == "en" and declared == "other" else guessed


def _suffix(text: str) -> str:
    return "zh" if guess_lang(text).startswith("zh") else "en"


def slug_of(text: str) -> str:
    """A heading as part of an id: folded, letters and digits with dashes between them."""
    return re.sub(r"[\W_]+", "-", fold(text)).strip("-")[:_MAX_SLUG].strip("-")
