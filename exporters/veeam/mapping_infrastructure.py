"""Repositories, proxies, managed servers, licence and the server itself. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from exporters.veeam import raw
from exporters.veeam.words import (
    AVAILABLE,
    LICENSE_VALID,
    MAINTENANCE,
    NODE_UP,
    OUTDATED,
    OWN_PERIOD,
    PERPETUAL,
    Words,
    real,
)
from lastgood.model import Component, License, Repository

# The documents say "GB"; every peer that compares with the console reads 2^30 bytes (facts: veeam.md, section 3).
GB, MB = 2**30, 2**20
DAY = 86400.0
# Kinds that no document, 1.1-rev0 to 1.3-rev2, gives an immutability that holds: whatever lies there can be deleted.
# Governance mode, which 1.3-rev2 has for plain Linux repositories, is lifted by whoever holds the right to.
MUTABLE = frozenset({"winlocal", "linuxlocal", "smb", "nfs"})


# --- repositories ----------------------------------------------------------------------------------------------------


def repositories(
    states: Iterable[raw.RepositoryState],
    configs: Iterable[raw.RepositoryConfig],
    scale_outs: Iterable[raw.ScaleOut],
    words: Words,
) -> tuple[Repository, ...]:
    """Simple repositories and extents as they are, then each scale-out repository with the sum of its extents."""
    immutable = {config.id: _immutable(config, words) for config in configs}
    rows = list(states)
    told = list(scale_outs)
    encrypted = {ident: on for row in told for ident, on in _encrypted(row).items()}
    owner = {extent: row.id for row in told for extent in _all_extents(row)}
    for state in rows:
        details = state.scale_out_repository_details
        # Only where that scale-out repository is listed too: else its space would be counted nowhere.
        if details is not None and details.scale_out_repository_id in {row.id for row in told}:
            owner.setdefault(state.id, details.scale_out_repository_id or "")
    plain = {
        state.id: _repository(state, immutable.get(state.id), owner.get(state.id), encrypted.get(state.id))
        for state in rows
    }
    return (*plain.values(), *(_scale_out(row, plain, owner, words) for row in told))


def _repository(
    state: raw.RepositoryState, immutable: float | None, part_of: str | None, encrypted: bool | None
) -> Repository:
    # 0 and -1 are how object storage says that it has no size of its own.
    known = state.capacity_gb is not None and state.capacity_gb > 0
    free = state.free_gb if known and state.free_gb is not None and state.free_gb >= 0 else None
    return Repository(
        id=state.id,
        name=state.name,
        kind=state.type,
        capacity_bytes=round((state.capacity_gb or 0) * GB) if known else None,
        free_bytes=None if free is None else round(free * GB),
        online=state.is_online,
        immutable_seconds=immutable,
        part_of=part_of,
        encrypted=encrypted,
    )


def _encrypted(row: raw.ScaleOut) -> dict[str, bool]:
    """Whether a scale-out repository encrypts what it sends to the extents behind it; in front the jobs decide."""
    found: dict[str, bool] = {}
    capacity, archive = row.capacity_tier, row.archive_tier
    if capacity and capacity.encryption and capacity.encryption.is_enabled is not None:
        found |= {e.id: capacity.encryption.is_enabled for e in capacity.extents or [] if e.id}
    if archive and archive.extent_id and archive.encryption and archive.encryption.is_enabled is not None:
        found[archive.extent_id] = archive.encryption.is_enabled
    return found


def _all_extents(row: raw.ScaleOut) -> list[str]:
    capacity = (row.capacity_tier.extents or []) if row.capacity_tier else []
    archive = row.archive_tier.extent_id if row.archive_tier else None
    return [i for i in (*_performance(row), *(e.id for e in capacity), archive) if i and real(i)]


def _performance(row: raw.ScaleOut) -> dict[str, list[str]]:
    """The extents that hold the short-term backups, each with its states."""
    extents = (row.performance_tier.performance_extents or []) if row.performance_tier else []
    return {e.id: [e.status] if isinstance(e.status, str) else (e.status or []) for e in extents if e.id}


def _in_maintenance(states: Iterable[str], words: Words) -> bool | None:
    """Whether it takes no new backup (sealed extents do not either). None: by a state that we do not know."""
    found = [words.known("extent status", state, MAINTENANCE) for state in states]
    return True if True in found else None if None in found else False


def _scale_out(
    row: raw.ScaleOut, plain: Mapping[str, Repository], owner: Mapping[str, str], words: Words
) -> Repository:
    """Capacity of the performance tier only: the tiers behind it are object storage without a size.

    Free space of an extent in maintenance or sealed cannot be written to and does not count; in a state that we do not
    know, it is unknown. Immutability is the weakest extent's, unknown when one is.
    """
    tier = _performance(row)
    parts = [plain.get(ident) for ident in tier]
    known = [part for part in parts if part is not None]
    whole = bool(parts) and len(known) == len(parts)
    resting = {part.id: _in_maintenance(tier[part.id], words) for part in known}
    free = [None if resting[part.id] is None else part.free_bytes for part in known if not resting[part.id]]
    return Repository(
        id=row.id,
        name=row.name,
        kind="ScaleOut",
        capacity_bytes=_sum([part.capacity_bytes for part in known]) if whole else None,
        free_bytes=_sum(free) if whole else None,
        online=_all_online([part.online for part in known]) if whole else None,
        immutable_seconds=_weakest([part.immutable_seconds for part in known]) if whole else None,
        extents=tuple(sorted(ident for ident, of in owner.items() if of == row.id)),
    )


def _sum(values: list[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _weakest(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return min(known) if known and len(known) == len(values) else None


def _all_online(values: list[bool | None]) -> bool | None:
    if False in values:
        return False
    return None if None in values else True


def _immutable(config: raw.RepositoryConfig, words: Words) -> float | None:
    """Seconds new backups stay unchangeable; 0 when off or when the kind has no such thing; None where it is not told.

    Hardened Linux tells days; S3 and its kin, Azure Blob, Google Cloud and Data Cloud Vault (the last three from
    1.3-rev0 on), Data Domain and StoreOnce (1.3-rev2) a switch and days; archives (Glacier, Azure Archive) a switch
    only.
    """
    if config.repository and config.repository.make_recent_backups_immutable_days is not None:
        return config.repository.make_recent_backups_immutable_days * DAY
    for holder in (config.bucket, config.container, config.repository):
        told = holder.immutability if holder else None
        if told is not None and told.is_enabled is not None:
            return _period(told, words)
    archives = [holder.immutability_enabled for holder in (config.bucket, config.container) if holder]
    return 0.0 if False in archives or (config.type or "").lower() in MUTABLE else None


def _period(told: raw.Immutability, words: Words) -> float | None:
    """By retention settings the period is each backup's own retention, which no repository states."""
    if not told.is_enabled:
        return 0.0
    mode = told.immutability_mode
    if told.days_count is None or (mode and not words.known("immutability mode", mode, OWN_PERIOD)):
        return None
    return told.days_count * DAY


