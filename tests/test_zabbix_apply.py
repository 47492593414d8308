"""`lastgood zabbix apply`: what it makes of a policy, and what a real Zabbix makes of that."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lastgood.cli import cli
from lastgood.commands.zabbix import ZabbixError
from lastgood.policy import Policy, Urgency
from lastgood.render.zabbix import OWN
from lastgood.render.zabbix.people import Action, Tag, actions, user_groups
from lastgood.zabbix.hosts import GROUP, hosts
from lastgood.zabbix.site import technical
from tests.estates import policy as policy_of
from tests.zabbix_backups import PATIENCE, QUICK
from tests.zabbix_exporter import Pages
from tests.zabbix_pages import DAY, own, rpo, system
from tests.zabbix_rig import ACCOUNT, PASSWORD, Api, Zabbix

POLICY = """
version: 1
calendars: {office: {timezone: UTC, days: mon-fri}}
tiers: {gold: {rpo: 26h}, silver: {rpo: 32h}}
workloads:
  - {match: {name: "sql-*"}, tier: gold, owner: dba, business_owner: shop}
  - {match: {}, tier: silver, owner: it}
teams: {dba: {email: dba@example.org}, it: {email: it@example.org}, shop: {email: s@example.org}, dr: {pagerduty: dr}}
urgency:
  - {objective: rpo, tier: gold, verdict: CRITICAL, as: page}
  - {verdict: [CRITICAL, WARNING, UNKNOWN], as: ticket, hours: office}
vendor_cases: {veeam: {team: it, portal: "https://support.example.org", contract: "C-1"}}
"""
STEPS = """
escalation:
  - match: {tier: gold, as: page}
    steps: [{after: 2h, notify: [business_owner, dr]}, {after: 150m, notify: [vendor_case]}]
  - {match: {as: page}, steps: [{after: 20m, notify: [dr]}]}
  - {match: {as: ticket}, steps: [{after: 5 working days, notify: [business_owner]}]}
