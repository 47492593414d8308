"""Which machine a restore point belongs to. Pure.

No revision tells a point's object: points join objects by (backup id, name). Objects tell their backup only from
1.3-rev2 on; before that a name borne by one machine alone is enough, and a shared name is settled by asking the backup
for its members. Where that still leaves a choice (equal names in one backup, a machine renamed since), the vendor is
asked for the points of the objects in question. Nothing is guessed: what stays open is told in `unsettled`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from exporters.veeam import raw
from exporters.veeam.chains import ChainKey, ChainPoint
from exporters.veeam.identity import identities
from exporters.veeam.words import AGENT_PLATFORMS, platform


@dataclass(frozen=True, slots=True)
class Joined:
    """`points` by workload id. `ask_members` are backups, `ask_points` object ids that would settle more.

    `unsettled` are the workload ids that an unjoined point may belong to: for them "no point" proves nothing.
    """

    identity: Mapping[str, str] = field(default_factory=dict)
    points: Mapping[str, list[ChainPoint]] = field(default_factory=dict)
    ask_members: frozenset[str] = frozenset()
    ask_points: frozenset[str] = frozenset()
    unsettled: frozenset[str] = frozenset()
    strays: int = 0


@dataclass(slots=True)
class _Index:
    identity: Mapping[str, str]
    # Per backup, its objects: by backupId (1.3-rev2) or because the backup was asked for its members.
    of_backup: dict[str, list[raw.BackupObject]]
    by_name: dict[str, list[raw.BackupObject]]
    backups: Mapping[str, raw.Backup]
    chains: Mapping[ChainKey, Mapping[str, ChainPoint]]


@dataclass(slots=True)
class _Result:
    points: dict[str, list[ChainPoint]] = field(default_factory=dict)
    ask_members: set[str] = field(default_factory=set)
    ask_points: set[str] = field(default_factory=set)
    unsettled: set[str] = field(default_factory=set)
    strays: int = 0


def join(
    objects: Sequence[raw.BackupObject],
    backups: Sequence[raw.Backup],
    chains: Mapping[ChainKey, Mapping[str, ChainPoint]],
    members: Mapping[str, Sequence[raw.BackupObject]],
    owners: Mapping[str, str],
) -> Joined:
    """`members`: what backups answered when asked; `owners`: point id -> object id, as the vendor answered."""
    index = _index(objects, backups, members, chains)
    result = _Result()
    for (backup_id, name), chain in chains.items():
        rest = _by_owner(chain, owners, index, result)
        if rest:
            _settle(backup_id, name, rest, index, result)
    return Joined(
        identity=index.identity,
        points=result.points,
        ask_members=frozenset(result.ask_members),
        ask_points=frozenset(result.ask_points),
        unsettled=frozenset(result.unsettled),
        strays=result.strays,
    )


def _index(
    objects: Sequence[raw.BackupObject],
    backups: Sequence[raw.Backup],
    members: Mapping[str, Sequence[raw.BackupObject]],
    chains: Mapping[ChainKey, Mapping[str, ChainPoint]],
) -> _Index:
    # Members are the same rows again, but for objects that appeared since the listing was read.
    every = {row.id: row for row in (*(m for ms in members.values() for m in ms), *objects)}
    of_backup: dict[str, list[raw.BackupObject]] = {ident: list(rows) for ident, rows in members.items()}
    by_name: dict[str, list[raw.BackupObject]] = {}
    for row in every.values():
        by_name.setdefault(row.name, []).append(row)
        if row.backup_id is not None and row.backup_id not in members:
            of_backup.setdefault(row.backup_id, []).append(row)
    return _Index(identities(every.values()), of_backup, by_name, {backup.id: backup for backup in backups}, chains)


def _by_owner(
    chain: Mapping[str, ChainPoint], owners: Mapping[str, str], index: _Index, result: _Result
) -> list[ChainPoint]:
    """Join the points whose object the vendor named; the others."""
    rest = []
    for point in chain.values():
        ident = index.identity.get(owners.get(point.id, ""))
        if ident is None:
            rest.append(point)
        else:
            result.points.setdefault(ident, []).append(point)
    return rest


def _settle(backup_id: str, name: str, points: list[ChainPoint], index: _Index, result: _Result) -> None:
    """All points of one name in one backup, as far as the vendor has not told their object."""
    backup = index.backups.get(backup_id)
    if backup is None:
        # A chain that began after the backups were read; they are read again at once.
        result.strays += len(points)
        result.unsettled |= {index.identity[row.id] for row in index.by_name.get(name, [])}
        return
    asked = backup_id in index.of_backup
    rows = index.of_backup[backup_id] if asked else index.by_name.get(name, [])
    named = _named(rows, name, backup, index, points[0], asked)
    found = {index.identity[row.id] for row in named}
    if len(found) != 1 and asked and len({index.identity[row.id] for row in rows}) == 1:
        # The only machine of its backup: whatever it was called then.
        found = {index.identity[rows[0].id]}
    if len(found) == 1:
        result.points.setdefault(found.pop(), []).extend(points)
        return
    result.strays += len(points)
    newest = max(points, key=lambda point: point.time)
    suspects = named or [row for row in rows if _may_be_renamed(row, newest, index)]
    result.unsettled |= {index.identity[row.id] for row in suspects}
    if asked:
        result.ask_points |= {row.id for row in suspects}
    else:
        result.ask_members.add(backup_id)


def _may_be_renamed(row: raw.BackupObject, point: ChainPoint, index: _Index) -> bool:
    """A machine bore the point's name before its own: all points held under its present name are newer."""
    held = index.chains.get((point.backup_id, row.name), {})
    return all(other.time > point.time for other in held.values())


def _named(
    rows: Sequence[raw.BackupObject], name: str, backup: raw.Backup, index: _Index, point: ChainPoint, asked: bool
) -> list[raw.BackupObject]:
    exact = [row for row in rows if row.name == name and (asked or _same_platform(row, point))]
    if exact or platform(point.platform) not in AGENT_PLATFORMS:
        return exact
    # Agents' points are called "<host> <job>" (example bodies of 1.2-rev1 and later), their objects "<host>".
    suffix = f" {backup.name}"
    host = name.removesuffix(suffix)
    if host == name:
        return []
    candidates = rows if asked else index.by_name.get(host, [])
    return [row for row in candidates if row.name == host and (asked or _same_platform(row, point))]


def _same_platform(row: raw.BackupObject, point: ChainPoint) -> bool:
    return point.platform is None or platform(row.platform_name) == platform(point.platform)
