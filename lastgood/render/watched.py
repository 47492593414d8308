"""What the object builders for Nagios and Icinga get: the services of an estate, and how checks reach the exporter.

Plain values: who makes them (`lastgood.commands.inventory`) knows `nagios_checks` and the API, the builders neither.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from lastgood.policy import Facts, Maintenance

# Concerns that are told UNKNOWN: the others would repeat for each workload what these say once.
SYSTEM, UNKNOWN_DATA, EXPORTER = "system", "unknown", "exporter"
TELL_UNKNOWN = frozenset((SYSTEM, UNKNOWN_DATA, EXPORTER))
# Attempts, and seconds between them. A cause is to be a hard state before what depends on it: the exporter at most 2
# minutes after it went silent, a system 3 to 8, what is UNKNOWN in it 10 at the earliest.
ATTEMPTS = {EXPORTER: (2, 60), SYSTEM: (4, 60), UNKNOWN_DATA: (6, 120)}


class Script(NamedTuple):
    """A check, and the switch that makes it tell of one concern."""

    name: str
    switch: str | None = None


# Concern -> what checks it. A test holds this against `nagios_checks`, which nothing here may import.
SCRIPTS: Mapping[str, Script] = {
    "rpo": Script("check_backup_rpo"),
    "restore": Script("check_backup_restore"),
    "coverage": Script("check_backup_coverage"),
    "job": Script("check_backup_job"),
    "repository": Script("check_backup_repository"),
    SYSTEM: Script("check_backup_system"),
    "tenants": Script("check_backup", "tenants"),
    UNKNOWN_DATA: Script("check_backup", "unknown"),
    EXPORTER: Script("check_backup_system", "exporter"),
}

_SAFE_NAME = re.compile(r"[A-Za-z0-9._-]+")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_URL = re.compile(r"https?://[A-Za-z0-9._~:/%\[\]-]+")
_PATH = re.compile(r"[A-Za-z0-9._/+@:-]+")
# What a verdict item tells of its subject; a match may ask for more.
FACTS = ("name", "id", "system", "source")


class Promise(NamedTuple):
    """One objective that a service tells of, and whose it is. `source` is the system's vendor."""

    objective: str
    tier: str | None
    owner: str | None
    business_owner: str | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One service. `host` and `description` are names every engine takes as they are; `key` is safe for a shell.

    `facts` are what each of its subjects offers to a maintenance rule. tier and owner are None for a whole system.
    """

    host: str
    description: str
    concern: str
    key: str
    system: str
    tier: str | None = None
    owner: str | None = None
    promises: frozenset[Promise] = frozenset()
    facts: tuple[Facts, ...] = field(default=(), hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How checks are run. `passive`: results are handed over instead, and stale after `fresh_for` seconds.

    `plugins` is the folder of our checks (None: the engine's plugin folder). Raises ValueError for a URL or path that a
    shell or an object file could misread, for a URL with a password, and for results that would hold no second.
    """

    url: str
    plugins: str | None = None
    ca_file: str | None = None
    credentials_file: str | None = None
    passive: bool = False
    fresh_for: int = 600

    def __post_init__(self) -> None:
        if "@" in self.url:
            raise ValueError("the URL holds a user or password; give them to the checks by --credentials-file")
        if _URL.fullmatch(self.url) is None:
            raise ValueError("the URL must be http:// or https:// and plain: letters, digits, . _ ~ : / % [ ] and -")
        if self.fresh_for < 1:
            raise ValueError("a result must hold for a second at least: Nagios takes 0 for a time of its own choosing")
        for path in (self.plugins, self.ca_file, self.credentials_file):
            if path is not None and _PATH.fullmatch(path) is None:
                raise ValueError(f"{path!r} goes into a command line: only letters, digits, . _ / + @ : and -")

    def files(self) -> tuple[tuple[str, str | None], ...]:
        """The options of a check that name a file, and the file."""
        return ("ca-file", self.ca_file), ("credentials-file", self.credentials_file)


def safe_word(text: str) -> str:
    """A name for an object: letters, digits, `.`, `_`, `-`. One that had to be changed gets a hash, and stays apart."""
    if _SAFE_NAME.fullmatch(text):
        return text
    return f"{_UNSAFE.sub('_', text)}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def plain(text: str) -> str:
    """Free text for a comment, an alias or a mail: one line of ASCII without anything that a shell, a macro or an
    object file reads as more than text."""
    kept = "".join(c if " " <= c <= "~" and c not in "\\\"'`$;!|&<>{}" else "_" for c in text)
    return " ".join(kept.split()) or "_"


def muted(maintenance: Maintenance, watched: Watched) -> bool | None:
    """Whether a window mutes a service: all its subjects are matched. None: the rule asks for what no verdict tells."""
    if not maintenance.match.keys.keys() <= set(FACTS):
        return None
    return bool(watched.facts) and all(maintenance.match.matches(facts) for facts in watched.facts)
