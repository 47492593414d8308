"""policy.yaml -> Policy: everything the format knows is read, and every mistake is told with place and remedy."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.errors import ConfigError, Problem
from lastgood.patterns import compile_pattern, covers, inside
from lastgood.policy import DAY, ConfigurationRule, Match, Objective, Pattern, Policy, Urgency
from lastgood.policy_check import advise, dead_matches
from lastgood.policy_load import load

DATA = Path(__file__).parent / "data"
BAD = DATA / "bad-policies"
EXAMPLE = Path(__file__).parent.parent / "examples" / "policy.yaml"
NOW = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)
FILLS = {
    "veeam": frozenset({"name", "id", "kind", "job", "folder"}),
    "acronis": frozenset({"name", "id", "kind", "tenant", "folder", "tag"}),
}
BASE = """version: 1
tiers: {gold: {rpo: 26h}, silver: {rpo: 32h}}
"""


def read(text: str, folder: Path, *, now: datetime = NOW) -> tuple[Policy, tuple[Problem, ...]]:
    path = folder / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, now=now)


def mistakes(text: str, folder: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text, folder)
    return [str(p) for p in caught.value.problems if not p.warning]


# --- mistakes --------------------------------------------------------------------------------------------------------


def table() -> list[tuple[str, str, str, str]]:
    with (BAD / "expected.tsv").open(encoding="utf-8") as file:
        return [(r[0], r[1], r[2], r[3]) for r in csv.reader(file, delimiter="\t") if not r[0].startswith("#")]


@pytest.mark.parametrize(("name", "line", "key", "fragment"), table(), ids=[row[0] for row in table()])
def test_each_mistake_is_told_once_with_its_place(name: str, line: str, key: str, fragment: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(BAD / name, now=NOW, fills=FILLS)
    errors = [p for p in caught.value.problems if not p.warning]
    assert len(errors) == 1, [str(p) for p in errors]
    assert fragment in errors[0].message
    assert (str(errors[0].line or "-"), errors[0].key or "-") == (line, key)
    assert errors[0].remedy
    assert errors[0].file is not None


def test_the_table_lists_every_bad_policy() -> None:
    assert sorted(row[0] for row in table()) == sorted(path.name for path in BAD.glob("*.yaml"))


def test_all_mistakes_are_told_together_in_order(tmp_path: Path) -> None:
    text = BASE + "workloads:\n  - {match: {nmae: x}, tier: glod}\nteams: {it: {email: nowhere}}\nunknown: 1\n"
    told = mistakes(text, tmp_path)
    assert [re.sub(r".*policy\.yaml:(\d+): (\S+):.*", r"\1 \2", line) for line in told] == [
        "4 workloads[0].match.nmae",
        "4 workloads[0].tier",
        "5 teams.it.email",
        "6 unknown",
    ]
    assert "did you mean 'gold'?" in told[1]


@pytest.mark.parametrize(
    ("text", "remedy"),
    [("26", "write 26m, 26h or 26d"), ("26 hours", "write 26h"), ("1.5h", "90m"), ("2 months", "30d")],
)
def test_a_wrong_unit_comes_with_what_to_write(text: str, remedy: str, tmp_path: Path) -> None:
    [told] = mistakes(
        f"version: 1\ntiers: {{gold: {{rpo: {text}}}}}\nworkloads: [{{match: {{}}, tier: gold}}]", tmp_path
    )
    assert remedy in told


def test_a_missing_file_is_one_clear_message(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "policy.yaml", now=NOW)
    assert [p.message for p in caught.value.problems] == ["there is no such file"]


# --- what is read ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def full() -> Policy:
    policy, warnings = load(DATA / "design-policy.yaml", now=NOW)
    assert warnings == ()
    return policy


def test_every_objective_of_a_tier_is_read(full: Policy) -> None:
    gold = full.tiers["gold"]
    assert gold.rpo is not None
    assert (gold.rpo.within, gold.rpo.warn_at, gold.rto, gold.log_rpo) == (26 * 3600, None, 3600, 900)
    assert gold.restore_test is not None
    assert (gold.restore_test.every, gold.restore_test.scope) == (90 * DAY, "workload")
    assert gold.job_duration is not None
    assert (gold.job_duration.full, gold.job_duration.incremental) == (8 * 3600, 45 * 60)
    assert gold.success_rate is not None
    assert (gold.success_rate.minimum, gold.success_rate.over, gold.success_rate.min_runs) == (0.93, 30 * DAY, 20)
    assert gold.copy is not None
    assert (gold.copy.rpo, gold.copy.lag) == (50 * 3600, 24 * 3600)
    assert (gold.grace, gold.forget) == (12 * 3600, 60 * DAY)
    assert gold.later == {
        "retention": {
            "window": 30 * DAY,
            "points": 14,
            "gfs": {"weekly": 4, "monthly": 12, "yearly": 7},
            "max": 3650 * DAY,
        },
        "copies": {"total": 3, "media": 2, "offsite": 1, "immutable": 1, "errors": 0},
    }
    assert (gold.immutable, gold.encryption) == (14 * DAY, True)
    assert (full.tiers["silver"].immutable, full.tiers["silver"].encryption) == (None, False)
    assert list(full.tiers) == ["gold", "office-files", "silver", "weekly"]


def test_shares_calendars_and_tolerated_warnings_are_read(full: Policy) -> None:
    office, silver, weekly = (full.tiers[name] for name in ("office-files", "silver", "weekly"))
    assert office.rpo is not None
    assert office.rpo.calendar is full.calendars["weekdays"]
    assert office.rpo.warn_at == 0.9
    assert silver.restore_test is not None
    assert silver.restore_test.sample == 0.1
    assert silver.archive is not None
    assert weekly.success_rate is not None
    assert weekly.success_rate.minimum == 0.9
    [tolerated] = weekly.success_rate.tolerate
    assert tolerated.matches("The vmware tools are out of date.")
    assert not tolerated.matches("The network was unreachable.")


def test_rules_assign_the_first_match(full: Policy) -> None:
    sql = full.assign({"name": ("SQL-01",), "system": ("veeam-hq",)})
    assert sql.tier is full.tiers["gold"]
    assert (sql.owner, sql.business_owner, sql.rule_line) == ("it-operations", "marketplace-office", 25)
    other = full.assign({"name": ("SQL-01",), "system": ("Veeam-HQ",)})
    assert other.tier is full.tiers["silver"]
    shares = full.assign({"name": ("fs",), "folder": ("x", "share")})
    assert shares.tier is full.tiers["office-files"]


def test_everything_else_is_read(full: Policy) -> None:
    [required] = full.required
    assert (required.name, required.tier, required.grace) == ("orders-db", "gold", 7200)
    assert required.match.matches({"name": ("Orders-DB",)})
    assert len(full.services[0].members) == 3
    assert full.repositories[0].used.critical == 0.9
    assert full.repositories[0].full_in.warning == 30 * DAY
    assert (full.repositories[1].site, full.repositories[1].offsite) == ("aws-eu", True)
    assert (full.license.expires_in.warning, full.license.used.critical) == (45 * DAY, 1.1)
    assert full.configuration == ConfigurationRule(within=3 * DAY, encryption=True)
    assert full.teams["it-operations"].channels["slack"] == "#backup-operations"
    assert full.vendor_cases["veeam"].contract == "0815"
    [page, ticket] = full.escalation
    assert (page.tier, page.urgency, page.steps[1].after) == ("gold", Urgency.PAGE, 8 * 3600)
    assert (ticket.steps[0].working_days, ticket.steps[0].after) == (5, None)
    assert full.later["limits"] == {"exclusion": 365 * DAY, "maintenance": 12 * 3600, "workload_series": 10_000}
    assert full.is_retired({"name": ("old-1",), "system": ("veeam-hq",)})
    software = full.later["software"]
    assert software == (
        {"product": "veeam-backup-replication", "because": "CVE-2025-23121", "minimum": "12.3.2.4165"},
        {"product": "*-agent", "behind": 2},
        {"component": "firmware", "declared": "7.4", "review_every": 180 * DAY},
    )


def test_an_exclusion_holds_until_the_end_of_its_last_day(full: Policy) -> None:
    facts = {"name": ("test-1",)}
    last = datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC)
    assert full.exclusion(facts, Objective.RPO, last) is not None
    assert full.exclusion(facts, Objective.RPO, last + timedelta(seconds=1)) is None
    assert full.exclusion(facts, Objective.RTO, last) is None


def test_observe_mode_turns_pages_into_tickets_until_its_end(full: Policy) -> None:
    judged = [
        full.urgency_of(Objective.RPO, "gold", "CRITICAL", datetime(y, m, d, tzinfo=UTC))
        for y, m, d in ((2026, 12, 31), (2027, 1, 1))
    ]
    assert judged == [Urgency.TICKET, Urgency.PAGE]


def test_maintenance_mutes_in_its_zone(full: Policy) -> None:
    facts = {"system": ("veeam-hq",)}
    # Sunday 03:00 in Berlin is 02:00 UTC in winter; the one-off window covers every system.
    assert full.muted_until(facts, datetime(2026, 11, 22, 2, tzinfo=UTC)) == datetime(2026, 11, 22, 5, tzinfo=UTC)
    assert full.muted_until(facts, datetime(2026, 11, 22, 5, tzinfo=UTC)) is None
    night = datetime(2026, 12, 24, 21, tzinfo=UTC)
    assert full.muted_until({"system": ("x",)}, night) == datetime(2026, 12, 25, 5, tzinfo=UTC)


def test_a_freeze_keeps_what_it_tightens(full: Policy) -> None:
    freezes = full.later["freezes"]
    assert isinstance(freezes, tuple)
    [freeze] = freezes
    assert freeze["tighten"]["gold"].restore_test.every == 60 * DAY
    assert freeze["tighten"]["gold"].rpo is None
    assert freeze["defer"] == {Objective.RESTORE_TEST, Objective.SOFTWARE}
    assert freeze["to"] == datetime(2027, 1, 6, tzinfo=UTC)


def test_the_digest_follows_the_holidays(tmp_path: Path) -> None:
    text = BASE + "workloads: [{match: {}, tier: gold}]\ncalendars: {c: {timezone: UTC, except: h.ics}}\n"
    ics = (DATA / "holidays.ics").read_bytes()
    (tmp_path / "h.ics").write_bytes(ics)
    first, _ = read(text, tmp_path)
    (tmp_path / "h.ics").write_bytes(ics.replace(b"20261228", b"20261229"))
    second, _ = read(text, tmp_path)
    assert re.fullmatch("[0-9a-f]{12}", first.digest)
    assert first.digest != second.digest


# --- warnings --------------------------------------------------------------------------------------------------------


def test_the_reference_policy_is_clean() -> None:
    policy, warnings = load(EXAMPLE, now=NOW, fills={"veeam": FILLS["veeam"]})
    assert [str(w) for w in (*warnings, *advise(policy))] == []


@pytest.mark.parametrize(
    ("extra", "fragment"),
    [
        ("workloads: [{match: {}, tier: gold}]", "no rule uses this tier"),
        (
            "exclusions: [{match: {name: x}, from: rpo, reason: r, approved_by: cto, until: 2026-11-01}]",
            "the exclusion is over",
        ),
        ("mode: observe\nuntil: 2026-11-01", "observe mode is over"),
        ("freezes: [{name: f, from: 2025-11-01, to: 2025-12-01}]", "the freeze is over"),
    ],
)
def test_what_is_doubtful_is_a_warning(extra: str, fragment: str, tmp_path: Path) -> None:
    _, warnings = read(f"{BASE}{extra}\n", tmp_path)
    assert any(fragment in w.message and w.warning and w.line for w in warnings), warnings


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("workloads: [{match: {name: x}, tier: gold}]", "has no tier"),
        ("workloads: [{match: {}, tier: gold}]\nteams: {it: {pagerduty: it}}", "there is no owner"),
        ("workloads: [{match: {}, tier: silver}]\nrequired: [{name: db, tier: gold}]", "gives it silver once seen"),
        ("workloads: [{match: {}, tier: gold}]", "nothing ever wakes anybody"),
    ],
)
def test_advice_is_given_on_what_the_policy_alone_shows(text: str, fragment: str, tmp_path: Path) -> None:
    policy, _ = read(f"{BASE}{text}\n", tmp_path)
    assert any(fragment in p.message and p.warning for p in advise(policy))


def test_no_advice_where_only_a_system_can_tell(tmp_path: Path) -> None:
    text = (
        "workloads: [{match: {system: hq}, tier: gold}, {match: {}, tier: silver}]\nrequired: [{name: db, tier: gold}]"
    )
    policy, _ = read(f"{BASE}{text}\n", tmp_path)
    assert not any("once seen" in p.message for p in advise(policy))


def test_dead_matches_name_what_nothing_answers_to(full: Policy) -> None:
    facts = [
        {"name": ("sql-01",), "system": ("veeam-hq",)},
        {"name": ("web-01",), "system": ("veeam-hq",)},
        {"name": ("test-1",), "system": ("veeam-hq",)},
    ]
    dead = dead_matches(full, facts, [{"name": ("hardened-1",)}])
    assert [p.key for p in dead] == ["workloads[1]", "workloads[2]", "repositories[1]", "retired[0]"]
    assert all(p.warning and p.file == full.path for p in dead)
    assert [p.key for p in dead_matches(full, facts)] == ["workloads[1]", "workloads[2]", "retired[0]"]


# --- patterns --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "text", "value", "expected"),
    [
        ("name", "SQL-*", "sql-01", True),
        ("job", "nightly", "Nightly", True),
        ("system", "Veeam-*", "veeam-hq", False),
        ("id", "A?", "a1", False),
        ("name", "/sql-(01|02)/", "sql-02", True),
        ("name", "/sql/", "sql-02", False),
        ("tenant_path", "/acme", "/acme", True),
        ("name", "[ab]*", "b1", True),
    ],
)
def test_globs_and_regexes_match_the_whole_text(key: str, text: str, value: str, expected: bool) -> None:
    assert compile_pattern(text, key).matches(value) is expected


@pytest.mark.parametrize(
    "text", ["/(a+)+b/", "/(a|aa)*b/", "/((a{1,9}){1,9})*/", "/(.*x)+/", "/.*.*.*.*b/", r"/(a)\1/"]
)
def test_a_regex_that_could_run_for_ever_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=";"):
        compile_pattern(text, "name")


@pytest.mark.parametrize("text", ["/(prod|test)-[0-9]+/", r"/a\+\(b\)+/", "/[(+*]+x/", "/(ab)?c{2,3}/", "/[]+*]+/"])
def test_an_honest_regex_is_not_refused(text: str) -> None:
    assert compile_pattern(text, "name").text == text


def test_a_tolerated_message_is_found_anywhere() -> None:
    assert inside("/tools? outdated/").matches("Warning: Tool outdated\non host 3")
    assert inside("out of date").matches("VMware Tools are out of date.")


def match_of(**keys: str) -> Match:
    return Match({key: (compile_pattern(text, key),) for key, text in keys.items()})


@pytest.mark.parametrize(
    ("general", "specific", "expected"),
    [
        (match_of(), match_of(name="x"), True),
        (match_of(name="*"), match_of(name="/x.*/"), True),
        (match_of(name="*"), match_of(system="x"), False),
        (match_of(name="sql-*"), match_of(name="SQL-prod-?"), True),
        (match_of(name="sql-*"), match_of(name="sql*"), False),
        (match_of(system="sql-*"), match_of(system="SQL-1"), False),
        (match_of(name="/sql-.*/"), match_of(name="sql-1"), True),
        (match_of(name="a?*"), match_of(name="a*"), False),
    ],
)
def test_covering_is_claimed_only_where_it_is_certain(general: Match, specific: Match, expected: bool) -> None:
    assert covers(general, specific) is expected


globs = st.text("ab*?", min_size=1, max_size=5)


@given(globs, globs, st.text("ab", max_size=7))
def test_what_is_covered_is_always_matched(general: str, specific: str, value: str) -> None:
    wide, narrow = match_of(name=general), match_of(name=specific)
    if covers(wide, narrow) and narrow.matches({"name": (value,)}):
        assert wide.matches({"name": (value,)})


def test_only_the_head_of_a_long_value_is_matched() -> None:
    pattern = Pattern("x*", re.compile("x*"))
    assert pattern.matches("x" * 256 + "y")
    assert not pattern.matches("x" * 255 + "y")
