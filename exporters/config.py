"""lastgood.yaml -> Config: which systems to read, with which credentials, and where the exporter listens."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from exporters.credentials import CREDENTIAL_HINTS, CREDENTIAL_KEYS, Places, read_credentials, read_secret, read_tls
from exporters.vendor import SystemSettings, vendors
from exporters.vendor_facts import OptionKind, VendorFacts, vendor_facts
from lastgood.errors import ConfigError, Problem
from lastgood.section import Section, duration_of, entries_of, flag_of, integer_of, items_of, text_of, words_of
from lastgood.yamldoc import Node, Report, did_you_mean, parse, read_source

CONFIG_KEYS = ("policy", "state_dir", "listen", "series", "publishes_policy", "max_series", "log", "systems")
LOG_KEYS = ("format", "level")
SYSTEM_KEYS = ("name", "vendor", "url", *CREDENTIAL_KEYS, "every", "deadline", "stale_after", "options")
DEFAULT_LISTEN = ("127.0.0.1", 9741)
LEVELS = ("debug", "info", "warning", "error")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
# The name under which workloads are published that no system has heard of.
_RESERVED = "policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The exporter's own settings. Paths are absolute or relative to the working directory, never to the file.

    `series` is "default" or "full"; `max_series` the hard cap past which families are dropped; `listen` host and port
    (a host of "::1" without brackets); `log_level` one of debug, info, warning, error.
    """

    path: Path
    policy: Path
    state_dir: Path
    systems: tuple[SystemSettings, ...]
    listen: tuple[str, int] = DEFAULT_LISTEN
    series: str = "default"
    publishes_policy: bool = True
    max_series: int = 500_000
    log_format: str = "text"
    log_level: str = "info"


def load(path: Path, *, env: Mapping[str, str] | None = None, known: Sequence[str] | None = None) -> Config:
    """The configuration of a file. Raises ConfigError with every problem found; no message holds a secret.

    `env` stands for the process's environment, `known` for the vendor folders present.
    """
    report = Report()
    root = parse(read_source(path), path, report)
    hints = {"password": CREDENTIAL_HINTS["password"], "interval": "give each system every: 5m"}
    section = Section(root, report, CONFIG_KEYS, hints)
    folder = path.parent
    log = section.node_of("log")
    logs = None if log is None else Section(log, report, LOG_KEYS, shape="{format: json, level: info}")
    places = Places(folder=folder, env=os.environ if env is None else env)
    policy, state_dir = _policy(section, folder), _state_dir(section, folder)
    systems = _systems(section, places, vendors() if known is None else known)
    publishes, max_series = section.flag("publishes_policy"), section.integer("max_series", least=1000)
    config = Config(
        path=path,
        policy=policy,
        state_dir=state_dir,
        systems=systems,
        listen=_listen(section),
        series=section.choice("series", ("default", "full"), "profile") or "default",
        publishes_policy=True if publishes is None else publishes,
        max_series=500_000 if max_series is None else max_series,
        log_format=(logs and logs.choice("format", ("json", "text"), "format")) or "text",
        log_level=(logs and logs.choice("level", LEVELS, "level")) or "info",
    )
    report.check()
    return config


def fills_of(config: Config) -> dict[str, frozenset[str]]:
    """Per source configured here, the match keys its vendor fills; a vendor that does not say is left out."""
    told = {system.vendor: vendor_facts(system.vendor).fills for system in config.systems}
    return {vendor: fills for vendor, fills in told.items() if fills is not None}


def _policy(section: Section, folder: Path) -> Path:
    word = section.needed_text("policy", "add policy: policy.yaml")
    path = folder / word
    if word:
        try:
            with path.open("rb"):
                pass
        except OSError as error:
            reason = error.strerror or type(error).__name__
            section.report.error(section.at("policy"), f"{path} cannot be read: {reason}", "check path and permissions")
    return path


def _state_dir(section: Section, folder: Path) -> Path:
    """The state directory; one that is not there yet must be creatable."""
    word = section.needed_text("state_dir", "add state_dir: /var/lib/lastgood")
    path = folder / word
    nearest = next((p for p in (path, *path.parents) if p.exists()), folder)
    if word and not nearest.is_dir():
        section.report.error(section.at("state_dir"), f"{nearest} is not a directory", "name a directory")
    elif word and not os.access(nearest, os.W_OK | os.X_OK):
        remedy = "let the account that runs lastgood write there (chown), or name another directory"
        section.report.error(section.at("state_dir"), f"{nearest} is not writable", remedy)
    return path


