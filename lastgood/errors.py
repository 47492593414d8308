"""Every error lastgood raises on purpose.

    LastgoodError
    ├── ConfigError            a file the user wrote: file, line, key, what is wrong, what to do
    ├── SourceError            a backup system: system, endpoint, status, what to do
    │   ├── Unreachable        no answer in time, refused, name unknown
    │   ├── Untrusted          TLS: the certificate is not the one expected
    │   ├── AuthRefused        the account or password was refused; never retried at once (lock-out)
    │   ├── NotPermitted       signed in, but the role lacks this endpoint
    │   ├── BadAnswer          an answer that is not what the vendor documents
    │   └── LimitExceeded      more bytes, pages or rows than allowed
    └── HistoryError           the state directory or its database

A message never holds a secret: callers pass endpoints as paths without query strings.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class LastgoodError(Exception):
    """Base of all errors raised on purpose; its text is meant for a person."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong (or doubtful) in a file a user wrote.

    `line` counts from 1; `key` is the path inside the document (`tiers.gold.rpo`); both may be None when the file
    could not be read at all. `remedy` is an imperative sentence.
    """

    message: str
    remedy: str
    file: Path | None = None
    line: int | None = None
    key: str | None = None
    warning: bool = False

    def __str__(self) -> str:
        place = str(self.file) if self.file else "configuration"
        if self.line is not None:
            place += f":{self.line}"
        level = "warning: " if self.warning else ""
        key = f"{self.key}: " if self.key else ""
        return f"{place}: {level}{key}{self.message} -> {self.remedy}"


class ConfigError(LastgoodError):
    """One or more problems in the user's files; `problems` is never empty."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("\n".join(str(p) for p in problems))


class SourceError(LastgoodError):
    """A backup system did not give what was asked. `kind` is the stable word used in metrics and logs."""

    kind = "error"

    def __init__(
        self,
        system: str,
        endpoint: str,
        message: str,
        *,
        status: int | None = None,
        remedy: str = "",
        retry_after: float | None = None,
    ) -> None:
        self.system, self.endpoint, self.message = system, endpoint, message
        self.status, self.remedy, self.retry_after = status, remedy, retry_after
        answered = f" answered {status}" if status is not None else ""
        todo = f" -> {remedy}" if remedy else ""
        super().__init__(f"{system}: {endpoint}{answered}: {message}{todo}")


class Unreachable(SourceError):
    kind = "unreachable"


class Untrusted(SourceError):
    kind = "untrusted"


class AuthRefused(SourceError):
    kind = "auth_refused"


class NotPermitted(SourceError):
    kind = "not_permitted"


class BadAnswer(SourceError):
    kind = "bad_answer"


class LimitExceeded(SourceError):
    kind = "limit_exceeded"


class HistoryError(LastgoodError):
    """The state directory cannot be used: path, reason, remedy in the text."""
