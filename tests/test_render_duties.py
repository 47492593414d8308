"""Who is told of a service: the policy's urgency and escalation, the same for Nagios and Icinga."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest

from lastgood.policy import Objective, Policy, Urgency
from lastgood.policy_load import load
from lastgood.render.duties import (
    OPERATORS,
    STATES,
    channels_of,
    expected,
    longest,
    observing,
    route,
    routes,
    states_of,
    urgency_rule,
)
from lastgood.render.watched import Asking, Promise, Watched, muted, plain, safe_word

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROOT = Path(__file__).resolve().parent.parent
REFERENCE = load(ROOT / "examples/policy.yaml", now=NOW)[0]
# Observes until the end of 2026.
DESIGN = load(ROOT / "tests/data/design-policy.yaml", now=NOW)[0]


def service(concern: str = "rpo", *promises: Promise, system: str = "veeam-hq", name: str = "sql-01") -> Watched:
    return Watched(
        host=system,
        description=f"{concern} {name}",
        concern=concern,
        key=f"{system}%2Fworkload%2F{name}",
        system=system,
        promises=frozenset(promises),
        facts=({"name": (name,), "id": ("1",), "system": (system,), "source": ("veeam",)},),
    )


def promise(objective: str = "rpo", tier: str | None = "gold", owner: str | None = "it-operations") -> Promise:
    return Promise(objective, tier, owner, "marketplace-office" if owner else None, "veeam")


def told(policy: Policy, watched: Watched, *fallback: str, observe: bool = False) -> list[str]:
    return [contact.name for contact in route(policy, watched, fallback, observe=observe).contacts]


@pytest.mark.parametrize("policy", [REFERENCE, DESIGN])
def test_the_rule_found_is_the_one_the_policy_goes_by(policy: Policy) -> None:
    after = datetime(2028, 1, 1, tzinfo=UTC)
    for objective, tier, state in product(Objective, [*policy.tiers, None], STATES):
        rule = urgency_rule(policy, objective, tier, state)
        assert policy.urgency_of(objective, tier, state, after) == (rule.urgency if rule else Urgency.TICKET)


def test_a_page_at_any_time_and_a_ticket_in_office_hours_are_two_contacts() -> None:
    found = route(REFERENCE, service("rpo", promise()))
    assert [c.name for c in found.contacts] == ["it-operations-page-c", "it-operations-ticket-w-office"]
    assert [c.hours.name if c.hours else None for c in found.contacts] == [None, "office"]
    assert dict(found.repeat) == {"CRITICAL": 3600, "WARNING": 86400}


def test_steps_name_people_by_their_part_in_the_promise() -> None:
    steps = route(REFERENCE, service("rpo", promise())).steps
    assert [(s.states, s.after, s.working_days, [c.name for c in s.contacts]) for s in steps] == [
        (("CRITICAL",), 7200, None, ["disaster-recovery-page-c", "marketplace-office-page-c"]),
        (("CRITICAL",), 28800, None, ["it-operations-case-veeam-page-c"]),
        (("WARNING",), None, 5, ["marketplace-office-ticket-w-office"]),
    ]


def test_no_case_for_a_vendor_without_one_and_no_step_for_an_owner_without_business() -> None:
    mine = promise()._replace(source="acronis", business_owner=None)
    steps = route(REFERENCE, service("rpo", mine)).steps
    assert [[c.name for c in s.contacts] for s in steps] == [["disaster-recovery-page-c"]]


def test_the_most_urgent_of_several_promises_counts() -> None:
    log = promise("log_rpo")
    schedule = promise("success_rate")
    assert told(REFERENCE, service("rpo", log, schedule)) == ["it-operations-page-c", "it-operations-ticket-w-office"]


def test_what_is_only_reported_is_told_to_nobody() -> None:
    assert told(REFERENCE, service("rpo", promise(tier="bronze"))) == []


def test_only_three_services_tell_unknown() -> None:
    """A silent system would otherwise be one notification for each of its workloads (ADR 0016)."""
    assert {c: states_of(service(c)) for c in ("rpo", "job", "repository", "restore", "coverage", "tenants")} == {
        c: ("CRITICAL", "WARNING") for c in ("rpo", "job", "repository", "restore", "coverage", "tenants")
    }
    assert states_of(service("system")) == states_of(service("exporter")) == STATES
    assert states_of(service("unknown")) == ("UNKNOWN",)


def test_what_has_no_owner_is_told_to_those_whose_data_it_holds() -> None:
    system = service("system", promise("system", None, None))
    mine, theirs = service("rpo", promise()), service("rpo", promise(owner="workplace"), system="acronis-msp")
    found = routes(REFERENCE, [system, mine, theirs])
    assert [c.name for c in found[system].contacts] == ["it-operations-page-c", "it-operations-ticket-wu-office"]
    assert {c.name for c in routes(REFERENCE, [system])[system].contacts} == {OPERATORS}
    assert told(REFERENCE, service("exporter")) == [OPERATORS]


def test_while_the_policy_observes_pages_are_tickets() -> None:
    assert observing(DESIGN, NOW)
    assert not observing(DESIGN, datetime(2027, 1, 1, tzinfo=UTC))
    assert told(DESIGN, service("rpo", promise()), observe=True) == [
        "it-operations-ticket-c",
        "it-operations-ticket-w-office",
    ]


def test_an_objective_of_a_newer_exporter_falls_to_the_general_rule() -> None:
    assert told(REFERENCE, service("coverage", promise("entanglement"))) == ["it-operations-ticket-cw-office"]


def test_short_steps_shorten_the_time_between_notifications() -> None:
    [page, *_] = [e for e in REFERENCE.escalation if e.urgency is Urgency.PAGE]
    quick = replace(page, steps=(replace(page.steps[0], after=1800.0),))
    found = route(replace(REFERENCE, escalation=(quick,)), service("rpo", promise()))
    assert dict(found.repeat)["CRITICAL"] == 1800
    hasty = replace(page, steps=(replace(page.steps[0], after=1.0),))
    found = route(replace(REFERENCE, escalation=(hasty,)), service("rpo", promise()))
    assert dict(found.repeat)["CRITICAL"] == 300, "nobody is told every second"


def test_a_ticket_wakes_nobody_unless_there_is_no_other_way() -> None:
    assert channels_of(REFERENCE.teams["it-operations"], Urgency.PAGE) == ("email", "pagerduty", "slack")
    assert channels_of(REFERENCE.teams["it-operations"], Urgency.TICKET) == ("email", "slack")
    assert channels_of(REFERENCE.teams["disaster-recovery"], Urgency.TICKET) == ("pagerduty",)


def test_working_days_last_their_longest() -> None:
    office = REFERENCE.calendars["office"]
    assert [longest(days, office) for days in (1, 2, 5, 10)] == [3, 4, 7, 14]
    assert longest(5, replace(office, days=frozenset(range(1, 8)))) == 5
    assert longest(1, replace(office, days=frozenset((6,)))) == 7


def test_the_rules_of_the_policy_alone_lead_to_the_contacts_of_an_estate() -> None:
    names = {contact.name for way in expected(REFERENCE) for contact in way.everybody}
    own = {c.name for c in route(REFERENCE, service("rpo", promise())).everybody}
    assert own <= names
    assert expected(Policy(path=None, digest="", tiers={})) == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x",
        "http://user:secret@host:1",
        "http://h/$(id)",
        "http://h/;x",
        "http://h/ x",
        "http://h/'",
        "http://h/!a",
    ],
)
def test_a_url_that_a_shell_could_misread_is_refused_without_quoting_a_secret(url: str) -> None:
    with pytest.raises(ValueError, match="the URL") as refused:
        Asking(url=url)
    assert "secret" not in str(refused.value)


def test_a_path_that_a_shell_could_misread_is_refused() -> None:
    with pytest.raises(ValueError, match="command line"):
        Asking(url="http://h", plugins="/opt/$(id)")
    with pytest.raises(ValueError, match="command line"):
        Asking(url="http://h", credentials_file="/etc/a b")


def test_results_that_would_never_hold_are_refused() -> None:
    with pytest.raises(ValueError, match="at least"):
        Asking(url="http://h", fresh_for=0)


def test_names_that_had_to_be_changed_stay_apart() -> None:
    assert safe_word("it-operations") == "it-operations"
    assert len({safe_word(name) for name in ("R&D", "R+D", "R D", "R_D", "")}) == 5
    assert safe_word("R&D") == safe_word("R&D")


def test_free_text_keeps_nothing_a_shell_reads() -> None:
    assert plain("a'b\"c`d$(e);f!g|h&i<j>k\\l{m}\nn\u00e9") == "a_b_c_d_(e)_f_g_h_i_j_k_l_m__n_"
    assert plain("") == "_"


def test_a_window_mutes_a_service_only_when_it_covers_every_subject() -> None:
    night = REFERENCE.maintenance[0]
    one = service("rpo")
    assert muted(night, one) is True
    assert muted(night, replace(one, facts=(*one.facts, {"system": ("acronis",)}))) is False
    assert muted(night, replace(one, facts=())) is False
    by_kind = replace(night, match=replace(night.match, keys={"kind": night.match.keys["system"]}))
    assert muted(by_kind, one) is None
