"""The body of an answer, whole or not at all, in bounded memory; and what it means when there is none."""

from __future__ import annotations

import errno
import os
import re
import zlib
from collections.abc import Iterator
from http.client import RemoteDisconnected
from io import BytesIO
from ssl import SSLEOFError, SSLError

from urllib3 import BaseHTTPResponse

from exporters.http_limits import Exchange
from lastgood.errors import BadAnswer, SourceError, Unreachable

_SLICE = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS
_NO_BODY = frozenset({204, 304})
_MENDABLE = 8 * 1024 * 1024
# Each escape of a JSON text in turn: a whole surrogate pair, half of one, any other.
_ESCAPES = re.compile(
    rb"\\(?:(u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2})|(u[dD][89a-fA-F][\da-fA-F]{2})|.)", re.DOTALL
)


def read_body(raw: BaseHTTPResponse, exchange: Exchange, *, tls: bool) -> bytes:
    """All of the decoded body. Raises LimitExceeded before memory is spent, BadAnswer for one that is not whole."""
    _check_length(raw, exchange, tls=tls)
    encoding = raw.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("gzip", "x-gzip"):
        parts = _gunzip(_slices(raw), exchange)
    elif encoding in ("identity", ""):
        parts = _slices(raw)
    else:
        raise _bad(exchange, f"its body is encoded as {exchange.quoted(encoding)}; gzip was offered")
    limit = exchange.limits.decoded_bytes
    # Closed on the way out: an error's traceback would keep what was read so far for as long as the error lives.
    with BytesIO() as kept:
        for part in parts:
            if kept.tell() + len(part) > limit:
                raise exchange.exceeded("decoded_bytes", limit)
            kept.write(part)
        if exchange.ended and _is_chunked(raw):
            # http.client takes `0` and the end of the connection for the last chunk; it may be the start of `0a3f`.
            raise _bad(exchange, "its body is cut short")
        return kept.getvalue()


def _check_length(raw: BaseHTTPResponse, exchange: Exchange, *, tls: bool) -> None:
    if _is_chunked(raw):
        return
    declared = {part.strip() for part in raw.headers.get_all("content-length", [])}
    if not declared:
        # The end of the connection is then the end of the body, which only TLS' farewell can vouch for.
        if tls or raw.status in _NO_BODY:
            return
        raise _bad(exchange, "it does not say how long its body is, so a cut one could pass for a whole one")
    length = declared.pop()
    if declared or not (length.isascii() and length.isdigit()):
        raise _bad(exchange, "its Content-Length is not a number")
    if len(length) > 18 or int(length) > exchange.limits.wire_bytes:
        raise exchange.exceeded("wire_bytes", exchange.limits.wire_bytes)


def _is_chunked(raw: BaseHTTPResponse) -> bool:
    return raw.headers.get("transfer-encoding", "").strip().lower() == "chunked"


def _slices(raw: BaseHTTPResponse) -> Iterator[bytes]:
    while part := raw.read(_SLICE, decode_content=False):
        yield part


def _gunzip(parts: Iterator[bytes], exchange: Exchange) -> Iterator[bytes]:
    """Decode one or more gzip members, never more than a slice at a time."""
    decoder = zlib.decompressobj(_GZIP)
    fed = False
    for part in parts:
        rest, fed = part, True
        while rest:
            if decoder.eof:
                decoder = zlib.decompressobj(_GZIP)
            yield _decoded(decoder, rest, exchange)
            rest = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
    while fed and not decoder.eof:
        tail = _decoded(decoder, decoder.unconsumed_tail, exchange)
        if not tail:
            raise _bad(exchange, "its gzip body is cut short")
        yield tail


def _decoded(decoder: zlib._Decompress, data: bytes, exchange: Exchange) -> bytes:
    try:
        return decoder.decompress(data, _SLICE)
    except zlib.error:
        broken = _bad(exchange, "its gzip body is damaged")
    raise broken


def mended(body: bytes) -> bytes:
    """A JSON text whose bytes are all UTF-8 and whose escapes are all characters; what is neither becomes U+FFFD.

    Windows names are any 16-bit units, half surrogate pairs included, and strict decoders refuse the whole document for
    one of them: for the sake of one name a whole list would be lost. Everything else stays as it is, and so does a
    body of more than 8 MiB: no page of names is that large, and mending takes several times its size.
    """
    if len(body) > _MENDABLE:
        return body
    text = body.decode("utf-8", "replace").encode()
    return _ESCAPES.sub(lambda found: b"\\ufffd" if found[2] else found[0], text)


def explain(exc: Exception, exchange: Exchange) -> SourceError:
    """What a failure of the HTTP library means. Its own text is not used: it holds the URL with its query."""
    chain = list(_chain(exc))
    if exchange.headed:
        return _bad(exchange, f"its body is cut short or damaged after {exchange.received} bytes")
    gone = (ConnectionResetError, BrokenPipeError, ConnectionAbortedError, RemoteDisconnected, SSLEOFError)
    if any(isinstance(e, gone) for e in chain):
        return _unreachable(exchange, "the connection was closed before an answer")
    if tls := next((e for e in chain if isinstance(e, SSLError)), None):
        return _unreachable(exchange, f"TLS broke off: {tls.reason or type(tls).__name__}")
    number = next((e.errno for e in chain if isinstance(e, OSError) and e.errno), None)
    if number is not None:
        return _unreachable(
            exchange, os.strerror(number).lower() if number != errno.ETIMEDOUT else "the peer is silent"
        )
    return _bad(exchange, f"what it sent is not an HTTP answer ({type(chain[-1]).__name__})")


def _chain(exc: BaseException) -> Iterator[BaseException]:
    """The exception and those it wraps: requests and urllib3 put them into `args`, `reason` or the cause."""
    seen: set[int] = set()
    todo: list[object] = [exc]
    while todo:
        found = todo.pop()
        if isinstance(found, BaseException) and id(found) not in seen:
            seen.add(id(found))
            yield found
            todo += [*found.args, getattr(found, "reason", None), found.__cause__]


def _bad(exchange: Exchange, what: str) -> BadAnswer:
    return BadAnswer(
        exchange.system,
        exchange.endpoint,
        what,
        remedy="look whether a proxy or another service answers at this address",
    )


def _unreachable(exchange: Exchange, what: str) -> Unreachable:
    return Unreachable(
        exchange.system, exchange.endpoint, what, remedy="check that the service runs and what lies between"
    )
