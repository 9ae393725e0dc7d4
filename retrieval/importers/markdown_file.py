"""Markdown: a policy a file, YAML front matter above, one passage for each `##` section.

Covered: front matter with id, lang, title, topic, valid_from and valid_until, all optional;
headings by the Markdown grammar, so that `##` inside a code block is none. Not covered: FAQ lists
written in Markdown, which load as sections.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import pairwise
from pathlib import PurePath

import frontmatter
import yaml
from markdown_it import MarkdownIt

from retrieval.importers.decode import decode
from retrieval.importers.reading import Reading
from retrieval.importers.result import FileFound, Item
from retrieval.importers.values import clean, parse_date, parse_lang
from retrieval.passages import policy_passage
from retrieval.text import guess_lang


def import_markdown(reading: Reading) -> Iterator[Item]:
    """The sections of one document."""
    decoded = decode(reading.path.read_bytes())
    if decoded is None:
        yield reading.problem(0, "", None, "not a text file; expected Markdown in UTF-8")
        return
    if decoded.oddity:
        yield reading.problem(0, "", None, decoded.oddity)
    text = decoded.text
    if text.startswith("---\n") and "\n---" not in text[3:]:
        yield reading.problem(1, "", None, "the front matter is not closed with a line of ---")
        return
    try:
        metadata, body = frontmatter.parse(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or "it is not YAML"
        line = mark.line + 1 if mark else 1
        yield reading.problem(line, "", None, f"the front matter cannot be read: {reason}")
        return
    first_line = text[: text.find(body)].count("\n") + 1 if body else 1
    yield FileFound(reading.file, "Markdown", decoded.encoding)
    stem = PurePath(reading.file).with_suffix("").as_posix()
    yield from _read_document(stem, metadata, body, first_line, reading)


def _read_document(
    stem: str, metadata: Mapping[str, object], body: str, first_line: int, reading: Reading
) -> Iterator[Item]:
    values: dict[str, str] = {}
    for field in ("id", "lang", "title", "topic", "valid_from", "valid_until"):
        try:
            values[field] = clean(metadata.get(field))
        except ValueError as error:
            yield reading.problem(1, field, metadata.get(field), str(error))
            return
    days: dict[str, date | None] = {}
    for field in ("valid_from", "valid_until"):
        try:
            days[field] = parse_date(values[field])
        except ValueError as error:
            yield reading.problem(1, field, values[field], str(error))
            return
    start, end = days["valid_from"], days["valid_until"]
    if start and end and end < start:
        yield reading.problem(1, "valid_until", str(end), "is before the first day")
        return
    try:
        lang = parse_lang(values["lang"]) if values["lang"] else guess_lang(body)
    except ValueError as error:
        yield reading.problem(1, "lang", values["lang"], str(error))
        return
    heading, sections = _sections(body)
    for number, (title, line, text) in enumerate(sections):
        try:
            text = clean(text)
        except ValueError as error:
            yield reading.problem(first_line + line, title, text, str(error))
            continue
        if not text:
            if number:
                yield reading.problem(first_line + line, title, None, "the section has no text")
            continue
        passage = policy_passage(
            values["id"] or stem,
            lang,
            number,
            values["title"] or heading or stem,
            title,
            text,
            topic=values["topic"],
            source=reading.file,
            valid_from=start,
            valid_until=end,
        )
        yield from reading.keep(first_line + line, passage)
    if reading.is_empty:
        yield reading.problem(0, "", None, "the document has no text")


def _sections(body: str) -> tuple[str, list[tuple[str, int, str]]]:
    """The document's title and its sections as (title, line, text); the first has no title."""
    lines = body.split("\n")
    tokens = MarkdownIt("commonmark").parse(body)
    title = ""
    starts: list[tuple[str, int, int]] = [("", 0, 0)]
    skipped: list[tuple[int, int]] = []
    for token, inline in pairwise(tokens):
        if token.type != "heading_open" or token.level or token.map is None:
            continue
        begin, end = token.map
        if token.tag == "h1" and not title and len(starts) == 1:
            title = inline.content.strip()
            skipped.append((begin, end))
        elif token.tag == "h2":
            starts.append((inline.content.strip(), begin, end))
    for begin, end in skipped:
        lines[begin:end] = [""] * (end - begin)
    sections = []
    for number, (name, line, begin) in enumerate(starts):
        stop = starts[number + 1][1] if number + 1 < len(starts) else len(lines)
        sections.append((name, line, "\n".join(lines[begin:stop]).strip()))
    return title, sections
