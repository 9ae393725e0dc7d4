"""HTML as text in blocks: headings, paragraphs, list items, rows of tables, questions that unfold.

Covered: scripts, styles, forms, navigation and hidden parts dropped; panels that unfold kept; tables
told cell by cell under their header. Not covered: text that only a script would write.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

_DROPPED = frozenset(
    [
        "script",
        "style",
        "noscript",
        "template",
        "iframe",
        "svg",
        "canvas",
        "button",
        "select",
        "option",
        "textarea",
        "input",
        "form",
        "nav",
        "footer",
        "aside",
        "dialog",
        "audio",
        "video",
        "object",
        "embed",
        "map",
        "head",
        "title",
        "link",
        "meta",
    ]
)
_DROPPED_ROLES = frozenset(
    ["navigation", "banner", "contentinfo", "search", "dialog", "alertdialog", "menu"]
)
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "blockquote",
        "body",
        "center",
        "dd",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "header",
        "hgroup",
        "hr",
        "html",
        "li",
        "main",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
    ]
)
_NOISE = re.compile(r"\b(?:cookie|breadcrumb|newsletter|pagination|skip-link)", re.IGNORECASE)
_HEADING = re.compile(r"h([1-6])")


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a page. `level` is 1 to 6 for headings, 0 for text, 7 for a question of a list.

    `anchor` is the id that the page gives it; `answer` belongs to questions only.
    """

    text: str
    level: int = 0
    anchor: str = ""
    answer: str = ""


QUESTION = 7


def text_of_html(fragment: str) -> str:
    """The text of a piece of HTML (a product's description); plain text comes back as it is."""
    if "<" not in fragment and "&" not in fragment:
        return fragment.strip()
    if "<" not in fragment:
        fragment = fragment.replace("\n", "<br>")
    body = LexborHTMLParser(fragment).body
    return joined(blocks_of(body)) if body else ""


def joined(blocks: Iterator[Block]) -> str:
    """Blocks as one text."""
    parts = [f"{block.text}\n{block.answer}" if block.answer else block.text for block in blocks]
    return "\n".join(parts).strip()


def blocks_of(root: LexborNode, revealed: frozenset[str] = frozenset()) -> Iterator[Block]:
    """The blocks under `root`, in their order. `revealed` are ids of parts that unfold."""
    return _Walk(revealed).walk(root)


class _Walk:
    def __init__(self, revealed: frozenset[str]) -> None:
        self._revealed = revealed
        self._line: list[str] = []
        self._prefix = ""

    def walk(self, root: LexborNode) -> Iterator[Block]:
        """Depth first without recursion: pages nest deeper than Python does."""
        stack: list[tuple[LexborNode, bool]] = [(root, False)]
        while stack:
            node, leaving = stack.pop()
            tag = node.tag or ""
            if leaving:
                yield from self._flush()
            elif tag == "-text":
                self._line.append(node.text_content or "")
            elif tag == "br":
                yield from self._flush()
            elif node is not root and self._is_dropped(node, tag):
                continue
            elif node is not root and _HEADING.fullmatch(tag):
                yield from self._flush()
                text = _flat(node)
                if text:
                    yield Block(text, level=int(tag[1]), anchor=_anchor(node))
            elif tag == "details" and node is not root:
                yield from self._flush()
                yield from self._question(node)
            elif node is not root and tag == "table":
                yield from self._flush()
                yield from _table(node)
            else:
                is_block = tag in _BLOCKS
                if is_block:
                    yield from self._flush()
                    self._prefix = "- " if tag == "li" else self._prefix
                    stack.append((node, True))
                children = []
                child = node.child
                while child is not None:
                    children.append((child, False))
                    child = child.next
                stack.extend(reversed(children))
        yield from self._flush()

    def _flush(self) -> Iterator[Block]:
        text = _spaced("".join(self._line))
        self._line.clear()
        if text:
            yield Block(self._prefix + text)
            self._prefix = ""

    def _question(self, node: LexborNode) -> Iterator[Block]:
        summary = node.css_first("summary")
        question = _flat(summary) if summary else ""
        if summary:
            anchor = _anchor(node) or _anchor(summary)
            summary.decompose()
        else:
            anchor = _anchor(node)
        answer = joined(_Walk(self._revealed).walk(node))
        if question and answer:
            yield Block(question, level=QUESTION, anchor=anchor, answer=answer)
        elif question or answer:
            yield Block(question or answer)

    def _is_dropped(self, node: LexborNode, tag: str) -> bool:
        if tag in _DROPPED or tag.startswith("-") or tag.startswith("!"):
            return True
        given = node.attributes
        if (given.get("role") or "") in _DROPPED_ROLES:
            return True
        if _NOISE.search(f"{given.get('class') or ''} {given.get('id') or ''}"):
            return True
        style = (given.get("style") or "").replace(" ", "").casefold()
        hidden = "hidden" in given or given.get("aria-hidden") == "true" or "display:none" in style
        return hidden and (given.get("id") or "") not in self._revealed


def _table(table: LexborNode) -> Iterator[Block]:
    """Rows as lines; under a header row every cell is told with its column's name."""
    header: list[str] = []
    for row in table.css("tr"):
        cells = row.css("th, td")
        texts = [_flat(cell) for cell in cells]
        if not any(texts):
            continue
        if not header and len(cells) > 1 and all(cell.tag == "th" for cell in cells):
            header = texts
            continue
        if header and len(header) == len(texts):
            named = zip(header, texts, strict=True)
            told = "; ".join(f"{name}: {text}" if name else text for name, text in named if text)
        elif len(texts) == 2:
            told = ": ".join(texts)
        else:
            told = " | ".join(text for text in texts if text)
        yield Block(told)


def _flat(node: LexborNode) -> str:
    return " ".join(block.text for block in _Walk(frozenset()).walk(node))


def _anchor(node: LexborNode) -> str:
    return node.attributes.get("id") or ""


def _spaced(text: str) -> str:
    text = re.sub(r"\s+", " ", text.replace("\u00ad", "")).strip()
    return re.sub(r"(?<=[\u2e80-\uffef]) (?=[\u2e80-\uffef])", "", text)
