"""System detail: what each backup system runs, what it is licensed for, and which of its parts are out of order."""

from __future__ import annotations

from collections.abc import Sequence

from lastgood.render.expr import differs, listed, max_by, series
from lastgood.render.grafana import variables
from lastgood.render.grafana.layout import Band, Board
from lastgood.render.grafana.mappings import (
    BAD_GOOD,
    COLORS,
    CRITICAL,
    ON_OFF,
    STATES,
    UP_DOWN,
    WARNING,
    YES_NO,
    Json,
    steps,
)
from lastgood.render.grafana.panels import Panel, Target, stat
from lastgood.render.grafana.states import at, counted, either
from lastgood.render.grafana.tables import Column, Label, table
from lastgood.render.grafana.variables import IN_SOURCE, IN_SYSTEM

UID = "lastgood-system"
_CHOSEN = (IN_SYSTEM, IN_SOURCE)
_KEYS = ("system",)
# The names too: every series of a part carries them, so no column has to bring them along.
_COMPONENT = ("system", "component_id", "component", "component_kind")
# Where an even share of the table cuts the words off.
_WIDTHS = {"product": 260, "server_name": 220, "practice": 420, "component": 250, "tenant_path": 460}
_UP = series("lastgood_system_up", *_CHOSEN)


def board() -> Board:
    return Board(
        folder="detail",
        uid=UID,
        title="Backup system detail",
        description="Versions, licences, certificates, parts, tenants and own configuration backups of each backup "
        "system; choose a vendor to see its systems only.",
        variables=(variables.datasource(), variables.vendor(), variables.configured(IN_SOURCE)),
        bands=(
            Band(4, _tiles()),
            Band(6, (_systems(),)),
            Band(6, (_licences(), _configuration())),
            Band(10, (_components(), _practices())),
            Band(10, (_tenants(),)),
        ),
        since="now-24h",
    )


def _state(objective: str) -> str:
    """One objective's verdict on a system as a rank; bad ones are held."""
    own = {"objective": objective, "workload_id": "", "backup_job_id": "", "repository_id": "", "component_id": ""}
    held = max_by(_KEYS, series("backup:verdict:held", *_CHOSEN, **own))
    told = max_by(_KEYS, series("backup_verdict", *_CHOSEN, **own))
    return either(
        (at(4, f"{held} == 2"), at(2, f"{held} == 1"), at(3, f"{told} == 3"), at(1, f"{told} == 0"),
         at(0, f"{told} == 4"))
    )  # fmt: skip


def _tiles() -> tuple[Panel, ...]:
    parts = max_by(_COMPONENT, series("backup_component_up", *_CHOSEN))
    part = differs("component_id", "")
    down = max_by(("system", "component_id"), series("backup:verdict:held", *_CHOSEN, part, objective="system"))
    known = max_by(_KEYS, _UP)

    def tile(id_: int, title: str, says: str, found: str, among: str, color: str) -> Panel:
        return stat(id_, title, says, 4, Target(expr=counted(found, among)), thresholds=steps(color))

    def held(objective: str) -> str:
        return max_by(_KEYS, series("backup:verdict:held", *_CHOSEN, objective=objective))

    outdated = max_by(_COMPONENT, f"{series('backup_software_outdated', *_CHOSEN)} == 1")
    return (
        tile(1, "PARTS DOWN", "Proxies, servers and agents that their server cannot reach.", down, parts,
             COLORS[CRITICAL]),
        tile(2, "PARTS OUT OF DATE", "Their server says they should be updated.", outdated,
             max_by(_COMPONENT, series("backup_software_outdated", *_CHOSEN)), COLORS[WARNING]),
        tile(3, "LICENCE", "Ended, ending within the policy's time, invalid or used up.", held("license"), known,
             COLORS[CRITICAL]),
        tile(4, "OWN CONFIGURATION", "The server's own configuration is not backed up in time, or not encrypted.",
             held("configuration_backup"), known, COLORS[CRITICAL]),
        tile(5, "PRACTICES VIOLATED", "Systems that violate security practices of their vendor.", held("hardening"),
             known, COLORS[WARNING]),
        tile(6, "CREDENTIAL ENDING", "The secret of the account they are read with ends soon or has ended.",
             held("credential"), known, COLORS[WARNING]),
    )  # fmt: skip


def _label(*shown: tuple[str, str], link: bool = False) -> Sequence[Label]:
    found = [Label(name=name, title=title, width=_WIDTHS.get(name)) for name, title in shown]
    if link:
        to: Json = variables.open_board("Exporter health", "lastgood-exporter", carry=(), system="system")
        found[0] = Label(name=shown[0][0], title=shown[0][1], links=(to,))
    return found


def _systems() -> Panel:
    told = ("source", "product", "product_version", "server_name", "api_revision")
    info = max_by((*_KEYS, *told), series("backup_system_info", *_CHOSEN))
    expiry = series("backup_certificate_expiry_timestamp_seconds", *_CHOSEN)
    ever = max_by(_KEYS, f"last_over_time({_UP}[7d])")
    return table(
        7,
        "Systems",
        "What each system says it runs. Read: whether the last poll succeeded; NO DATA for a week after its exporter "
        "died.",
        24,
        keys=_KEYS,
        labels=_label(
            ("system", "System"),
            ("source", "Source"),
            ("product", "Product"),
            ("product_version", "Version"),
            ("server_name", "Server"),
            ("api_revision", "API"),
            link=True,
        ),
        columns=(
            Column(
                title="Read",
                expr=f"{max_by(_KEYS, _UP)} * on (system) group_right () {info} or on (system) {max_by(_KEYS, _UP)}"
                f" or on (system) NaN * {ever}",
                mappings=UP_DOWN,
                width=110,
            ),
            Column(title="Workloads", expr=series("lastgood_system_workloads", *_CHOSEN)),
            Column(title="Certificate ends", expr=f"1000 * {expiry}", unit="dateTimeFromNow"),
            Column(title="Clock differs by", expr=series("lastgood_system_clock_skew_seconds", *_CHOSEN), unit="s"),
        ),
        sort="System",
        ascending=True,
    )


