"""3-2-1-1-0 by workload: three copies, two media, one off-site, one immutable, no errors; each digit as it is told.

Media and sites are declared in the policy, and no series tells of them until judge does: their column is NO DATA, and
never a pass.
"""

from __future__ import annotations

from lastgood.render.expr import differs, like, max_by, series, unlike
from lastgood.render.grafana import states, variables
from lastgood.render.grafana.mappings import STATES
from lastgood.render.grafana.panels import Panel
from lastgood.render.grafana.recovery import proven
from lastgood.render.grafana.states import ON_WORKLOAD, named, scoped
from lastgood.render.grafana.tables import Column, Label, table
from lastgood.render.grafana.variables import IN_SYSTEM
from lastgood.render.recorded import WORKLOAD_KEYS

ROWS = 250
# What the policy may ask of the copies of a workload.
_PROMISES = (differs("workload_id", ""), like("objective", "copies|immutability|encryption"))
_PLACES = max_by(
    (*WORKLOAD_KEYS, "role"),
    series("backup_workload_last_good_timestamp_seconds", IN_SYSTEM, unlike("role", "production")),
)
_ANY = max_by(WORKLOAD_KEYS, _PLACES)
# Production counts as one.
_COPIES = f"1 + count by (system, workload_id) ({_PLACES})"
# What is broken is held, and has its row while no exporter answers.
_BROKEN = max_by(WORKLOAD_KEYS, series("backup:verdict:held", IN_SYSTEM, *_PROMISES))


def _rows() -> str:
    """Those of which a promise is judged before the many of which none is, the worst first, then the fewest copies."""
    asked = max_by(WORKLOAD_KEYS, series("backup_verdict", IN_SYSTEM, *_PROMISES))
    doubt = f"1 + ({asked} < 4) or {ON_WORKLOAD} 0 * {_ANY}"
    order = f"{_COPIES} - {ON_WORKLOAD} 10 * ({doubt}) or {ON_WORKLOAD} -10 * {_BROKEN}"
    return f"bottomk({ROWS}, {scoped(order)})"


def _points(role: str, width: int) -> Column:
    counted = max_by(WORKLOAD_KEYS, series("backup_workload_recovery_points", IN_SYSTEM, role=role))
    return Column(title=f"In {role}", expr=f"{counted} and {ON_WORKLOAD} {_rows()}", width=width)


def _judged(title: str, verdict: str, width: int = 140, *, filled: bool = True) -> Column:
    """`filled` with rows without a number, so that a verdict nobody gives is a NO DATA and no missing column. But where
    the table is sorted: a number that is none has no place in an order."""
    without = f" or {ON_WORKLOAD} NaN * {_rows()}" if filled else ""
    return Column(title=title, expr=f"({verdict}) and {ON_WORKLOAD} {_rows()}{without}", mappings=STATES, width=width)


def panel() -> Panel:
    told = f"({_COPIES}) and {ON_WORKLOAD} {_rows()} or {ON_WORKLOAD} NaN * {_rows()}"
    links = (
        variables.open_board("RPO", "lastgood-rpo", carry=(), system="system", workload="workload"),
        variables.open_board("Recovery evidence", "lastgood-recovery", carry=(), system="system"),
    )
    return table(
        12,
        "Three copies, two media, one off-site, one immutable, no errors",
        "Copies: production and each place with a usable restore point. Media and sites as the policy declares them: "
        "NO DATA until they are judged. Immutable: as the policy promises. Errors: the newest point's own checks, "
        "whose OK is told in the full profile only, and the newest restore test. "
        f"NO DATA: nobody promises or tells it. The {ROWS} of which most is in doubt.",
        24,
        keys=WORKLOAD_KEYS,
        labels=(
            Label(name="workload", title="Workload", links=links),
            Label(name="system", title="System"),
            Label(name="tier", title="Tier", width=90),
        ),
        columns=(
            Column(title="3: copies", expr=named(told, WORKLOAD_KEYS), width=120),
            _points("primary", 120),
            _points("copy", 110),
            _points("archive", 120),
            _judged("2, 1: media, off-site", states.verdict("copies"), 180),
            _judged("1: immutable", states.verdict("immutability"), 160, filled=False),
            _judged("0: integrity", states.verdict("integrity")),
            _judged("0: restore test", proven(), 150),
            _judged("Encryption", states.verdict("encryption")),
        ),
        sort="1: immutable",
        among=f"{_ANY} or {_BROKEN}",
    )
