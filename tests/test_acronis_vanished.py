"""What went well and is good no longer: backups somebody has deleted, tenants nobody may see into any more.

Of both the status of a machine goes on telling of its last success.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import pytest

from exporters.acronis.estate import AcronisEstate
from exporters.acronis.estate_model import Backup
from exporters.acronis.sim_world import Manner
from tests.test_acronis_healthy import BEGIN, EVERY, MACHINES, OWNER, Watch, stories

SERVERS, MAIL = set(MACHINES["servers"]), set(MACHINES["mail"])
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
GONE = "CRITICAL: all its restore points are gone"


class Robbed(AcronisEstate):
    """`taken` says by machine from when to when its backups were made that somebody has deleted."""

    alerts = ()
    taken: Mapping[str, tuple[datetime, datetime]] = {}

    @cached_property
    def backups(self) -> tuple[Backup, ...]:
        spans = {self.by_name[name].id: span for name, span in self.taken.items()}

        def left(backup: Backup) -> bool:
            since, until = spans.get(backup.resource_id, (self.now, self.now))
            return not since <= backup.time < until

        return tuple(backup for backup in super().backups if left(backup))


class Guarded(Watch):
    """An exporter that reads vaults too, of a data centre where somebody deletes backups."""

    options: Mapping[str, object] = MappingProxyType({"recovery_points": True})

    def __init__(self, folder: Path) -> None:
        self.taken: dict[str, tuple[datetime, datetime]] = {}
        super().__init__(folder, Manner())

    def estate(self) -> AcronisEstate:
        made = Robbed(self.now, BEGIN, 7, 12, self.layout)
        made.taken = dict(self.taken)
        return made

    def rob(self, names: Iterable[str], since: timedelta = 30 * DAY) -> None:
        """Of what these machines have, what was made in this time is deleted now."""
        self.taken |= dict.fromkeys(names, (self.now - since, self.now))

    def lose_vaults(self) -> None:
        self.layout = replace(self.layout, vaults=())

    def opened(self, name: str, *, to_provider: bool) -> None:
        tenants = (replace(t, open=to_provider, updated=self.now) if t.name == name else t for t in self.layout.tenants)
        self.layout = replace(self.layout, tenants=tuple(tenants))

    def after(self, by: timedelta) -> dict[str, str]:
        self.now += by
        return stories(self.poll())


@pytest.fixture
def watch(tmp_path: Path) -> Iterable[Guarded]:
    with Guarded(tmp_path) as made:
        assert made.poll() == {}
        yield made


def a_day_later(watch: Guarded) -> None:
    """Short of the next whole listing of backups."""
    assert watch.after(DAY - EVERY) == {}


def words(found: Mapping[str, str]) -> set[str]:
    return {told.partition(":")[0] for told in found.values()}


# --- deleted backups -------------------------------------------------------------------------------------------------


def test_backups_that_are_gone_are_no_good_whatever_a_status_says(watch: Guarded) -> None:
    a_day_later(watch)
    watch.rob(SERVERS)
    assert watch.after(EVERY) == {}, "rows move while they are listed: once is not believed"
    found = watch.after(EVERY)
    assert found == dict.fromkeys(SERVERS, GONE)
    watch.restart()
    assert watch.after(EVERY) == found, "a restart improves nothing"
    assert watch.after(DAY / 2) == {}, "last night's backups are there"


def test_of_what_is_left_the_newest_counts(watch: Guarded) -> None:
    a_day_later(watch)
    watch.rob({"srv-01"}, since=DAY)
    watch.after(EVERY)
    (told,) = watch.after(EVERY).values()
    assert told.startswith("CRITICAL: last good 1 d 13 h ago (RPO 26 h)")
    assert "its backup is gone from the vaults" in told


def test_a_vault_that_is_gone_is_looked_into_before_the_day_is_over(watch: Guarded) -> None:
    watch.after(EVERY)
    watch.rob(SERVERS)
    watch.lose_vaults()
    watch.after(HOUR)
    assert watch.after(EVERY) == dict.fromkeys(SERVERS, GONE)


def test_retention_takes_the_oldest_and_is_no_thief(watch: Guarded) -> None:
    a_day_later(watch)
    # Fourteen are kept, and of mailboxes there are four a day.
    assert watch.after(EVERY) == watch.after(EVERY) == {}
    watch.taken |= dict.fromkeys(SERVERS, (BEGIN - 30 * DAY, BEGIN - DAY))
    assert watch.after(DAY) == watch.after(EVERY) == {}


def test_without_proof_the_word_of_the_status_is_all_there_is(tmp_path: Path) -> None:
    """The control, and why `recovery_points` is worth its requests."""

    class Trusting(Guarded):
        options: Mapping[str, object] = MappingProxyType({})

    with Trusting(tmp_path) as watch:
        watch.poll()
        watch.rob(SERVERS)
        assert watch.after(HOUR) == watch.after(EVERY) == {}


# --- tenants that close themselves -----------------------------------------------------------------------------------


def test_of_a_tenant_that_closes_itself_nothing_stays_fine_and_nothing_is_gone(watch: Guarded) -> None:
    watch.opened(OWNER, to_provider=False)
    found = watch.after(EVERY)
    assert found.keys() >= SERVERS | MAIL
    assert all(f"may not see into {OWNER}; when last seen: last good" in told for told in found.values())
    for by in (DAY / 12, EVERY, EVERY):
        assert words(watch.after(by)) == {"UNKNOWN"}
    assert words(watch.after(2 * DAY)) == {"CRITICAL"}, "time passes"


def test_who_closes_itself_while_tenants_cannot_be_read_is_not_fine_either(watch: Guarded) -> None:
    """Changes in statuses are read by what changed: those of a closed tenant just stop coming."""
    watch.sim.revoked.add("/api/2/tenants")
    found = watch.after(EVERY)
    assert found.keys() >= SERVERS | MAIL
    read = "has not been read since Thu 19 Nov 11:00 UTC"
    assert all(told.startswith("UNKNOWN: whether the account may still see into") for told in found.values())
    assert all(read in told for told in found.values())
    watch.sim.revoked.clear()
    assert watch.after(EVERY) == {}


def test_without_the_right_to_tenants_who_closes_itself_is_missed_within_hours(watch: Guarded) -> None:
    """One of another life had it, and nobody has since."""
    watch.sim.revoked.add("/api/2/tenants")
    watch.restart()
    assert watch.after(EVERY) == {}
    watch.opened(OWNER, to_provider=False)
    watch.after(HOUR)
    found = watch.after(EVERY)
    assert found.keys() >= SERVERS | MAIL
    assert words(found) <= {"UNKNOWN", "WARNING"}


def test_a_tenant_that_opens_itself_again_is_as_it_was(watch: Guarded) -> None:
    """Whole listings of backups have lacked them all, and nobody has deleted any."""
    a_day_later(watch)
    watch.opened(OWNER, to_provider=False)
    for by in (EVERY, EVERY, EVERY):
        watch.after(by)
    watch.opened(OWNER, to_provider=True)
    assert watch.after(EVERY) == watch.after(EVERY) == {}
