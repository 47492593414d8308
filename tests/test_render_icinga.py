"""Icinga 2 objects: the same promises as in Nagios, in Icinga's own words; strings and names do no harm."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.calendars import Window
from lastgood.commands.inventory import tables
from lastgood.policy import Policy
from lastgood.render.icinga import FOLDER, HOSTS, build, compile_all
from lastgood.render.icinga_people import downtimes
from lastgood.render.icinga_text import comment, literal, macro_text, seconds, text
from lastgood.render.watched import Asking, Watched
from nagios_checks.checks import CHECKS
from tests.object_files import icinga_blocks, icinga_string
from tests.test_render_duties import DESIGN, NOW, REFERENCE, promise, service
from tests.test_render_nagios import estate

ASKING = Asking(url="http://127.0.0.1:9741")


def compiled(watched: list[Watched], policy: Policy = REFERENCE, asking: Asking = ASKING) -> dict[str, str]:
    return compile_all(policy, watched, tables(), asking, NOW)


def blocks(files: Mapping[str, str]) -> dict[str, str]:
    """{head: its tokens, separated by spaces} of every block of some files, which Icinga reads as one."""
    found: dict[str, str] = {}
    for name, words in files.items():
        if name.endswith(".conf"):
            own = icinga_blocks(words)
            assert not own.keys() & found.keys()
            found |= {head: " ".join(inner) for head, inner in own.items()}
    return found


# --- the format ------------------------------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_string_comes_back_as_it_went(value: str) -> None:
    written = text(value)
    assert icinga_string(written) == value
    assert "\n" not in written


def test_what_no_file_can_hold_is_replaced() -> None:
    assert text("\ud800") == '"\ufffd"'
    assert text('a"\\\n\x01$x$') == '"a\\"\\\\\\n\\001$x$"'


def test_plain_data_is_written_as_icinga_reads_it() -> None:
    assert (
        literal({"a": [1, True, None], "b": {}, "c": []}) == '{\n  "a" = [ 1, true, null ]\n  "b" = { }\n  "c" = [ ]\n}'
    )
    assert [seconds(s).text for s in (0, 90, 600, 7200, 7 * 86400)] == ["0s", "90s", "10m", "2h", "7d"]


def test_a_comment_ends_with_its_line() -> None:
    assert icinga_blocks(comment("a\nobject Host */ {\x0b") + '\nobject Host "h" {\n}') == {'object Host "h"': []}


def test_a_dollar_in_free_text_is_no_macro() -> None:
    assert macro_text("100$ $user$") == "100$$ $$user$$"


# --- the whole -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [REFERENCE, DESIGN])
@pytest.mark.parametrize("passive", [False, True])
def test_every_name_that_is_used_is_defined(policy: Policy, passive: bool) -> None:
    found = blocks(compiled(estate(), policy, replace(ASKING, passive=passive)))
    named = {(head.split()[1], head.split('"')[1]) for head in found if head.startswith(("object", "template"))}
    hosts = " ".join(inner for head, inner in found.items() if head.startswith("object Host"))
    rest = " ".join(inner for head, inner in found.items() if not head.startswith("object Host"))
    assert {("Service", name) for name in re.findall(r'"from" = "([^"]+)"', hosts)} <= named
    assert {("CheckCommand", name) for name in re.findall(r'"check_command" = "([^"]+)"', hosts)} <= named
    groups = {name for one in re.findall(r'"groups" = \[ ([^\]]*) \]', hosts) for name in re.findall(r'"([^"]+)"', one)}
    assert {("ServiceGroup", name) for name in groups} <= named
    assert {("NotificationCommand", name) for name in re.findall(r' ?command = "([^"]+)"', rest)} <= named | {
        ("NotificationCommand", "dummy")
    }
    users = {name for one in re.findall(r"users = \[ ([^\]]*) \]", rest) for name in re.findall(r'"([^"]+)"', one)}
    assert {("User", name) for name in users} <= named
    assert {("TimePeriod", name) for name in re.findall(r'period = "([^"]+)"', rest)} <= named


def test_each_notification_that_a_service_asks_for_has_a_rule_and_no_rule_is_idle() -> None:
    found = blocks(compiled(estate()))
    hosts = " ".join(inner for head, inner in found.items() if head.startswith("object Host"))
    asked = {
        n for one in re.findall(r'"lastgood_notify" = \[ ([^\]]*) \]', hosts) for n in re.findall(r'"([^"]+)"', one)
    }
    ruled = {
        match[1]
        for head, inner in found.items()
        if head.startswith("apply Notification")
        and (match := re.search(r'assign where "([^"]+)" in service.vars.lastgood_notify', inner))
    }
    assert asked == ruled
    assert len(asked) > 5


def test_the_order_in_which_services_come_changes_nothing() -> None:
    services = estate()
    shuffled = list(services)
    random.Random(3).shuffle(shuffled)
    assert compiled(shuffled) == compiled(services)


def test_each_service_is_an_entry_of_its_host_with_its_key_only() -> None:
    services = estate()
    files = compiled(services)
    found = icinga_blocks(files[HOSTS])
    for one in services:
        inner = found[f"object Host {text(one.host)}"]
        place = inner.index(text(one.description))
        own = inner[place : place + 80]
        assert own[1:3] == ["=", "{"]
        if one.key:
            assert own[own.index('"backup_key"') + 2] == f'"{one.key}"'
    for workload in ("o'brien", "$(id)", "`id`", "$USER1$"):
        assert workload not in files[HOSTS]


def test_check_commands_have_every_option_of_the_checks() -> None:
    found = blocks(compiled([]))
    for check in CHECKS:
        inner = found[f'object CheckCommand "{check.name}"']
        assert inner.startswith(f'command = [ PluginDir + "/{check.name}" ]')
        for option in check.options:
            how = "value" if option.takes_value else "set_if"
            variable = "backup_" + option.name.replace("-", "_")
            present = f'"{option.flag}" = {{ "{how}" = "${variable}$"' in inner
            assert present == (option.name not in ("help", "version")), option.name


def test_what_comes_from_outside_reaches_a_mailer_as_a_variable() -> None:
    found = blocks(compiled(estate()))
    commands = {head: inner for head, inner in found.items() if head.startswith("object NotificationCommand")}
    assert len(commands) == 5
    for inner in commands.values():
        [script] = re.findall(r'"-c" , ("(?:[^"\\]|\\.)*")', inner)
        assert set(re.findall(r"\$\$?\w+\$?", icinga_string(script))) == {
            "$$LASTGOOD_BODY",
            "$$LASTGOOD_SUBJECT",
            "$$LASTGOOD_TO",
        }


def test_passive_services_are_still_checked_so_that_silence_is_noticed() -> None:
    """Without active checks a result that outlived its ttl stays for ever (icinga2#7191)."""
    found = blocks(compiled(estate(), asking=replace(ASKING, passive=True)))
    template = found['template Service "lastgood-passive"']
    assert "enable_active_checks = true" in template
    assert 'check_command = "dummy"' in template
    assert "vars.dummy_state = 3" in template
    assert 'import "lastgood-passive"' in found[next(head for head in found if head.startswith("apply Service for"))]


# --- who is told, and when -------------------------------------------------------------------------------------------


def test_only_what_tells_unknown_depends_on_another() -> None:
    found = blocks(compiled(estate()))
    exporter, system = (found[f'apply Dependency "lastgood-{name}" to Service'] for name in ("exporter", "system"))
    assert exporter.endswith(
        'assign where service.vars.lastgood_concern == "system"'
        ' || (service.vars.lastgood_concern == "unknown" && !service.vars.lastgood_cause)'
    )
    assert "states = [ OK, Warning ]" in exporter
    # Before Icinga 2.14 one healthy parent of several was enough to notify: each has one, and its parent has one.
    assert system.endswith("assign where service.vars.lastgood_cause")
    # A system is silent when it is CRITICAL; WARNING and UNKNOWN may last for months.
    assert "states = [ OK, Warning, Unknown ]" in system
    for inner in (exporter, system):
        assert "disable_checks = false" in inner
        assert "disable_notifications = true" in inner
    [own] = [one for one in estate() if one.concern == "exporter"]
    assert f'parent_host_name = "{own.host}" parent_service_name = "{own.description}"' in exporter
    hosts = icinga_blocks(compiled(estate())[HOSTS])['object Host "branch"']
    assert hosts.count('"lastgood_cause"') == 1


def test_notifications_say_whom_when_and_by_what() -> None:
    found = blocks(compiled([service("rpo", promise())]))
    page = found['apply Notification "it-operations-page-c-by-pagerduty" to Service']
    assert 'users = [ "lastgood-it-operations" ] states = [ OK, Critical ]' in page
    assert "interval = 1h" in page
    assert "period" not in page
    late = found['apply Notification "marketplace-office-page-c-after-2h-by-email" to Service']
    assert 'times = { "begin" = 2h }' in late
    case = found['apply Notification "it-operations-case-veeam-page-c-after-8h-by-email" to Service']
    assert 'vars.lastgood_note = "Open a case with veeam. Portal: https://www.veeam.com/support.html.' in case


def test_working_days_become_the_longest_they_can_last() -> None:
    found = blocks(compiled([service("rpo", promise())]))
    inner = found['apply Notification "marketplace-office-ticket-w-office-after-5-working-days-by-teams" to Service']
    assert 'times = { "begin" = 7d }' in inner
    assert 'period = "lastgood-office"' in inner


def test_whoever_is_told_in_some_hours_is_tried_once_in_each() -> None:
    """Icinga 2.13 tries once an interval, heard or not: a day long, it would try at night for ever."""
    found = blocks(compiled([service("rpo", promise())]))
    ticket = found['apply Notification "it-operations-ticket-w-office-by-email" to Service']
    assert "interval = 12h" in ticket


# --- maintenance -----------------------------------------------------------------------------------------------------


def windows(window: Window) -> list[str]:
    policy = replace(REFERENCE, maintenance=(replace(REFERENCE.maintenance[0], window=window),))
    return [
        re.findall(r"ranges = \{ (.*?) \}", inner)[0]
        for inner in blocks({"x.conf": "\n".join(downtimes(policy))}).values()
    ]


def test_windows_become_scheduled_downtimes() -> None:
    berlin = REFERENCE.calendars["office"].zone
    sunday = Window(text="sun 02:00-06:00", zone=berlin, days=frozenset((7,)), hours=(120, 360))
    assert windows(sunday) == ['"sunday" = "02:00-06:00"']
    assert windows(replace(sunday, hours=(1320, 120))) == ['"sunday" = "22:00-24:00"', '"monday" = "00:00-02:00"']
    assert windows(replace(sunday, hours=(1320, 0))) == ['"sunday" = "22:00-24:00"']
    begin = datetime(2026, 12, 24, 21, tzinfo=UTC)
    once = Window(text="x", zone=berlin, span=(begin, begin + timedelta(hours=8)))
    assert windows(once) == ['"2026-12-24" = "22:00-24:00"', '"2026-12-25" = "00:00-06:00"']
    until_midnight = Window(text="x", zone=berlin, span=(begin, begin + timedelta(hours=2)))
    assert windows(until_midnight) == ['"2026-12-24" = "22:00-24:00"']


def test_a_service_is_in_downtime_only_where_the_window_covers_all_it_tells_of() -> None:
    muted, other = service("rpo", promise()), service("rpo", promise(), system="acronis-msp")
    files = compiled([muted, other])
    found = icinga_blocks(files[HOSTS])
    [name] = re.findall(
        r'assign where ("[^"]+") in service.vars.lastgood_maintenance', files["lastgood-downtimes.conf"]
    )
    assert name in found['object Host "veeam-hq"']
    assert "lastgood_maintenance" not in " ".join(found['object Host "acronis-msp"'])


def test_a_window_that_asks_for_what_no_verdict_tells_is_named_and_covers_nothing() -> None:
    night = REFERENCE.maintenance[0]
    by_kind = replace(night, match=replace(night.match, keys={"kind": night.match.keys["system"]}))
    files = compiled([service("rpo", promise())], replace(REFERENCE, maintenance=(by_kind,)))
    assert "lastgood_maintenance" not in files[HOSTS]
    assert "covers nothing here" in files["lastgood-downtimes.conf"]


def test_the_shelf_holds_what_the_policy_alone_gives() -> None:
    shelf = build(REFERENCE, tables())
    assert all(name.startswith(f"{FOLDER}/lastgood-") for name in shelf)
    assert not any("hosts" in name for name in shelf)
    found = blocks(shelf)
    assert 'apply Notification "it-operations-page-c-by-email" to Service' in found
    assert 'object TimePeriod "lastgood-office"' in found
