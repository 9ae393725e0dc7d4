"""How the program logs: one line an event, to standard error, without secrets or
personal data.

Covered: structlog and the standard library's loggers in one format, the conversation and request
that a line belongs to (context variables), values of secrets blotted out of whatever is written,
personal data masked (`bot.privacy`).
A stack trace names files and lines only: message texts and tokens live in local variables, which
rich tracebacks would print. Not covered: where standard error goes (the service manager's work).
"""

from __future__ import annotations

import json as json_lines
import logging
import re
import sys
import threading
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Final
from urllib.parse import quote, quote_plus

import structlog

from bot.privacy.log_lines import mask_line

BLOT: Final = "[secret]"
MIN_SECRET_CHARS: Final = 6
"""A shorter value would blot out innocent words, and guards nothing anyway."""

_SHAPES: Final = (
    (re.compile(r"\b(whsec_|shk_[0-9a-z]{12}_)[A-Za-z0-9+/=_-]{8,}"), rf"\1{BLOT}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{8,}"), rf"\1 {BLOT}"),
    (re.compile(r"(\w+://[^\s/:@]*):[^\s/@]+@"), rf"\1:{BLOT}@"),
    (
        re.compile(
            r"(?i)\b(api_access_token|access_token|api[_-]?key|authorization|password|passwd"
            r"|client_secret|cookie)(\\?[\"']?\s*[:=]\s*\\?[\"']?)(?!\[secret\])[^\s\"',;&}\\]{4,}"
        ),
        rf"\1\2{BLOT}",
    ),
)
"""What looks like a secret though no setting names it."""

_SECRET_NAME: Final = re.compile(r"(?i)(token|secret|password|_key)s?$")


class Blotter:
    """Takes known secrets, and what looks like one, out of a line.

    Args:
        secrets: values that must not appear; also found as JSON, `repr` and URLs write them.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {secret.strip() for secret in secrets}
        forms = {
            form
            for secret in known
            if len(secret) >= MIN_SECRET_CHARS
            for form in (
                secret,
                json_lines.dumps(secret)[1:-1],
                json_lines.dumps(secret, ensure_ascii=False)[1:-1],
                repr(secret)[1:-1],
                quote(secret, safe=""),
                quote_plus(secret),
            )
        }
        # The longest first: a secret may be part of another one.
        ordered = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def clean(self, line: str) -> str:
        """`line` without secrets."""
        if self._known is not None:
            line = self._known.sub(BLOT, line)
        for shape, instead in _SHAPES:
            line = shape.sub(instead, line)
        return line

    def __call__(self, _logger: object, _method: str, rendered: Any) -> Any:
        """A structlog processor, before the renderer (values) and after it (the whole line).

        Before, because a renderer writes a quoted secret quoted once more.
        """
        if isinstance(rendered, str):
            return self.clean(rendered)
        if isinstance(rendered, dict):
            return {key: self(None, "", value) for key, value in rendered.items()}
        if isinstance(rendered, list | tuple) and type(rendered) in (list, tuple):
            return type(rendered)(self(None, "", value) for value in rendered)
        return rendered


def secrets_in(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Values of variables whose names say that they are secret."""
    named = [value for name, value in environ.items() if _SECRET_NAME.search(name)]
    return tuple(part for value in named for part in (value, *value.split()))


def configure(
    level: str = "INFO", *, json: bool | None = None, secrets: Iterable[str] = ()
) -> None:
    """Set up logging for this process; may be called again.

    Args:
        level: least level that is shown.
        json: JSON lines; by default where standard error is not a terminal.
        secrets: values that must never be written.
    """
    as_json = not sys.stderr.isatty() if json is None else json
    dress: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    blot = Blotter(secrets)
    finish: list[Any] = [
        *([structlog.processors.format_exc_info, mask_line, blot] if as_json else [mask_line]),
        structlog.processors.JSONRenderer(ensure_ascii=False) if as_json else plain,
        # A trace is text only now, on a terminal; JSON was masked value by value.
        *([] if as_json else [mask_line]),
        blot,
    ]
    structlog.configure(
        processors=[*dress, *finish],
        wrapper_class=structlog.make_filtering_bound_logger(_number(level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = _Handler(sys.stderr)
    drop = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=dress, processors=[drop, *finish])
    )
    root = logging.getLogger()
    for old in [h for h in root.handlers if isinstance(h, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(max(_number(level), logging.WARNING))


def log_crashes() -> None:
    """Write what nobody caught as a line of the log, not as a bare trace around it."""
    log = structlog.get_logger(__name__)

    def crashed(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            log.critical("crashed", exc_info=(kind, error, trace))

    def thread_crashed(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and args.exc_type is not SystemExit:
            crashed(args.exc_type, args.exc_value, args.exc_traceback)

    sys.excepthook = crashed
    threading.excepthook = thread_crashed


class _Handler(logging.StreamHandler):  # type: ignore[type-arg]
    """Ours, so that a second `configure` finds it."""


def _number(level: str) -> int:
    return logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
