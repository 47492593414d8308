"""Nagios objects: what the policy says becomes contacts, periods, numbers of notifications; names do no harm."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.commands.inventory import watched
from lastgood.policy import Policy, Team, Urgency
from lastgood.render.duties import Later, route
from lastgood.render.nagios import FOLDER, SERVICES, build, compile_all
from lastgood.render.nagios_escalations import number_of
from lastgood.render.nagios_text import comment, define, value
from lastgood.render.watched import SCRIPTS, Asking, Watched
from lastgood.verdict import judge
from nagios_checks.concerns import CONCERNS, EXPORTER, TENANTS, UNKNOWN_DATA, covers
from tests import estates
from tests.answering import items_of
from tests.compiled_objects import of_concern
from tests.object_files import Block, nagios_blocks, nagios_dangling, nagios_objects
from tests.test_render_duties import DESIGN, NOW, REFERENCE, promise, service

ASKING = Asking(url="http://127.0.0.1:9741")
HOSTILE = (
    "pipe|x", "semi;colon", "bang!bang", "$USER1$", "o'brien", 'quote"', "`id`", "$(id)", "new\nline", "back\\",
    "\u00fcml\u00e4ut", "a,b", "} define host {", "", "\ud800", "-t1", "~",
)  # fmt: skip


def estate() -> list[Watched]:
    """Two systems whose workloads have every hostile name, and one that has none."""
    held = [replace(estates.workload(), id=f"{name}/{n}", name=name, job_ids=()) for name in HOSTILE for n in range(2)]
    states = [estates.state(held, at=NOW, name=name) for name in ("hq", "hq (old) \u00fc;|'\"")]
    plain_one = estates.state([estates.workload()], at=NOW, name="branch")
    return watched(items_of(judge(estates.estate(*states, plain_one), REFERENCE, NOW)))


def compiled(
    watched_: list[Watched], policy: Policy = REFERENCE, asking: Asking = ASKING, now: datetime = NOW
) -> dict[str, str]:
    return compile_all(policy, watched_, asking, now)


def by_name(blocks: list[Block], key: str) -> Mapping[str, Block]:
    return {block[key]: block for block in blocks}


# --- the format ------------------------------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(lambda t: t == t.strip()))
def test_a_value_comes_back_as_it_went(text: str) -> None:
    if text.endswith("\\"):
        with pytest.raises(ValueError, match="cannot stand"):
            value(text)
        return
    if "\\;" not in text:  # Nagios reads no escape of the escape
        [(kind, block)] = nagios_blocks(define("host", [("alias", text)]))
        assert (kind, block) == ("host", {"alias": text})


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "\x00", "a\\"])
def test_what_no_object_file_can_hold_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cannot stand"):
        define("host", [("alias", text)])


def test_a_comment_takes_nothing_into_it_and_ends_with_its_line() -> None:
    text = comment("a\nback\\\ndefine host {\x0b}") + "\n" + define("host", [("host_name", "h")])
    assert nagios_blocks(text) == [("host", {"host_name": "h"})]


# --- the whole -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [REFERENCE, DESIGN])
@pytest.mark.parametrize("passive", [False, True])
def test_every_name_that_is_used_is_defined(policy: Policy, passive: bool) -> None:
    objects = nagios_objects(compiled(estate(), policy, replace(ASKING, passive=passive)))
    assert len(objects["service"]) > 60
    assert nagios_dangling(objects) == []


def test_the_order_in_which_services_come_changes_nothing() -> None:
    services = estate()
    shuffled = list(services)
    random.Random(3).shuffle(shuffled)
    assert compiled(shuffled) == compiled(services)


def test_a_check_gets_a_key_and_nothing_else() -> None:
    """It goes through macros and a shell; a custom variable would lose the tilde to illegal_macro_output_chars."""
    services = estate()
    objects = nagios_objects(compiled(services))
    passed = {(s["host_name"], s["service_description"]): s["check_command"] for s in objects["service"]}
    assert len(passed) == len(services)
    for one in services:
        command, _, key = passed[one.host, one.description].partition("!")
        assert (command, key) == (f"lastgood_check_{one.concern}", one.key)
        assert re.fullmatch(r"[A-Za-z0-9._~%-]*", key)


def test_commands_are_what_the_checks_answer_to() -> None:
    commands = by_name(nagios_objects(compiled([]))["command"], "command_name")
    for concern in (*CONCERNS, EXPORTER, TENANTS, UNKNOWN_DATA):
        check, switch = of_concern(concern)
        words = ["$USER1$/" + check.name, "--url", ASKING.url]
        words += [switch] if switch else []
        words += [] if concern == EXPORTER else ["--key", "$ARG1$"]
        assert commands[f"lastgood_check_{concern}"]["command_line"].split() == words
    assert {*CONCERNS, EXPORTER, TENANTS, UNKNOWN_DATA} == set(SCRIPTS)


def test_the_ways_to_a_secured_exporter_are_in_the_commands() -> None:
    asking = Asking(url="https://h:1", plugins="/opt/lastgood/bin", ca_file="/etc/ca.pem", credentials_file="/etc/c")
    line = by_name(nagios_objects(compiled([], asking=asking))["command"], "command_name")["lastgood_check_rpo"]
    assert line["command_line"] == (
        "/opt/lastgood/bin/check_backup_rpo --url https://h:1 --ca-file /etc/ca.pem"
        " --credentials-file /etc/c --key $ARG1$"
    )


def test_what_comes_from_outside_stands_between_single_quotes_in_a_notification() -> None:
    """With illegal_macro_output_chars as installed no macro can end them."""
    commands = [c for c in nagios_objects(compiled(estate()))["command"] if "service-by" in c["command_name"]]
    assert len(commands) == 5
    for command in commands:
        outside = re.sub(r"'[^']*'", "", command["command_line"])
        assert "$" not in outside
        assert outside.count("'") == 0


def test_passive_services_notice_silence() -> None:
    made = nagios_objects(compiled(estate(), asking=replace(ASKING, passive=True, fresh_for=300)))
    assert all("check_command" not in s and "lastgood-passive" in s["use"] for s in made["service"])
    template = by_name(made["template"], "name")["lastgood-passive"]
    assert (template["check_freshness"], template["freshness_threshold"]) == ("1", "300")
    stale = by_name(made["command"], "command_name")[template["check_command"]]
    assert stale["command_line"].endswith("exit 3'")


def test_a_host_is_up_without_any_plugin() -> None:
    """Where one is missing Nagios takes the host for DOWN, and tells nobody of any service of it."""
    commands = nagios_objects(compiled([]))["command"]
    checks = [c for c in commands if c["command_name"].startswith("lastgood_") and "check_" not in c["command_name"]]
    assert [c["command_name"] for c in checks] == ["lastgood_stale", "lastgood_up"]
    assert all(c["command_line"].startswith("/bin/") for c in checks)


# --- who is told -----------------------------------------------------------------------------------------------------


def test_nothing_but_what_tells_unknown_depends_on_another() -> None:
    """A dependency mutes every state, CRITICAL by the clock too. Criteria: docs/adr/0016."""
    services = estate()
    concerns = {(s.host, s.description): s.concern for s in services}
    found = [
        (
            concerns[d["host_name"], d["service_description"]],
            concerns[d["dependent_host_name"], d["dependent_service_description"]],
            d["notification_failure_criteria"],
            d["host_name"] == d["dependent_host_name"],
        )
        for d in nagios_objects(compiled(services))["servicedependency"]
    ]
    assert sorted(set(found)) == [
        ("exporter", "system", "u,c", False),
        ("exporter", "unknown", "u,c", False),
        ("exporter", "unknown", "u,c", True),  # what only the policy knows is on the exporter's own host
        ("system", "unknown", "c", True),
    ]
    systems = [s for s in services if s.concern == "system"]
    assert sum(f[:2] == ("exporter", "system") for f in found) == len(systems) == 3


def test_a_cause_is_a_hard_state_before_what_depends_on_it() -> None:
    """Or both would be told. Minutes from the first failing check to a hard state, and the wait for a first check."""
    templates = by_name(nagios_objects(compiled([]))["template"], "name")

    def hard(concern: str) -> tuple[int, int]:
        own = templates["lastgood-service"] | templates[f"lastgood-{concern}"]
        retries = (int(own["max_check_attempts"]) - 1) * int(own["retry_interval"])
        return retries, retries + int(own["check_interval"])

    assert hard("exporter")[1] < hard("system")[0]
    assert hard("system")[1] < hard("unknown")[0]


@pytest.mark.parametrize("silent", [None, *estates.COLLECTORS])
def test_nothing_is_unknown_for_silence_before_its_system_is_critical(silent: str | None) -> None:
    """Only a CRITICAL system mutes Unknown data. `silent` is one collector, or all of the system."""
    end = NOW + estates.HOUR
    whole = estates.state([estates.workload()], at=NOW)
    collectors = tuple(
        replace(c, stale_at=end if c.name == silent else end + estates.DAY) for c in whole.snapshot.collectors
    )
    held = replace(
        whole,
        stale_at=end if silent is None else end + estates.DAY,
        snapshot=replace(whole.snapshot, collectors=collectors),
    )

    def at(moment: datetime) -> tuple[set[str], set[str]]:
        """The states of the system's own service, and those that are UNKNOWN beside it."""
        items = items_of(judge(estates.estate(held), REFERENCE, moment))
        system = {item["verdict"] for item in items if covers("system", item)}
        return system, {
            f"{i['kind']} {i['objective']}" for i in items if covers(UNKNOWN_DATA, i) and i["verdict"] == "UNKNOWN"
        }

    before, after = at(end - timedelta(seconds=1)), at(end)
    assert "CRITICAL" not in before[0]
    assert "CRITICAL" in after[0]
    assert before[1] == at(NOW)[1], "silence is not told before its end"
    assert silent is not None or after[1] > before[1]


