"""lastgood.yaml -> Config: every mistake a newcomer makes, and no secret in any message."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import certifi
import pytest
import yaml
from click.testing import CliRunner

import exporters
from exporters.config import Config, fills_of, load, parse_listen
from exporters.redact import Secret
from exporters.vendor_facts import OptionKind, vendor_facts
from lastgood.commands.check_config import check_config
from lastgood.errors import ConfigError

KNOWN = ("acronis", "veeam")
CANARY = "hunter2-canary"
SYSTEM = "{name: hq, vendor: veeam, url: 'https://hq.example.org:9419'%s}"
POLICY = """version: 1
tiers: {gold: {rpo: 26h}}
workloads: [{match: {}, tier: gold}]
urgency: [{as: page}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "policy.yaml").write_text(POLICY)
    secret = tmp_path / "secret"
    secret.write_text(f"{CANARY}\n")
    secret.chmod(0o600)
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    return tmp_path


def read(folder: Path, text: str, env: dict[str, str] | None = None) -> Config:
    path = folder / "lastgood.yaml"
    path.write_text(text)
    return load(path, env=env or {}, known=KNOWN)


def config(extra: str = "", *, system: str = "", systems: str | None = None) -> str:
    listed = systems if systems is not None else f"[{SYSTEM % (', ' + system if system else '')}]"
    return f"policy: policy.yaml\nstate_dir: state\n{extra}systems: {listed}\n"


def mistakes(folder: Path, text: str, env: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(folder, text, env)
    assert CANARY not in str(caught.value)
    assert CANARY not in repr(caught.value)
    return [re.sub(r"^.*?lastgood\.yaml", "lastgood.yaml", str(p)) for p in caught.value.problems]


# --- what is read ----------------------------------------------------------------------------------------------------


def test_defaults_are_safe(folder: Path) -> None:
    found = read(folder, config())
    assert (found.listen, found.series, found.publishes_policy) == (("127.0.0.1", 9741), "default", True)
    assert (found.log_format, found.log_level) == ("text", "info")
    assert (found.policy, found.state_dir) == (folder / "policy.yaml", folder / "state")
    [system] = found.systems
    assert (system.name, system.vendor, system.url) == ("hq", "veeam", "https://hq.example.org:9419")
    assert (system.every, system.deadline, system.stale_after) == (300, 240, 1800)
    assert (system.tls.insecure, system.username, system.password) == (False, None, None)
    assert system.line == 3


def test_everything_given_is_read(folder: Path) -> None:
    extra = "listen: '[::1]:9000'\nseries: full\nmax_series: 20000\npublishes_policy: false\n"
    extra += "log: {format: json, level: debug}\n"
    system = "ca_file: ca.pem, server_name: vbr, username: svc, password_file: secret, every: 20m, stale_after: 2h"
    found = read(folder, config(extra, system=system))
    assert (found.listen, found.series, found.max_series) == (("::1", 9000), "full", 20000)
    assert (found.publishes_policy, found.log_format, found.log_level) == (False, "json", "debug")
    [hq] = found.systems
    assert (hq.every, hq.deadline, hq.stale_after) == (1200, 960, 7200)
    assert (hq.tls.ca_file, hq.tls.server_name, hq.username) == (folder / "ca.pem", "vbr", "svc")
    assert hq.password is not None
    assert hq.password.reveal() == CANARY
    assert CANARY not in repr(found)


def test_secrets_come_from_the_environment_and_names_from_files(folder: Path) -> None:
    text = config(system="username_file: secret, password_env: VEEAM_PASSWORD")
    [hq] = read(folder, text, {"VEEAM_PASSWORD": "s3cret"}).systems
    assert hq.username == CANARY
    assert hq.password is not None
    assert (hq.password.reveal(), hq.password.origin) == ("s3cret", "environment VEEAM_PASSWORD")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9419", "http://[::1]:9419/", "http://localhost:1"])
def test_http_is_allowed_on_loopback(url: str, folder: Path) -> None:
    [system] = read(folder, config(systems=f"[{{name: x, vendor: veeam, url: '{url}'}}]")).systems
    assert system.url == url


def test_stale_after_follows_a_slow_cadence(folder: Path) -> None:
    [system] = read(folder, config(system="every: 2h")).systems
    assert system.stale_after == 6 * 3600


def test_the_example_is_read_once_its_secrets_are_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: True)
    (folder / "secrets").mkdir()
    for name in ("veeam-hq", "acronis-msp"):
        shutil.copy(folder / "secret", folder / "secrets" / name)
    example = Path(__file__).parent.parent / "examples" / "lastgood.yaml"
    found = read(folder, example.read_text(), {"VEEAM_BRANCH_PASSWORD": "x"})
    assert [(s.name, s.every, s.password is not None) for s in found.systems] == [
        ("veeam-hq", 300, True),
        ("veeam-branch", 600, True),
        ("acronis-msp", 300, True),
    ]


