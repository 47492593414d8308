"""What every tile of the boards must say of an estate, reckoned without PromQL: from judge's verdicts and the page.

A tile counts something among something. `Tile.told` is its number while the exporter lives; `Tile.held` what is left of
it once it died: rules hold the bad news, and what nobody holds is NO DATA, never 0.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from lastgood.judging.base import State, rank
from lastgood.policy import Objective
from lastgood.render.grafana.mappings import CRITICAL, EXCLUDED, OK, UNKNOWN, WARNING
from lastgood.verdict import Judgement, Verdict

RANKS = (CRITICAL, UNKNOWN, WARNING, OK, EXCLUDED)
BAD = (State.WARNING, State.CRITICAL)
_SERIES = re.compile(r"^([a-z_:]+)\{(.*)\} (\S+)$")
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r'\\([\\"])')

Row = tuple[Mapping[str, str], float]
Panel = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Tile:
    """`found` among `among`; `keeps` and `knows` say whether these two are held while no exporter answers. `adds` is
    what then joins those found."""

    found: int
    among: int
    keeps: bool = False
    knows: bool = False
    adds: int = 0

    @property
    def told(self) -> float | None:
        return self.found if self.among or self.found else None

    @property
    def held(self) -> float | None:
        if self.keeps and self.found + self.adds:
            return self.found + self.adds
        return 0 if self.knows and self.among else None


@dataclass(frozen=True)
class Facts:
    """An estate as judge and its page tell it."""

    judged: Judgement
    page: str

    @cached_property
    def _series(self) -> Mapping[str, list[Row]]:
        found: dict[str, list[Row]] = {}
        for line in self.page.splitlines():
            if match := _SERIES.match(line):
                labels = {name: _ESCAPE.sub(r"\1", value) for name, value in _LABEL.findall(match[2])}
                found.setdefault(match[1], []).append((labels, float(match[3])))
        return found

    def rows(self, name: str, **labels: str) -> list[Row]:
        told = self._series.get(name, [])
        return [row for row in told if all(row[0].get(key) == value for key, value in labels.items())]

    def ids(self, name: str, key: str, when: Callable[[float], bool] = bool, **labels: str) -> set[tuple[str, str]]:
        """System and id of the subjects whose value passes."""
        return {(told["system"], told.get(key, "")) for told, value in self.rows(name, **labels) if when(value)}

    @property
    def now(self) -> float:
        return self.judged.judged_at.timestamp()

    def verdicts(self, objective: Objective, *states: State, kind: str = "") -> list[Verdict]:
        return [
            v
            for v in self.judged.verdicts
            if v.objective is objective and (not states or v.state in states) and kind in ("", v.subject.kind)
        ]

    def bad(self, objective: Objective, *states: State) -> int:
        """Subjects, each once."""
        return len({(v.subject.system, v.subject.id) for v in self.verdicts(objective, *(states or BAD))})


def rpo(facts: Facts) -> Counter[int]:
    """How many workloads and roles stand at each rank against their RPO."""
    return Counter(rank(v.state) for v in facts.verdicts(Objective.RPO))


def worst(facts: Facts) -> Counter[int]:
    """How many workloads the wall counts at each rank: the worst of what it paints."""
    found: dict[tuple[str, str], int] = {}
    for v in facts.judged.verdicts:
        proof = v.objective in (Objective.RTO, Objective.RESTORE_TEST)
        if v.subject.kind != "workload" or (v.objective is not Objective.RPO and v.state in (State.OK, State.EXCLUDED)):
            continue
        if v.state is State.UNKNOWN and v.objective not in (Objective.RPO, Objective.COVERAGE):
            continue
        if v.state is State.WARNING and proof:
            continue
        key = (v.subject.system, v.subject.id)
        found[key] = max(found.get(key, 0), rank(v.state))
    return Counter(found.values())


def tiles(facts: Facts) -> dict[Panel, Tile]:
    """Every tile that counts, but those of `ranked`."""
    found: dict[Panel, Tile] = {}
    for board in (_promises, _jobs, _capacity, _recovery, _coverage, _system, _exporter):
        found |= dict(board(facts))
    return found


def ranked(facts: Facts) -> dict[Panel, int]:
    """The tiles that count workloads by rank: of the wall, and of the RPO board."""
    wall = {("wall", panel): worst(facts)[each] for panel, each in enumerate(RANKS, 2)}
    return wall | {("rpo", panel): rpo(facts)[each] for panel, each in enumerate(RANKS, 1)}


def _infos(facts: Facts) -> int:
    return len(facts.ids("backup_workload_info", "workload_id"))


def _without_rpo(facts: Facts) -> Tile:
    known = {key for key in facts.ids("backup_workload_info", "workload_id") if key[0] != "policy"}
    promised = {(v.subject.system, v.subject.id) for v in facts.verdicts(Objective.RPO)}
    return Tile(len(known - promised), len(known))


def _promises(facts: Facts) -> Iterator[tuple[Panel, Tile]]:
    yield ("wall", 7), _without_rpo(facts)
    yield ("rpo", 6), _without_rpo(facts)
    yield ("coverage", 5), _without_rpo(facts)
    tests = [v for v in facts.verdicts(Objective.RESTORE_TEST) if v.deadline is not None]
    due = [v for v in tests if v.deadline and v.deadline.timestamp() < facts.now and v.state is not State.EXCLUDED]
    yield ("wall", 11), Tile(len(due), len(tests), keeps=True, knows=True)
    sized = len(facts.rows("backup_repository_capacity_bytes"))
    yield ("wall", 12), Tile(facts.bad(Objective.CAPACITY), sized, keeps=True)
    jobs = len(facts.rows("backup_job_info"))
    failing = {(v.subject.system, v.subject.id) for v in facts.verdicts(Objective.SUCCESS_RATE, *BAD)} | _stuck(facts)
    yield ("wall", 13), Tile(len(failing), jobs, keeps=True, knows=True)


def _stuck(facts: Facts, **labels: str) -> set[tuple[str, str]]:
    name = "backup_job_run_deadline_timestamp_seconds"
    return facts.ids(name, "backup_job_id", lambda at: at < facts.now, **labels)


def _jobs(facts: Facts) -> Iterator[tuple[Panel, Tile]]:
    def having(name: str, when: Callable[[float], bool] = bool, **labels: str) -> int:
        return len(facts.ids(name, "backup_job_id", when, **labels))

    listed, known = len(facts.rows("backup_job_enabled")), len(facts.rows("backup_job_info"))
    yield ("jobs", 1), Tile(having("backup_job_last_run_result", result="failed"), listed)
    yield ("jobs", 2), Tile(facts.bad(Objective.SUCCESS_RATE), known, keeps=True, knows=True)
    yield ("jobs", 3), Tile(len(_stuck(facts, severity="warning")), known, keeps=True, knows=True)
    yield ("jobs", 4), Tile(having("backup_job_last_run_attempts", lambda n: n > 1), listed)
    yield ("jobs", 5), Tile(having("backup_job_enabled", lambda on: not on), listed)
    yield ("jobs", 6), Tile(having("backup_job_running"), listed)


def _capacity(facts: Facts) -> Iterator[tuple[Panel, Tile]]:
    known = facts.ids("backup_repository_online", "repository_id", lambda _: True)
    sized = facts.ids("backup_repository_capacity_bytes", "repository_id", lambda _: True)
    lost = facts.ids("backup_repository_online", "repository_id", lambda on: not on)
    yield ("capacity", 1), Tile(facts.bad(Objective.CAPACITY, State.CRITICAL), len(known), keeps=True)
    yield ("capacity", 2), Tile(facts.bad(Objective.CAPACITY, State.WARNING), len(known), keeps=True)
    yield ("capacity", 3), Tile(len(lost), len(known))
    yield ("capacity", 4), Tile(facts.bad(Objective.IMMUTABILITY), _infos(facts), keeps=True, knows=True)
    yield ("capacity", 5), Tile(len(known - sized), len(known))


def _recovery(facts: Facts) -> Iterator[tuple[Panel, Tile]]:
    tests = [v for v in facts.verdicts(Objective.RESTORE_TEST) if v.deadline is not None]
    count = Counter(v.state for v in tests)
    for panel, state in ((1, State.CRITICAL), (2, State.WARNING)):
        yield ("recovery", panel), Tile(count[state], len(tests), keeps=True, knows=True)
    # What was proven cannot be believed any more.
    yield ("recovery", 3), Tile(count[State.UNKNOWN], len(tests), keeps=True, knows=True, adds=count[State.OK])
    yield ("recovery", 4), Tile(count[State.OK], len(tests), knows=True)
    yield ("recovery", 5), Tile(facts.bad(Objective.RTO, State.CRITICAL), _infos(facts), keeps=True, knows=True)
    unproven = facts.bad(Objective.RTO, State.WARNING, State.UNKNOWN)
    yield ("recovery", 6), Tile(unproven, len(facts.verdicts(Objective.RTO)))


def _coverage(facts: Facts) -> Iterator[tuple[Panel, Tile]]:
    infos = _infos(facts)
    never = {key for key in facts.ids("backup_workload_state", "workload_id", state="never") if key[0] != "policy"}
    gone = facts.ids("backup_workload_state", "workload_id", state="missing")
    excused = {(told["system"], told["workload_id"]) for told, _ in facts.rows("backup_workload_excluded")}
    required = [v for v in facts.verdicts(Objective.COVERAGE, State.CRITICAL) if v.subject.system == "policy"]
    yield ("coverage", 1), Tile(facts.bad(Objective.COVERAGE, State.CRITICAL), infos, keeps=True, knows=True)
    yield ("coverage", 2), Tile(len(never), infos, keeps=True, knows=True)
    yield ("coverage", 3), Tile(len(required), infos, keeps=True, knows=True)
    yield ("coverage", 4), Tile(len(gone), infos)
    yield ("coverage", 6), Tile(len(excused), infos, keeps=True, knows=True)


def _system(facts: Facts) -> Iterator[tuple[Panel, Tile]]:
    systems = len(facts.rows("lastgood_system_up"))
    down = [v for v in facts.verdicts(Objective.SYSTEM, *BAD) if v.subject.kind == "component"]
    yield ("system", 1), Tile(len(down), len(facts.rows("backup_component_up")), keeps=True)
    old = facts.rows("backup_software_outdated")
    yield ("system", 2), Tile(sum(value == 1 for _, value in old), len(old))
    of = (Objective.LICENSE, Objective.CONFIGURATION_BACKUP, Objective.HARDENING, Objective.CREDENTIAL)
    for panel, objective in enumerate(of, 3):
        yield ("system", panel), Tile(facts.bad(objective), systems, keeps=True)


def _exporter(facts: Facts) -> Iterator[tuple[Panel, Tile]]:
    systems = facts.judged.estate.systems
    blind = [s for s in systems if s.stale_at is None or s.stale_at.timestamp() <= facts.now]
    parts = len(facts.rows("lastgood_collector_success"))
    refused = [row for row in facts.rows("lastgood_collector_permitted") if row[1] == 0]
    short = [row for row in facts.rows("lastgood_collector_short") if row[1] == 1]
    yield ("exporter", 2), Tile(len(blind), len(systems))
    yield ("exporter", 3), Tile(len(refused), parts)
    yield ("exporter", 4), Tile(len(short), parts)
