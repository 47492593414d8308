"""Repositories, proxies, managed servers, licence and the server itself. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from exporters.veeam import raw
from exporters.veeam.words import Words, real
from lastgood.model import Component, License, Repository

# The documents say "GB"; every peer that compares with the console reads 2^30 bytes (facts: veeam.md, section 3).
GB = 2**30
DAY = 86400.0


# --- repositories ----------------------------------------------------------------------------------------------------


def repositories(
    states: Iterable[raw.RepositoryState],
    configs: Iterable[raw.RepositoryConfig],
    scale_outs: Iterable[raw.ScaleOut],
) -> tuple[Repository, ...]:
    """Simple repositories and extents as they are, then each scale-out repository with the sum of its extents."""
    immutable = {config.id: _immutable(config) for config in configs}
    rows = list(states)
    told = list(scale_outs)
    owner = {extent: row.id for row in told for extent in _all_extents(row)}
    for state in rows:
        details = state.scale_out_repository_details
        # Only where that scale-out repository is listed too: else its space would be counted nowhere.
        if details is not None and details.scale_out_repository_id in {row.id for row in told}:
            owner.setdefault(state.id, details.scale_out_repository_id or "")
    plain = {state.id: _repository(state, immutable.get(state.id), owner.get(state.id)) for state in rows}
    return (*plain.values(), *(_scale_out(row, plain, owner) for row in told))


def _repository(state: raw.RepositoryState, immutable: float | None, part_of: str | None) -> Repository:
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
    )


def _all_extents(row: raw.ScaleOut) -> list[str]:
    capacity = (row.capacity_tier.extents or []) if row.capacity_tier else []
    archive = row.archive_tier.extent_id if row.archive_tier else None
    return [i for i in (*_performance(row), *(e.id for e in capacity), archive) if i and real(i)]


def _performance(row: raw.ScaleOut) -> dict[str, set[str]]:
    """The extents that hold the short-term backups, each with its states in lower case."""
    extents = (row.performance_tier.performance_extents or []) if row.performance_tier else []
    return {e.id: _words(e.status) for e in extents if e.id}


def _words(status: str | list[str] | None) -> set[str]:
    told = [status] if isinstance(status, str) else (status or [])
    return {word.lower() for word in told}


def _scale_out(row: raw.ScaleOut, plain: Mapping[str, Repository], owner: Mapping[str, str]) -> Repository:
    """Capacity of the performance tier only: the tiers behind it are object storage without a size.

    Free space of an extent in maintenance cannot be written to and is not counted. Immutability is the weakest
    extent's, unknown when one is.
    """
    tier = _performance(row)
    parts = [plain.get(ident) for ident in tier]
    known = [part for part in parts if part is not None]
    whole = bool(parts) and len(known) == len(parts)
    usable = [part for part in known if "maintenance" not in tier[part.id]]
    return Repository(
        id=row.id,
        name=row.name,
        kind="ScaleOut",
        capacity_bytes=_sum([part.capacity_bytes for part in known]) if whole else None,
        free_bytes=_sum([part.free_bytes for part in usable]) if whole else None,
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


def _immutable(config: raw.RepositoryConfig) -> float | None:
    """Seconds new backups stay unchangeable; 0 when switched off; None where the kind does not tell it."""
    if config.repository and config.repository.make_recent_backups_immutable_days is not None:
        return config.repository.make_recent_backups_immutable_days * DAY
    for holder in (config.bucket, config.container, config.repository):
        told = holder.immutability if holder else None
        if told is None or told.is_enabled is None:
            continue
        if not told.is_enabled:
            return 0.0
        return None if told.days_count is None else told.days_count * DAY
    return None


# --- components ------------------------------------------------------------------------------------------------------


def components(
    proxy_states: Iterable[raw.ProxyState] | None,
    proxies: Iterable[raw.Proxy] | None,
    servers: Iterable[raw.ManagedServer] | None,
) -> tuple[Component, ...]:
    """Proxies and managed servers. Before 1.3-rev0 no proxy tells its state: the state of its host stands for it."""
    hosts = {server.id: _available(server) for server in servers or ()}
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
        Component(id=row.id, name=row.name, kind="managed_server", up=_available(row), outdated=_outdated(row))
        for row in servers or ()
    ]
    return tuple(made)


def _available(server: raw.ManagedServer) -> bool | None:
    return {"available": True, "unavailable": False}.get((server.status or "").lower())


def _outdated(server: raw.ManagedServer) -> bool | None:
    """Only these two words of EHostUpdatesState speak of the components' age; the others of an update's course."""
    return {"outofdate": True, "notavailable": False}.get((server.updates_state or "").lower())


# --- licence ---------------------------------------------------------------------------------------------------------


def license_of(answer: raw.License, words: Words) -> License:
    """`expires` is the earliest end told: the root's (up to 1.3-rev1) or the summaries' (from 1.3-rev2)."""
    instances, sockets = answer.instance_license_summary, answer.socket_license_summary
    status = (answer.status or "").lower()
    valid = {"valid": True, "expired": False, "invalid": False}.get(status)
    if status and valid is None:
        words.count("license status", status)
    used, total, unit = _consumption(answer)
    summaries = [summary for summary in (instances, sockets) if summary is not None]
    expires = _earliest(words, answer.expiration_date, *(summary.expiration_date for summary in summaries))
    return License(
        valid=valid,
        status=answer.status,
        edition=answer.edition,
        kind=answer.type,
        perpetual=_perpetual(answer.type, expires),
        expires=expires,
        support_expires=_earliest(
            words, answer.support_expiration_date, *(summary.support_expiration_date for summary in summaries)
        ),
        used=used,
        total=total,
        unit=unit,
    )


def _perpetual(kind: str | None, expires: datetime | None) -> bool | None:
    """A perpetual licence tells no end; another one without an end has left it out."""
    if expires is not None:
        return False
    return True if (kind or "").lower() == "perpetual" else None


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
