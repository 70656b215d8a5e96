"""Log lines: structlog to stderr, as JSON or for people. What looks like a credential never gets there."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Final, TextIO

import msgspec
import structlog
from flask import g, has_request_context
from structlog.types import EventDict, Processor, WrappedLogger

PLACEHOLDER: Final = "[redacted]"
CREDENTIAL: Final = re.compile(
    r"""
      (?P<scheme> \b(?: Bearer \s+ | Basic \s+ (?= \S* [\d=] ) ) ) [A-Za-z0-9._~+/=-]{6,}
    | (?P<name> (?: password | passwd | secret | api[_-]?key | token | authorization ) ["']? \s* [=:] \s* ["']? )
      [^\s"',;&]{4,}
    | (?P<url> \w+:// [^\s:/@]* : ) [^\s@/]+ (?= @ )
    | \b eyJ [A-Za-z0-9_-]{8,} \. [A-Za-z0-9_-]+ (?: \. [A-Za-z0-9_-]* )?
    | \b (?: sk | pk | rk | xox[abprs] | gh[pousr] | hf | gsk | AIza | parley ) [-_] [A-Za-z0-9_-]{12,}
    | \b AIza [A-Za-z0-9_-]{20,}
    """,
    re.VERBOSE | re.IGNORECASE,
)
SUSPECT: Final = re.compile(
    r"bearer|basic|token|passw|secret|key|authorization|eyJ|://|[a-z]{2,6}[-_][A-Za-z0-9_-]{12}|AIza", re.IGNORECASE
)
PLAIN: Final = frozenset(("timestamp", "level", "request_id", "rule", "method", "status", "ms", "user_id"))


def configure(level: str = "info", form: str = "json") -> None:
    """Set up logging for the whole process; the standard library's loggers end up in the same lines."""
    least = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        name_request,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact_event,
    ]
    as_json = form == "json"
    structlog.configure(
        processors=[*shared, render_json if as_json else structlog.dev.ConsoleRenderer(colors=False)],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=_BytesToStderr() if as_json else structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    _adopt_standard_logging(least, shared, as_json=as_json)


class _BytesToStderr:
    """A logger over the stderr of the moment: a test or a supervisor may replace it."""

    def __call__(self, *_: object) -> WrappedLogger:
        return structlog.BytesLogger(sys.stderr.buffer)


class _Stderr(logging.StreamHandler[TextIO]):
    """Likewise for the standard library's loggers."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


def render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> bytes:
    return msgspec.json.encode(event, enc_hook=str)


def name_request(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The id of the request that this thread works for; cheaper than a context variable bound at every request."""
    if has_request_context() and (request_id := g.get("request_id")):
        event.setdefault("request_id", request_id)
    return event


def redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace credentials in every text of the event, however deep."""
    for name, value in event.items():
        if name not in PLAIN and not isinstance(value, int | float | bool | None):
            event[name] = _redact(value)
    return event


def _redact(value: Any) -> Any:
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, MutableMapping):
        return {key: _redact(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redact(inner) for inner in value]
    return value if isinstance(value, int | float | bool | None) else redact_text(str(value))


def redact_text(text: str) -> str:
    """`text` without what has the form of a credential."""
    return CREDENTIAL.sub(_placeholder, text) if SUSPECT.search(text) else text


def _placeholder(match: re.Match[str]) -> str:
    kept = match.group("scheme") or match.group("name") or match.group("url") or ""
    return kept + PLACEHOLDER


def _adopt_standard_logging(least: int, shared: list[Processor], *, as_json: bool) -> None:
    def as_text(logger: WrappedLogger, method: str, event: EventDict) -> str:
        return render_json(logger, method, event).decode()

    handler = _Stderr()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared[:-2], structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact_event,
                as_text if as_json else structlog.dev.ConsoleRenderer(colors=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(least, logging.WARNING))  # libraries: what goes wrong; what they do is theirs
