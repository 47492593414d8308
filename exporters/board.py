"""The status board at `/`: one page for a wall screen, a desk and a phone at 03:00.

`build` is pure and O(verdicts); `render` turns its answer into one self-contained page without a foreign host. The
headline counts workloads by the worst of their verdicts, proof of restores and logs left out: that nobody has measured
a restore yet, or that a vendor tells of no database's logs, says nothing about the backup, and would paint whole
estates one colour. Proof has a panel of its own; a restore that failed or was too slow, and logs that have stopped,
count like any other CRITICAL.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from exporters.board_causes import Folded, Key, Row, fold, is_gap
from exporters.board_excluded import ExclusionLine, ExcuseLine, exclusions, excuses
from exporters.board_proof import ProofLine, proofs
from exporters.board_tables import (
    BreachGroup,
    JobLine,
    RepositoryLine,
    SystemCard,
    breaches,
    jobs,
    repositories,
    systems,
)
from exporters.board_text import Names, clip, days, relative, stamp
from lastgood import __version__
from lastgood.clock import exact, iso
from lastgood.model import Role
from lastgood.policy import Objective, Urgency
from lastgood.verdict import Judgement, State, Verdict, rank

REFRESH_SECONDS = 30
# What fits a wall screen of 1920 x 1080 below the tiles, in rows and in lines of text; and the lines that the band of a
# stale system takes.
ROWS = 7
ROOM, BAND = 31.0, 2.5
ORDER = (State.CRITICAL, State.UNKNOWN, State.WARNING, State.OK, State.EXCLUDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """How many workloads are in one state; `pages` ask for somebody now, `muted` are in a maintenance window."""

    state: State
    count: int
    pages: int
    muted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One workload's moment: the oldest last good, or the next deadline."""

    name: str
    system: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardData:
    """All the page shows. `good` workloads hold a last good inside every RPO promised for them.

    `unpromised` are OK but have no RPO to be held against. `oldest` is the oldest last good among the good, `due` their
    next deadline. `read_from` and `read_to` are when the data was read, the
    oldest and the newest system. `whole` is False while some system's list of workloads is not held whole.
    """

    now: datetime
    version: str
    digest: str
    ready: bool
    whole: bool
    observe_until: datetime | None
    tiles: tuple[Tile, ...]
    workloads: int
    good: int
    unpromised: int
    oldest: Moment | None
    due: Moment | None
    read_from: datetime | None
    read_to: datetime | None
    folded: Folded
    systems: tuple[SystemCard, ...]
    breaches: tuple[BreachGroup, ...]
    jobs: tuple[JobLine, ...]
    jobs_total: int
    jobs_off: Names | None
    repositories: tuple[RepositoryLine, ...]
    repositories_total: int
    proofs: tuple[ProofLine, ...]
    exclusions: tuple[ExclusionLine, ...]
    exclusions_total: int
    excuses: tuple[ExcuseLine, ...]
    excuses_total: int

    @property
    def rows(self) -> tuple[Row, ...]:
        return self.folded.rows

    def count(self, state: State) -> int:
        return next(tile.count for tile in self.tiles if tile.state is state)

    @property
    def worst(self) -> State | None:
        """The worst of workloads and of what backups need; None when there is nothing to judge."""
        found = [t.state for t in self.tiles if t.count] + [row.state for row in self.rows]
        return max(found, key=rank, default=None)


def page(
    judgement: Judgement, *, now: datetime, ready: bool = True, since: Mapping[str, datetime] | None = None
) -> str:
    """Build and render at once. `ready` is False while the first poll of some system is still awaited."""
    return render(build(judgement, now=now, since=since or {}, version=__version__, ready=ready))


def build(
    judgement: Judgement, *, now: datetime, since: Mapping[str, datetime], version: str, ready: bool = True
) -> BoardData:
    """What the board says at `now`. `since` tells by `Verdict.key` since when a verdict holds, or else the verdict."""
    policy, states = judgement.policy, judgement.estate.systems
    stale = any(s.stale_at is None or s.stale_at <= now for s in states)
    folded = fold(judgement, now, since, ROWS - stale, ROOM - BAND * stale)
    tally = _Tally(judgement)
    troubled, jobs_total, jobs_off = jobs(judgement, since)
    stores, stores_total = repositories(judgement)
    excluded, excluded_total = exclusions(judgement)
    excused, excused_total = excuses(judgement)
    read = [s.last_success for s in states if s.last_success is not None]
    oldest, due = _extremes(judgement, tally.good())
    observing = policy.observe_until is not None and now < policy.observe_until
    return BoardData(
        now=now,
        version=version,
        digest=policy.digest,
        ready=ready,
        whole=judgement.complete,
        observe_until=policy.observe_until if observing else None,
        tiles=tally.tiles(),
        workloads=len(tally.worst),
        good=len(tally.good()),
        unpromised=len(tally.ok() - tally.promised),
        oldest=oldest,
        due=due,
        read_from=min(read, default=None),
        read_to=max(read, default=None),
        folded=folded,
        systems=systems(judgement),
        breaches=breaches(folded.single, judgement, since, now),
        jobs=troubled,
        jobs_total=jobs_total,
        jobs_off=jobs_off,
        repositories=stores,
        repositories_total=stores_total,
        proofs=proofs(judgement.verdicts, policy),
        exclusions=excluded,
        exclusions_total=excluded_total,
        excuses=excused,
        excuses_total=excused_total,
    )


