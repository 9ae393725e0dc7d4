"""Nothing personal reaches the logs: a structlog processor that masks every value of a line.

Covered: values of any depth, the text of exceptions, lines that a renderer has made. Identifiers
that machines make (hexadecimal, UUID) stay whole: a line must lead to its conversation. Not
covered: names of people; what other programs write.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

_OURS: Final = frozenset({"timestamp", "level", "logger"})
_MACHINE: Final = re.compile(
    r"(?:[a-z]{2,12}[_:])?(?:[0-9a-f]{12,64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?::\w{1,40})?"
)
_PLAIN: Final = (int, float, bool, type(None))


def mask_line(_logger: object, _method: str, line: Any) -> Any:
    """The processor: `line` is an event's values, or its rendered text."""
    if isinstance(line, str):
        return _text(line)
    if isinstance(line, dict):
        return {key: value if key in _OURS else _value(value) for key, value in line.items()}
    return line


def _value(value: Any) -> Any:
    if isinstance(value, str):
        return value if _MACHINE.fullmatch(value) else _text(value)
    if isinstance(value, _PLAIN) or value is ...:
        return value
    if isinstance(value, Mapping):
        return {_value(key): _value(inner) for key, inner in value.items()}
    if type(value) in (list, tuple, set, frozenset):
        return type(value)(_value(inner) for inner in value)
    if isinstance(value, BaseException):
        return _text(f"{type(value).__name__}: {value}")
    return value


def _text(text: str) -> str:
    # Imported here: a command that logs nothing should not pay for the tables of phone numbers.
    from bot.privacy.finding import mask

    return "\n".join(map(mask, text.split("\n"))) if "\n" in text else mask(text)