def test_the_examples_pass_check_config_even_with_what_stands_in_comments(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a reader takes the comment signs from must be right at once: Enterprise Manager, a provider's customers."""
    monkeypatch.setattr(os, "access", lambda *_: True)
    monkeypatch.setenv("VEEAM_BRANCH_PASSWORD", "x")
    (folder / "secrets").mkdir()
    for name in ("veeam-hq", "veeam-12", "veeam-em", "acronis-msp"):
        shutil.copy(folder / "secret", folder / "secrets" / name)
    for name in ("backup-12.pem", "em.pem"):
        shutil.copy(certifi.where(), folder / name)
    for name in ("lastgood.yaml", "policy.yaml"):
        text = (Path(__file__).parent.parent / "examples" / name).read_text()
        whole, turned = re.subn(r"^( +)# (- |  +|\w+: \[)", r"\1\2", text, flags=re.MULTILINE)
        assert turned
        (folder / name).write_text(whole)
    done = CliRunner().invoke(check_config, ["--config", str(folder / "lastgood.yaml"), "--now", "2026-11-24T20:00Z"])
    assert (done.exit_code, done.stdout) == (0, "")
    held = yaml.safe_load((folder / "lastgood.yaml").read_text())["systems"]
    assert {s["name"] for s in held} >= {"veeam-hq", "veeam-branch", "veeam-12", "veeam-remote", "acronis-msp"}
    rules = yaml.safe_load((folder / "policy.yaml").read_text())["workloads"]
    assert {"tenant", "tenant_path"} <= {key for rule in rules for key in rule["match"]}


# --- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "fragment"),
    [
        ("evry: 5m", "systems[0].evry: unknown key 'evry' -> did you mean 'every'?"),
        ("every: 300", "systems[0].every: '300' has no unit -> write 300m"),
        ("every: 1s", "too short"),
        ("every: 5m, deadline: 6m", "systems[0].deadline: a poll may last longer"),
        ("every: 1h, stale_after: 30m", "systems[0].stale_after: data would be stale"),
        (f"username: u, password: {CANARY}", "unknown key 'password' -> put it into a file of mode 0600"),
        (f"token: {CANARY}", "unknown key 'token' -> put it into a file"),
        ("username: u", "there is a user name, but no password"),
        ("username: u, password_file: nowhere", "cannot be read: No such file or directory"),
        (f"username: u, password_file: {CANARY}", "systems[0].password_file: the file it names cannot be read"),
        ("username: u, password_env: NOT_SET", "the environment variable is not set"),
        ("username: u, password_env: EMPTY", "the environment variable is empty"),
        (f"username: u, password_env: '{CANARY}'", "not the name of an environment variable"),
        ("password_file: secret, password_env: SET", "both password_file and password_env"),
        ("username: u, username_file: secret, password_env: SET", "both username and username_file"),
        ("insecure: true, ca_file: ca.pem", "insecure would ignore ca_file"),
        ("insecure: true, pin_sha256: '00'", "insecure would ignore pin_sha256"),
        ("insecure: yes", "neither true nor false"),
        ("ca_file: ca.pem, pin_sha256: '00'", "both ca_file and pin_sha256"),
        ("pin_sha256: 'aa:bb'", "no SHA-256 fingerprint"),
        ("ca_file: nowhere.pem", "cannot be read"),
        ("ca_file: policy.yaml", "holds no PEM certificate"),
        ("verify: false", "insecure: true"),
        ("options: {region: x}", "unknown option 'region'"),
    ],
)
def test_each_mistake_of_a_system_is_one_clear_message(system: str, fragment: str, folder: Path) -> None:
    [told] = mistakes(folder, config(system=system), {"EMPTY": "", "SET": CANARY})
    assert told.startswith("lastgood.yaml:3: ")
    assert fragment in told


