"""One gzip file out of parts that were compressed earlier, each by itself.

A scrape page changes a system at a time, so most of it need not be compressed again. Whole gzip files one after the
other would be simpler, but several HTTP clients stop after the first. Here the parts are raw deflate data, each ended
with a full flush (byte-aligned, no reference across the border), and the page is one single gzip member: header, parts,
an empty last block, and a CRC-32 put together from the parts' own.

Sources: RFC 1951 (deflate) 3.2.3 and 3.2.4, RFC 1952 (gzip) 2.3; zlib 1.3 manual, deflate() with Z_FULL_FLUSH.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# The CRC-32 of gzip, bit-reversed: RFC 1952, 8.
_POLYNOMIAL = 0xEDB88320
_ONE = 1 << 31

# Deflate, no flags, no time, made for speed, no operating system told.
_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
# A last block with fixed codes and nothing in it.
_END = b"\x03\x00"


@dataclass(frozen=True, slots=True)
class Block:
    """Compressed text that can stand anywhere in a member. `size` bytes of text have the checksum `crc`; `shift` moves
    the checksum of whatever stands before by that size."""

    data: bytes
    size: int
    crc: int
    shift: int

    def text(self) -> bytes:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(self.data)


def block(text: bytes, level: int = 1) -> Block:
    """Compress one part of a page; it may be empty."""
    deflate = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    data = deflate.compress(text) + deflate.flush(zlib.Z_FULL_FLUSH)
    return Block(data, len(text), zlib.crc32(text), _shift(len(text)))


def member(blocks: Iterable[Block]) -> bytes:
    """The whole gzip file."""
    parts, crc, size = [_HEAD], 0, 0
    for part in blocks:
        parts.append(part.data)
        crc = _times(part.shift, crc) ^ part.crc
        size += part.size
    parts += (_END, crc.to_bytes(4, "little"), (size & 0xFFFFFFFF).to_bytes(4, "little"))
    return b"".join(parts)


def _times(a: int, b: int) -> int:
    """The product of two polynomials over GF(2) modulo the CRC's own, both bit-reversed."""
    product = 0
    while a:
        if a & _ONE:
            product ^= b
        a = a << 1 & 0xFFFFFFFF
        b = b >> 1 ^ (_POLYNOMIAL if b & 1 else 0)
    return product


def _squares() -> Iterator[int]:
    """x to the powers of 8, 16, 32, ...: what one, two, four, ... bytes shift a checksum by."""
    value = _ONE >> 8
    for _ in range(40):
        yield value
        value = _times(value, value)


_SQUARES = tuple(_squares())


def _shift(size: int) -> int:
    """x to the power of 8 for each byte."""
    result = _ONE
    for place in range(size.bit_length()):
        if size >> place & 1:
            result = _times(_SQUARES[place], result)
    return result
