"""Subject and expiry out of a DER certificate, as far as RFC 5280 lays them out.

The standard library decodes a peer's certificate only after it has verified it; pinned ones are not verified.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from exporters.redact import sanitise_label

_SEQUENCE, _VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18
_ENCODINGS: Final = {0x0C: "utf-8", 0x13: "ascii", 0x14: "latin-1", 0x16: "ascii", 0x1E: "utf-16-be"}
_NAMES: Final = {
    bytes.fromhex("550403"): "CN",
    bytes.fromhex("550406"): "C",
    bytes.fromhex("550407"): "L",
    bytes.fromhex("550408"): "ST",
    bytes.fromhex("55040a"): "O",
    bytes.fromhex("55040b"): "OU",
}


def subject_and_expiry(der: bytes) -> tuple[str | None, datetime | None]:
    """The subject (`CN=..., O=...`) and notAfter in UTC; None for what cannot be read."""
    try:
        certificate = _inside(der)
        fields = [(tag, body) for tag, body in _items(_inside(certificate)) if tag != _VERSION]
        # RFC 5280, 4.1: serialNumber, signature, issuer, validity, subject, ...
        validity, subject = fields[3][1], fields[4][1]
        expiry = list(_items(validity))[1]
    except (ValueError, IndexError):
        return None, None
    return _subject(subject), _time(*expiry)


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The tag-length-value items that follow each other in `data`. Raises ValueError where they do not."""
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(data[at : at + size], "big"), at + size
        if at + length > len(data):
            raise ValueError("DER item longer than its container")
        yield tag, data[at : at + length]
        at += length


def _inside(data: bytes) -> bytes:
    """The content of the first item, a SEQUENCE."""
    tag, body = next(_items(data), (None, b""))
    if tag != _SEQUENCE:
        raise ValueError("not a DER sequence")
    return body


def _time(tag: int, body: bytes) -> datetime | None:
    form = {_UTC_TIME: "%y%m%d%H%M%SZ", _GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}.get(tag)
    if form is None:
        return None
    try:
        moment = datetime.strptime(body.decode("ascii"), form).replace(tzinfo=UTC)
    except ValueError:
        return None
    # RFC 5280, 4.1.2.5.1: two-digit years from 50 are 19xx; strptime turns at 69.
    if tag == _UTC_TIME and moment.year >= 2050:
        moment = moment.replace(year=moment.year - 100)
    return moment


def _subject(body: bytes) -> str | None:
    try:
        parts = [
            f"{_NAMES[oid]}={value.decode(_ENCODINGS[tag])}"
            for _, relative_name in _items(body)
            for _, attribute in _items(relative_name)
            for (_, oid), (tag, value) in [tuple(_items(attribute))]
            if oid in _NAMES and tag in _ENCODINGS
        ]
    except (ValueError, IndexError):
        return None
    return sanitise_label(", ".join(parts)) if parts else None
