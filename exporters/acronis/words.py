"""The vendor's words in ours. A word we do not know is counted and never taken for good news.

Sources: the enumerations of the vendor's documents Tasks v2 and Resource and Policy Management v4, its guide to
tenants, and the types that clients in the field have met. All are compared without case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeVar

from lastgood.clock import parse_time
from lastgood.model import Mode, Result, Threat

MeaningT = TypeVar("MeaningT")

# One of the vendor's ways to write it.
NEVER = "0001-01-01T00:00:00Z"

BACKUP_POLICY = "policy.backup."
ROOT_POLICY = "policy.protection.total"
NO_POLICIES = "no_policies_applied"

RESULTS = {
    "ok": Result.SUCCESS,
    "warning": Result.WARNING,
    "error": Result.FAILED,
    "cancelled": Result.CANCELLED,
    # Nobody reported the end: mostly an agent that was not reached. No success, and for backups as bad as an error.
    "abandoned": Result.FAILED,
    "timedout": Result.FAILED,
}
# Of an activity: True while its work goes on, None before it began.
UNDER_WAY: Mapping[str, bool | None] = {
    "enqueued": None,
    "assigned": None,
    "started": True,
    "paused": True,
    "completed": False,
}
# Of a resource's protection. There is no "ok": idle and scheduled are the healthy ones, and no word of these makes a
# backup good.
STATUSES = dict.fromkeys(
    (
        "warning", "error", "critical", NO_POLICIES, "scheduled", "interaction_required", "running", "cancelling",
        "idle",
    ),
    True,
)  # fmt: skip

TENANT_KINDS = {kind: kind for kind in ("root", "partner", "folder", "customer", "unit")}
# Whether a tenant in this pricing mode is served.
PRICING = {"production": True, "trial": True, "suspended": False}

MACHINE = "resource.machine"
GROUP = "resource.group"
# By a part of the resource type: the vendor publishes no list of types.
KINDS = (
    ("virtual_machine", "vm"),
    ("mailbox", "mailbox"),
    ("onedrive", "drive"),
    ("google_drive", "drive"),
    ("sharepoint", "site"),
    ("teams", "team"),
    ("website", "website"),
    ("mobile", "mobile"),
    ("database", "database"),
    ("mssql", "database"),
    ("exchange", "application"),
    ("network_share", "nas"),
    (".nas", "nas"),
)
PLATFORMS: Mapping[str, str | None] = {
    "linux": "server",
    "solaris": "server",
    "macosx": "workstation",
    "windows": None,
    "unknown": None,
}

POINT_MODES: Mapping[str, Mode | None] = {
    "full": Mode.FULL,
    "incremental": Mode.INCREMENTAL,
    "differential": Mode.INCREMENTAL,
}
THREATS = {"critical": Threat.INFECTED, "error": Threat.INFECTED, "warning": Threat.SUSPICIOUS}
SEVERITIES = {word: word for word in ("ok", "information", "warning", "error", "critical")}
VAULT_ONLINE = {"online": True, "available": True, "ok": True, "offline": False, "unavailable": False}
# Switches as attributes tell them: a number, a text or a truth.
FLAGS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}

# Activities of other protection than backup, by a part of their policy's type.
OTHER_POLICIES = (
    "security", "antimalware", "antivirus", "patch", "vulnerability", "protection", "data_map", "device_control",
    "url_filtering", "software", "hardware", "inventory", "edr", "dlp", "remote", "validation", "replication",
    "cleanup",
)  # fmt: skip


class Words:
    """Reads words and times; `unknown` counts what could not be read, as "what:word"."""

    def __init__(self) -> None:
        self.unknown: Counter[str] = Counter()

    def count(self, what: str, word: str) -> None:
        self.unknown[f"{what}:{word[:40]}"] += 1

    def known(self, what: str, word: str | None, meanings: Mapping[str, MeaningT]) -> MeaningT | None:
        """What `word` means by `meanings` (lower case); None for no word, and for one that is not in it (counted)."""
        if not word:
            return None
        lower = word.lower()
        if lower not in meanings:
            self.count(what, word)
            return None
        return meanings[lower]

    def result(self, word: str | None) -> Result:
        """How something that is over ended. No word, and one we do not know, is UNKNOWN: never success."""
        return self.known("result", word, RESULTS) or Result.UNKNOWN

    def at(self, text: str | None) -> datetime | None:
        """None for "never" and for a text that is no time (counted). Account management writes no zone: UTC."""
        if not text:
            return None
        try:
            return parse_time(text, UTC)
        except ValueError:
            self.count("time", "malformed")
            return None

    def legible(self, text: str | None) -> bool:
        """False for a text that is no time, and does not say "never" either."""
        try:
            parse_time(text or NEVER, UTC)
        except ValueError:
            return False
        return True

    def flag(self, value: object) -> bool | None:
        return None if value is None else self.known("flag", str(value), FLAGS)

    def kind(self, type_: str | None) -> str | None:
        """Of a resource that is no machine with an agent; None where its type is not known (counted)."""
        word = (type_ or "").lower()
        found = next((kind for part, kind in KINDS if part in word), None)
        if found is None and word:
            self.count("resource type", word)
        return found

    def computer(self, family: str | None, name: str | None) -> str | None:
        """server or workstation by the agent's platform; Linux counts as a server. None where it is not told."""
        if name and "server" in name.lower():
            return "server"
        told = self.known("platform", family, PLATFORMS)
        return "workstation" if (family or "").lower() == "windows" and name else told

    def off_topic(self, policy_type: str | None) -> None:
        """An activity that is neither backup nor recovery: counted unless its policy says what else it is."""
        word = (policy_type or "").lower()
        if word and not any(part in word for part in OTHER_POLICIES):
            self.count("policy type", word)


def backs_up(policy_type: str | None) -> bool:
    """Activities say "backup", policies policy.backup.<what>."""
    word = (policy_type or "").lower()
    return word == "backup" or word.startswith(BACKUP_POLICY)


def uuid_of(ident: str | None) -> str | None:
    """The id in lower case, as services write it differently; None for none."""
    return ident.lower() if ident else None


def stamp(moment: datetime) -> str:
    """A filter's value: UTC with Z, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def nanoseconds(moment: datetime) -> int:
    """Since 1970: what the alert manager's time filters take."""
    return int(moment.timestamp()) * 1_000_000_000
