"""How the VBR REST API writes what it found out about its own installation: best practices, cluster, metrics."""

from __future__ import annotations

from typing import Any

from exporters.demo_model import SessionKind
from exporters.veeam import sim_sessions as sessions
from exporters.veeam.sim_world import World, named_id, utc

Row = dict[str, Any]

STATUSES = {"ok": "OK", "violation": "Violation", "suppressed": "Suppressed", "unable to check": "UnableToCheck"}
MIB = 2**20


def best_practices(world: World, part: str) -> Row:
    """Neither paged nor filtered, and under another name than all lists."""
    rows = [
        {"id": p.id, "bestPractice": p.name, "status": STATUSES[p.status], "note": p.note}
        for p in world.server.practices
    ]
    return {"items": rows}


def last_check(world: World, part: str) -> Row | None:
    """The newest session of the analyzer; None before its first."""
    found = next((s for s in reversed(world.sessions) if s.kind is SessionKind.SECURITY_CHECK), None)
    return sessions.session(world, found) if found else None


def cluster(world: World, part: str) -> Row | None:
    """The active half leads, the other streams from it; None where the server is none."""
    nodes = sorted(world.server.nodes, key=lambda n: not n.active)
    if len(nodes) != 2:
        return None
    leader, standby = ({**_node(n.id, n.name), "lagMb": n.lag // MIB} for n in nodes)
    leader |= {"role": "Leader", "state": "Running" if nodes[0].online else "Stopped"}
    standby |= {"role": "SyncStandby", "state": "Streaming" if nodes[1].online else "Stopped"}
    states = dict.fromkeys(
        (
            "isCreationInProgress", "isFailoverInProgress", "isRemovalInProgress", "isFirstLaunchAfterFailover",
            "isClusterEndpointMigrationInProgress", "isSecondaryReinitInProgress", "isMaintenanceInProgress",
        ),
        False,
    )  # fmt: skip
    seen = world.server.sessions[-1].start if world.server.sessions else world.server.configuration_backup
    online = {"lastOnlineTimeUtc": utc(seen), "isOnline": all(n.online for n in nodes)}
    return {
        "id": named_id(f"cluster of {world.server.host}"),
        "primaryNode": leader,
        "secondaryNode": standby,
        "name": f"{world.server.name}-cluster",
        "clusterEndpoint": world.server.host,
        "clusterDnsName": world.server.host,
        "isCrossSubnetMode": False,
        "states": {**states, **online},
    }


def _node(ident: str, name: str) -> Row:
    return {"id": ident, "name": name, "ipAddress": "192.0.2.1", "fqdn": f"{name}.example.org", "timeline": "1"}


def node_exporter(world: World, part: str) -> Row:
    return {"metricsSharingEnabled": False, "tlsEnabled": False, "auth": {"type": "None"}}