# --- components ------------------------------------------------------------------------------------------------------


def components(
    proxy_states: Iterable[raw.ProxyState] | None,
    proxies: Iterable[raw.Proxy] | None,
    servers: Iterable[raw.ManagedServer] | None,
    cluster: raw.Cluster | None,
    words: Words,
) -> tuple[Component, ...]:
    """Proxies, managed servers, cluster nodes. Before 1.3-rev0 no proxy tells its state: its host's stands for it."""
    hosts = {server.id: _available(server, words) for server in servers or ()}
    made = [
        Component(
            id=proxy.id,
            name=proxy.name,
            kind="proxy",
            up=proxy.is_online,
            disabled=proxy.is_disabled,
            outdated=proxy.is_out_of_date,
        )
        for proxy in proxy_states or ()
    ]
    seen = {component.id for component in made}
    made += [
        Component(
            id=proxy.id, name=proxy.name, kind="proxy", up=hosts.get((proxy.server and proxy.server.host_id) or "")
        )
        for proxy in proxies or ()
        if proxy.id not in seen
    ]
    made += [
        Component(
            id=row.id,
            name=row.name,
            kind="managed_server",
            up=hosts[row.id],
            outdated=words.known("updates state", row.updates_state, OUTDATED),
        )
        for row in servers or ()
    ]
    return (*made, *_cluster(cluster, words))


def _available(server: raw.ManagedServer, words: Words) -> bool | None:
    return words.known("server status", server.status, AVAILABLE)


def _cluster(cluster: raw.Cluster | None, words: Words) -> tuple[Component, ...]:
    """The high availability cluster itself and its two nodes (1.3-rev2). Only the secondary has something to lag."""
    if cluster is None:
        return ()
    online = cluster.states.is_online if cluster.states else None
    made = [Component(id=cluster.id, name=cluster.name, kind="ha_cluster", up=online)]
    for node in (cluster.primary_node, cluster.secondary_node):
        if node is not None:
            up = words.known("node state", node.state, NODE_UP)
            lag = _lag(node) if node is cluster.secondary_node else None
            made.append(Component(id=node.id, name=node.name, kind="ha_node", up=up, lag_bytes=lag))
    return tuple(made)


def _lag(node: raw.ClusterNode) -> int | None:
    return node.lag_mb * MB if node.lag_mb is not None and node.lag_mb >= 0 else None


# --- licence ---------------------------------------------------------------------------------------------------------


def license_of(answer: raw.License, words: Words) -> License:
    """`expires` is the earliest end told: the root's (up to 1.3-rev1) or the summaries' (from 1.3-rev2)."""
    instances, sockets = answer.instance_license_summary, answer.socket_license_summary
    used, total, unit = _consumption(answer)
    summaries = [summary for summary in (instances, sockets) if summary is not None]
    expires = _earliest(words, answer.expiration_date, *(summary.expiration_date for summary in summaries))
    return License(
        valid=words.known("license status", answer.status, LICENSE_VALID),
        status=answer.status,
        edition=answer.edition,
        kind=answer.type,
        perpetual=_perpetual(answer.type, expires, words),
        expires=expires,
        support_expires=_earliest(
            words, answer.support_expiration_date, *(summary.support_expiration_date for summary in summaries)
        ),
        used=used,
        total=total,
        unit=unit,
    )


def _perpetual(kind: str | None, expires: datetime | None, words: Words) -> bool | None:
    """A perpetual licence tells no end; another one without an end has left it out."""
    endless = words.known("license type", kind, PERPETUAL)
    if expires is not None:
        return False
    return True if endless else None


def _earliest(words: Words, *texts: str | None) -> datetime | None:
    return min((moment for text in texts if (moment := words.at(text)) is not None), default=None)


def _consumption(answer: raw.License) -> tuple[float | None, float | None, str | None]:
    """The first kind of licence that is owned: instances, then sockets, then capacity."""
    instances, sockets, capacity = (
        answer.instance_license_summary,
        answer.socket_license_summary,
        answer.capacity_license_summary,
    )
    offers = [
        (instances.used_instances_number, instances.licensed_instances_number, "instances") if instances else None,
        (sockets.used_sockets_number, sockets.licensed_sockets_number, "sockets") if sockets else None,
        (capacity.used_capacity_tb, capacity.licensed_capacity_tb, "TB") if capacity else None,
    ]
    told = [offer for offer in offers if offer is not None]
    owned = [offer for offer in told if offer[1]]
    return next(iter(owned or told), (None, None, None))
