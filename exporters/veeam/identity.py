"""Which backup objects are one machine: its id in the platform it lives on, never its name. Pure.

One machine stands once per chain in backupObjects. vSphere mo-refs are unique inside one vCenter only, so its host (the
first part of `path`) belongs to the id; the other platforms give ids that are unique by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable

from exporters.veeam import raw
from exporters.veeam.words import AGENT_PLATFORMS, platform, real

# What BIOS makers leave in every board: no identity.
_NO_UUID = frozenset({raw.ZERO_ID, "ffffffff-ffff-ffff-ffff-ffffffffffff", "03000200-0400-0500-0006-000700080009"})


def identities(objects: Iterable[raw.BackupObject]) -> dict[str, str]:
    """Backup object id -> workload id."""
    rows = list(objects)
    clones = _cloned(rows)
    return {row.id: _identity(row, clones) for row in rows}


def _cloned(rows: Iterable[raw.BackupObject]) -> set[str]:
    """BIOS ids that several computers bear: machines cloned with it."""
    computers: dict[str, set[str]] = {}
    for row in rows:
        bios, computer = _bios(row), real(row.computer_id)
        if bios and computer:
            computers.setdefault(bios, set()).add(computer)
    return {bios for bios, found in computers.items() if len(found) > 1}


def _bios(row: raw.BackupObject) -> str | None:
    bios = (row.bios_uuid or "").lower()
    return bios if bios and bios not in _NO_UUID else None


def _identity(row: raw.BackupObject, clones: set[str]) -> str:
    kind = platform(row.platform_name) or "unknown"
    if kind in AGENT_PLATFORMS:
        bios, computer = _bios(row), real(row.computer_id)
        if bios and bios not in clones:
            return f"agent:{bios}"
        return f"agent:{computer}" if computer else f"{kind}:{row.id}"
    server = row.file_server_id or row.host_id
    if kind == "unstructureddata" and server and row.name:
        # A share or bucket: its server with its name, which is its path there (1.3-rev2 tells both).
        return f"{kind}:{server.lower()}:{row.name}"
    if not row.object_id:
        return f"{kind}:{row.id}"
    if kind == "vmware":
        host = host_of(row)
        if host:
            return machine_id(host, row.object_id)
        # Without its vCenter a mo-ref may mean two machines: keep the chains apart rather than mix them.
        return f"{kind}:{row.id}"
    return f"{kind}:{row.object_id.lower()}"


def machine_id(host: str, object_id: str) -> str:
    """A vSphere machine: host names compare without case, mo-refs with it."""
    return f"{host.lower()}:{object_id}"


def host_of(row: raw.BackupObject) -> str | None:
    parts = _parts(row)
    return parts[0] if len(parts) > 1 else None


def folder_of(row: raw.BackupObject) -> str | None:
    """The path between the server and the machine, with slashes; None where the platform gives no path."""
    return "/".join(_parts(row)[1:-1]) or None


def _parts(row: raw.BackupObject) -> list[str]:
    path = row.path or ""
    # Backslashes in every example; a machine's name may hold a slash.
    return [part for part in path.split("\\" if "\\" in path else "/") if part]


def included(config: raw.JobConfig) -> dict[str, str]:
    """The single machines a job names: workload id -> name. Folders, tags and hosts name no machine."""
    found: dict[str, str] = {}
    for entry in (config.virtual_machines.includes or []) if config.virtual_machines else []:
        place = entry.inventory_object or entry
        if (place.type or "").lower() not in ("virtualmachine", "vm") or not place.object_id or not place.name:
            continue
        kind = platform(entry.platform) or "vmware"
        if kind == "vmware":
            if place.host_name:
                found[machine_id(place.host_name, place.object_id)] = place.name
        else:
            found[f"{kind}:{place.object_id.lower()}"] = place.name
    return found
