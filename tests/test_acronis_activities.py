"""What Acronis activities mean: backups and recoveries, and the rounds of a plan."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import msgspec
import pytest

from exporters.acronis import raw
from exporters.acronis.activities import ActivityIntake, ActivityTold, Doing
from exporters.acronis.matcher import USUAL, Matcher
from exporters.acronis.store import SPAN, ActivityStore, Rounds
from exporters.acronis.words import Words
from lastgood.model import Proof, Result
from tests.acronis_rig import NOW, at, ran

MACHINE, OTHER = "0a7dda45-d07d-4467-9db6-1c6011a4ac75", "0618354d-5add-43d9-978e-f9eee1e09cb4"
BACKUP = "policy.backup.machine"


# --- activities ------------------------------------------------------------------------------------------------------


def activity(**fields: Any) -> dict[str, Any]:
    return {
        "id": 918273645546372819,
        "idString": "918273645546372819",
        "type": "backup",
        "state": "completed",
        "createdAt": "2026-11-23T01:00:00Z",
        "startedAt": "2026-11-23T01:10:00.123456789Z",
        "completedAt": "2026-11-23T01:40:00Z",
        "result": {"code": "ok"},
        "tenant": {"id": "2000123", "uuid": "5EFF49D8-b78b-4bcb-8f57-4ddb86927bb6"},
        "resource": {"id": MACHINE.upper(), "name": "SRV-DB01", "type": "resource.machine"},
        "policy": {"id": "PLAN-1", "name": "Nightly", "type": "backup"},
        "progress": {"current": 100, "total": 100, "bytesProcessed": 1073741824, "bytesSaved": 268435456},
        **fields,
    }


def read(*rows: Mapping[str, Any], patterns: tuple[str, ...] = USUAL) -> tuple[list[ActivityTold], Words]:
    words = Words()
    intake = ActivityIntake(Matcher(patterns), words)
    intake.extend(msgspec.json.decode(json.dumps(rows), type=list[raw.Activity]))
    return intake.hand_over(), words


def one(**fields: Any) -> ActivityTold:
    (told,), _ = read(activity(**fields))
    return told


def test_an_activity_in_our_terms() -> None:
    told = one()
    assert (told.id, told.resource, told.plan, told.plan_name) == ("918273645546372819", MACHINE, "plan-1", "Nightly")
    assert (told.doing, told.result, told.read, told.saved) == (Doing.BACKUP, Result.SUCCESS, 2**30, 2**28)
    assert told.message is None


def test_ids_past_two_to_the_53_are_kept_apart() -> None:
    rows = [activity(id=918273645546372819 + n, idString=None) for n in range(3)]
    told, _ = read(*rows)
    assert len({t.id for t in told}) == 3


def test_an_activity_that_comes_twice_counts_once() -> None:
    told, _ = read(activity(), activity())
    assert len(told) == 1


def test_parts_of_an_activity_count_nothing() -> None:
    told, _ = read(activity(), activity(idString="2", parentActivityId=918273645546372819))
    assert len(told) == 1


def test_an_activity_that_has_not_begun_is_none_yet() -> None:
    for state in ("enqueued", "assigned"):
        assert read(activity(state=state, startedAt=None, completedAt=None, result=None))[0] == []


def test_one_that_never_began_and_is_over_has_failed() -> None:
    told = one(startedAt=None, result={"code": "timedout"})
    assert (told.start, told.result, told.message) == (datetime(2026, 11, 23, 1, tzinfo=UTC), Result.FAILED, "timedout")


@pytest.mark.parametrize("state", ["started", "paused"])
def test_one_that_goes_on_has_no_end_and_no_result(state: str) -> None:
    told = one(state=state, completedAt=None, result=None)
    assert (told.end, told.result) == (None, None)


def test_a_state_nobody_knows_goes_on_until_a_completion_is_told() -> None:
    told, words = read(activity(state="pondering", completedAt=None), activity(idString="2", state="pondering"))
    assert [t.end is None for t in told] == [True, False]
    assert words.unknown


def test_legacy_payloads_tell_in_their_context() -> None:
    told = one(
        type="8F01AC13-f59e-4851-9204-de1fd77e36b4",
        resource=None,
        policy={"id": None, "type": "backup"},
        progress=None,
        context={
            "isLegacy": True,
            "MachineName": "OLD-01",
            "BackupPlanName": "Old plan",
            "ProtectionPlanID": "PLAN-9",
            "_runtime": {"bytesProcessed": 5, "bytesSaved": 3},
        },
    )
    assert (told.name, told.plan, told.plan_name, told.read, told.saved) == ("OLD-01", "plan-9", "Old plan", 5, 3)
    assert told.resource is None


@pytest.mark.parametrize("context", ["free text", [1], {"title": 7}, None, 3])
def test_a_strange_context_costs_nothing(context: object) -> None:
    assert one(context=context).result is Result.SUCCESS


def test_the_vendors_words_are_in_the_message() -> None:
    error = {"domain": "Backup", "code": "SnapshotFailed", "kbLink": {"serCode": "0x29b24a8e"}}
    assert one(result={"code": "error", "error": error}).message == "error: SnapshotFailed (0x29b24a8e)"
    assert one(result={"code": "warning", "warnings": [{"code": "FileInUse"}]}).message == "warning: FileInUse"
    assert one(result={"code": "cancelled"}).message == "cancelled"


@pytest.mark.parametrize(
    ("policy_type", "is_backup", "counted"),
    [
        ("backup", True, False),
        ("policy.backup.machine", True, False),
        ("policy.backup.mailbox.office365", True, False),
        ("policy.security.antimalware_protection", False, False),
        ("patch_management", False, False),
        ("policy.telepathy", False, True),
        (None, False, False),
    ],
)
def test_backups_by_the_type_of_their_policy(policy_type: str | None, is_backup: bool, counted: bool) -> None:
    told, words = read(activity(policy={"id": "p", "type": policy_type}))
    assert (bool(told), bool(words.unknown)) == (is_backup, counted)


@pytest.mark.parametrize(
    ("fields", "proof"),
    [
        ({"type": "recovery"}, Proof.RESTORE),
        ({"type": "RestoreFiles"}, Proof.RESTORE),
        ({"type": "failover"}, Proof.RESTORE),
        ({"type": "failback"}, Proof.RESTORE),
        ({"type": "run_vm"}, Proof.RESTORE),
        ({"type": "test_replica"}, Proof.TEST),
        ({"type": "x", "policy": {"id": "p", "type": "recover_machine"}}, Proof.RESTORE),
        ({"type": "x", "policy": None, "context": {"title": "Recovering 'SRV'"}}, Proof.RESTORE),
    ],
)
def test_recoveries_by_type_policy_or_title(fields: Mapping[str, Any], proof: Proof) -> None:
    told = one(**fields)
    assert told.doing is Doing.RESTORE
    assert told.found is not None
    assert (told.found.proof, told.found.whole) == (proof, None)


def test_a_pattern_says_what_kind_of_evidence_it_finds() -> None:
    patterns = ("recover_machine=whole", "recover_files=part", "rehears*=drill,whole", "recover*")
    found = [
        Matcher(patterns).find(word) for word in ("Recover_Machine", "recover_files", "rehearsal", "recovery", "x")
    ]
    told = [(f.proof, f.whole) if f else None for f in found]
    drill = (Proof.DRILL, True)
    assert told == [(Proof.RESTORE, True), (Proof.RESTORE, False), drill, (Proof.RESTORE, None), None]


# --- rounds ----------------------------------------------------------------------------------------------------------


def rounds(*told: ActivityTold) -> list[tuple[str, ...]]:
    store = ActivityStore()
    store.take(told, {})
    return [tuple(sorted(r.parts)) for r in store.rounds]


def test_machines_of_one_night_make_one_round_in_whatever_order_they_are_told() -> None:
    night = [ran("a", -10, -9), ran("b", -9.9, -9.5), ran("c", -9.6, -4)]
    for order in permutations(night):
        store = ActivityStore()
        store.take(order, {})
        assert [r.id for r in store.rounds] == [f"plan:{int(at(-10).timestamp())}"]


def test_a_machine_that_comes_again_begins_the_next_round() -> None:
    assert rounds(ran("a", -5, -4.9), ran("b", -4.95, -4.8), ran("a", -4, -3.9)) == [("a", "b"), ("a",)]


def test_a_machine_that_missed_a_night_does_not_fill_its_gap_a_day_later() -> None:
    assert timedelta(hours=24) > SPAN
    assert rounds(ran("a", -48, -47), ran("b", -24, -23)) == [("a",), ("b",)]


def test_one_that_ran_longer_and_is_read_later_joins_the_round_it_began() -> None:
    """Completions come in their order: the machine that began first may be told last."""
    store = ActivityStore()
    store.take([ran("b", -9.8, -9.5)], {})
    before = [r.id for r in store.rounds]
    store.take([ran("a", -10, -4)], {})
    assert [r.id for r in store.rounds] == before, "its id stays"
    (attempt,) = (r.attempt() for r in store.rounds)
    assert (attempt.start, attempt.end) == (at(-10), at(-4))


def test_a_round_adds_up() -> None:
    store = ActivityStore()
    failed = ran("b", -9.9, -9.5, Result.FAILED, message="timedout")
    worse = ran("d", -9.7, -9.6, Result.FAILED, message="error: X")
    store.take([ran("a", -10, -8), failed, ran("c", -9.8, -9.7, Result.WARNING), worse], {})
    (attempt,) = (r.attempt() for r in store.rounds)
    assert (attempt.job_id, attempt.result, attempt.failed) == ("plan", Result.FAILED, 2)
    assert attempt.message == "B: timedout (and 1 more)"
    assert (attempt.start, attempt.end, attempt.took) == (at(-10), at(-8), 7200)
    assert (attempt.read_bytes, attempt.transferred_bytes) == (400, 40)


@pytest.mark.parametrize(
    ("results", "worst"),
    [
        ((Result.SUCCESS, Result.WARNING), Result.WARNING),
        ((Result.WARNING, Result.CANCELLED), Result.CANCELLED),
        ((Result.CANCELLED, Result.UNKNOWN), Result.UNKNOWN),
        ((Result.UNKNOWN, Result.FAILED), Result.FAILED),
        ((Result.SUCCESS, Result.UNKNOWN), Result.UNKNOWN),
    ],
)
def test_the_worst_machine_decides_a_round(results: tuple[Result, Result], worst: Result) -> None:
    store = ActivityStore()
    store.take([ran(str(n), -2 + n / 10, -1, result) for n, result in enumerate(results)], {})
    assert [r.result for r in store.rounds] == [worst]


def test_a_round_goes_on_with_its_last_machine() -> None:
    store = ActivityStore()
    store.take([ran("a", -1, -0.5, Result.FAILED), ran("b", -0.9, None)], {})
    (going,) = (r.attempt() for r in store.rounds)
    assert (going.end, going.result, going.took, going.message) == (None, None, None, None)
    store.take([ran("b", -0.9, -0.1)], {})
    (over,) = (r.attempt() for r in store.rounds)
    assert (over.id, over.end, over.result) == (going.id, at(-0.1), Result.FAILED)
    store.take([ran("b", -0.9, None)], {})
    assert [r.end for r in store.rounds] == [at(-0.1)], "what has ended does not go on again"


def test_one_that_the_service_forgets_is_of_unknown_end() -> None:
    store = ActivityStore()
    store.take([ran("a", -1, None, ident="1")], {})
    store.rounds.lose("1", NOW)
    (attempt,) = (r.attempt() for r in store.rounds)
    assert (attempt.result, attempt.end) == (Result.UNKNOWN, NOW)


def test_a_policy_below_a_plan_counts_for_the_plan() -> None:
    store = ActivityStore()
    store.take([msgspec.structs.replace(ran("a", -1, 0), plan="below")], {"below": "plan"})
    assert list(store.rounds.by_plan) == ["plan"]


def test_only_what_changed_is_handed_over_and_only_what_is_sure() -> None:
    store = ActivityStore()
    store.take([ran("a", -30, -29), ran("a", -6, -5)], {})
    assert [r.start for r in store.rounds.settled(at(-12))] == [at(-30)]
    everything = store.rounds.settled(None)
    store.rounds.handed_over(r.id for r in everything)
    assert store.rounds.settled(None) == ()
    store.take([ran("a", -6, -5)], {})
    assert store.rounds.settled(None) == (), "read again and the same"


def test_rounds_of_an_earlier_life_keep_their_ids_and_older_ones_are_not_handed_over() -> None:
    first = ActivityStore()
    told = [ran("a", -10, -9), ran("b", -9.9, -8), ran("a", -4, -3), ran("b", -4.1, -3)]
    first.take([*told[:1]], {})
    first.take(told[1:], {})
    starts = first.rounds.starts(at(-11))
    again = ActivityStore(rounds=Rounds())
    again.rounds.resume(at(-11), starts)
    # Read again in another order, with one that began before.
    again.take([ran("c", -12, -10.5), *reversed(told)], {})
    assert {r.id for r in again.rounds.settled(None)} == {r.id for r in first.rounds}
    assert [r.attempt() for r in again.rounds.settled(None)] == [r.attempt() for r in first.rounds]


def test_old_rounds_are_forgotten_but_for_each_plans_newest() -> None:
    store = ActivityStore(mark=NOW)
    long = ran("z", -60, -0.5)
    store.take([ran("a", -90, -89), long, ran("b", -200, -199), ran("a", -50, None)], {})
    store.rounds.handed_over(r.id for r in store.rounds.settled(None))
    store.prune(NOW)
    kept = {part for r in store.rounds for part in r.parts}
    assert kept == {"z", "a"}
    before = {r.id for r in store.rounds}
    store.take([long], {})
    assert {r.id for r in store.rounds} == before, "one just ended is read once more, and belongs where it was"
