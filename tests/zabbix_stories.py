"""What happens to the hosts of a Zabbix, and what is seen of it at each step. The stories go on side by side."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from lastgood.render.zabbix import templates
from tests.zabbix_backups import OWN_PAGE, WHOLE, Backups, Host, Problem, Story
from tests.zabbix_exporter import Pages
from tests.zabbix_pages import DAY, FULL, NAMELESS, OWN, WORLDS, Series, own, rpo, system

HOSTILE = 'we"b\\ {$X} {#Y} 1'
DEAD, HELD, SILENT = "dead", "held", "silent"
# The templates of single concerns read the page of the richest world.
CONCERNS = {f"only {t.path}": t for t in templates() if t.concern}
# A host that takes all of them.
EACH = "each concern"
# Longer than {$LASTGOOD.GONE} of the tests, at two seconds a page.
_PAGES = 8
_SOON = 'lastgood.rpo.deadline["id:soon","primary"]'


def fires(host: str) -> frozenset[str]:
    """The triggers that must fire on a host of the worlds while they are ill."""
    if host in WORLDS:
        return WORLDS[host].fires
    if host == EACH:
        return WORLDS["main"].fires
    chosen = CONCERNS[host]
    paths = {t.path for t in chosen.triggers()} | {t.path for rule in chosen.rules() for t in rule.triggers}
    return WORLDS["main"].fires & paths


WATCHED = (*WORLDS, *CONCERNS, EACH)


@dataclass
class Seen:
    """What was there at each step. `wrong` are `host: path` of what did not fire, or should not have."""

    healthy: list[Problem] = field(default_factory=list)
    wrong: set[str] = field(default_factory=set)
    ill: dict[tuple[str, str], Problem] = field(default_factory=dict)
    unsupported: list[str] = field(default_factory=list)
    undiscovered: list[str] = field(default_factory=list)
    well_again: list[Problem] = field(default_factory=list)
    life: dict[str, list[Problem]] = field(default_factory=dict)
    silent: list[set[str]] = field(default_factory=list)


def hosts(worlds: Pages, dying: Pages) -> list[Host]:
    """Of all stories here."""
    made = [Host(name, worlds.url, OWN_PAGE if name == OWN else WHOLE) for name in WORLDS if name != "full"]
    made += [Host("full", worlds.url, macros=FULL)]
    made += [Host(name, worlds.url, t.name, {"SYSTEM": "main"}) for name, t in CONCERNS.items()]
    first, *others = (t.name for t in CONCERNS.values())
    made += [Host(EACH, worlds.url, first, {"SYSTEM": "main"}, tuple(others))]
    lenient = {'RPO.EXTRA:"lenient"': "1d"}
    return [*made, Host(HELD, worlds.url, macros=lenient), Host(DEAD, dying.url), Host(SILENT, worlds.url)]


# --- every trigger, its fault and its mend ---------------------------------------------------------------------------


def tell_worlds(pages: Pages, *, ill: bool) -> None:
    now = int(time.time())
    for name, world in WORLDS.items():
        pages.tell(name, (world.ill if ill else world.well)(now))


def every_trigger(backups: Backups, pages: Pages, seen: Seen) -> Story:
    tell_worlds(pages, ill=False)
    keys = ('lastgood.rpo.deadline["id:missed","primary"]', 'lastgood.job.success_rate["id:failing"]')
    # The whole page was discovered, and time has moved a trigger elsewhere since: so it would have moved one here.
    yield lambda: len(backups.values("main", *keys)) == 2 and backups.named(HELD, "RPO missed: forgotten")
    seen.healthy = backups.problems(WATCHED)
    tell_worlds(pages, ill=True)

    def all_fired() -> bool:
        # Some end by themselves before the last begins. The items of one page are stored one after the other, so what
        # should not fire may, for a moment.
        there = {(p.host, p.path): p for p in backups.problems(WATCHED)}
        seen.ill |= {key: p for key, p in there.items() if key[1] in fires(key[0])}
        seen.wrong = {f"{host}: {path}" for host, path in there.keys() - seen.ill.keys()}
        seen.wrong |= {f"{host}: {path}" for host in WATCHED for path in fires(host) if (host, path) not in seen.ill}
        return not seen.wrong

    yield all_fired
    ids = [ident for ident, host in backups.hosts.items() if host in WATCHED]
    asked = {"filter": {"state": "1"}, "output": ["key_"], "hostids": ids}
    seen.unsupported = [item["key_"] for item in backups.call("item.get", **asked)]
    rules = backups.call("discoveryrule.get", hostids=ids, output=["key_", "error"])
    seen.undiscovered = [f"{rule['key_']}: {rule['error']}" for rule in rules if rule["error"]]
    tell_worlds(pages, ill=False)
    yield lambda: not backups.problems(WATCHED)
    seen.well_again = backups.problems(WATCHED)


def silence(backups: Backups, pages: Pages, seen: Seen) -> Story:
    """An exporter that answers 503, of a system that is well."""
    pages.tell(SILENT, [*system(int(time.time())), *own()])
    yield lambda: backups.values(SILENT, "lastgood.page.heartbeat")
    seen.silent.append(backups.firing(SILENT))
    pages.tell(SILENT, None)
    yield lambda: backups.firing(SILENT)
    seen.silent.append(backups.firing(SILENT))
    pages.tell(SILENT, [*system(int(time.time())), *own()])
    yield lambda: not backups.firing(SILENT)
    seen.silent.append(backups.firing(SILENT))


# --- what a page does not tell ---------------------------------------------------------------------------------------


def _life(now: int, late: int, *, soon: int | None, forgotten: bool = False, listed: int = 1) -> list[Series]:
    """A workload that may have missed its RPO, one that soon will, one by an odd name, one allowed more time here."""
    told = [*system(now, lastgood_system_listed=listed), *own(), *rpo("breached", late)]
    told += [] if soon is None else rpo("soon", soon)
    told += [] if forgotten else rpo("forgotten", now - 600)
    return [*told, *rpo(HOSTILE, now - 600), *rpo(NAMELESS, now - 600), *rpo("lenient", now - 600)]


def death(backups: Backups, pages: Pages, seen: Seen) -> Story:
    """A breach is there; the exporter dies; another begins; it comes back and all is well."""
    now = int(time.time())
    pages.tell(DEAD, _life(now, now - 60, soon=now + DAY))
    yield lambda: backups.named(DEAD, "RPO missed: breached")
    soon = int(time.time()) + 20
    pages.tell(DEAD, _life(now, now - 60, soon=soon))
    yield lambda: backups.values(DEAD, _SOON) == [str(soon)]
    seen.life["before"] = backups.problems([DEAD])
    pages.stop()
    yield lambda: "page/silent" in backups.firing(DEAD) and backups.named(DEAD, "RPO missed: soon")
    seen.life["dead"] = backups.problems([DEAD])
    now = int(time.time())
    pages.tell(DEAD, _life(now, now + DAY, soon=now + DAY, forgotten=True))
    pages.start_again()
    yield lambda: not any(backups.named(DEAD, name) for name in ("forgotten", "soon", "breached", "Nothing"))
    seen.life["back"] = backups.problems([DEAD])


def forgetting(backups: Backups, pages: Pages, seen: Seen) -> Story:
    """A page without some workloads: first one that is not whole, while a deadline of theirs passes, then an empty one,
    then whole ones."""

    def told(soon: int | None, **changed: int) -> list[Series]:
        now = int(time.time())
        ended = ("backup_license_valid", 0.0)
        base = _life(now, now - 60, soon=soon, **changed)  # type: ignore[arg-type]
        return [s if s[0] != ended[0] else (s[0], s[1], ended[1]) for s in base]

    pages.tell(HELD, told(int(time.time()) + DAY))
    whole = ("RPO missed: breached", "RPO missed: forgotten", "Licence expired")
    yield lambda: all(backups.named(HELD, name) for name in whole)
    soon = int(time.time()) + 20
    pages.tell(HELD, told(soon))
    yield lambda: backups.values(HELD, _SOON) == [str(soon)]
    pages.tell(HELD, told(None, forgotten=True, listed=0))
    yield lambda: pages.served[HELD] > _PAGES and backups.named(HELD, "RPO missed: soon")
    seen.life["not whole"] = backups.problems([HELD])
    pages.tell_text(HELD, "\n")
    yield lambda: pages.served[HELD] > _PAGES and "page/silent" in backups.firing(HELD)
    seen.life["empty"] = backups.problems([HELD])
    now = int(time.time())
    pages.tell(HELD, _life(now, now + DAY, soon=now + DAY, forgotten=True))
    yield lambda: not any(backups.named(HELD, name) for name in (*whole, "RPO missed: soon", "Nothing"))
    seen.life["repaired"] = backups.problems([HELD])


def late(problems: Iterable[Problem]) -> set[str]:
    """Who has missed an RPO, by id."""
    return {p.tags["workload_id"].removeprefix("id:") for p in problems if p.path == "rpo/missed"}
