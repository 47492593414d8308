"""Which reader a system gets: the backup server's own API, Enterprise Manager, or both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from exporters.http import Secret, Tls
from exporters.veeam.em_both import BothSource, cursors
from exporters.veeam.em_source import EnterpriseManagerSource
from exporters.veeam.source import VeeamSource
from exporters.vendor import Source, SystemSettings
from lastgood.errors import ConfigError, Problem

APIS: Final = ("rest", "enterprise-manager")
# How Enterprise Manager proves itself and who signs in; only read where `enterprise_manager` names it.
_BESIDE: Final = ("ca_file", "pin_sha256", "username", "password_file")


def connect(settings: SystemSettings, cursor: str | None) -> Source:
    """A source for one backup server; nothing is asked of it before the first poll.

    Options: `api` ("rest" unless set), `enterprise_manager` (its URL, read beside the server's own API) with
    `enterprise_manager_ca_file`, `_pin_sha256`, `_username` and `_password_file` (without them the server's), and
    `backup_server`, the server's name in Enterprise Manager. Raises ConfigError when the account is missing, a url
    cannot be used, or options contradict each other.
    """
    options = settings.options
    api, manager = options.get("api", "rest"), options.get("enterprise_manager")
    if api not in APIS:
        raise _wrong(settings, "api", f"{api!r} is none of the APIs lastgood reads", f"write one of {', '.join(APIS)}")
    if manager is None:
        for key in (
            *(f"enterprise_manager_{name}" for name in _BESIDE),
            *(() if api != "rest" else ("backup_server",)),
        ):
            if key in options:
                remedy = "add enterprise_manager: https://em.example.org:9398, or delete it"
                if key == "backup_server":
                    remedy += "; api: enterprise-manager, if url is Enterprise Manager's"
                raise _wrong(settings, key, "there is no Enterprise Manager that this could be for", remedy)
        return VeeamSource(settings, cursor) if api == "rest" else EnterpriseManagerSource(settings, cursor)
    if api != "rest":
        remedy = "delete api, and name the backup server's own API as url: both are read then"
        raise _wrong(settings, "api", "Enterprise Manager is named twice", remedy)
    told, other = cursors(cursor), _beside(settings, str(manager))
    own = VeeamSource(settings, told.own)
    try:
        beside = EnterpriseManagerSource(other, told.manager)
    except ConfigError as error:
        raise ConfigError(*(replace(p, key="options.enterprise_manager") for p in error.problems)) from None
    return BothSource(settings.name, own, beside)


def _beside(settings: SystemSettings, url: str) -> SystemSettings:
    """The settings of the Enterprise Manager beside a backup server."""
    options: Mapping[str, object] = settings.options
    ca_file, pin = options.get("enterprise_manager_ca_file"), options.get("enterprise_manager_pin_sha256")
    name, password = options.get("enterprise_manager_username"), options.get("enterprise_manager_password_file")
    if (name is None) != (password is None):
        remedy = "give both, or neither for the account of the backup server"
        raise _wrong(settings, "enterprise_manager_username", "a user name and a password belong together", remedy)
    tls = settings.tls
    if ca_file is not None or pin is not None:
        try:
            tls = Tls(
                ca_file=ca_file if isinstance(ca_file, Path) else None, pin_sha256=pin if isinstance(pin, str) else None
            )
        except ValueError:
            remedy = "write the SHA-256 fingerprint of its certificate: 64 hex digits, colons allowed"
            raise _wrong(settings, "enterprise_manager_pin_sha256", "this is no SHA-256 fingerprint", remedy) from None
    return replace(
        settings,
        url=url,
        tls=tls,
        username=name if isinstance(name, str) else settings.username,
        password=password if isinstance(password, Secret) else settings.password,
        options={key: value for key, value in options.items() if key == "backup_server"},
    )


def _wrong(settings: SystemSettings, key: str, message: str, remedy: str) -> ConfigError:
    problem = Problem(message=message, remedy=remedy, file=settings.file, line=settings.line, key=f"options.{key}")
    return ConfigError(problem)
