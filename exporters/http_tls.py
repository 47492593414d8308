"""Whom we talk to: trust settings, TLS contexts, the certificate seen, and what to tell when it is the wrong one."""

from __future__ import annotations

import hashlib
import re
import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from exporters.certificate import subject_and_expiry
from lastgood.errors import ConfigError, Problem, Untrusted

_SHA256_HEX: Final = re.compile("[0-9a-f]{64}")

# X509_V_ERR_* of OpenSSL 3.0, <openssl/x509_vfy.h>.
_NOT_YET_VALID, _EXPIRED, _SELF_SIGNED, _SELF_SIGNED_CHAIN, _NO_ISSUER, _NO_LEAF_ISSUER = 9, 10, 18, 19, 20, 21
_WRONG_NAME: Final = (62, 64)


@dataclass(frozen=True)
class Tls:
    """How a server proves itself: `ca_file` (PEM; replaces the system's authorities) or `pin_sha256` or neither.

    `pin_sha256` is the SHA-256 of the server's DER certificate in hex, colons allowed. With it the chain, the name and
    the dates are not looked at: the certificate is that very one or nothing is sent. `insecure` checks nothing.
    `server_name` is asked for and checked instead of the host in the URL. Raises ValueError when these contradict.
    """

    ca_file: Path | None = None
    pin_sha256: str | None = None
    insecure: bool = False
    server_name: str | None = None

    def __post_init__(self) -> None:
        if sum((self.ca_file is not None, self.pin_sha256 is not None, self.insecure)) > 1:
            raise ValueError("state one of ca_file, pin_sha256 and insecure, not several")
        if self.pin_sha256 is not None and not _SHA256_HEX.fullmatch(self.pin or ""):
            raise ValueError("pin_sha256 is 64 hex digits (colons allowed): the SHA-256 of the server's certificate")

    @property
    def pin(self) -> str | None:
        """`pin_sha256` as 64 lower-case hex digits."""
        return None if self.pin_sha256 is None else self.pin_sha256.replace(":", "").strip().lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerCertificate:
    """The leaf certificate of a handshake. `sha256` is 64 hex of its DER; what cannot be read in it is None."""

    sha256: str
    not_after: datetime | None
    subject: str | None

    @classmethod
    def of(cls, der: bytes) -> PeerCertificate:
        subject, not_after = subject_and_expiry(der)
        return cls(sha256=hashlib.sha256(der).hexdigest(), not_after=not_after, subject=subject)


def context_for(tls: Tls) -> ssl.SSLContext:
    """A client context for TLS 1.2 and up. Raises ConfigError when the CA file cannot be used.

    Without `ca_file` the system's authorities count, as an administrator expects who has installed the company's own
    there; a machine without any falls back to those requests brings.
    """
    if tls.insecure or tls.pin is not None:
        return lenient_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.ca_file is None:
        context.load_default_certs()
        if not _has_system_authorities(context):
            context.load_verify_locations(cafile=DEFAULT_CA_BUNDLE_PATH)
        return context
    try:
        context.load_verify_locations(cafile=tls.ca_file)
    except OSError as exc:
        reason = "is not a PEM file with certificates" if isinstance(exc, ssl.SSLError) else exc.strerror
    else:
        return context
    raise ConfigError(
        Problem(
            message=f"{tls.ca_file}: {reason}",
            remedy="name a readable PEM file with the authority that signed the server's certificate",
            key="ca_file",
        )
    )


def lenient_context() -> ssl.SSLContext:
    """A context that checks nothing: for pins, which are compared after the handshake, and for `insecure`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _has_system_authorities(context: ssl.SSLContext) -> bool:
    paths = ssl.get_default_verify_paths()  # a directory is read lazily and does not show in the store
    return bool(context.cert_store_stats()["x509_ca"] or (paths.capath and any(Path(paths.capath).iterdir())))


def untrusted(system: str, endpoint: str, code: int, seen: str | None, *, name: str) -> Untrusted:
    """The error for a failed verification: `code` is OpenSSL's, `seen` the SHA-256 of the certificate met."""
    if code == _EXPIRED:
        what, todo = "its certificate has expired", "renew it on the server"
    elif code == _NOT_YET_VALID:
        what, todo = "its certificate is not valid yet", "compare the clocks of both machines"
    elif code in _WRONG_NAME:
        what, todo = f"its certificate is not for {name}", "use the name in the certificate as url or server_name"
    elif code == _SELF_SIGNED:
        what, todo = "its certificate is self-signed", "name it as ca_file"
    elif code in (_SELF_SIGNED_CHAIN, _NO_ISSUER, _NO_LEAF_ISSUER):
        what, todo = "its certificate was issued by an authority that is not trusted here", "name that as ca_file"
    else:
        what, todo = f"its certificate was refused (OpenSSL verify error {code})", "look at the certificate"
    return Untrusted(system, endpoint, what, remedy=f"{todo}{_pin_advice(seen)}")


def wrong_pin(system: str, endpoint: str, seen: str) -> Untrusted:
    """The error for a certificate that is not the pinned one; nothing of the request has been sent."""
    return Untrusted(
        system,
        endpoint,
        "its certificate is not the pinned one; nothing was sent",
        remedy=f"if it was renewed on purpose, pin the new one{_pin_advice(seen)}",
    )


def _pin_advice(seen: str | None) -> str:
    if seen is None:
        return ""
    return f" (seen: SHA-256 {seen}; compare it on the server itself, then it can be set as pin_sha256)"
