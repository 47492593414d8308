"""How the activities of the Acronis demo estate are written: runs of plans with their parts, restores, backups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from exporters.acronis import estate_stories as stories
from exporters.acronis.estate_model import GOOD, Activity, Backup, Code, Plan, Resource, Trouble
from exporters.demo_history import occurrences
from exporters.demo_model import Dice

# A plan says when, and not in which zone; here its machines stand in UTC.
ZONE = ZoneInfo("UTC")
# Plans start within half an hour of their time, each machine when it likes (the vendor's base plan: rand_max_delay).
SPREAD = timedelta(minutes=30)
FIRST_NUMBER = 918_273_645_000_000_000
KEPT_AFTER_DELETION = timedelta(days=4)
LASTS = {Code.ERROR: 0.3, Code.ABANDONED: 6.0, Code.TIMED_OUT: 3.0, Code.CANCELLED: 0.5}


def number(dice: Dice, *key: object) -> int:
    """An activity's number: above 2^53, so that a reader by doubles mixes up neighbours."""
    return FIRST_NUMBER + int(dice.part("activity", *key) * 2**40)


def runs(
    dice: Dice, now: datetime, days: int, resource: Resource, plan: Plan, troubles: Sequence[Trouble]
) -> Iterator[Activity]:
    """The runs of one plan on one resource, oldest first."""
    until = min(t for t in (now, resource.deleted, resource.away) if t is not None)
    # So many days before it stopped: one that stopped long ago still shows its last success.
    since = max(until - timedelta(days=min(days, plan.history or days)), resource.created)
    for due in occurrences(plan.schedule, since, until, ZONE):
        trouble = next((t for t in troubles if t.meets(plan.name, due)), None)
        start = due + SPREAD * dice.part("delay", resource.id, plan.id, due.timestamp())
        if start <= now and not (trouble and trouble.drop):
            yield _run(dice, now, resource, plan, due, start, trouble)


def _run(
    dice: Dice, now: datetime, resource: Resource, plan: Plan, due: datetime, start: datetime, trouble: Trouble | None
) -> Activity:
    code = trouble.code if trouble else Code.OK
    factor = dice.between(0.7, 1.4, "factor", resource.id, plan.id, due.timestamp())
    full = due.astimezone(UTC).isoweekday() == 6
    lasts = timedelta(minutes=plan.minutes * factor * (3 if full else 1) * LASTS.get(code, 1.0))
    end = start + lasts
    done = code in GOOD
    processed = int(resource.size * factor * (0.9 if full else 0.04)) if done else 0
    finished = end <= now
    return Activity(
        number=number(dice, resource.id, plan.id, due.timestamp()),
        resource_id=resource.id,
        name=resource.name_at(start),
        type="backup",
        queued=due,
        start=start,
        end=end if finished else None,
        code=code if finished else None,
        plan_id=plan.id,
        processed=processed if finished else processed // 2,
        saved=processed // 3 if finished else 0,
        message=trouble.message if trouble and finished else "",
    )


def parts(dice: Dice, activity: Activity, disks: int) -> Iterator[Activity]:
    """What a run is made of: one activity a disk. Their bytes are the run's own, counted again."""
    for disk in range(disks if disks > 1 else 0):
        yield replace(
            activity,
            number=number(dice, activity.number, disk),
            parent=activity.number,
            processed=activity.processed // disks,
            saved=activity.saved // disks,
        )


def by_hand(dice: Dice, now: datetime, told: datetime, resource: Resource, plan: Plan) -> Iterator[Activity]:
    """What people started: a recovery, a test of a replica, and a backup that goes on at `told`."""
    tales = {
        stories.RECOVERED: ("recovery", None, stories.RECOVERY_AGO, stories.RECOVERY_TOOK),
        stories.TESTED: ("test_replica", "replication", stories.TEST_AGO, stories.TEST_TOOK),
        stories.RUNNING: ("backup", "backup", stories.RUNNING_SINCE, stories.RUNNING_TAKES),
    }
    if resource.name not in tales:
        return
    kind, policy_type, ago, took = tales[resource.name]
    start = told - ago
    finished, of_plan = start + took <= now, kind == "backup"
    yield Activity(
        number=number(dice, resource.id, kind, "by hand"),
        resource_id=resource.id,
        name=resource.name,
        type=kind,
        policy_type=policy_type,
        queued=start,
        start=start,
        end=start + took if finished else None,
        code=Code.OK if finished else None,
        plan_id=plan.id if of_plan else None,
        processed=int(resource.size * (0.1 if of_plan else 0.8)),
        saved=int(resource.size * 0.03) if of_plan else 0,
    )


def backups(dice: Dice, now: datetime, resource: Resource, plan: Plan, done: Sequence[Activity]) -> Iterator[Backup]:
    """The recovery points that a plan's good runs have left; older ones are told as deleted for some days."""
    good = [a for a in done if a.code in GOOD and a.plan_id == plan.id]
    for age, activity in enumerate(reversed(good)):
        over = age - plan.retention
        deleted = good[-1 - over].touched if over >= 0 else None
        if deleted is not None and deleted < now - KEPT_AFTER_DELETION:
            return
        yield Backup(
            id=dice.id("backup", activity.number),
            archive_id=dice.id("archive", resource.id, plan.id),
            vault_id=plan.vault_id,
            resource_id=resource.id,
            tenant_id=plan.tenant_id,
            time=activity.start,
            size=activity.saved,
            original=resource.size,
            full=activity.processed > resource.size // 2,
            deleted=deleted,
        )