@pytest.mark.parametrize(
    ("url", "fragment"),
    [
        ("http://hq.example.org:9419", "in clear"),
        (f"https://u:{CANARY}@hq.example.org", "in the URL"),
        ("hq.example.org:9419", "no https URL"),
        ("ftp://hq.example.org", "no https URL"),
        ("https://", "no https URL"),
        ("https://hq:99999", "no URL"),
        ("https://[::1", "no URL"),
        (f"https://hq/?token={CANARY}", "query"),
        ("http://127.0.0.1.evil.example", "in clear"),
    ],
)
def test_bad_urls_are_told_without_quoting_them(url: str, fragment: str, folder: Path) -> None:
    [told] = mistakes(folder, config(systems=f"[{{name: x, vendor: veeam, url: '{url}'}}]"))
    assert "systems[0].url: " in told
    assert fragment in told


@pytest.mark.parametrize(
    ("systems", "fragment"),
    [
        ("[]", "no system to read"),
        ("[{name: a, vendor: vem, url: 'https://a'}]", "unknown vendor 'vem' -> did you mean 'veeam'?"),
        ("[{name: a, vendor: rubrik, url: 'https://a'}]", "-> use one of: acronis, veeam"),
        ("[{vendor: veeam, url: 'https://a'}]", "the key 'name' is missing"),
        ("[{name: a, vendor: veeam}]", "the key 'url' is missing"),
        ("[{name: policy, vendor: veeam, url: 'https://a'}]", "reserved"),
        ("[{name: 'a b', vendor: veeam, url: 'https://a'}]", "cannot be a system's name"),
        (
            "[{name: a, vendor: veeam, url: 'https://a'}, {name: a, vendor: veeam, url: 'https://b'}]",
            "systems[1]: the system 'a' is already in line 3",
        ),
    ],
)
def test_each_mistake_in_the_list_of_systems(systems: str, fragment: str, folder: Path) -> None:
    [told] = mistakes(folder, config(systems=systems))
    assert fragment in told


@pytest.mark.parametrize(
    ("extra", "fragment"),
    [
        ("listen: 9741\n", "no address to listen on"),
        ("listen: '::1:9741'\n", "no address to listen on"),
        ("listen: 127.0.0.1:70000\n", "no address to listen on"),
        ("series: all\n", "unknown profile 'all'"),
        ("log: {level: verbose}\n", "unknown level"),
        ("max_series: 10\n", "out of range"),
        ("publishes_policy: on\n", "neither true nor false"),
        ("polcy: x\n", "did you mean 'policy'?"),
        ("interval: 5m\n", "every: 5m"),
    ],
)
def test_each_mistake_of_the_exporter_s_own_keys(extra: str, fragment: str, folder: Path) -> None:
    [told] = mistakes(folder, config(extra))
    assert fragment in told


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602])
def test_a_secret_anybody_may_read_is_refused_with_the_command_that_mends_it(mode: int, folder: Path) -> None:
    (folder / "secret").chmod(mode)
    [told] = mistakes(folder, config(system="username: u, password_file: secret"))
    assert told.endswith(f"-> chmod 0600 {folder / 'secret'}")


@pytest.mark.parametrize("data", [b"", b"\n", b"a\nb\n", b"\xff\xfe", b"x" * 70000])
def test_a_secret_file_holds_one_line(data: bytes, folder: Path) -> None:
    (folder / "secret").write_bytes(data)
    [told] = mistakes(folder, config(system="username: u, password_file: secret"))
    assert "one line of text" in told


def test_an_unreadable_policy_is_told_with_its_line(folder: Path) -> None:
    (folder / "policy.yaml").unlink()
    [told] = mistakes(folder, config())
    assert told.startswith("lastgood.yaml:1: policy: ")


def test_a_state_directory_must_be_a_writable_directory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "state").write_text("")
    [told] = mistakes(folder, config())
    assert "is not a directory" in told
    (folder / "state").unlink()
    monkeypatch.setattr(os, "access", lambda *_: False)
    [told] = mistakes(folder, config())
    assert "is not writable" in told