def test_a_workload_does_not_tell_unknown_and_a_system_does() -> None:
    made = nagios_objects(compiled(estate()))
    templates, contacts = by_name(made["template"], "name"), by_name(made["contact"], "contact_name")
    for one in made["service"]:
        template = templates[one["use"].split(",")[0]]
        options = (templates["lastgood-service"] | template)["notification_options"]
        tells = one["_LASTGOOD_CONCERN"] in ("system", "unknown", "exporter")
        assert options == ("w,u,c,r" if tells else "w,c,r")
        letters = {
            x for c in one["contacts"].split(",") for x in contacts[c]["service_notification_options"].split(",")
        }
        assert ("u" in letters) == tells


def test_contacts_say_when_and_how() -> None:
    made = nagios_objects(compiled([service("rpo", promise())]))
    contacts = by_name(made["contact"], "contact_name")
    page, ticket = contacts["it-operations-page-c"], contacts["it-operations-ticket-w-office"]
    assert (page["service_notification_period"], page["service_notification_options"]) == ("lastgood-24x7", "c,r")
    assert (ticket["service_notification_period"], ticket["service_notification_options"]) == ("lastgood-office", "w,r")
    assert page["service_notification_commands"].split(",") == [
        "lastgood-service-by-email", "lastgood-service-by-pagerduty", "lastgood-service-by-slack",
    ]  # fmt: skip
    assert "pagerduty" not in ticket["service_notification_commands"]
    assert (page["_SLACK"], page["_PAGERDUTY"], page["email"]) == ("#backup-operations", "it", "it-ops@example.org")
    assert contacts["disaster-recovery-page-c"]["service_notification_commands"] == "lastgood-service-by-pagerduty"


