"""Which services an estate has: verdict items grouped into what a Nagios console lists. Pure, sorted, stable.

Compiled objects and passive results both come from here, so that a result always finds its object.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from nagios_checks.concerns import (
    COVERAGE,
    EXPORTER,
    JOB,
    REPOSITORY,
    RESTORE,
    RPO,
    SYSTEM,
    TENANTS,
    UNKNOWN_DATA,
    concern_of,
    covers,
)
from nagios_checks.keys import key_of

Item = Mapping[str, Any]

# The host of what belongs to no backup system: the exporter itself, and what only the policy knows.
OWN_HOST = "lastgood"
_POLICY = "policy"
_SUBJECTS = {RPO: "RPO", RESTORE: "Restore", JOB: "Job", REPOSITORY: "Repository"}
_WHOLE = {COVERAGE: "Coverage", SYSTEM: "System", UNKNOWN_DATA: "Unknown data", TENANTS: "Tenants"}
EXPORTER_DESCRIPTION = "Exporter"

# Nagios Core 4.4 refuses these in object names by default (nagios.cfg, illegal_object_name_chars); `;` begins a comment
# and separates the fields of a command, a backslash at the end joins two lines of an object file.
_ILLEGAL = re.compile(r"""[`~!$%^&*"|'<>?,()=;\\]|[^ -~]""")
# The databases behind Nagios and Icinga keep 128 characters of a service's name or more.
_LONGEST = 100
# How much of a hash tells two services apart, in rounds.
_DIGITS = (0, 8, 16, 64)


class Service(NamedTuple):
    """One service of a console. `concern` is one of concerns.py, those beside them included.

    `host` and `description` are safe and unique in Nagios and Icinga; `name` is the subject's own, as the vendor tells
    it. `key` selects its verdicts (`--key`; empty: all). kind, id and name are None where it tells of a whole system.
    """

    host: str
    description: str
    concern: str
    key: str
    system: str
    kind: str | None
    id: str | None
    name: str | None
    tier: str | None
    owner: str | None
    business_owner: str | None
    items: tuple[Item, ...]


def services(items: Iterable[Item]) -> list[Service]:
    """The services of these verdict items, the exporter's own included, by host and description.

    Each verdict is told by one service of its concern (Tenants for workloads that are counted by tenant); Unknown data
    tells of those that are UNKNOWN once more.
    """
    found = [*_of_subjects(told := list(items)), *_of_systems(told), _exporter()]
    return sorted(_told_apart(found), key=lambda s: (s.host, s.description))


def host_of(system: str) -> str:
    return OWN_HOST if system == _POLICY else safe_name(system)


def safe_name(name: str) -> str:
    """A name as ASCII that Nagios, Icinga and Checkmk take as it is; two names may become the same.

    Accents are dropped; what Nagios forbids, control characters and other scripts become `_`. Nagios 4.4's JSON
    interface gives an empty text for one with any other character.
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return " ".join(_ILLEGAL.sub("_", plain).split())[:_LONGEST].rstrip() or "_"


def _of_subjects(items: Iterable[Item]) -> Iterator[Service]:
    groups: dict[tuple[str, str, str, str], list[Item]] = defaultdict(list)
    for item in items:
        concern = concern_of(item["kind"], item["objective"])
        if concern in _SUBJECTS and not covers(TENANTS, item):
            groups[item["system"], concern, item["kind"], item["id"]].append(item)
    for (system, concern, kind, id_), own in groups.items():
        # By id one subject; should its name have changed between two pages, either will do, but always the same.
        name = min(item["name"] for item in own)
        yield _service(system, concern, own, f"{_SUBJECTS[concern]} {safe_name(name)}", (kind, id_, name))


def _of_systems(items: Iterable[Item]) -> Iterator[Service]:
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        groups[item["system"]].append(item)
    for system, all_ in groups.items():
        for concern, description in _WHOLE.items():
            own = [item for item in all_ if covers(concern, item)]
            if own:
                yield _service(system, concern, own, description, None)


def _service(
    system: str, concern: str, items: list[Item], description: str, subject: tuple[str, str, str] | None
) -> Service:
    kind, id_, name = subject or (None, None, None)
    return Service(
        host=host_of(system),
        description=description,
        concern=concern,
        key=key_of(system, kind, id_),
        system=system,
        kind=kind,
        id=id_,
        name=name,
        # A whole system has many; which of them is asked for by nobody.
        tier=_first(items, "tier") if subject else None,
        owner=_first(items, "owner") if subject else None,
        business_owner=_first(items, "business_owner") if subject else None,
        items=tuple(sorted(items, key=_order)),
    )


def _exporter() -> Service:
    return Service(
        OWN_HOST, EXPORTER_DESCRIPTION, EXPORTER, "", OWN_HOST, None, None, None, None, None, None, ()
    )  # fmt: skip


def _first(items: Iterable[Item], field: str) -> str | None:
    return min((item[field] for item in items if item[field] is not None), default=None)


def _order(item: Item) -> tuple[str, str, str, str]:
    return item["kind"], item["id"], item["objective"], item["role"] or ""


def _told_apart(found: list[Service]) -> list[Service]:
    """Services of one host that would have the same name all get a part of their key's hash: so no order matters."""
    rounds = [0] * len(found)
    while True:
        named = [s._replace(description=_marked(s, _DIGITS[n])) for s, n in zip(found, rounds, strict=True)]
        counts = Counter((s.host, s.description) for s in named)
        again = [i for i, s in enumerate(named) if counts[s.host, s.description] > 1 and rounds[i] + 1 < len(_DIGITS)]
        if not again:
            return named
        # A longer part, for somebody may have named a workload like another one's mark.
        for i in again:
            rounds[i] += 1


def _marked(service: Service, digits: int) -> str:
    mark = hashlib.sha256(service.key.encode("ascii")).hexdigest()[:digits]
    return f"{service.description} {mark}".rstrip()