def test_all_mistakes_are_told_together(folder: Path) -> None:
    told = mistakes(folder, config("listen: x\n", systems="[{name: a, vendor: b, url: c, every: 5}]"))
    assert len(told) == 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.0.0.0:9741", ("0.0.0.0", 9741)), ("[::]:1", ("::", 1)), ("localhost:0", ("localhost", 0))],
)
def test_addresses_to_listen_on(text: str, expected: tuple[str, int]) -> None:
    assert parse_listen(text) == expected


# --- vendor facts ----------------------------------------------------------------------------------------------------


def test_a_vendor_declares_its_options_and_what_it_fills(tmp_path: Path) -> None:
    (tmp_path / "aws").mkdir()
    text = "url: optional\noptions: {region: text, lookback: duration}\nfills: [name, tag]\ntitle: AWS\n"
    (tmp_path / "aws" / "vendor.yaml").write_text(text)
    facts = vendor_facts("aws", tmp_path)
    assert (facts.needs_url, facts.fills) == (False, frozenset({"name", "tag"}))
    assert facts.options == {"region": OptionKind.TEXT, "lookback": OptionKind.DURATION}
    assert vendor_facts("azure", tmp_path).fills is None


def test_options_are_typed_as_declared(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = "{a: text, b: duration, c: flag, d: integer, e: file, f: list, g: secret}"
    (folder / "token").write_text("opens everything\n")
    (folder / "token").chmod(0o600)
    (folder / "acronis").mkdir()
    (folder / "acronis" / "vendor.yaml").write_text(f"url: optional\noptions: {kinds}\nfills: [name, id]\n")
    monkeypatch.setattr("exporters.__path__", [str(folder)])
    options = "{a: '1.10', b: 2h, c: true, d: 7, e: key.json, f: [x, y], g: token}"
    found = read(folder, config(systems=f"[{{name: a, vendor: acronis, options: {options}}}]"))
    assert found.systems[0].options == {
        "a": "1.10",
        "b": 7200.0,
        "c": True,
        "d": 7,
        "e": folder / "key.json",
        "f": ("x", "y"),
        "g": Secret("opens everything", f"file {folder / 'token'}"),
    }
    (folder / "token").chmod(0o644)
    with pytest.raises(ConfigError, match="any user of this machine may read the secret"):
        read(folder, config(systems=f"[{{name: a, vendor: acronis, options: {options}}}]"))
    assert fills_of(found) == {"acronis": frozenset({"name", "id"})}


# --- the command -----------------------------------------------------------------------------------------------------


def run(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(check_config, [*args, "--now", "2026-11-23T01:00:00Z"])
    return result.exit_code, result.output


def test_check_config_exits_by_what_it_found(folder: Path) -> None:
    policy = folder / "policy.yaml"
    assert run("--policy", str(policy), "--strict") == (0, "no errors, no warnings\n")
    policy.write_text(POLICY.replace("gold: {", "old: {rpo: 1h}, gold: {"))
    code, output = run("--policy", str(policy))
    assert code == 0
    assert f"{policy}:2: warning: tiers.old: no rule uses this tier -> " in output
    assert run("--policy", str(policy), "--strict")[0] == 1
    policy.write_text(POLICY.replace("26h", "26"))
    code, output = run("--policy", str(policy))
    assert code == 2
    assert f"{policy}:2: tiers.gold.rpo: '26' has no unit -> write 26m, 26h or 26d" in output


def test_check_config_checks_the_settings_and_the_policy_they_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "acronis").mkdir()
    source = "class Source:\n    def close(self): ...\n\n\ndef connect(settings, cursor):\n    return Source()\n"
    (folder / "acronis" / "__init__.py").write_text(source)
    (folder / "acronis" / "vendor.yaml").write_text("fills: [name, id]\n")
    monkeypatch.setattr("exporters.__path__", [str(folder), *exporters.__path__])
    path = folder / "lastgood.yaml"
    path.write_text(config(systems="[{name: a, vendor: acronis, url: 'https://a'}]"))
    (folder / "policy.yaml").write_text(POLICY.replace("[{match: {}", "[{match: {tag: x}, tier: gold}, {match: {}"))
    # Folders that stand for vendors are imported: no other test must find this one.
    monkeypatch.delitem(sys.modules, "exporters.acronis", raising=False)
    code, output = run("--config", str(path))
    assert code == 2, output
    assert "policy.yaml:3: workloads[0].match.tag: acronis cannot fill 'tag'" in output
