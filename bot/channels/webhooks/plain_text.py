"""What a customer wrote, as text: HTML of e-mail and rich editors loses its markup.

Covered: tags, entities inside marked-up text, scripts and styles, invisible characters. Not
covered: Markdown (it reads well as it is), the quoted history below an e-mail.
"""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser

_TAG = re.compile(
    r"<(?:!doctype\b|!--|/?(?:a|b|blockquote|body|br|code|div|em|font|h[1-6]|head|hr|html|i|img|li|"
    r"meta|ol|p|pre|s|script|small|span|strong|style|sub|sup|table|tbody|td|th|tr|u|ul)(?:\s[^<>]*)?"
    r"/?>)",
    re.IGNORECASE,
)
_ANY_TAG = re.compile(r"<[^<>]*>")
_MAX_TAGS = 1000
"""Beyond it tags are cut out without understanding them: fifty thousand tags inside each other cost
a parser seconds, which every other request would wait for."""

_UNSEEN = "script, style, head, title, template, noscript, iframe, object"
_BREAKS = "br, p, div, li, tr, blockquote, pre, h1, h2, h3, h4, h5, h6, hr, table, ul, ol"
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_SPACES = re.compile(r"[ \t\u00a0]+")
_EMPTY_LINES = re.compile(r"\n\s*\n\s*")


def plain_text(content: str) -> str:
    """`content` without markup and control characters, trimmed. "a < b" stays what it is.

    >>> plain_text("<p>Hello&nbsp;<b>there</b></p><script>alert(1)</script><p>price &lt; 5?</p>")
    'Hello there\\nprice < 5?'
    """
    text = content.replace("\r\n", "\n").replace("\r", "\n")
    if _TAG.search(text):
        few = text.count("<") <= _MAX_TAGS
        text = _without_markup(text) if few else _ANY_TAG.sub(" ", text)
    return _CONTROL.sub("", text).strip()


def _without_markup(html: str) -> str:
    tree = LexborHTMLParser(html)
    for node in tree.css(_UNSEEN):
        node.decompose()
    for node in tree.css(_BREAKS):
        node.insert_after("\n")
    text = tree.body.text() if tree.body is not None else ""
    lines = (_SPACES.sub(" ", line).strip() for line in text.split("\n"))
    return _EMPTY_LINES.sub("\n", "\n".join(lines))