def parse_listen(text: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:9741` or `[::1]:9741`. Raises ConfigError without a place in a file."""
    host, _, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    good_host = bare and (":" not in bare or bare != host)
    if not good_host or not port.isdecimal() or not 0 <= int(port) < 65536:
        remedy = "write host and port, such as 127.0.0.1:9741, 0.0.0.0:9741 or [::1]:9741"
        raise ConfigError(Problem(f"{text!r} is no address to listen on", remedy))
    return bare, int(port)


def _listen(section: Section) -> tuple[str, int]:
    word = section.text("listen")
    try:
        return DEFAULT_LISTEN if word is None else parse_listen(word)
    except ConfigError as error:
        for problem in error.problems:
            section.report.error(section.at("listen"), problem.message, problem.remedy)
        return DEFAULT_LISTEN


def _systems(section: Section, places: Places, known: Sequence[str]) -> tuple[SystemSettings, ...]:
    node = section.need("systems", "list the backup systems: systems: [{name: veeam-hq, vendor: veeam, ...}]")
    items = () if node is None else items_of(node, section.report)
    if node is not None and node.items == ():
        section.report.error(node, "there is no system to read", "add one: {name: veeam-hq, vendor: veeam, ...}")
    first: dict[str, int] = {}
    systems = []
    for item in items:
        system = _system(item, section.report, places, known)
        if system.name in first:
            message = f"the system {system.name!r} is already in line {first[system.name]}"
            section.report.error(item, message, "give each system a name of its own")
        elif system.name:
            first[system.name] = item.line
        systems.append(system)
    return tuple(systems)


def _system(node: Node, report: Report, places: Places, known: Sequence[str]) -> SystemSettings:
    section = Section(node, report, SYSTEM_KEYS, CREDENTIAL_HINTS, shape="{name: veeam-hq, vendor: veeam, url: ...}")
    section.need("vendor", f"say which product it is: {', '.join(known)}")
    vendor = section.choice("vendor", known, "vendor") or ""
    facts = vendor_facts(vendor) if vendor else VendorFacts()
    every, deadline, stale_after = _cadence(section)
    username, password = read_credentials(section, places)
    return SystemSettings(
        name=_name(section),
        vendor=vendor,
        url=_url(section, facts),
        tls=read_tls(section, places),
        username=username,
        password=password,
        every=every,
        deadline=deadline,
        stale_after=stale_after,
        options=_options(section, facts, places),
        file=node.file,
        line=node.line,
    )


def _name(section: Section) -> str:
    name = section.needed_text("name", "name the system, such as name: veeam-hq")
    if name and _NAME.fullmatch(name) is None:
        remedy = "use letters, digits, '.', '-' and '_', at most 63"
        section.report.error(section.at("name"), f"{name!r} cannot be a system's name", remedy)
    if name == _RESERVED:
        section.report.error(section.at("name"), "the name 'policy' is reserved", "choose another name")
    return name


def _cadence(section: Section) -> tuple[float, float, float]:
    """Seconds of every, deadline and stale_after, with their defaults: 5m, 80 % of every, max(30m, 3 x every)."""
    every = section.duration("every", least=10.0) or 300.0
    deadline = section.duration("deadline", least=1.0) or 0.8 * every
    stale_after = section.duration("stale_after", least=60.0) or max(1800.0, 3 * every)
    if deadline > every:
        remedy = "shorten `deadline`, or poll less often"
        section.report.error(section.at("deadline"), "a poll may last longer than the time between two polls", remedy)
    if stale_after <= every:
        remedy = "make it longer than `every`, best 3 times"
        section.report.error(section.at("stale_after"), "data would be stale before the next poll", remedy)
    return every, deadline, stale_after


def _url(section: Section, facts: VendorFacts) -> str:
    if not facts.needs_url and "url" not in section:
        return ""
    url = section.needed_text("url", "add url: https://server.example.org:9419")
    problem = _url_problem(url) if url else None
    if problem is not None:
        section.report.error(section.at("url"), *problem)
    return url


def _url_problem(url: str) -> tuple[str, str] | None:
    """What is wrong with a URL, and the remedy. Never quotes it: people put passwords into URLs."""
    example = "write it as https://server.example.org:9419"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "this is no URL", example
    if "@" in parts.netloc:
        return "a user name or password is in the URL", "use username: and password_file:"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return "this is no https URL", example
    if parts.query or parts.fragment:
        return "the URL holds a query or fragment", "delete what follows '?' or '#'"
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        return "http:// would send the password in clear", "write https://; http is allowed for loopback only"
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _options(section: Section, facts: VendorFacts, places: Places) -> dict[str, object]:
    """The keys under `options:`, typed as the vendor's vendor.yaml declares them."""
    node = section.node_of("options")
    found: dict[str, object] = {}
    for key, child in () if node is None else entries_of(node, section.report):
        if key not in facts.options:
            remedy = did_you_mean(key, facts.options) if facts.options else "delete it; this vendor has no options"
            section.report.error(child, f"unknown option {key!r}", remedy)
            continue
        value = _option(child, facts.options[key], section.report, places)
        if value is not None:
            found[key] = value
    return found


def _option(node: Node, kind: OptionKind, report: Report, places: Places) -> object:
    if kind is OptionKind.DURATION:
        return duration_of(node, report)
    if kind is OptionKind.FLAG:
        return flag_of(node, report)
    if kind is OptionKind.INTEGER:
        return integer_of(node, report)
    if kind is OptionKind.LIST:
        return words_of(node, report)
    if kind is OptionKind.SECRET:
        return read_secret(node, report, places)
    word = text_of(node, report)
    return places.folder / word if word is not None and kind is OptionKind.FILE else word