def test_a_channel_that_nobody_defined_tells_the_administrator_so() -> None:
    text = compiled([service("rpo", promise())])["lastgood-channel-pagerduty.cfg"]
    [(_, command)] = nagios_blocks(text)
    assert command["command_name"] == "lastgood-service-by-pagerduty"
    assert command["command_line"].endswith("'$ADMINEMAIL$'")
    assert "Nobody was told by pagerduty" in command["command_line"]


def test_a_case_says_portal_and_contract_where_a_person_reads_it() -> None:
    text = compiled([service("rpo", promise())])["lastgood-contacts.cfg"]
    place = text.index("it-operations-case-veeam-page-c")
    assert "# Portal: https://www.veeam.com/support.html\n# Contract: see the contracts folder\n" in text[:place]


def test_what_is_only_reported_has_a_contact_that_is_never_told() -> None:
    made = nagios_objects(compiled([service("rpo", promise(tier="bronze"))]))
    [one] = made["service"]
    assert by_name(made["contact"], "contact_name")[one["contacts"]]["service_notification_options"] == "n"


def test_an_address_that_ends_a_quote_is_refused() -> None:
    teams = {**REFERENCE.teams, "it-operations": Team(name="it-operations", channels={"email": "o'brien@example.org"})}
    with pytest.raises(ValueError, match="it-operations"):
        compiled([service("rpo", promise())], replace(REFERENCE, teams=teams))


