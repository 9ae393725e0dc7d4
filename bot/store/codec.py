"""Turns and passages as JSON text, and back without loss.

Covered: every record of `bot.types`, read by its type hints, so that a field added there needs no
change here. Fields that this version does not know (a newer one wrote them) are passed over;
fields that are missing take their default. Not covered: a field that changes its meaning, which
wants a migration.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from bot.errors import StoreError
from bot.types import Turn

T = TypeVar("T")
_Convert = Callable[[Any], Any]


def dump_turn(turn: Turn) -> str:
    """The whole turn as JSON text that any UTF-8 column can hold."""
    return dump(turn)


def load_turn(text: str) -> Turn:
    """The turn that `dump_turn` wrote.

    Raises:
        StoreError: the text is damaged or lacks a field without default.
    """
    return load(Turn, text)


def dump(record: object) -> str:
    """Any frozen record as JSON text."""
    kind: Any = type(record)
    return to_json(_encoder(kind)(record))


def load(kind: type[T], text: str) -> T:
    """The record that `dump` wrote.

    Raises:
        StoreError: the text is damaged or does not describe a `kind`.
    """
    hint: Any = kind
    try:
        record: T = _decoder(hint)(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreError(
            f"a stored {kind.__name__} cannot be read: {error}",
            fix="restore the database from a backup, or upgrade shopkeeper if a newer one wrote it",
        ) from error
    return record


def to_json(value: object) -> str:
    """Compact JSON; lone surrogates are escaped, as no database takes them raw."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"))
    return text


@cache
def _encoder(hint: Any) -> _Convert:
    if is_dataclass(hint):
        return _members(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _optional(_encoder(_not_none(arguments)))
    if origin is tuple:
        return _each(_encoder(arguments[0]), list)
    if origin is Mapping:
        value = _encoder(arguments[1])
        return lambda mapping: {str(key): value(item) for key, item in mapping.items()}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return lambda member: member.value
    if hint in (date, datetime):
        return lambda moment: moment.isoformat()
    return _plain(hint, origin)


@cache
def _decoder(hint: Any) -> _Convert:
    if is_dataclass(hint):
        return _record(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _optional(_decoder(_not_none(arguments)))
    if origin is tuple:
        return _each(_decoder(arguments[0]), tuple)
    if origin is Mapping:
        value = _decoder(arguments[1])
        return lambda mapping: {key: value(item) for key, item in mapping.items()}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    if hint in (date, datetime):
        parse: _Convert = hint.fromisoformat
        return parse
    return _plain(hint, origin)


def _members(kind: Any) -> _Convert:
    parts = [(name, _encoder(hint)) for name, hint in _fields(kind).items()]
    return lambda record: {name: convert(getattr(record, name)) for name, convert in parts}


def _record(kind: Any) -> _Convert:
    parts = [
        (part.name, _decoder(_fields(kind)[part.name]), _has_default(part)) for part in fields(kind)
    ]

    def decode(data: Any) -> Any:
        if not isinstance(data, dict):
            raise TypeError(f"{kind.__name__} expected, found {data!r:.40}")
        known = {}
        for name, convert, has_default in parts:
            if name in data:
                known[name] = convert(data[name])
            elif not has_default:
                raise KeyError(f"{kind.__name__}.{name} is missing")
        return kind(**known)

    return decode


def _plain(hint: Any, origin: Any) -> _Convert:
    # Converting also takes in numpy's numbers, which json would refuse.
    if hint in (str, int, float, bool):
        convert: _Convert = hint
        return convert
    if origin is Literal:
        return str
    raise TypeError(f"bot.store.codec cannot store a field of type {hint}")


def _optional(convert: _Convert) -> _Convert:
    return lambda value: None if value is None else convert(value)


def _each(convert: _Convert, collect: type) -> _Convert:
    return lambda values: collect(convert(value) for value in values)


def _not_none(arguments: tuple[Any, ...]) -> Any:
    (inner,) = (argument for argument in arguments if argument is not type(None))
    return inner


def _has_default(part: Any) -> bool:
    return part.default is not MISSING or part.default_factory is not MISSING


@cache
def _fields(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {part.name: hints[part.name] for part in fields(kind)}
