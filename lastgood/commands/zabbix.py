"""`lastgood zabbix apply`: templates, hosts, user groups and actions in a Zabbix, as policy and configuration ask."""

from __future__ import annotations

import importlib
import ipaddress
import os
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, build_opener, install_opener

import click

from lastgood.commands.check_config import Moment
from lastgood.commands.common import secret_in
from lastgood.errors import LastgoodError
from lastgood.policy import Policy
from lastgood.policy_load import load
from lastgood.zabbix.hosts import Host, ensure_dependencies, ensure_hosts, hosts, import_templates
from lastgood.zabbix.people import ensure_actions, ensure_user_groups
from lastgood.zabbix.site import Call, Site

_FINE, _DOUBTFUL = 0, 1
_FILE = click.Path(path_type=Path, readable=False)
# Importing a template on a busy server takes a while.
_PATIENCE = 120
# zabbix_utils 2.0 signs in by these where it is given nothing.
_FALLBACKS = ("ZABBIX_URL", "ZABBIX_USER", "ZABBIX_PASSWORD", "ZABBIX_TOKEN")


class ZabbixError(LastgoodError):
    """The Zabbix did not do what was asked, and why."""


@click.group("zabbix")
def zabbix() -> None:
    """Set up a Zabbix: templates, hosts, and who is told when."""


@zabbix.command("apply")
@click.option("--url", required=True, help="Where the frontend is, such as https://zabbix.example.org.")
@click.option("--token-file", type=_FILE, help="A file with an API token.")
@click.option("--user", help="Instead of a token: an account that may administer.")
@click.option("--password-file", type=_FILE, help="The file with its password.")
@click.option("--ca-file", type=_FILE, help="Certificates in PEM that the frontend is verified with.")
@click.option("--config", type=_FILE, default=Path("lastgood.yaml"), show_default=True, help="The exporter's settings.")
@click.option("--policy", type=_FILE, help="A policy; instead of the one the settings name.")
@click.option("--exporter", help="Where Zabbix reaches the exporter; default: http:// and what the settings listen on.")
@click.option("--dry-run", is_flag=True, help="Say what would be done and do nothing.")
@click.option("--now", type=Moment(), help="Compile as of this moment instead of the present.")
def apply(
    url: str,
    config: Path,
    policy: Path | None,
    exporter: str | None,
    dry_run: bool,
    now: datetime | None,
    **access: Any,
) -> None:
    """Make what is missing and mend what differs; a second run changes nothing. Nothing is ever deleted.

    Exit 0 when all is as asked, 1 when something was left that somebody has to look at, 2 when it failed.
    """
    settings = importlib.import_module("exporters.config").load(config)
    loaded, _ = load(policy or settings.policy, now=now or datetime.now(UTC))
    wanted = hosts([(s.name, s.vendor) for s in settings.systems], exporter or _address(settings.listen))
    with _signed_in(url, **access) as call:
        site = Site(call, call("apiinfo.version", {}), click.echo, dry=dry_run)
        bring_about(site, loaded, wanted)
    done = "would change" if dry_run else "changed"
    click.echo(f"{done}: {site.changed or 'nothing'}, left to you: {site.left or 'nothing'}")
    sys.exit(_DOUBTFUL if site.left else _FINE)


def bring_about(site: Site, policy: Policy, wanted: list[Host]) -> None:
    """All of it, in the order in which one thing needs another."""
    import_templates(site, policy)
    ensure_hosts(site, wanted)
    ensure_dependencies(site, wanted)
    ensure_actions(site, policy, ensure_user_groups(site, policy))


def _address(listen: tuple[str, int]) -> str:
    host, port = listen
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


# --- signing in ------------------------------------------------------------------------------------------------------


class _Staying(HTTPRedirectHandler):
    """What signs in must not go where an answer sends it: urllib would take the token along, to any host."""

    def redirect_request(self, *_: Any) -> None:
        return None


@contextmanager
def _signed_in(
    url: str, token_file: Path | None, user: str | None, password_file: Path | None, ca_file: Path | None
) -> Iterator[Call]:
    """How the API is called. Raises ZabbixError; no message quotes a secret."""
    _check(url)
    if (token_file is None) == (user is None) or (user is None) != (password_file is None):
        raise ZabbixError("Zabbix asks who changes it -> give --token-file, or --user with --password-file")
    token, password = (None if path is None else secret_in(path, ZabbixError) for path in (token_file, password_file))
    try:
        library = importlib.import_module("zabbix_utils")
        errors = importlib.import_module("zabbix_utils.exceptions").ModuleBaseException
    except ImportError:
        raise ZabbixError("zabbix_utils is not installed -> let lastgood's own pip install it") from None
    for name in _FALLBACKS:
        os.environ.pop(name, None)

    def answered(ask: Callable[[], Any], about: str = "") -> Any:
        try:
            return ask()
        except errors as error:
            raise ZabbixError(f"Zabbix: {about}{_told(error, token, password)}") from None
        except (OSError, HTTPException) as error:
            raise ZabbixError(f"Zabbix: {about}no whole answer: {type(error).__name__}") from None
        except (LookupError, TypeError, ValueError, AttributeError):
            # The library takes any JSON for an answer.
            raise ZabbixError(f"Zabbix: {about}this is no answer of its API -> does --url name the frontend?") from None

    # The library opens its requests by urllib's own opener where it is given no context.
    install_opener(build_opener(HTTPSHandler(context=_tls(ca_file)), _Staying))
    api = None
    try:
        api = answered(lambda: library.ZabbixAPI(url=url, timeout=_PATIENCE))
        answered(lambda: api.login(token=token, user=user, password=password))
        yield lambda method, params: answered(
            lambda: api.send_api_request(method, params, need_auth=method != "apiinfo.version")["result"], f"{method}: "
        )
    finally:
        if api is not None:
            # What is wrong was said already; a session that is left ends by itself.
            with suppress(ZabbixError):
                answered(api.logout)
        install_opener(None)


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise ZabbixError("--url is no URL of a frontend -> write it as https://zabbix.example.org")
    if "@" in parts.netloc:
        raise ZabbixError("a user name or password is in --url -> use --user and --password-file")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ZabbixError(
            "--url: http:// would send the password in clear -> write https://; http is for loopback only"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except OSError as error:
        raise ZabbixError(f"{ca_file}: holds no certificates: {error.strerror or type(error).__name__}") from None


def _told(error: Exception, *secrets: str | None) -> str:
    """The answer's own words, without what was sent."""
    words = [str(getattr(error, key)) for key in ("message", "data") if getattr(error, key, None)]
    text = " ".join(words) or str(error)
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    return text