def test_hostile_team_names_and_channels_stay_data() -> None:
    name = "} ;o'$(id)\u00fc"
    teams = {name: Team(name=name, channels={"slack": "#a;b"})}
    made = nagios_objects(compiled([service("rpo", promise(owner=name))], replace(REFERENCE, teams=teams)))
    assert nagios_dangling(made) == []
    [contact] = [c for c in made["contact"] if c["contact_name"].endswith("-page-c") and "_SLACK" in c]
    assert (contact["_SLACK"], contact["alias"]) == ("#a;b", "_ _o__(id)_")


# --- when ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "days", "repeat", "hours", "number"),
    [
        (7200.0, None, 3600.0, None, 3),  # at 0 h, 1 h, 2 h
        (5400.0, None, 3600.0, None, 3),  # never before its time
        (3600.0, None, 3600.0, None, 2),
        (None, 5, 86400.0, "office", 6),  # one a working day
        (None, 5, 7200.0, "office", 31),  # six in twelve hours
        (None, 5, 86400.0, None, 8),  # somebody is told at weekends too
    ],
)
def test_times_become_numbers_of_notifications(
    after: float | None, days: int | None, repeat: float, hours: str | None, number: int
) -> None:
    step = Later(("WARNING",), after, days, ())
    assert number_of(step, repeat, REFERENCE.calendars[hours] if hours else None) == number


def test_escalations_name_everybody_for_they_replace_the_services_contacts() -> None:
    made = nagios_objects(compiled([service("rpo", promise())]))
    templates = by_name(made["template"], "name")
    own = set(by_name(made["service"], "service_description")["rpo sql-01"]["contacts"].split(","))
    found = []
    for one in made["serviceescalation"]:
        template = templates[one["use"]]
        assert own <= set(one["contacts"].split(","))
        more = sorted(set(one["contacts"].split(",")) - own)
        found.append(
            (template["first_notification"], template["escalation_options"], one["notification_interval"], more)
        )
    assert found == [
        ("1", "w,r", "1440", []),  # or the ticket would come as often as the page
        ("3", "c,r", "60", ["disaster-recovery-page-c", "marketplace-office-page-c"]),
        ("9", "c,r", "60", ["it-operations-case-veeam-page-c"]),
        ("6", "w,r", "1440", ["marketplace-office-ticket-w-office"]),
    ]


def test_services_that_are_told_alike_share_their_escalations() -> None:
    twins = [service("rpo", promise(), name=f"sql-{n:02}") for n in range(50)]
    made = nagios_objects(compiled(twins))
    assert len(made["service"]) == 50
    assert len(made["serviceescalation"]) == 4


def test_calendars_become_time_periods_and_their_zone_is_told() -> None:
    text = compiled([])["lastgood-timeperiods.cfg"]
    periods = {b["timeperiod_name"]: b for _, b in nagios_blocks(text)}
    office = periods["lastgood-office"]
    assert {day: office[day] for day in ("monday", "friday")} == {"monday": "07:00-19:00", "friday": "07:00-19:00"}
    assert "saturday" not in office
    assert periods[office["exclude"]]["2026-12-25"] == "00:00-24:00"
    assert "Hours of Europe/Berlin" in text
    assert "use_timezone" in text


def test_maintenance_is_named_with_who_schedules_it() -> None:
    text = compiled([])["lastgood-timeperiods.cfg"]
    assert "`lastgood nagios downtime`" in text
    assert "#   sun 02:00-06:00 (Europe/Berlin): patch night, {system: veeam-*}\n" in text


def test_while_the_policy_observes_the_files_say_until_when() -> None:
    one = [service("rpo", promise())]
    assert "observes until 2027-01-01" in compiled(one, DESIGN)[SERVICES]
    later = compiled(one, DESIGN, now=datetime(2027, 2, 1, tzinfo=UTC))
    assert "observes" not in later[SERVICES]
    assert "it-operations-page-c" in later[SERVICES]
    assert route(DESIGN, one[0], observe=True).contacts[0].urgency is Urgency.TICKET


def test_the_shelf_holds_what_the_policy_alone_gives() -> None:
    shelf = build(REFERENCE)
    assert all(name.startswith(f"{FOLDER}/lastgood-") for name in shelf)
    objects = nagios_objects(shelf)
    assert "service" not in objects
    assert {"lastgood-from-3-c", "lastgood-from-6-w"} <= {t["name"] for t in objects["template"]}
    assert "it-operations-ticket-w-office" in {c["contact_name"] for c in objects["contact"]}
    assert nagios_dangling(objects) == []
    assert nagios_dangling(nagios_objects(build(Policy(path=None, digest="", tiers={})))) == []
