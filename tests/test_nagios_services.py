"""Which services an estate has: every verdict in one of them, names that an engine takes, keys that a shell leaves."""

from __future__ import annotations

import random
import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagios_checks.concerns import CONCERNS, EXPORTER, TENANTS, UNKNOWN_DATA, concern_of
from nagios_checks.keys import BadKey, key_of, split_key
from nagios_checks.services import Service, safe_name, services
from tests.nagios_items import item, of

ESTATE = [
    item("sql-01"),
    item("sql-01", role="copy"),
    item("sql-01", objective="integrity"),
    item("sql-01", objective="restore_test", role=None, business_owner="shop"),
    item("sql-01", objective="coverage", role=None),
    item("sql-01", objective="immutability", role=None),
    item("pc-7", series="tenant"),
    item("pc-7", series="tenant", objective="rto"),
    item("pc-7", series="tenant", objective="coverage"),
    of("job", "success_rate", "nightly", tier="gold"),
    of("job", "job_duration", "nightly", tier="gold"),
    of("repository", "capacity", "store"),
    of("system", "system", "hq"),
    of("collector", "system", "points"),
    of("tenant", "system", "Bakery"),
    of("system", "system", "branch", system="branch"),
    of("tier", "restore_test", "tier silver", system="policy", source="policy"),
    item("orders-db", system="policy", source="policy", id="required:orders-db", objective="coverage"),
]


def named(found: list[Service]) -> dict[tuple[str, str], Service]:
    return {(s.host, s.description): s for s in found}


# --- which there are -------------------------------------------------------------------------------------------------


def test_a_console_lists_subjects_systems_and_the_exporter() -> None:
    assert [(s.host, s.description, s.concern, len(s.items)) for s in services(ESTATE)] == [
        ("branch", "System", "system", 1),
        ("hq", "Coverage", "coverage", 3),
        ("hq", "Job nightly", "job", 2),
        ("hq", "RPO sql-01", "rpo", 3),
        ("hq", "Repository store", "repository", 1),
        ("hq", "Restore sql-01", "restore", 1),
        ("hq", "System", "system", 3),
        ("hq", "Tenants", "tenants", 2),
        ("hq", "Unknown data", "unknown", 12),
        ("lastgood", "Coverage", "coverage", 1),
        ("lastgood", "Exporter", "exporter", 0),
        ("lastgood", "Restore tier silver", "restore", 1),
        ("lastgood", "Unknown data", "unknown", 2),
    ]


def test_every_verdict_is_told_by_exactly_one_service_of_its_concern() -> None:
    told = Counter(id(i) for s in services(ESTATE) if s.concern != UNKNOWN_DATA for i in s.items)
    assert sorted(told) == sorted(map(id, ESTATE))
    assert set(told.values()) == {1}
    for service in services(ESTATE):
        if service.concern in CONCERNS:
            assert {concern_of(i["kind"], i["objective"]) for i in service.items} == {service.concern}


def test_a_subject_brings_its_facts_and_a_whole_system_none() -> None:
    found = named(services(ESTATE))
    restore, system = found["hq", "Restore sql-01"], found["hq", "System"]
    assert restore._replace(items=()) == Service(
        "hq", "Restore sql-01", "restore", "hq%2Fworkload%2Fid-sql-01", "hq", "workload", "id-sql-01", "sql-01",
        "gold", "it-operations", "shop", (),
    )  # fmt: skip
    assert (system.key, system.kind, system.id, system.name, system.tier, system.owner) == ("hq", *[None] * 5)


def test_a_workload_that_its_tenant_counts_has_no_service_of_its_own() -> None:
    found = services([item("pc-1", series="tenant"), item("pc-1", series="tenant", objective="coverage")])
    assert [(s.description, s.concern) for s in found if s.host == "hq"] == [
        ("Coverage", "coverage"),
        ("Tenants", TENANTS),
        ("Unknown data", UNKNOWN_DATA),
    ]


def test_no_data_is_still_an_exporter() -> None:
    assert [(s.host, s.description, s.concern, s.key) for s in services([])] == [("lastgood", "Exporter", EXPORTER, "")]


