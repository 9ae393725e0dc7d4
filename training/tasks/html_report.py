"""An evaluation as one HTML page: figures, bars per language and kind, the worst cases.

Covered: any task's result; the page needs no network and no script, and shows every text inert.
Not covered: measuring.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

_WORST = 50
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#222}
table{border-collapse:collapse;width:100%;margin:1rem 0}td,th{border-bottom:1px solid #ddd;
padding:.35rem .6rem;text-align:left;vertical-align:top}td.n{text-align:right;
font-variant-numeric:tabular-nums}svg{max-width:100%}details{margin:.2rem 0}
h2{margin-top:2.5rem}.cases td{max-width:26rem;overflow-wrap:anywhere}
"""

Groups = Mapping[str, Mapping[str, float]]


def render(
    task: str,
    result: Mapping[str, Any],
    groups: Mapping[str, Groups],
    cases: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
) -> str:
    """The page.

    Args:
        task: what was measured.
        result: the JSON result of the command: `n`, `metrics`, `config`, `seconds`.
        groups: scores by group, for each way of grouping ("language", "kind", "source").
        cases: the worst ones first; at most 50 are shown.
        columns: fields of a case that are shown.
    """
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{_safe(task)}</title>"
        f"<style>{_STYLE}</style><h1>{_safe(task)}</h1>",
        f"<p>{result['n']} rows · {_safe(_config(result.get('config', {})))}</p>",
        _table(("measure", "value"), [(k, _number(v)) for k, v in result["metrics"].items()]),
    ]
    for name, scores in groups.items():
        if scores:
            parts.append(f"<h2>By {_safe(name)}</h2>")
            parts.append(_bars(scores))
            parts.append(_by_group(name, scores))
    if cases:
        parts.append(f"<h2>Worst cases ({min(len(cases), _WORST)})</h2>")
        rows = [[_text(case.get(column, "")) for column in columns] for case in cases[:_WORST]]
        parts.append(_table(columns, rows, css="cases"))
    return "\n".join(parts) + "\n"


def _by_group(name: str, scores: Groups) -> str:
    measures = list(dict.fromkeys(m for values in scores.values() for m in values))
    rows = [
        [group, *(_number(values.get(m)) for m in measures)] for group, values in scores.items()
    ]
    return _table([name, *measures], rows)


def _bars(scores: Groups) -> str:
    """A bar for each group and measure that lies in [0, 1]."""
    measures = [
        m
        for m in dict.fromkeys(m for values in scores.values() for m in values)
        if all(_is_share(values.get(m)) for values in scores.values())
    ]
    bars: list[str] = []
    y = 14
    for measure in measures:
        for group, values in scores.items():
            value = values.get(measure)
            if not _is_share(value) or value is None or value != value:
                continue
            label = f"{measure} · {group}"
            bars.append(
                f'<text x="250" y="{y}" text-anchor="end">{_safe(label)}</text>'
                f'<rect x="258" y="{y - 11}" width="{max(1.0, 400 * value):.0f}" height="13" '
                f'fill="#c9743f"/><text x="{266 + 400 * value:.0f}" y="{y}">{value:.3f}</text>'
            )
            y += 18
        y += 6
    if not bars:
        return ""
    return (
        f'<svg viewBox="0 0 720 {y}" width="720" font-size="12" font-family="sans-serif" '
        f'role="img">{"".join(bars)}</svg>'
    )


def _is_share(value: float | None) -> bool:
    return value is None or value != value or 0.0 <= value <= 1.0


def _config(config: Mapping[str, Any]) -> str:
    return " · ".join(f"{key}: {value}" for key, value in config.items() if value is not None)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], css: str = "") -> str:
    top = "".join(f"<th>{_safe(name)}</th>" for name in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{_safe(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f'<table class="{css}"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'


def _number(value: float | None) -> str:
    if value is None or value != value:
        return "–"
    return f"{value:.4f}" if abs(value) < 100 else f"{value:.0f}"


def _text(value: Any) -> str:
    return (
        value
        if isinstance(value, str)
        else _number(value)
        if isinstance(value, float)
        else str(value)
    )


def _safe(text: str) -> str:
    return html.escape(text)
