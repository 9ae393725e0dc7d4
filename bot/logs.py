"""How the program logs: one line an event, to standard error, without values of local variables.

Covered: structlog and the standard library's loggers. A stack trace names files and lines only:
message texts and tokens live in local variables, which rich tracebacks would print.
"""

from __future__ import annotations

import logging
import sys

import structlog


def configure(level: str = "INFO", *, json: bool | None = None) -> None:
    """Set up logging for this process.

    Args:
        level: least level that is shown.
        json: JSON lines; by default where standard error is not a terminal.
    """
    as_json = not sys.stderr.isatty() if json is None else json
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([structlog.processors.format_exc_info] if as_json else []),
            structlog.processors.JSONRenderer(ensure_ascii=False) if as_json else plain,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_number(level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=max(_number(level), logging.WARNING), stream=sys.stderr)


def _number(level: str) -> int:
    return logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