def test_nothing_depends_on_the_order_of_the_answer() -> None:
    shuffled = [*ESTATE, item("a;b"), item("a,b"), item("a=b", role="copy")]
    first = services(shuffled)
    for seed in range(5):
        random.Random(seed).shuffle(shuffled)
        assert services(shuffled) == first


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("sql-01", "sql-01"),
        ("Müller's Büro", "Muller_s Buro"),
        ('`~!$%^&*"|<>?,()=;', "_" * 18),
        ("two\nlines\ttabbed", "two_lines_tabbed"),
        ("joins the next line\\", "joins the next line_"),
        ("  much   room  ", "much room"),
        ("full-width\uff1bsemicolon", "full-width_semicolon"),
        ("データ", "___"),
        ("\ud800half", "_half"),
        ("", "_"),
        ("x" * 300, "x" * 100),
    ],
)
def test_a_name_becomes_one_that_an_engine_takes(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@given(st.lists(st.text(max_size=8), min_size=1, max_size=6))
def test_services_of_a_host_never_share_a_name(names: list[str]) -> None:
    found = services([item(name, id=f"vm-{number}") for number, name in enumerate(names)])
    assert len(named(found)) == len(found)
    assert all(re.fullmatch(r"""[ -~]+""", s.description) for s in found)
    assert not any(set(s.description) & set("`~!$%^&*\"|'<>?,()=;\\\n") for s in found)


def test_of_two_with_one_name_both_are_marked_so_that_neither_depends_on_the_other_s_place() -> None:
    found = services([item("web", id="vm-1"), item("web", id="vm-2"), item("db", id="vm-3")])
    marked = sorted(s.description for s in found if s.concern == "rpo")
    assert marked[0] == "RPO db"
    assert all(re.fullmatch("RPO web [0-9a-f]{8}", name) for name in marked[1:])
    again = services([item("web", id="vm-2"), item("web", id="vm-1"), item("web", id="vm-9")])
    assert set(marked[1:]) < {s.description for s in again}


def test_a_name_that_looks_like_another_s_mark_is_told_apart_too() -> None:
    twins = [item("web", id="vm-1"), item("web", id="vm-2")]
    taken = next(s.description for s in services(twins) if s.id == "vm-1").removeprefix("RPO ")
    found = services([*twins, item(taken, id="vm-3")])
    assert len(named(found)) == len(found)


def test_a_system_called_as_our_own_host_takes_nothing_from_it() -> None:
    required = item("orders-db", system="policy", id="required:orders-db", objective="coverage")
    found = services([required, item("sql-01", system="lastgood", objective="coverage")])
    assert len(named(found)) == len(found)
    assert ("lastgood", "Exporter") in named(found)


# --- keys ------------------------------------------------------------------------------------------------------------


def test_a_key_is_one_word_for_any_shell() -> None:
    key = key_of("hq", "workload", "$(rm -rf /)!'\";`|\n ü/~")
    assert re.fullmatch(r"(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+", key)
    assert split_key(key) == ("hq", "workload", "$(rm -rf /)!'\";`|\n ü/~")


@given(st.from_regex(r"[A-Za-z0-9._-]+", fullmatch=True), st.sampled_from(["workload", "job"]), st.text())
def test_every_key_leads_back_to_its_subject(system: str, kind: str, id_: str) -> None:
    assert split_key(key_of(system, kind, id_)) == (system, kind, id_)
    assert split_key(key_of(system)) == (system, None, None)


def test_half_a_pair_has_a_key_as_well() -> None:
    assert split_key(key_of("hq", "workload", "\ud800")) == ("hq", "workload", "\ud800")


@pytest.mark.parametrize(
    "key", ["", "%2Fworkload%2Fx", "hq%2Fworkload", "hq%2F%2Fx", "hq/workload/x", "hq%2", "hq%zz", "hq%FF", "h q", "hä"]
)
def test_what_nobody_can_have_written_is_no_key(key: str) -> None:
    with pytest.raises(BadKey):
        split_key(key)


def test_keys_select_what_their_service_tells() -> None:
    for service in services(ESTATE):
        if service.concern != EXPORTER:
            system, kind, id_ = split_key(service.key)
            assert all(_selected(i, system, kind, id_) for i in service.items)


def _selected(told: dict[str, Any] | Any, system: str, kind: str | None, id_: str | None) -> bool:
    return told["system"] == system and (kind is None or (told["kind"], told["id"]) == (kind, id_))