class _Tally:
    """Each workload's worst verdict. An excluded one is never inside the OK total, whatever else is well with it."""

    def __init__(self, judgement: Judgement) -> None:
        self.worst: dict[Key, Verdict] = {}
        self.promised: set[Key] = set()
        self._muted: dict[Key, bool] = {}
        self._page: set[Key] = set()
        excluded: dict[Key, Verdict] = {}
        for v in judgement.verdicts:
            if v.subject.kind == "workload" and not is_gap(v):
                self._take(v, excluded)
        for key, verdict in excluded.items():
            held = self.worst.get(key)
            if held is None or held.state is State.OK:
                self.worst[key] = verdict

    def _take(self, v: Verdict, excluded: dict[Key, Verdict]) -> None:
        key = (v.subject.system, v.subject.id)
        if v.state is State.EXCLUDED:
            if v.objective not in (Objective.RTO, Objective.RESTORE_TEST):
                excluded[key] = v
            return
        if v.objective is Objective.RPO:
            self.promised.add(key)
        if v.urgency is Urgency.PAGE:
            self._page.add(key)
        held, muted = self.worst.get(key), v.muted_until is not None
        if held is None or rank(v.state) > rank(held.state):
            self.worst[key], self._muted[key] = v, muted
        elif v.state is held.state:
            # Muted as a whole only when nothing of the same weight still notifies.
            self._muted[key] = self._muted[key] and muted

    def ok(self) -> set[Key]:
        return {key for key, v in self.worst.items() if v.state is State.OK}

    def good(self) -> set[Key]:
        return self.ok() & self.promised

    def tiles(self) -> tuple[Tile, ...]:
        keys: dict[State, list[Key]] = {state: [] for state in ORDER}
        for key, verdict in self.worst.items():
            keys[verdict.state].append(key)
        return tuple(
            Tile(
                state=state,
                count=len(found),
                pages=sum(key in self._page for key in found),
                muted=sum(self._muted.get(key, False) for key in found) if state is not State.OK else 0,
            )
            for state, found in keys.items()
        )


def _extremes(judgement: Judgement, good: set[Key]) -> tuple[Moment | None, Moment | None]:
    """The oldest last good and the next deadline among the good workloads."""
    ages, dues = [], []
    for system, places in judgement.places.items():
        for place in places:
            told = place.standing
            if place.objective is not None and (system, told.workload.id) in good:
                if told.last_good is not None and told.role is Role.PRIMARY:
                    ages.append((told.last_good, told.workload.name, system))
                if told.deadline is not None:
                    dues.append((told.deadline, told.workload.name, system))
    return _moment(min(ages, default=None)), _moment(min(dues, default=None))


def _moment(found: tuple[datetime, str, str] | None) -> Moment | None:
    return None if found is None else Moment(at=found[0], name=clip(found[1], 40), system=clip(found[2], 40))


def link(**filters: str) -> str:
    """Where the API lists all of it; relative, so that it holds behind a reverse proxy's prefix."""
    return "api/v1/verdicts?" + urlencode(filters)


@cache
def _template() -> Template:
    env = Environment(
        loader=PackageLoader("exporters"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    env.globals.update(State=State, Objective=Objective, link=link, days=days, exact=exact)
    env.filters.update(stamp=stamp, iso=iso, relative=relative)
    return env.get_template("board.html.j2")


def render(data: BoardData) -> str:
    """The page, UTF-8 text. Every name and message in it is escaped."""
    return _template().render(board=data, now=data.now, refresh=REFRESH_SECONDS)


def _policy() -> str:
    """The page's own style and script, named by their hashes; nothing else may load, run or send."""
    loader = PackageLoader("exporters")
    source, _, _ = loader.get_source(Environment(autoescape=True), "board.html.j2")

    def digest(tag: str) -> str:
        found = re.findall(rf"<{tag}>(.*?)</{tag}>", source, re.DOTALL)
        hashes = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in found)
        return " ".join(f"'sha256-{h}'" for h in hashes)

    return (
        f"default-src 'none'; style-src {digest('style')}; script-src {digest('script')}; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


CSP = _policy()
