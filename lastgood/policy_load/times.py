"""Reading calendars, maintenance windows and dates."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from lastgood.calendars import Calendar, Window
from lastgood.clock import from_local, parse_time
from lastgood.errors import ConfigError, Problem
from lastgood.ics import holidays
from lastgood.policy_load.context import Context
from lastgood.section import Section, date_of, entries_of, one_or_more, text_of, words_of
from lastgood.yamldoc import Node, Report, did_you_mean, read_source

CALENDAR_KEYS = ("timezone", "days", "hours", "except")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_HOURS = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])\s*-\s*([01][0-9]|2[0-4]):([0-5][0-9])")


def read_calendars(node: Node, ctx: Context) -> None:
    """Fills `ctx.calendars`; one that was written wrong stands there as None."""
    for name, child in entries_of(node, ctx.report):
        ctx.calendars[name] = _calendar(name, child, ctx)


def _calendar(name: str, node: Node, ctx: Context) -> Calendar | None:
    section = Section(node, ctx.report, CALENDAR_KEYS, shape="{timezone: Europe/Berlin, days: mon-fri}")
    zone_node = section.need("timezone", "add timezone: Europe/Berlin, or another IANA name")
    zone = None if zone_node is None else _zone(zone_node, ctx.report)
    days_node, hours_node, closed_node = (section.node_of(key) for key in ("days", "hours", "except"))
    days = frozenset(range(1, 8)) if days_node is None else _days(days_node, ctx.report)
    hours = (0, 1440) if hours_node is None else _opening(hours_node, ctx.report)
    closed = frozenset() if closed_node is None else _closed(closed_node, ctx)
    if zone is None or not days or hours is None:
        return None
    calendar = Calendar(name=name, zone=zone, days=days, hours=hours, closed=closed)
    if calendar.add(ctx.now, 0) > ctx.now + timedelta(days=366):
        ctx.report.error(node, "the calendar is not open within the next year", "check `days` against `except`")
        return None
    return calendar


def _opening(node: Node, report: Report) -> tuple[int, int] | None:
    hours = _hours(text_of(node, report) or "", node, report)
    if hours is not None and hours[0] >= hours[1]:
        report.error(node, "a calendar's hours end before they begin", "keep them within one day, such as 07:00-19:00")
        return None
    return hours


def _closed(node: Node, ctx: Context) -> frozenset[date]:
    found: set[date] = set()
    for item in one_or_more(node, ctx.report):
        word = item.text or ""
        if not word.lower().endswith(".ics"):
            day = date_of(item, ctx.report)
            found |= {day} if day is not None else set()
            continue
        found |= _ics(item, word, ctx)
    return frozenset(found)


def _ics(node: Node, word: str, ctx: Context) -> frozenset[date]:
    path = ctx.folder / word
    try:
        data = read_source(path)
        days = holidays(data, path, year=ctx.now.year)
    except ConfigError as error:
        for problem in error.problems:
            told = Problem(problem.message, problem.remedy, path, problem.line, node.key)
            ctx.report.problems.append(told)
        return frozenset()
    ctx.sources.append(data)
    if not any(day >= ctx.now.date() for day in days):
        ctx.report.warn(node, f"{word} holds no date from today on", "export the coming years' holidays")
    return days


def _zone(node: Node, report: Report) -> ZoneInfo | None:
    word = text_of(node, report)
    if word is None:
        return None
    try:
        return ZoneInfo(word)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        report.error(node, f"unknown time zone {word!r}", did_you_mean(word, available_timezones() - {"localtime"}))
        return None


def _days(node: Node, report: Report) -> frozenset[int]:
    """ISO weekdays of `mon-fri`, `sat`, `daily`, or a list of these; a span may go round the week."""
    found: set[int] = set()
    for word in (part.strip() for text in words_of(node, report) for part in text.lower().split(",")):
        if word == "daily":
            found |= set(range(1, 8))
            continue
        first, _, last = word.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            remedy = "write three-letter days such as mon-fri, sat or daily"
            report.error(node, f"unknown day {word!r}", remedy)
            return frozenset()
        start, end = DAYS.index(first), DAYS.index(last or first)
        found |= {(start + n) % 7 + 1 for n in range((end - start) % 7 + 1)}
    return frozenset(found)


def _hours(text: str, node: Node, report: Report) -> tuple[int, int] | None:
    found = _HOURS.fullmatch(text)
    minutes = [int(n) for n in found.groups()] if found else []
    span = (minutes[0] * 60 + minutes[1], minutes[2] * 60 + minutes[3]) if found else (1441, 0)
    if max(span) > 1440:
        report.error(node, f"{text!r} are no hours", "write them as 07:00-19:00, with 24:00 as the latest end")
        return None
    return span


def read_zone(section: Section, ctx: Context) -> tzinfo | None:
    """The zone of `calendar:` or `timezone:`; None when there is neither, or a mistake was reported."""
    node = section.node_of("timezone")
    if node is not None:
        if "calendar" in section:
            ctx.report.error(node, "both `calendar` and `timezone` are given", "keep one of the two")
        return _zone(node, ctx.report)
    calendar = ctx.calendar(section, "calendar")
    return None if calendar is None else calendar.zone


def read_window(section: Section, ctx: Context) -> Window | None:
    """A window from `when`, or from `from` and `to`."""
    zone_given = "calendar" in section or "timezone" in section
    zone = read_zone(section, ctx)
    when = section.node_of("when")
    if when is not None and ("from" in section or "to" in section):
        ctx.report.error(when, "both `when` and `from`/`to` are given", "keep one of the two")
        return None
    if not zone_given:
        remedy = "add calendar: NAME, or timezone: Europe/Berlin"
        ctx.report.error(section.node, "nothing says in which time zone the window is", remedy)
    if when is None:
        return _one_off(section, ctx, zone or UTC)
    return _recurring(when, ctx.report, zone or UTC)


def _recurring(node: Node, report: Report, zone: tzinfo) -> Window | None:
    text = text_of(node, report)
    if text is None:
        return None
    days_text, _, hours_text = text.rpartition(" ")
    if not days_text:
        report.error(node, f"{text!r} is no window", 'write days and hours, such as "sun 02:00-06:00"')
        return None
    days = _days(Node(file=node.file, line=node.line, key=node.key, text=days_text), report)
    hours = _hours(hours_text, node, report)
    if not days or hours is None:
        return None
    try:
        return Window(text=text, zone=zone, days=days, hours=hours)
    except ValueError as error:
        report.error(node, str(error), 'write days and hours, such as "sun 02:00-06:00"')
        return None


def _one_off(section: Section, ctx: Context, zone: tzinfo) -> Window | None:
    nodes = [section.need(key, 'give `when: "sun 02:00-06:00"`, or both `from` and `to`') for key in ("from", "to")]
    if nodes[0] is None or nodes[1] is None:
        return None
    start, end = read_moment(nodes[0], ctx.report, zone), read_moment(nodes[1], ctx.report, zone, end_of_day=True)
    if start is None or end is None:
        return None
    try:
        return Window(text=f"{nodes[0].text} to {nodes[1].text}", zone=zone, span=(start, end))
    except ValueError as error:
        ctx.report.error(nodes[1], str(error), "put `to` after `from`")
        return None


def read_moment(node: Node, report: Report, zone: tzinfo, *, end_of_day: bool = False) -> datetime | None:
    """A moment in UTC from `2027-01-31` or `2027-01-31 22:00`, in `zone`; a date alone is that day's begin or end."""
    word = text_of(node, report)
    if word is None:
        return None
    try:
        if len(word) > 10:
            moment = parse_time(word, zone)
        else:
            day = datetime.strptime(word, "%Y-%m-%d") + timedelta(days=end_of_day)  # noqa: DTZ007
            moment = from_local(day, zone)
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        remedy = 'write 2027-01-31, or "2027-01-31 22:00" for a time of day'
        report.error(node, f"{word!r} is not a date", remedy)
    return moment