"""


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    return policy_of(tmp_path, POLICY + STEPS)


def by_name(policy: Policy) -> dict[str, Action]:
    made = actions(policy)
    found = {action.name.removeprefix("lastgood: "): action for action in made}
    assert len(found) == len(made), "a name is what a later run knows it by"
    return found


# --- policy -> actions -----------------------------------------------------------------------------------------------


def test_the_owner_is_told_at_once(policy: Policy) -> None:
    page = by_name(policy)["page to owner dba"]
    assert set(page.tags) == {Tag("owner", "dba"), Tag("urgency", "page")}
    assert [(step.first, step.group) for step in page.steps] == [(1, "lastgood: dba")] and page.period == 3600


def test_what_nobody_owns_is_told_to_all_who_own_anything(policy: Policy) -> None:
    told = by_name(policy)["ticket of what has no owner"]
    # Said as "none of those": a team that owns something since the last run has no action yet, and is nobody here.
    assert set(told.tags) == {
        Tag("owner", "dba", absent=True),
        Tag("owner", "it", absent=True),
        Tag("urgency", "ticket"),
    }
    assert [step.group for step in told.steps] == ["lastgood: dba", "lastgood: it"]


def test_a_step_is_never_before_its_time(policy: Policy) -> None:
    found = by_name(policy)
    gold = {name: action for name, action in found.items() if name.startswith("gold, page: later ")}
    begins = {name.removeprefix("gold, page: later "): (a.steps[0].first - 1) * a.period for name, a in gold.items()}
    # 150 minutes are two hours and a half: the next hour is the third.
    assert begins == {"business owner shop": 7200, "dr": 7200, "veeam case": 10800}
    soon = found["any tier, page: later dr"]
    assert (soon.steps[0].first - 1) * soon.period == 1200
    days = found["any tier, ticket: later business owner shop"]
    assert (days.steps[0].first - 1) * days.period == 7 * DAY, "five working days last a week"


def test_the_first_escalation_that_fits_counts(policy: Policy) -> None:
    found = by_name(policy)
    assert set(found["gold, page: later dr"].tags) == {Tag("tier", "gold"), Tag("urgency", "page")}
    assert Tag("tier", "gold", absent=True) in found["any tier, page: later dr"].tags
    assert not any(tag.name == "tier" for tag in found["any tier, ticket: later business owner shop"].tags)


def test_business_and_vendor_are_told_of_their_own_only(policy: Policy) -> None:
    found = by_name(policy)
    assert Tag("business", "shop") in found["gold, page: later business owner shop"].tags
    case = found["gold, page: later veeam case"]
    assert Tag("source", "veeam") in case.tags and case.steps[0].group == "lastgood: it"
    assert "https://support.example.org" in (case.steps[0].text or "") and "C-1" in (case.steps[0].text or "")


def test_a_report_wakes_nobody(policy: Policy) -> None:
    monthly = replace(policy, escalation=(replace(policy.escalation[1], urgency=Urgency.REPORT),))
    assert not [name for name in by_name(monthly) if "report" in name or "later" in name]


def test_each_team_has_a_user_group(policy: Policy) -> None:
    assert user_groups(policy) == [f"lastgood: {team}" for team in ("dba", "dr", "it", "shop")]


# --- names -----------------------------------------------------------------------------------------------------------


def test_a_host_name_is_one_that_zabbix_takes() -> None:
    assert technical("veeam-hq.example") == "veeam-hq.example"
    odd, other = technical("büro/1"), technical("b_ro:1")
    assert odd != other and all(c.isascii() and (c.isalnum() or c in "._- ") for c in odd + other)
    assert len(technical("x" * 500)) <= 128


def test_two_exporters_have_hosts_of_their_own() -> None:
    one, two = (hosts([], url)[0] for url in ("http://a:9741", "http://b:9741"))
    assert one.name != two.name and one.macros()["{$LASTGOOD.SYSTEM}"] == OWN


# --- what must not be accepted ---------------------------------------------------------------------------------------


@dataclass
class Shop:
    """Files of one who applies: `run` is the command."""

    folder: Path
    url: str
    exporter: str

    def configure(self, systems: tuple[str, ...], escalation: str = STEPS) -> None:
        (self.folder / "policy.yaml").write_text(POLICY + escalation)
        secret = self.folder / "secret"
        secret.write_text("not-zabbix's\n")
        secret.chmod(0o600)
        access = f"vendor: veeam, url: 'https://x.example:9419', username: u, password_file: {secret}"
        listed = "".join(f"  - {{name: {name}, {access}}}\n" for name in systems)
        (self.folder / "lastgood.yaml").write_text(f"policy: policy.yaml\nstate_dir: state\nsystems:\n{listed}")

    def run(self, *more: str, password: str = PASSWORD, url: str | None = None) -> Result:
        path = self.folder / "password"
        path.write_text(password + "\n")
        path.chmod(0o600)
        access = ["--url", url or self.url, "--user", ACCOUNT, "--password-file", str(path)]
        config = ["--config", str(self.folder / "lastgood.yaml"), "--exporter", self.exporter]
        return CliRunner().invoke(cli, ["zabbix", "apply", *access, *config, *more])


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path, "http://127.0.0.1:9", "http://127.0.0.1:9741")
    made.configure(("hq",))
    return made


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://zabbix.example.org", "in clear"),
        ("https://admin:geheim@zabbix.example.org", "password is in --url"),
        ("zabbix.example.org", "no URL"),
        ("https://zabbix.example.org/?a=geheim", "no URL"),
    ],
)
def test_an_address_that_would_give_a_secret_away_is_refused(shop: Shop, url: str, says: str) -> None:
    found = shop.run(url=url)
    assert isinstance(found.exception, ZabbixError) and says in str(found.exception)
    assert "geheim" not in str(found.exception)


def test_a_secret_that_everybody_reads_is_refused(shop: Shop, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("geheim")
    token.chmod(0o644)
    config = ["--config", str(tmp_path / "lastgood.yaml")]
    found = CliRunner().invoke(cli, ["zabbix", "apply", "--url", shop.url, "--token-file", str(token), *config])
    assert isinstance(found.exception, ZabbixError) and "0600" in str(found.exception)


def test_one_way_to_sign_in_is_asked_for(shop: Shop, tmp_path: Path) -> None:
    config = ["--config", str(tmp_path / "lastgood.yaml")]
    for access in ([], ["--user", "x"], ["--token-file", "a", "--user", "x", "--password-file", "b"]):
        found = CliRunner().invoke(cli, ["zabbix", "apply", "--url", shop.url, *access, *config])
        assert isinstance(found.exception, ZabbixError) and "--token-file" in str(found.exception)


def test_a_zabbix_that_does_not_answer_is_said_without_the_password(shop: Shop) -> None:
    found = shop.run(password="geheim-1")
    assert isinstance(found.exception, ZabbixError) and "geheim" not in found.output + str(found.exception)
    assert found.exception.__cause__ is None and found.exception.__suppress_context__


# --- on a real server ------------------------------------------------------------------------------------------------


@dataclass
class Site:
    shop: Shop
    api: Api
    pages: Pages

    def get(self, what: str, **params: Any) -> Any:
        return self.api.call(f"{what}.get", params)

    def ours(self) -> list[dict[str, Any]]:
        tags = [{"tag": "managed-by", "value": "lastgood", "operator": 1}]
        told = {"selectTags": "extend", "selectMacros": "extend", "selectParentTemplates": ["name"]}
        found: list[dict[str, Any]] = self.get("host", tags=tags, output=["host", "name"], **told)
        return sorted(found, key=lambda host: str(host["host"]))

    def actions(self) -> dict[str, Any]:
        asked = {"selectFilter": "extend", "selectOperations": "extend"}
        found = self.get("action", search={"name": "lastgood: "}, startSearch=True, output="extend", **asked)
        return {action["name"].removeprefix("lastgood: "): action for action in found}

    def until(self, done: Any) -> None:
        end = time.monotonic() + PATIENCE
        while not done() and time.monotonic() < end:
            time.sleep(0.5)
        assert done()


@pytest.fixture(scope="module")
def site(zabbix_server: Zabbix, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    pages = Pages()
    shop = Shop(tmp_path_factory.mktemp("shop"), zabbix_server.api.url, pages.url)
    shop.configure(("hq", "branch", "lone"))
    try:
        yield Site(shop, zabbix_server.api, pages)
    finally:
        pages.stop()


def fine(found: Result) -> str:
    assert found.exit_code == 0, (found.output, found.exception)
    return found.output


@pytest.mark.engine
def test_a_dry_run_changes_nothing(site: Site) -> None:
    said = fine(site.shop.run("--dry-run"))
    assert "would create host lastgood.hq" in said and "would create action" in said
    assert site.ours() == [] and site.actions() == {}


@pytest.mark.engine
def test_all_is_made_once(site: Site) -> None:
    said = fine(site.shop.run())
    assert "create host lastgood.hq" in said and "import template Backup by lastgood" in said
    there = {host["host"]: host for host in site.ours()}
    assert set(there) - {"lastgood.hq", "lastgood.branch", "lastgood.lone"} == {
        next(name for name in there if name.startswith("lastgood.exporter "))
    }
    hq = there["lastgood.hq"]
    assert [t["name"] for t in hq["parentTemplates"]] == ["Backup by lastgood"]
    assert {m["macro"]: m["value"] for m in hq["macros"]} == {
        "{$LASTGOOD.URL}": site.pages.url,
        "{$LASTGOOD.SYSTEM}": "hq",
    }
    assert {"tag": "source", "value": "veeam"} in [{k: t[k] for k in ("tag", "value")} for t in hq["tags"]]
    wanted = policy_of(site.shop.folder, POLICY + STEPS)
    assert set(site.actions()) == set(by_name(wanted))
    again = fine(site.shop.run())
    assert again == "changed: nothing, left to you: nothing\n"


@pytest.mark.engine
def test_what_somebody_changed_is_as_asked_again(site: Site) -> None:
    hq = next(host for host in site.ours() if host["host"] == "lastgood.hq")
    (name,) = (m for m in hq["macros"] if m["macro"] == "{$LASTGOOD.SYSTEM}")
    site.api.call("usermacro.update", {"hostmacroid": name["hostmacroid"], "value": "other"})
    mark = {"tag": "managed-by", "value": "lastgood"}
    site.api.call("host.update", {"hostid": hq["hostid"], "tags": [mark, {"tag": "room", "value": "7"}]})
    page = site.actions()["page to owner dba"]["actionid"]
    site.api.call("action.update", {"actionid": page, "esc_period": "2h", "status": 1})
    (template,) = site.get("template", filter={"host": ["Backup by lastgood"]}, output=["templateid"])
    asked = {"templateids": [template["templateid"]], "filter": {"description": "Nothing arrives from the exporter"}}
    (silent,) = site.get("trigger", output=["triggerid"], **asked)
    site.api.call("trigger.update", {"triggerid": silent["triggerid"], "priority": 0})

    said = fine(site.shop.run())
    for what in ("import template Backup by lastgood", "change {$LASTGOOD.SYSTEM} of host lastgood.hq to hq",
                 "change tags of host lastgood.hq", "change action 'lastgood: page to owner dba'"):  # fmt: skip
        assert what in said
    assert "changed: nothing" in fine(site.shop.run())
    tags = next(host for host in site.ours() if host["host"] == "lastgood.hq")["tags"]
    assert {tag["tag"] for tag in tags} == {"managed-by", "exporter", "source", "room"}
    assert site.actions()["page to owner dba"]["status"] == "1", "whether it is enabled is the site's"
    site.api.call("action.update", {"actionid": page, "status": 0})


@pytest.mark.engine
def test_people_are_told_of_their_own_and_a_dead_exporter_is_one_problem(site: Site) -> None:
    """`lone` has lost its dependency, and shows when the others would have spoken."""
    now = int(time.time())
    fit = {k: v for k, v in QUICK.items() if k != "SILENCE"}
    for host in site.ours():
        silence = "30s" if "exporter" in host["host"] else "65s"
        for key, value in {**fit, "SILENCE": silence}.items():
            params = {"hostid": host["hostid"], "macro": f"{{$LASTGOOD.{key}}}", "value": value}
            site.api.call("usermacro.create", params)
    (kind,) = site.api.call("mediatype.create", _script())["mediatypeids"]
    for team in ("dba", "it"):
        _join(site, team, kind)
    assert "changed: nothing" in fine(site.shop.run()), "what the site added stays"
    lone = _silence_of(site, "lastgood.lone")
    site.api.call("trigger.update", {"triggerid": lone, "dependencies": []})

    late = rpo("sql-1", now - 60)
    told = [(name, labels | {"owner_team": "dba"} if "owner_team" in labels else labels, v) for name, labels, v in late]
    site.pages.tell("hq", [*system(now), *told, *own()])
    for name in ("branch", "lone"):
        site.pages.tell(name, [*system(now), *own()])
    site.pages.tell(OWN, own())
    site.until(lambda: _alerted(site, "RPO missed"))
    assert _alerted(site, "RPO missed") == {"dba"}

    site.until(lambda: len(_values(site)) == 4)
    site.pages.stop()
    site.until(lambda: "lastgood.lone" in _silent(site))
    assert {name.split()[0] for name in _silent(site)} == {"lastgood.exporter", "lastgood.lone"}
    assert "depend on the exporter's" in fine(site.shop.run()), "what is missing is made again"


def _script() -> dict[str, Any]:
    # Without a text for problems a media type sends nothing, whatever an action says.
    text = {"eventsource": 0, "recovery": 0, "subject": "{EVENT.NAME}", "message": "{EVENT.OPDATA}"}
    return {"type": 1, "name": "told", "exec_path": "nothing.sh", "message_templates": [text]}


def _join(site: Site, team: str, kind: str) -> None:
    (group,) = site.get("usergroup", filter={"name": [f"lastgood: {team}"]}, output=["usrgrpid"])
    media = [{"mediatypeid": kind, "sendto": team, "active": 0, "severity": 63}]
    user = {"username": team, "roleid": "1", "passwd": "Zabbix-7-geheim", "usrgrps": [group], "medias": media}
    site.api.call("user.create", user)


def _alerted(site: Site, subject: str) -> set[str]:
    return {a["sendto"] for a in site.get("alert", output=["sendto", "subject"]) if subject in a["subject"]}


def _silence_of(site: Site, host: str) -> str:
    asked = {"filter": {"description": "Nothing arrives from the exporter"}, "output": ["triggerid"]}
    (found,) = site.get("trigger", host=host, **asked)
    return str(found["triggerid"])


def _values(site: Site) -> list[Any]:
    ids = [host["hostid"] for host in site.ours()]
    asked = {"filter": {"key_": "lastgood.page.heartbeat"}, "output": ["lastclock"]}
    return [item for item in site.get("item", hostids=ids, **asked) if item["lastclock"] != "0"]


def _silent(site: Site) -> set[str]:
    asked = {"filter": {"value": 1, "description": "Nothing arrives from the exporter"}, "selectHosts": ["host"]}
    found = site.get("trigger", hostids=[h["hostid"] for h in site.ours()], output=["triggerid"], **asked)
    return {host["host"] for trigger in found for host in trigger["hosts"]}


@pytest.mark.engine
def test_nothing_is_deleted(site: Site) -> None:
    """A system and an escalation that are gone, and a host by a name of ours that somebody else made."""
    (group,) = site.get("hostgroup", filter={"name": [GROUP]}, output=["groupid"])
    site.api.call("host.create", {"host": "lastgood.new", "groups": [group]})
    site.shop.configure(("hq", "branch", "new"), escalation="")
    found = site.shop.run()
    assert found.exit_code == 1
    assert "lastgood.lone: its system is no longer configured" in found.output
    assert "lastgood.new is there and was not made by lastgood: left alone" in found.output
    assert "lastgood.lone" in {host["host"] for host in site.ours()}
    states = {name: action["status"] for name, action in site.actions().items()}
    assert states["gold, page: later dr"] == "1" and states["page to owner dba"] == "0"
    assert "changed: nothing" in site.shop.run().output


@pytest.mark.engine
def test_a_refused_password_is_said_and_not_shown(site: Site) -> None:
    found = site.shop.run(password="wrong-geheim")
    assert isinstance(found.exception, ZabbixError) and "geheim" not in str(found.exception) + found.output
    assert "Zabbix: " in str(found.exception)
