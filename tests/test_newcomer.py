"""The mistakes of the first hour, through the command line: each is one clear message, and none is a traceback.

What is wrong in a file is told at the start, with file, line, key and remedy, and ends the command.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from lastgood import cli
from tests.newcomer import CANARY, CONFIG, write


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration without a mistake, as the current directory."""
    write(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def everything(self) -> str:
        return self.out + self.err


@dataclass
class Lastgood:
    """The `lastgood` command in this process, as its console script calls it."""

    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *arguments: str) -> Said:
        self.monkeypatch.setattr(sys, "argv", ["lastgood", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        told = self.capsys.readouterr()
        code = ended.value.code
        return Said(code if isinstance(code, int) else 0 if code is None else 1, told.out, told.err)


@pytest.fixture
def lastgood(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Lastgood:
    return Lastgood(capsys, monkeypatch)


def test_without_a_mistake_there_is_no_message(folder: Path, lastgood: Lastgood) -> None:
    assert lastgood("check-config", "--strict") == Said(0, "", "no errors, no warnings\n")


# --- what is wrong in a file -----------------------------------------------------------------------------------------

# What to replace in which file, and how each line that comes of it begins.
MISTAKES = {
    "unknown key": (
        "lastgood.yaml",
        "    url:",
        "    ulr:",
        [
            "lastgood.yaml:5: systems[0]: the key 'url' is missing -> add url: https://server.example.org:9419",
            "lastgood.yaml:7: systems[0].ulr: unknown key 'ulr' -> did you mean 'url'?",
        ],
    ),
    "unknown key of the policy": (
        "policy.yaml",
        "rpo: 26h",
        "rpo: 26h, restore_tests: 90d",
        ["policy.yaml:3: tiers.gold.restore_tests: unknown key 'restore_tests' -> did you mean 'restore_test'?"],
    ),
    "no unit": ("policy.yaml", "26h", "26", ["policy.yaml:3: tiers.gold.rpo: '26' has no unit -> write 26m, 26h or"]),
    "bad unit": ("policy.yaml", "26h", "26 hours", ["policy.yaml:3: tiers.gold.rpo: '26 hours' is not a duration ->"]),
    "no unit in the settings": (
        "lastgood.yaml",
        "    vendor: veeam",
        "    vendor: veeam\n    every: 300",
        ["lastgood.yaml:7: systems[0].every: '300' has no unit -> write 300m"],
    ),
    "missing secret file": (
        "lastgood.yaml",
        "password_file: password",
        "password_file: nowhere",
        [
            "lastgood.yaml:9: systems[0].password_file: the file it names cannot be read: No such file or directory "
            "-> check the path (relative to this file), and that the exporter's account may read it"
        ],
    ),
    "unset environment": (
        "lastgood.yaml",
        "password_file: password",
        "password_env: LASTGOOD_TEST_NOT_SET",
        [
            "lastgood.yaml:9: systems[0].password_env: the environment variable is not set "
            "-> set the variable this key names for the exporter's process"
        ],
    ),
    "password in the settings": (
        "lastgood.yaml",
        "password_file: password",
        f"password: {CANARY}",
        ["lastgood.yaml:9: systems[0].password: unknown key 'password' -> put it into a file of mode 0600"],
    ),
    "unknown tier": (
        "policy.yaml",
        "tier: gold",
        "tier: glod",
        ["policy.yaml:5: workloads[0].tier: unknown tier 'glod' -> did you mean 'gold'?"],
    ),
    "unknown vendor": (
        "lastgood.yaml",
        "vendor: veeam",
        "vendor: veam",
        ["lastgood.yaml:6: systems[0].vendor: unknown vendor 'veam' -> did you mean 'veeam'?"],
    ),
    "tab": ("policy.yaml", "  gold:", "\tgold:", ["policy.yaml:3: a tab is used as indentation -> indent with spaces"]),
    "duplicate key": (
        "policy.yaml",
        "workloads:",
        "  gold: {rpo: 30h}\nworkloads:",
        ["policy.yaml:4: tiers.gold: the key is already there in line 3 -> keep one of the two"],
    ),
    "http": (
        "lastgood.yaml",
        "http://127.0.0.1:9",
        "http://backup01.example.org:9419",
        [
            "lastgood.yaml:7: systems[0].url: http:// would send the password in clear "
            "-> write https://; http is allowed for loopback only"
        ],
    ),
    "no scheme": (
        "lastgood.yaml",
        "http://127.0.0.1:9",
        "backup01.example.org:9419",
        ["lastgood.yaml:7: systems[0].url: this is no https URL -> write it as https://server.example.org:9419"],
    ),
    "no policy": (
        "lastgood.yaml",
        "policy: policy.yaml",
        "policy: polices.yaml",
        ["lastgood.yaml:1: policy: polices.yaml cannot be read: No such file or directory -> check path"],
    ),
    "a match no vendor fills": (
        "policy.yaml",
        "{match: {}, tier",
        "{match: {tag: prod}, tier: gold}\n  - {match: {}, tier",
        ["policy.yaml:5: workloads[0].match.tag: veeam cannot fill 'tag': it would never match -> use a key it fills"],
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_in_a_file_is_told_with_its_place_and_remedy(
    name: str, folder: Path, lastgood: Lastgood, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, old, new, expected = MISTAKES[name]
    path = folder / file
    assert path.read_text().count(old) == 1
    path.write_text(path.read_text().replace(old, new))
    monkeypatch.delenv("LASTGOOD_TEST_NOT_SET", raising=False)
    checked = lastgood("check-config")
    served = lastgood("serve", "--for", "1s")
    for said, lines in ((checked, checked.out.splitlines()), (served, served.err.splitlines())):
        told = [line.removeprefix("lastgood: ") for line in lines if ": warning: " not in line]
        assert said.code == 2
        assert len(told) == len(expected), told
        for line, wanted in zip(told, expected, strict=True):
            assert line.startswith(wanted)
            assert " -> " in line
        assert "Traceback" not in said.everything
        assert CANARY not in said.everything
    assert served.out == "", "nothing may be served from a configuration with errors"


def test_what_only_the_vendor_misses_is_told_at_the_start_too(folder: Path, lastgood: Lastgood) -> None:
    path = folder / "lastgood.yaml"
    path.write_text("".join(CONFIG.splitlines(keepends=True)[:7]))
    said = lastgood("serve", "--for", "1s")
    assert (said.code, said.out) == (2, "")
    assert said.err == "lastgood: lastgood.yaml:5: system hq has no account -> set username and password_file\n"


def test_a_ca_file_that_openssl_cannot_read_is_told_at_the_start(folder: Path, lastgood: Lastgood) -> None:
    (folder / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nnot base64\n-----END CERTIFICATE-----\n")
    path = folder / "lastgood.yaml"
    path.write_text(path.read_text().replace("http://127.0.0.1:9", "https://127.0.0.1:9") + "    ca_file: ca.pem\n")
    said = lastgood("serve", "--for", "1s")
    assert (said.code, said.out) == (2, "")
    [line] = said.err.splitlines()
    assert line.startswith("lastgood: lastgood.yaml:5: ca_file: ca.pem: ")
    assert "-> name a readable PEM file" in line


def test_a_secret_that_others_may_read_is_refused_with_the_command_that_mends_it(
    folder: Path, lastgood: Lastgood
) -> None:
    (folder / "password").chmod(0o644)
    said = lastgood("serve", "--for", "1s")
    assert said.code == 2
    [line] = said.err.splitlines()
    assert line.startswith("lastgood: lastgood.yaml:9: systems[0].password_file: any user of this machine may read")
    mend = line.partition(" -> ")[2]
    assert mend == "chmod 0600 password"
    subprocess.run(mend.split(), cwd=folder, check=True)
    assert lastgood("check-config").code == 0


@pytest.mark.parametrize("option", ["--config", "--policy"])
@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("nowhere.yaml", "nowhere.yaml: there is no such file -> check the path and its spelling"),
        ("folder.yaml", "folder.yaml: this is a directory -> name the file inside it"),
        ("empty.yaml", "empty.yaml:1: the file is empty -> "),
        ("latin1.yaml", "latin1.yaml:2: the file is not UTF-8 -> save it with the encoding UTF-8"),
    ],
)
def test_a_file_that_is_none(place: str, told: str, option: str, folder: Path, lastgood: Lastgood) -> None:
    (folder / "folder.yaml").mkdir()
    (folder / "empty.yaml").touch()
    (folder / "latin1.yaml").write_bytes(b"version: 1\nname: Z\xfcrich\n")
    said = lastgood("check-config", option, place)
    assert said.code == 2
    [line] = said.out.splitlines()
    assert line.startswith(told)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_an_unreadable_file(folder: Path, lastgood: Lastgood) -> None:
    for name, told in {
        "lastgood.yaml": "Path 'lastgood.yaml' is not readable",
        "policy.yaml": "lastgood.yaml:1: policy: policy.yaml cannot be read: Permission denied -> check path",
        "password": "lastgood.yaml:9: systems[0].password_file: the file it names cannot be read: Permission denied",
    }.items():
        (folder / name).chmod(0)
        said = lastgood("serve", "--for", "1s")
        (folder / name).chmod(0o600)
        assert (said.code, said.out) == (2, "")
        assert told in said.err.splitlines()[-1], name


def test_a_file_that_may_not_be_read_is_told(folder: Path, lastgood: Lastgood, monkeypatch: pytest.MonkeyPatch) -> None:
    """As above, for those who run the tests as root."""
    original = Path.open

    def refused(path: Path, *args: object, **options: object) -> object:
        if path.name == "policy.yaml":
            raise PermissionError(13, "Permission denied")
        return original(path, *args, **options)  # type: ignore[arg-type, call-overload]

    monkeypatch.setattr(Path, "open", refused)
    said = lastgood("check-config", "--policy", "policy.yaml")
    told = "policy.yaml: cannot be read: Permission denied -> let the account that runs lastgood read it\n"
    assert (said.code, said.out) == (2, told)


def test_without_any_file_the_command_says_what_it_looked_for(
    tmp_path: Path, lastgood: Lastgood, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = "lastgood.yaml: there is no such file -> check the path and its spelling"
    assert lastgood("serve") == Said(2, "", f"lastgood: {told}\n")
    assert lastgood("check-config").out == f"{told}\n"
    explained = lastgood("explain", "sql-01")
    assert explained.code == 2
    assert "policy.yaml: there is no such file -> check the path and its spelling" in explained.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["serv"], "No such command 'serv'"),
        (["serve", "--confg", "x"], "No such option"),
        (["serve", "--for", "20"], "has no unit"),
        (["serve", "--listen", "9741"], "no address to listen on"),
        (["explain", "sql-01", "--url", "127.0.0.1:9741"], "--url must begin with http:// or https://"),
        (["explain", "sql-01", "--url", "http://127.0.0.1:9"], "is the exporter running there?"),
    ],
)
def test_a_mistyped_command(arguments: list[str], told: str, folder: Path, lastgood: Lastgood) -> None:
    said = lastgood(*arguments)
    assert said.code == 2
    assert told in said.err
    assert "Traceback" not in said.everything
