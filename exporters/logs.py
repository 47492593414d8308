"""Structured logs: one event is one line, no secret in it, and a fault that repeats does not fill the disk.

A caller names what happened with `extra={"system": ..., "reason": ...}`; both words are few (`SourceError.kind`), as
repeated events are counted by logger, system and reason.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Literal, TextIO

from exporters.redact import RedactingFilter, Redactor

_STANDARD: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}
# At DEBUG they log full URLs; at WARNING urllib3 does so for a malformed head.
_TALKATIVE: Final = ("urllib3", "requests", "charset_normalizer", "botocore", "boto3", "s3transfer")

Key = tuple[str, str, str]


@dataclass(slots=True)
class _Repeats:
    """One kind of event: since when its window runs (monotonic seconds), and how many were held back in it.

    The first record stands for all: it is already rendered and clean, so no traceback keeps a stack alive.
    """

    since: float
    first: logging.LogRecord
    newest: float
    held: int = 0


class RateLimit:
    """Lets one warning or error of a kind through per `interval` seconds and counts the rest; at most `keys` kinds.

    The kind is logger, `system` and `reason`; without a reason it is the message before its arguments are put in.
    """

    def __init__(self, interval: float = 300.0, keys: int = 1024, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval, self._keys, self._clock = interval, keys, clock
        self._kinds: OrderedDict[Key, _Repeats] = OrderedDict()
        self._lock = threading.Lock()

    def admit(self, record: logging.LogRecord) -> bool:
        """Whether to write this record now."""
        if record.levelno < logging.WARNING:
            return True
        with self._lock:
            known = self._kinds.get(_key(record))
            if known is not None:
                known.held += 1
                known.newest = record.created
                return False
            self._kinds[_key(record)] = _Repeats(self._clock(), record, record.created)
            return True

    def due(self, *, everything: bool = False) -> Iterator[logging.LogRecord]:
        """Summaries of the windows that have ended (or of all), the oldest first; those are forgotten."""
        with self._lock:
            now, ended = self._clock(), []
            while self._kinds:
                key, oldest = next(iter(self._kinds.items()))
                if not (everything or now - oldest.since >= self._interval or len(self._kinds) >= self._keys):
                    break
                del self._kinds[key]
                ended.append((now - oldest.since, oldest))
        for seconds, kind in ended:
            if kind.held:
                yield _summary(kind, seconds)


def _key(record: logging.LogRecord) -> Key:
    reason = getattr(record, "reason", None)
    return record.name, str(getattr(record, "system", "")), str(record.msg if reason is None else reason)


def _summary(kind: _Repeats, seconds: float) -> logging.LogRecord:
    """The first record again, dated like the newest, without its traceback, with how many were held back."""
    record = logging.makeLogRecord(kind.first.__dict__)
    record.created = kind.newest
    record.exc_info = record.exc_text = record.stack_info = None
    record.__dict__["repeated"] = kind.held
    record.__dict__["repeated_seconds"] = round(seconds, 1)
    return record


class JsonFormatter(logging.Formatter):
    """A JSON object per line: time (UTC), level, logger, message, then the extras by name."""

    def format(self, record: logging.LogRecord) -> str:
        event: dict[str, object] = {
            "time": _when(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        event |= _extras(record)
        event |= dict(_traces(record))
        return json.dumps(event)


class TextFormatter(logging.Formatter):
    """For people: time, level, logger, message, extras as `name=value`, and the traceback on the same line."""

    def format(self, record: logging.LogRecord) -> str:
        words = [_when(record), record.levelname, f"{record.name}:", record.getMessage()]
        words += [f"{name}={value}" for name, value in _extras(record).items()]
        words += [f"{name}={text}" for name, text in _traces(record)]
        return " ".join(words)


def _when(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _traces(record: logging.LogRecord) -> list[tuple[str, str]]:
    """What RedactingFilter has made of traceback and stack."""
    return [(name, text) for name, text in (("exception", record.exc_text), ("stack", record.stack_info)) if text]


def _extras(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in sorted(record.__dict__.items()) if name not in _STANDARD}


class Handler(logging.StreamHandler[TextIO]):
    """Writes what the rate limit admits; each event also brings out the summaries that have become due."""

    def __init__(self, stream: TextIO, limit: RateLimit) -> None:
        super().__init__(stream)
        self._limit = limit

    def handle(self, record: logging.LogRecord) -> bool:
        for summary in self._limit.due():
            super().handle(summary)
        return bool(self._limit.admit(record) and super().handle(record))

    def close(self) -> None:
        for summary in self._limit.due(everything=True):
            super().handle(summary)
        super().close()


def setup(
    redactor: Redactor,
    *,
    form: Literal["json", "text"] = "text",
    level: int = logging.INFO,
    stream: TextIO | None = None,
    limit: RateLimit | None = None,
) -> Handler:
    """Make this the only way logs leave the process, and send uncaught exceptions the same way. `stream` is stderr.

    Closing the returned handler writes the summaries still held back.
    """
    handler = Handler(stream or sys.stderr, limit or RateLimit())
    handler.addFilter(RedactingFilter(redactor))
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # its report of a failed write prints message and arguments as they are
    sys.excepthook = _uncaught
    threading.excepthook = lambda hook: _uncaught(hook.exc_type, hook.exc_value, hook.exc_traceback)
    return handler


def _uncaught(kind: type[BaseException], exc: BaseException | None, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    logging.getLogger("lastgood").critical(
        "uncaught exception", exc_info=(kind, exc or kind(), trace), extra={"reason": kind.__name__}
    )
