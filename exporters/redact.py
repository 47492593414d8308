"""Secrets that do not leak, and text that is safe to log and to label.

A secret is known by its value, so it is looked for by value: plain and in the encodings in which HTTP carries it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import json
import logging
import re
import threading
import unicodedata
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final, NoReturn, Self
from urllib.parse import quote, quote_plus

REDACTED: Final = "[redacted]"

# Shorter encoded fragments would hit ordinary words; the plain value is always looked for, however short.
_SHORTEST_FRAGMENT: Final = 5
_DIGEST_CHARS: Final = 12
_SHORTEST_LIMIT: Final = 32

# C0, DEL, C1; the bidirectional controls; line and paragraph separator; lone surrogates.
_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Secret:
    """A password, key or token. Only `reveal` gives it away; everything that prints or serialises does not.

    `origin` says where it came from ("file /etc/lastgood/veeam", "environment VEEAM_PASSWORD") and is not secret.
    Pickling raises TypeError: a redacted copy would sign in with a wrong password and lock the account.
    """

    __slots__ = ("__value", "origin")

    def __init__(self, value: str, origin: str) -> None:
        self.__value = value
        self.origin = origin

    def reveal(self) -> str:
        """The value itself, for the one call that sends it."""
        return self.__value

    def __repr__(self) -> str:
        return f"Secret({REDACTED}, origin={self.origin!r})"

    def __str__(self) -> str:
        return REDACTED

    def __format__(self, spec: str) -> str:
        return format(REDACTED, spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        mine, theirs = (s.reveal().encode("utf-8", "surrogatepass") for s in (self, other))
        return hmac.compare_digest(mine, theirs)

    def __hash__(self) -> int:
        return hash((Secret, self.__value))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is not pickled; read it again from its origin")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a Secret has no state to show")


class Redactor:
    """Takes known secrets out of text; safe between threads.

    Those given at the start are known for good; of those added later the newest `learnt` are, since tokens are renewed
    several times an hour.
    """

    def __init__(self, secrets: Iterable[Secret] = (), *, learnt: int = 64) -> None:
        self._lock = threading.Lock()
        self._fixed = frozenset(secrets)
        self._learnt: deque[Secret] = deque(maxlen=learnt)
        self._pattern: re.Pattern[str] | None = None
        self.add()

    def add(self, *secrets: Secret) -> None:
        """Know these too, such as the token a sign-in has just returned. An empty value is no secret."""
        with self._lock:
            self._learnt.extend(secret for secret in secrets if secret not in self._fixed)
            forms = {form for secret in {*self._fixed, *self._learnt} for form in _forms(secret.reveal())}
            longest_first = sorted(forms, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(_matching, longest_first))) if longest_first else None

    def clean(self, text: str) -> str:
        """`text` with each known value, plain or encoded, replaced by `[redacted]`."""
        pattern = self._pattern
        return pattern.sub(REDACTED, text) if pattern else text


def _forms(value: str) -> Iterator[str]:
    """The value as it appears in text, URLs, forms, JSON, HTML, `repr` and Basic authentication."""
    if not value:
        return
    yield value
    raw = value.encode("utf-8", "surrogatepass")
    escaped = {quote(raw, safe=""), quote(raw), quote_plus(raw), quote(quote(raw, safe=""), safe="")}
    escaped |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1]}
    escaped |= {html.escape(value), html.escape(value, quote=False), one_line(value), raw.hex()}
    escaped |= set(_base64_forms(raw))
    yield from (form for form in escaped if len(form) >= _SHORTEST_FRAGMENT)


def _matching(form: str) -> str:
    """A pattern for `form`; the digits of percent escapes may be of either case."""
    return re.sub("%[0-9A-Fa-f]{2}", lambda m: f"(?i:{m[0]})", re.escape(form))


def _base64_forms(raw: bytes) -> Iterator[str]:
    """What base64 makes of the value wherever it stands inside a longer text (`user:password`).

    Three bytes become four characters, so there are three alignments; characters that also hold bits of the
    neighbours are left out.
    """
    for shift, contaminated in ((0, 0), (1, 2), (2, 3)):
        whole = bytes(shift) + raw
        encoded = base64.b64encode(whole).rstrip(b"=").decode("ascii")
        end = len(encoded) if len(whole) % 3 == 0 else len(encoded) - 1
        fragment = encoded[contaminated:end]
        yield fragment
        yield fragment.translate(str.maketrans("+/", "-_"))


class RedactingFilter(logging.Filter):
    """Put on a handler: takes secrets out of message, arguments, extras and tracebacks; one event is one line.

    A filter on a logger does not see the records of its children, hence the handler.
    """

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._message(record), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        # Without this another handler would format the traceback again, from the raw exception.
        record.exc_info = None
        for name, value in list(record.__dict__.items()):
            if isinstance(value, str):
                record.__dict__[name] = self._clean(value)
            elif name not in _STANDARD and value is not None and not isinstance(value, bool | int | float):
                record.__dict__[name] = self._clean(str(value))
        return True

    def _message(self, record: logging.LogRecord) -> str:
        try:
            return record.getMessage()
        except (TypeError, ValueError, KeyError):
            return f"{record.msg} {record.args!r}"

    def _clean(self, text: str) -> str:
        return one_line(self._redactor.clean(text))


_STANDARD: Final = frozenset(logging.makeLogRecord({}).__dict__)


def one_line(text: str) -> str:
    """`text` with controls, line separators, bidi controls and lone surrogates written as escapes."""
    return _UNSAFE.sub(lambda m: m[0].encode("unicode_escape").decode("ascii"), text)


def sanitise_label(text: str, limit: int = 256) -> str:
    """A name from a vendor as a label value: NFC, nothing invisible that harms, at most `limit` bytes of UTF-8.

    Controls, bidi controls, surrogates and line separators become U+FFFD. Prometheus accepts them, but one lone
    surrogate makes prometheus_client lose the whole scrape. A longer text keeps its head and ends in `~` and 12 hex
    of the SHA-256 of the whole, so it is the same after a restart. Raises TypeError for None or any other non-text,
    ValueError for a limit below 32.
    """
    if not isinstance(text, str):
        raise TypeError(f"a label value is text, not {type(text).__name__}")
    if limit < _SHORTEST_LIMIT:
        raise ValueError(f"a label limit below {_SHORTEST_LIMIT} bytes leaves no room for its digest")
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    normal = unicodedata.normalize("NFC", text)
    safe = _UNSAFE.sub("\ufffd", normal)
    encoded = safe.encode("utf-8")
    if len(encoded) <= limit:
        return safe
    digest = hashlib.sha256(normal.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_CHARS]
    head = encoded[: limit - _DIGEST_CHARS - 1].decode("utf-8", "ignore")
    return f"{head}~{digest}"