def _licences() -> Panel:
    used, owned = (series(f"backup_license_{which}", *_CHOSEN) for which in ("used_units", "units"))
    unit = max_by(("system", "license_unit"), used)
    valid = max_by(_KEYS, series("backup_license_valid", *_CHOSEN))
    held = series("backup:verdict:held", *_CHOSEN, objective="license")
    return table(
        8,
        "Licences",
        "Verdict by the policy's limits; a licence without an end is perpetual, or its end is not told. Quotas "
        "(Acronis) are on the capacity board.",
        14,
        keys=_KEYS,
        labels=_label(("system", "System"), ("license_unit", "Unit")),
        columns=(
            Column(
                title="Valid",
                expr=f"{valid} + on (system) group_right () 0 * {unit} or on (system) {valid}"
                f" or on (system) NaN * {max_by(_KEYS, held)}",
                mappings=UP_DOWN,
                width=110,
            ),
            Column(title="Verdict", expr=_state("license"), mappings=STATES, width=110),
            Column(title="Used", expr=used),
            Column(title="Owned", expr=owned),
            Column(
                title="Ends",
                expr=f"1000 * {series('backup_license_expiry_timestamp_seconds', *_CHOSEN)}",
                unit="dateTimeFromNow",
            ),
        ),
        sort="System",
        ascending=True,
    )


def _configuration() -> Panel:
    base = "backup_configuration_backup"
    return table(
        9,
        "Backups of their own configuration",
        "Without one a lost backup server is rebuilt by hand; unencrypted it holds no passwords (Veeam).",
        10,
        keys=_KEYS,
        labels=_label(("system", "System")),
        columns=(
            Column(title="Verdict", expr=_state("configuration_backup"), mappings=STATES, width=110),
            Column(title="Last good", expr=f"1000 * {series(f'{base}_last_success_timestamp_seconds', *_CHOSEN)}",
                   unit="dateTimeFromNow"),
            Column(title="Encrypted", expr=series(f"{base}_encrypted", *_CHOSEN), mappings=UP_DOWN, width=120),
        ),
        sort="System",
        ascending=True,
    )  # fmt: skip


def _components() -> Panel:
    part = ("system", "component_id")
    info = max_by((*_COMPONENT, "product_version"), series("backup_component_info", *_CHOSEN))
    up = max_by(part, series("backup_component_up", *_CHOSEN))
    return table(
        10,
        "Parts of the systems",
        "Proxies, managed servers, cluster nodes; of agents (Acronis) those behind the current release. A dash or NO "
        "DATA: not told, or switched off.",
        14,
        keys=_COMPONENT,
        labels=_label(
            ("component", "Part"), ("component_kind", "Kind"), ("product_version", "Version"), ("system", "System")
        ),
        columns=(
            Column(
                title="Reached",
                expr=f"{up} * on {listed(part)} group_right () {info} or on {listed(part)} NaN * {info}",
                mappings=UP_DOWN,
                width=110,
            ),
            Column(
                title="Out of date", expr=series("backup_software_outdated", *_CHOSEN), mappings=BAD_GOOD, width=150
            ),
            Column(
                title="Lag", expr=series("backup_component_replication_lag_bytes", *_CHOSEN), unit="bytes", width=90
            ),
        ),
        sort="Out of date",
    )


def _tenants() -> Panel:
    keys = ("system", "backup_tenant_id")
    info = max_by((*keys, "backup_tenant", "kind", "tenant_path"), series("backup_tenant_info", *_CHOSEN))
    readable = max_by(keys, series("backup_tenant_readable", *_CHOSEN))
    owned = f"sum by {listed(keys)} ({max_by((*keys, 'verdict'), series('backup_tenant_workloads', *_CHOSEN))})"
    return table(
        12,
        "Tenants",
        "Of the systems that have any. Not readable: the account may not see into it, so nobody knows how its backups "
        "stand. Not enabled: suspended or switched off, its workloads are excused.",
        24,
        keys=keys,
        labels=_label(
            ("backup_tenant", "Tenant"), ("kind", "Kind"), ("tenant_path", "Where it stands"), ("system", "System")
        ),
        columns=(
            Column(
                title="Readable",
                expr=f"{readable} * on {listed(keys)} group_right () {info} or on {listed(keys)} NaN * {info}",
                mappings=ON_OFF,
                width=130,
            ),
            Column(title="Enabled", expr=series("backup_tenant_enabled", *_CHOSEN), mappings=YES_NO, width=110),
            Column(title="Workloads", expr=owned, width=120),
        ),
        sort="Readable",
        ascending=True,
    )


def _practices() -> Panel:
    keys = ("system", "practice_id")
    violated = max_by((*keys, "practice"), series("backup_best_practice_violation", *_CHOSEN))
    return table(
        11,
        "Security practices violated",
        "The vendor's own list, as its server checks itself.",
        10,
        keys=keys,
        labels=_label(("practice", "Practice"), ("system", "System")),
        columns=(Column(title="Violated", expr=violated, mappings=BAD_GOOD, width=110),),
        sort="System",
        ascending=True,
    )
