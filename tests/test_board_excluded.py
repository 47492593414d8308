"""What the board shows as EXCLUDED: accepted risk with whoever accepted it, apart from tenants that are off."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lastgood.model import Job, Result, Tenant
from lastgood.policy import Exclusion, Objective
from lastgood.verdict import Judgement, State
from tests.board_estates import DAY, NOW, judged, match, run, system, telling, workload
from tests.board_reader import Reader, built, rendered
from tests.test_board_page import HOSTILE

GYM = Tenant(id="t-gym", name="Gym", enabled=False, state="suspended")
INN = Tenant(id="t-inn", name="Inn", enabled=False)
SHUT = Tenant(id="t-shut", name="Silent Legal", enabled=True, readable=False)


def msp(*tenants: Tenant, **changes: object) -> Judgement:
    """Two machines of the gym (one of them late), one of the inn, one whose risk is accepted; a job of the gym's."""
    gym = [replace(workload(f"sql-gym-{n}", n * 5 * DAY, job="gym"), tenant_id="t-gym") for n in (2, 0)]
    inn = replace(workload("inn-1", job=None), tenant_id="t-inn")
    held = system(
        "msp",
        (*gym, inn, workload("test-a", 20 * DAY), workload("sql-a")),
        jobs=(Job(id="gym", name="A gym's nightly", enabled=True, running=False),),
        runs={"gym": tuple(run("gym", n * DAY) for n in range(30, 0, -1))},
    )
    return judged(telling(held, tenants=tenants), **changes)


def test_tenants_that_are_off_are_no_accepted_risk() -> None:
    board = built(msp(GYM, INN))
    assert [line.approved_by for line in board.exclusions] == ["cto"]
    assert board.exclusions[0].subjects.first == ("test-a",)
    gym, inn = board.excuses
    assert (gym.why, gym.system) == ("tenant Gym is suspended", "msp")
    # Workloads come before the job that serves them, whatever its name.
    assert gym.subjects.first == ("sql-gym-0", "sql-gym-2", "A gym's nightly")
    assert dict(gym.would_be)[State.CRITICAL] == 1
    assert inn.why == "tenant Inn is switched off"


def test_the_page_tells_them_apart() -> None:
    text = Reader(rendered(msp(GYM))).text
    accepted, _, excused = text.partition("nothing is expected of tenants that are off")
    assert "EXCLUDED: accepted risk, never counted as OK" in accepted
    assert "gym" not in accepted.partition("accepted risk, never counted as OK")[2]
    assert "tenant Gym is suspended" in excused
    assert "msp, for as long as it says so" in excused
    assert "see reason" not in text
    assert "tenants that are off" not in Reader(rendered(msp(replace(GYM, enabled=True)))).text


def test_a_few_lines_stand_for_many_tenants() -> None:
    off = [Tenant(id=f"t-{n}", name=f"Customer {n}", enabled=False) for n in range(30)]
    held = system("msp", tuple(replace(workload(f"m-{n}"), tenant_id=f"t-{n}") for n in range(30)))
    board = built(judged(telling(held, tenants=tuple(off))))
    assert (len(board.excuses), board.excuses_total) == (10, 30)


def test_whoever_accepts_that_a_tenant_is_hidden_is_named() -> None:
    accepted = Exclusion(
        match=match(tenant="Silent Legal"),
        objectives=frozenset({Objective.SYSTEM}),
        reason="backs itself up",
        approved_by="ciso",
        until=datetime(2027, 1, 31, tzinfo=UTC),
    )
    (line,) = built(msp(SHUT, exclusions=(accepted,))).exclusions
    assert (line.subjects.first, line.approved_by, line.reason) == (("Silent Legal",), "ciso", "backs itself up")
    assert line.until > NOW


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_tenant_stays_text(name: str) -> None:
    plain, page = (rendered(msp(replace(GYM, name=n))) for n in (name[0] + "p" * (len(name) - 1), name))
    page.encode("utf-8")
    assert [e[0] for e in Reader(page).elements] == [e[0] for e in Reader(plain).elements]


@pytest.mark.parametrize(("count", "told"), [(1, "(1 workload)"), (2, "(2 workloads)")])
def test_a_job_s_workloads_are_counted_as_people_do(count: int, told: str) -> None:
    held = system(
        "hq",
        tuple(workload(f"sql-{n}") for n in range(count)),
        jobs=(Job(id="nightly", name="Nightly", enabled=True, running=False),),
        runs={"nightly": tuple(run("nightly", n * DAY, Result.FAILED) for n in (3, 2, 1))},
    )
    assert f"Nightly {told}" in Reader(rendered(judged(held))).text
