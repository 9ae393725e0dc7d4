"""Google Merchant feeds in XML: RSS 2.0 and Atom, read item by item.

Covered: the `g:` namespace and plain elements, details and highlights, feeds of any size, feeds that
stop in the middle (the items before load). XML is parsed without entities or anything fetched from
elsewhere. Not covered: other XML.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from retrieval.importers.columns import plain_name
from retrieval.importers.exports import Cells
from retrieval.importers.google import Entry, read_entries
from retrieval.importers.reading import Reading
from retrieval.importers.result import FileFound, Item, Problem

_NAMESPACE = "{http://base.google.com/ns/1.0}"
_ITEMS = {"item": "RSS 2.0", "entry": "Atom"}
_REPORT_EVERY = 500


def import_feed(reading: Reading) -> Iterator[Item]:
    """Products of a feed."""
    entries = _entries(reading)
    first: deque[Entry | Problem] = deque()
    kind = ""
    for entry in entries:
        first.append(entry)
        if isinstance(entry, Entry):
            kind = _ITEMS[entry.cells.names[""]]
            break
    if kind:
        yield FileFound(reading.file, f"Google Merchant feed ({kind})")

    def all_entries() -> Iterator[Entry | Problem]:
        yield from first
        yield from entries

    yield from read_entries(all_entries(), reading)
    if reading.is_empty:
        message = "no products (<item> or <entry>) are in this XML file"
        yield reading.problem(0, "", None, message)


def _entries(reading: Reading) -> Iterator[Entry | Problem]:
    number = 0
    with reading.path.open("rb") as stream:
        parser = iterparse(stream, events=("start", "end"), forbid_dtd=True)
        open_elements: list[Element] = []
        try:
            for event, element in parser:
                if event == "start":
                    open_elements.append(element)
                    continue
                open_elements.pop()
                if _local(element) in _ITEMS and not any(
                    _local(outer) in _ITEMS for outer in open_elements
                ):
                    number += 1
                    yield _entry(number, element)
                    for outer in open_elements:
                        outer.clear()
                    if number % _REPORT_EVERY == 0:
                        reading.progress(stream.tell())
        except ParseError as error:
            line = error.position[0]
            message = f"the XML breaks off or is damaged here ({error}); what stands before loads"
            yield reading.problem(line, "", None, message)
        except DefusedXmlException as error:
            message = f"refused: it declares {type(error).__name__}; a product feed needs no DTD"
            yield reading.problem(0, "", None, message)
        except (ValueError, LookupError) as error:  # an unknown or wrong encoding is declared
            yield reading.problem(0, "", None, f"the XML cannot be read: {error}")


def _entry(number: int, item: Element) -> Entry:
    values: dict[str, object] = {}
    names = {"": _local(item)}
    highlights: list[str] = []
    details: dict[str, str] = {}
    for element in item:
        name, text = _local(element), (element.text or "").strip()
        if name == "product_highlight":
            highlights.append(text)
        elif name == "product_detail":
            parts = {_local(part): (part.text or "").strip() for part in element}
            key, value = parts.get("attribute_name", ""), parts.get("attribute_value", "")
            if key and value:
                details[key] = value
        elif text and (element.tag.startswith(_NAMESPACE) or plain_name(name) not in values):
            values[plain_name(name)] = text
            names[plain_name(name)] = name
    return Entry(Cells(number, values, names), tuple(highlights), details)


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]
