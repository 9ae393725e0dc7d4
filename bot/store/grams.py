"""Search in a million messages on PostgreSQL, in any script: an index over pieces of words.

Covered: the pieces, and the condition that lets PostgreSQL look them up. A piece is three letters,
or two characters where one of them is not ASCII, so that Chinese words of two characters are found;
whatever holds a word holds all of its pieces. Blind words of encrypted texts are pieces as they are.
Not covered: SQLite, which reads through all messages; words of one character, or of two letters,
which have no pieces.

The extension pg_trgm would not do: it wants three characters and, under the C locale, knows none
that is Chinese.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Text, cast, func
from sqlalchemy.dialects.postgresql import ARRAY

CREATE_FUNCTION: Final = r"""
CREATE FUNCTION shop_grams(t text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
SELECT CASE
  WHEN t ~ '^[0-9a-f]{18}( [0-9a-f]{18})*$' AND t ~ '[a-f]' THEN string_to_array(t, ' ')
  ELSE ARRAY(
    SELECT DISTINCT CASE WHEN ascii(a) > 127 OR ascii(b) > 127 THEN a || b ELSE a || b || c END
    FROM (
      SELECT x AS a, lead(x) OVER w AS b, lead(x, 2) OVER w AS c
      FROM unnest(string_to_array(t, NULL)) WITH ORDINALITY AS u(x, n) WINDOW w AS (ORDER BY n)
    ) AS three
    WHERE b IS NOT NULL AND (ascii(a) > 127 OR ascii(b) > 127 OR c IS NOT NULL)
  ) || CASE WHEN t ~ '^[0-9a-f]{18}( [0-9a-f]{18})*$' THEN string_to_array(t, ' ') END
END
$$
"""
"""Blind words are 18 hexadecimal digits. What has digits only may be a number somebody wrote."""


def grams(word: str) -> tuple[str, ...]:
    """The pieces of a word, each once; none for one too short."""
    found: dict[str, None] = {}
    for at in range(len(word) - 1):
        pair = word[at : at + 2]
        if not pair.isascii():
            found[pair] = None
        elif at + 2 < len(word):
            found[word[at : at + 3]] = None
    return tuple(found)


def has_all(expression: ColumnElement[Any], pieces: Sequence[str]) -> ColumnElement[bool]:
    """The condition that `shop_grams(expression)` holds all `pieces`."""
    wanted: ColumnElement[Any] = cast(list(pieces), ARRAY(Text))
    return func.shop_grams(expression, type_=ARRAY(Text)).op("@>", is_comparison=True)(wanted)
