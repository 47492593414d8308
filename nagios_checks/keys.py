"""The key of a subject: one word that a shell, a Nagios macro and an Icinga string all leave as it is.

Names and ids of backup systems hold quotes, dollars and semicolons; what is compiled into objects must not.
"""

from __future__ import annotations

_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-")
_HEX = frozenset("0123456789ABCDEFabcdef")


class BadKey(ValueError):
    """A key that nobody can have written; its text says what is wrong with it."""


def key_of(system: str, kind: str | None = None, id_: str | None = None) -> str:
    """`system/kind/id`, or only the system, percent-encoded (RFC 3986: unreserved characters stay, all others go).

    A slash is encoded too. Half a pair that stands alone (JSON may hold one) keeps its own three bytes.
    """
    text = system if kind is None else f"{system}/{kind}/{id_ or ''}"
    return "".join(c if c in _SAFE else _encoded(c) for c in text)


def _encoded(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def split_key(key: str) -> tuple[str, str | None, str | None]:
    """(system, kind, id) of a key; kind and id are None where it names a whole system. Raises BadKey.

    Neither a system's configured name nor a kind holds a slash, so the first two separate and the id has the rest.
    """
    parts = _decoded(key).split("/", 2)
    if not parts[0]:
        raise BadKey("a key begins with a system: system, or system/kind/id, percent-encoded")
    if len(parts) == 1:
        return parts[0], None, None
    if len(parts) == 2 or not parts[1]:
        raise BadKey(f"the key {key} names a system and half a subject; write system%2Fkind%2Fid")
    return parts[0], parts[1], parts[2]


def _decoded(key: str) -> str:
    found, place = bytearray(), 0
    while place < len(key):
        character = key[place]
        if character in _SAFE:
            found += character.encode("ascii")
            place += 1
        elif character == "%" and len(key) >= place + 3 and set(key[place + 1 : place + 3]) <= _HEX:
            found.append(int(key[place + 1 : place + 3], 16))
            place += 3
        else:
            raise BadKey(f"a key holds only A-Z a-z 0-9 . _ ~ - and %XX, not {character!a} at place {place + 1}")
    try:
        return found.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise BadKey("the bytes of a key are UTF-8") from None
