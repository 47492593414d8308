"""Reading how to sign in: user name, secret and TLS of one system. No message quotes a secret or where it might be."""

from __future__ import annotations

import os
import re
import shlex
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from exporters.http import Secret, Tls
from lastgood.section import Section, text_of
from lastgood.yamldoc import Node, Report

CREDENTIAL_KEYS = (
    "ca_file",
    "pin_sha256",
    "insecure",
    "server_name",
    "username",
    "username_file",
    "password_file",
    "password_env",
)
_ELSEWHERE = "put it into a file of mode 0600 and name it with password_file:, or use password_env:"
CREDENTIAL_HINTS = {
    **dict.fromkeys(("password", "secret", "token", "api_key", "client_secret"), _ELSEWHERE),
    "client_id": "write it as username:",
    "user": "write username:",
    "verify": "verification is on; to switch it off for this system write insecure: true",
    "tls": "write ca_file:, pin_sha256:, server_name: or insecure: beside url:",
}

_ENV = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MAX_SECRET = 64 * 1024


@dataclass(frozen=True, slots=True)
class Places:
    """Where values come from that the file only points to: `folder` is what relative paths start at."""

    folder: Path
    env: Mapping[str, str]


def read_credentials(section: Section, places: Places) -> tuple[str | None, Secret | None]:
    """User name and secret; every mistake is reported, and neither is given then."""
    report = section.report
    username = section.text("username")
    if "username" in section and "username_file" in section:
        report.error(section.at("username_file"), "both username and username_file are given", "keep one of the two")
    elif "username_file" in section:
        username = _file(section, "username_file", places, secret=False)
    both = "password_file" in section and "password_env" in section
    if both:
        report.error(section.at("password_env"), "both password_file and password_env are given", "keep one of the two")
    has_secret = "password_file" in section or "password_env" in section
    if ("username" in section or "username_file" in section) and not has_secret and "password" not in section:
        report.error(section.node, "there is a user name, but no password", "add password_file: or password_env:")
    if both or not has_secret:
        return username, None
    if "password_env" in section:
        return username, _from_env(section, places)
    value = _file(section, "password_file", places, secret=True)
    origin = f"file {places.folder / (section.text('password_file') or '')}"
    return username, None if value is None else Secret(value, origin)


def _from_env(section: Section, places: Places) -> Secret | None:
    name = section.text("password_env")
    if name is None:
        return None
    place = section.at("password_env")
    if _ENV.fullmatch(name) is None:
        # It may be the password itself, put here by mistake: not quoted.
        section.report.error(
            place, "this is not the name of an environment variable", "write password_env: VEEAM_PASSWORD"
        )
        return None
    value = places.env.get(name)
    if not value:
        state = "not set" if value is None else "empty"
        remedy = "set the variable this key names for the exporter's process"
        section.report.error(place, f"the environment variable is {state}", remedy)
        return None
    return Secret(value, f"environment {name}")


def read_secret(node: Node, report: Report, places: Places) -> Secret | None:
    """The secret in the file that `node` names; every mistake is reported."""
    word = text_of(node, report)
    value = None if word is None else _line(report, node, places.folder / word, secret=True)
    return None if value is None else Secret(value, f"file {places.folder / (word or '')}")


def _file(section: Section, key: str, places: Places, *, secret: bool) -> str | None:
    word = section.text(key)
    return None if word is None else _line(section.report, section.at(key), places.folder / word, secret=secret)


def _line(report: Report, place: Node, path: Path, *, secret: bool) -> str | None:
    """The first line of a small file, its line end cut off."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read(_MAX_SECRET + 1)
    except OSError as error:
        # The path is not quoted: it may be the password itself, put here by mistake.
        reason = error.strerror or type(error).__name__
        remedy = "check the path (relative to this file), and that the exporter's account may read it"
        report.error(place, f"the file it names cannot be read: {reason}", remedy)
        return None
    if secret and mode & 0o007:
        remedy = f"chmod 0600 {shlex.quote(str(path))}"
        report.error(place, f"any user of this machine may read the secret (mode {mode:04o})", remedy)
        return None
    try:
        value = data.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        value = ""
    if not value or len(data) > _MAX_SECRET or "\n" in value:
        report.error(place, "the file does not hold one line of text", "write the value alone into the file")
        return None
    return value


def read_tls(section: Section, places: Places) -> Tls:
    """How the server proves itself; the default verifies against the system's authorities."""
    report = section.report
    word, pin, insecure = section.text("ca_file"), section.text("pin_sha256"), section.flag("insecure")
    given = [key for key in ("ca_file", "pin_sha256") if key in section]
    if insecure and given:
        remedy = f"delete insecure: {given[0]} already makes a self-signed certificate safe"
        report.error(section.at("insecure"), f"insecure would ignore {' and '.join(given)}", remedy)
        return Tls()
    if len(given) == 2:
        report.error(section.at("pin_sha256"), "both ca_file and pin_sha256 are given", "keep one of the two")
        return Tls()
    ca_file = None if word is None else _ca_file(section, places.folder / word)
    try:
        return Tls(ca_file=ca_file, pin_sha256=pin, insecure=bool(insecure), server_name=section.text("server_name"))
    except ValueError:
        remedy = "write the SHA-256 fingerprint of its certificate: 64 hex digits, colons allowed"
        report.error(section.at("pin_sha256"), "this is no SHA-256 fingerprint", remedy)
        return Tls()


def _ca_file(section: Section, path: Path) -> Path | None:
    place = section.at("ca_file")
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        section.report.error(place, f"{path} cannot be read: {reason}", "check path and permissions")
        return None
    if b"-----BEGIN CERTIFICATE-----" not in data and b"-----BEGIN TRUSTED CERTIFICATE-----" not in data:
        section.report.error(place, f"{path} holds no PEM certificate", "export the certificate as PEM (Base64)")
        return None
    return path
