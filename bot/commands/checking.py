"""`shopkeeper knowledge check`: entries that contradict or repeat each other, side by side.

Covered: everything the shop knows, or what an import changed. Vectors are kept in the shop's folder,
so that only new texts are encoded. Not covered: how pairs are found (`retrieval.conflicts`) and
compared (`bot.contradictions`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.build import open_shop
from bot.commands.models import progress_bars
from bot.config import Settings
from bot.contradictions import Clash, Finding, find
from bot.errors import ModelError
from bot.models.runtime import load_encoder
from bot.protocols import Encoder, Vectors
from bot.types import Passage

console = Console(stderr=True)
_SHOWN = 20
_SHOWN_CHARS = 400
_AT_ONCE = 2000
"""New texts that an import encodes on the way; for more there is the command."""
_FILE = "compared.npz"
_CONTRADICTION = "may contradict each other · 可能互相矛盾"
_DUPLICATE = "say the same twice · 内容重复"
_DIFFERS = "differs · 不同"
_UNITS = {
    "cny": "¥",
    "eur": "€",
    "usd": "$",
    "day": "days · 天",
    "workday": "working days · 工作日",
    "hour": "hours · 小时",
    "minute": "minutes · 分钟",
    "week": "weeks · 周",
    "month": "months · 个月",
    "year": "years · 年",
    "point": "points · 积分",
    "date": "date · 日期",
    "time": "time · 时间",
    "phone": "phone · 电话",
    "email": "e-mail · 邮箱",
    "answer": "yes or no · 是否",
}


def check(settings: Settings, as_json: bool) -> int:
    """Compare everything; returns the exit code, 1 when something may contradict.

    Raises:
        StoreError: the database cannot be read.
    """
    passages = _passages(settings)
    found = _found(settings, passages, changed=None)
    if as_json:
        print(json.dumps([_as_json(finding) for finding in found], ensure_ascii=False))
    else:
        _show(found, Console())
        _sum_up(found, len(passages))
    return 1 if any(finding.kind == "contradiction" for finding in found) else 0


def check_changed(settings: Settings, changed: set[str]) -> None:
    """Compare what an import added or changed with everything, and show what was found."""
    passages = _passages(settings)
    found = _found(settings, passages, changed=frozenset(changed))
    _show(found, console)
    if found:
        _sum_up(found, len(passages))


class KeptVectors:
    """An encoder that keeps what it encoded in a file, a row per text; damaged files are ignored."""

    def __init__(self, encoder: Encoder, file: Path) -> None:
        self._encoder = encoder
        self._file = file
        self._rows: dict[str, NDArray[np.float16]] = {}
        self._used: set[str] = set()
        try:
            with np.load(file, allow_pickle=False) as kept:
                if str(kept["encoder"]) == encoder.name:
                    self._rows = dict(zip(kept["keys"].tolist(), kept["rows"], strict=True))
        except (OSError, ValueError, KeyError, EOFError):
            self._rows = {}

    @property
    def name(self) -> str:
        """Of the encoder behind."""
        return self._encoder.name

    @property
    def dimension(self) -> int:
        """Of the encoder behind."""
        return self._encoder.dimension

    def encode(self, texts: Sequence[str], role: Literal["query", "passage"]) -> Vectors:
        """Unit vectors, those known taken from the file; as accurate as half floats are."""
        keys = [_key(text) for text in texts]
        new = [text for key, text in zip(keys, texts, strict=True) if key not in self._rows]
        if new:
            vectors = self._encoder.encode(new, role).astype(np.float16)
            self._rows.update(zip((_key(text) for text in new), vectors, strict=True))
        self._used.update(keys)
        return np.array([self._rows[key] for key in keys], np.float32).reshape(
            len(texts), self.dimension
        )

    def unknown(self, texts: Sequence[str]) -> int:
        """How many of these texts would have to be encoded."""
        return sum(1 for text in texts if _key(text) not in self._rows)

    def save(self) -> None:
        """Keep the rows that were used."""
        keys = sorted(self._used)
        rows = np.array([self._rows[key] for key in keys], np.float16)
        part = self._file.with_suffix(".part.npz")
        np.savez(part, encoder=np.array(self.name), keys=np.array(keys), rows=rows)
        part.replace(self._file)


def _passages(settings: Settings) -> tuple[Passage, ...]:
    with open_shop(settings, models=False) as shop:
        return shop.knowledge.live_passages()


def _found(
    settings: Settings, passages: Sequence[Passage], changed: frozenset[str] | None
) -> list[Finding]:
    from retrieval.conflicts import comparable, encoded_text

    day = datetime.now().astimezone().date()
    kept: KeptVectors | None = None
    try:
        kept = KeptVectors(load_encoder(settings), settings.home / _FILE)
    except ModelError as error:
        console.print(
            f"compared by words only: {error.message} ({error.fix})", style="yellow", markup=False
        )
    if kept and changed is not None:
        unknown = kept.unknown([encoded_text(text) for text in comparable(passages)])
        if unknown > _AT_ONCE:
            console.print(
                f"compared by words only ({unknown} new texts); "
                "`shopkeeper knowledge check` compares by meaning too",
                style="yellow",
            )
            kept = None
    with progress_bars() as bars:
        found = find(
            passages,
            kept,
            day,
            changed=changed,
            progress=lambda done, total: bars("comparing entries", done, total),
        )
    if kept:
        kept.save()
    return found


def _show(found: Sequence[Finding], out: Console) -> None:
    for finding in found[:_SHOWN]:
        pair = finding.pair
        title = _CONTRADICTION if finding.kind == "contradiction" else _DUPLICATE
        table = Table(title=title, title_justify="left", expand=True, show_lines=True)
        for passage in (pair.first, pair.second):
            source = f"  ({passage.source})" if passage.source else ""
            table.add_column(Text(f"{passage.passage_id}{source}"), ratio=1, overflow="fold")
        table.add_row(Text(pair.first.title, "bold"), Text(pair.second.title, "bold"))
        first = pair.excerpt or pair.first.text
        texts = [_marked(text, finding.clashes) for text in (first, pair.second.text)]
        table.add_row(*texts)
        for clash in finding.clashes:
            what = _UNITS.get(clash.what, clash.what)
            sides = (", ".join(clash.first), ", ".join(clash.second))
            table.add_row(*(Text(f"{_DIFFERS}: {side} {what}", "red") for side in sides))
        out.print(table)
    if len(found) > _SHOWN:
        out.print(f"… and {len(found) - _SHOWN} more · 还有{len(found) - _SHOWN}处 (--json: all)")


def _marked(text: str, clashes: Sequence[Clash]) -> Text:
    """A text, cut around its first difference when it is long."""
    values = [value for clash in clashes for value in (*clash.first, *clash.second)]
    at = min((place for value in values if (place := text.find(value)) >= 0), default=0)
    start = max(0, at - _SHOWN_CHARS // 2) if len(text) > _SHOWN_CHARS else 0
    shown = text[start : start + _SHOWN_CHARS]
    marked = Text(("… " if start else "") + shown + ("…" if start + len(shown) < len(text) else ""))
    marked.highlight_words([value for value in values if value.strip()], "bold red")
    return marked


def _sum_up(found: Sequence[Finding], total: int) -> None:
    clashing = sum(1 for finding in found if finding.kind == "contradiction")
    twice = len(found) - clashing
    console.print(
        f"{total} passages compared: {clashing} pairs may contradict, {twice} say the same twice · "
        f"共比较{total}条：{clashing}处可能矛盾，{twice}处重复",
        style="yellow" if found else "green",
    )
    if clashing:
        console.print(
            "correct one side and import again, or `shopkeeper knowledge delete ID` · "
            "请改正其中一条后重新导入，或删除"
        )


def _as_json(finding: Finding) -> dict[str, object]:
    sides = [
        {"id": p.passage_id, "lang": p.lang, "title": p.title, "text": p.text, "source": p.source}
        for p in (finding.pair.first, finding.pair.second)
    ]
    return {
        "kind": finding.kind,
        "relation": finding.pair.relation,
        "similarity": round(finding.pair.similarity, 4),
        "first": sides[0],
        "second": sides[1],
        "excerpt": finding.pair.excerpt,
        "differences": [asdict(clash) for clash in finding.clashes],
    }


def _key(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
