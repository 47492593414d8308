"""--url, --ca-file and --credentials-file become where to ask, and how to prove who asks."""

from __future__ import annotations

import os

from nagios_checks.client import Target
from nagios_checks.options import Usage

_PORTS = {"http": 80, "https": 443}
_HERE = ("localhost", "::1")
_MAX_CREDENTIALS = 4096


def target_of(url: str, ca_file: str | None, credentials_file: str | None) -> Target:
    """Raises Usage, with a text that quotes no secret."""
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in _PORTS:
        raise Usage("--url is http://HOST:PORT or https://HOST:PORT")
    place, slash, path = rest.partition("/")
    if "@" in place:
        raise Usage("--url holds no user name or password; put them into a file and name it with --credentials-file")
    if not url.isascii() or not url.isprintable() or any(c in url for c in ' ?#"<>\\'):
        raise Usage("--url is only an address: no query, no space, ASCII")
    host, port = _host_and_port(place, _PORTS[scheme])
    tls = scheme == "https"
    if ca_file is not None and not tls:
        raise Usage("--ca-file is for an --url that begins with https")
    if ca_file is not None and not os.access(ca_file, os.R_OK):
        raise Usage("--ca-file cannot be read")
    if credentials_file is not None and not tls and host not in _HERE and not host.startswith("127."):
        raise Usage("a password travels over https only; give an --url that begins with https")
    authorization = None if credentials_file is None else _basic(credentials_file)
    return Target(host, port, tls, (slash + path).rstrip("/"), ca_file, authorization)


def _host_and_port(place: str, usual: int) -> tuple[str, int]:
    if place.startswith("["):
        host, bracket, rest = place[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise Usage("--url: an IPv6 address stands in brackets, such as http://[::1]:9741")
        colon, port = rest[:1], rest[1:]
    else:
        host, colon, port = place.partition(":")
    if not host:
        raise Usage("--url names no host")
    if not colon:
        return host, usual
    if not port.isdecimal() or not 0 < int(port[:6]) < 65536:
        raise Usage("--url: the port is a number from 1 to 65535")
    return host, int(port)


def _basic(path: str) -> str:
    """The header for what the file holds, RFC 7617: user:password in its first line."""
    from binascii import b2a_base64  # only where there is a password

    try:
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib costs 5 ms
            if os.fstat(file.fileno()).st_mode & 0o007:
                raise Usage("--credentials-file can be read by everybody; set its mode to 0600 or 0640")
            line = file.read(_MAX_CREDENTIALS).partition(b"\n")[0].rstrip(b"\r")
    except OSError as error:
        raise Usage(f"--credentials-file cannot be read: {error.strerror}") from None
    if b":" not in line:
        raise Usage("--credentials-file holds one line, user:password")
    return f"Basic {b2a_base64(line, newline=False).decode('ascii')}"
