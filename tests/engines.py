"""The real engines the tests start: where they are, how they get here, and which of them a run used.

`find(name)` answers with an Engine or with Missing and its reason; tests use it through the fixtures of conftest.py.
`python tests/engines.py fetch [--install]` brings what is missing; `report [--fast]` prints what closes ./run-tests.
"""

import argparse
import configparser
import contextlib
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UNPACKED = ROOT / ".engines"
WHY_NOT = UNPACKED / "why-not.json"  # why a fetch could not bring an engine, for the skips of the tests that follow
# The last: apt-get's own user may not write to a folder of ours.
APT = ("apt-get", "-q", "-oAcquire::Retries=2", "-oAcquire::http::Timeout=30", "-oAPT::Sandbox::User=root")
STOPS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
POLICY_RC = Path("/usr/sbin/policy-rc.d")
POLICY_RC_TEXT = (
    "#!/bin/sh\n# By lastgood's run-tests, while it installs: start no service. Safe to remove.\nexit 101\n"
)
STARTER = """#!/bin/sh
# By lastgood's run-tests: what is unpacked finds its libraries beside it.
root=$(dirname -- "$(dirname -- "$(readlink -f -- "$0")")")
LD_LIBRARY_PATH=$(echo "$root"/usr/lib/*-linux-gnu) exec "$root"/{program} "$@"
"""


@dataclass(frozen=True, slots=True)
class Engine:
    name: str
    path: Path
    version: str


@dataclass(frozen=True, slots=True)
class Missing:
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Spec:
    """One section of engines.cfg."""

    name: str
    binaries: tuple[str, ...]
    packages: tuple[str, ...]
    bring: str
    required: bool
    folder: str | None
    program: str | None
    status: int


class FetchError(Exception):
    """An engine could not be brought, and why."""


@functools.cache
def specs() -> dict[str, Spec]:
    config = configparser.ConfigParser()
    config.read_string((ROOT / "tests/engines.cfg").read_text(encoding="utf-8"))
    return {
        name: Spec(
            name,
            tuple(config[name]["binaries"].split()),
            tuple(config[name]["packages"].split()),
            bring={way: way for way in ("unpack", "gather", "install", "go")}[config[name]["bring"]],
            required=config[name].getboolean("required", fallback=True),
            folder=config[name].get("folder"),
            program=config[name].get("program"),
            status=config[name].getint("status", fallback=0),
        )
        for name in config.sections()
    }


@functools.cache
def find(name: str) -> Engine | Missing:
    spec = specs()[name]
    reason = None
    for path in _candidates(spec):
        answer, status = _ask([str(path), "--version"])
        version = re.search(r"\d+\.\d[\w.+~-]*", answer)
        if status == spec.status and version:
            return Engine(name, path, version.group())
        # A library it lacks is named by the loader, in the first line.
        reason = reason or f"{path} does not start: {(answer.splitlines() or ['it said nothing'])[0]}"
    return Missing(name, reason or _reasons().get(name) or _remedy(spec))


def required() -> bool:
    """Whether an engine that engines.cfg requires must be there."""
    return bool(os.environ.get("CI") or os.environ.get("LASTGOOD_REQUIRE_ENGINES"))


def _candidates(spec: Spec) -> Iterator[Path]:
    # `bin` first: what is built or gathered stands there, and Debian's own starter of the same name in the others.
    own = [UNPACKED / folder for folder in ("bin", "usr/bin", "usr/sbin")]
    beside = [root / spec.folder for root in (UNPACKED, Path("/"))] if spec.folder else []
    for folder in (*own, *beside):
        for binary in spec.binaries:
            if (folder / binary).is_file():
                yield folder / binary
    for binary in spec.binaries:
        if found := shutil.which(binary):
            yield Path(found)


def _ask(command: list[str]) -> tuple[str, int | None]:
    """What it says and its exit status; None when it did not start or end."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error), None
    return done.stdout.decode(errors="replace").strip(), done.returncode


def _reasons() -> dict[str, str]:
    try:
        reasons = json.loads(WHY_NOT.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return reasons if isinstance(reasons, dict) else {}


def _remedy(spec: Spec) -> str:
    if spec.bring == "go":
        return "not in .engines; './run-tests --install-engines' builds it where Go is present"
    if spec.bring in ("unpack", "gather"):
        return f"neither in .engines nor on PATH; ./run-tests unpacks it from Debian's {' or '.join(spec.packages)}"
    return f"not on PATH; './run-tests --install-engines', as root, installs {' '.join(spec.packages)}"


# --- bringing them ---------------------------------------------------------------------------------------------------


def fetch(install: bool) -> None:
    """Bring every engine that is missing; what cannot be brought gets its reason written down."""
    reasons: dict[str, str] = {}
    WHY_NOT.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, spec in specs().items():
            find.cache_clear()  # one package brings several
            if isinstance(find(name), Engine):
                continue
            try:
                if spec.bring == "unpack":
                    _unpack(spec, Path(folder))
                elif spec.bring == "gather":
                    _gather(spec, Path(folder))
                elif install and spec.bring == "go":
                    _build(spec, Path(folder))
                elif install:
                    _install(spec)
            except FetchError as error:
                reasons[name] = str(error)
    if reasons:
        UNPACKED.mkdir(exist_ok=True)
        WHY_NOT.write_text(json.dumps(reasons), encoding="utf-8")
    find.cache_clear()
    for name in specs():
        engine = find(name)
        print(f"{name}: {engine.version if isinstance(engine, Engine) else engine.reason}")


def _unpack(spec: Spec, folder: Path) -> None:
    why = ""
    for package in spec.packages:
        print(f"{spec.name}: unpacking Debian's {package}", flush=True)
        try:
            _download(package, folder)
        except FetchError as error:
            why = why or str(error)
            continue
        _extract(folder)
        find.cache_clear()
        engine = find(spec.name)
        if isinstance(engine, Engine):
            return
        why = engine.reason
    raise FetchError(why)


def _gather(spec: Spec, folder: Path) -> None:
    """A program that needs more libraries than this machine has: all of them, and a starter that tells it where."""
    print(f"{spec.name}: unpacking Debian's {' '.join(spec.packages)} and what it needs", flush=True)
    (folder / "partial").mkdir(exist_ok=True)
    # Only downloading, apt-get neither needs its lock nor root.
    getting = [*APT, "-oDebug::NoLocking=1", "-y", "--no-install-recommends", "--download-only"]
    to, command = [f"-oDir::Cache::archives={folder}/"], ["install", *spec.packages]
    try:
        _run([*getting, *to, *command], folder)
    except FetchError:
        options, trouble = _own_lists(folder)
        try:
            _run([*getting, *options, *to, *command], folder)
        except FetchError as error:
            raise FetchError(f"{error}. {trouble}".rstrip(". ")) from None
    _extract(folder)
    (UNPACKED / "bin").mkdir(parents=True, exist_ok=True)
    starter = UNPACKED / "bin" / spec.binaries[0]
    starter.write_text(STARTER.format(program=spec.program), encoding="utf-8")
    starter.chmod(0o755)
    find.cache_clear()
    engine = find(spec.name)
    if isinstance(engine, Missing):
        raise FetchError(engine.reason)


def _extract(folder: Path) -> None:
    for archive in folder.glob("*.deb"):
        _run(["dpkg-deb", "-x", str(archive), str(UNPACKED)], folder)
        archive.unlink()


def _download(package: str, folder: Path) -> None:
    try:
        _run([*APT, "download", package], folder)
    except FetchError:
        # No package lists, as in a fresh container, or outdated ones: lists of our own need no root.
        options, trouble = _own_lists(folder)
        try:
            _run([*APT, *options, "download", package], folder)
        except FetchError as error:
            raise FetchError(f"{error}. {trouble}".rstrip(". ")) from None


@functools.cache
def _own_lists(folder: Path) -> tuple[list[str], str]:
    """The options that make apt-get use package lists of ours, and what went wrong when they were fetched."""
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    options = ["-o", f"Dir::State::lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache"]
    told = _run([*APT, *options, "update"], folder)
    # To apt-get an update without network is a success with warnings.
    return options, next((line for line in told if line.startswith("W: Failed to fetch")), "")


def _install(spec: Spec) -> None:
    if os.geteuid() != 0:
        raise FetchError(f"needs root: apt-get install {' '.join(spec.packages)}")
    print(f"{spec.name}: installing Debian's {' '.join(spec.packages)}", flush=True)
    install = [*APT, "install", "-y", "--no-install-recommends", *spec.packages]
    with _no_service_starts():
        try:
            _run(install, Path("/"))
        except FetchError:
            _run([*APT, "update"], Path("/"))
            _run(install, Path("/"))


def _build(spec: Spec, folder: Path) -> None:
    """`go install` one program and give it the name of the engine, so that it stands beside an older one."""
    (package,) = spec.packages
    minor = re.search(r"@v0\.(\d)(\d\d)\.(\d+)$", package)
    if minor is None:
        raise FetchError(f"{package} has no version that tells a release")
    release = f"{minor[1]}.{int(minor[2])}.{minor[3]}"
    print(f"{spec.name}: building {package}", flush=True)
    told = f"-X github.com/prometheus/common/version.Version={release}"
    # Service discoveries of every cloud are most of its weight and none of its rules.
    _run(["go", "install", "-tags", "remove_all_sd", "-ldflags", told, package], folder, GOBIN=str(folder))
    (UNPACKED / "bin").mkdir(parents=True, exist_ok=True)
    shutil.move(folder / "promtool", UNPACKED / "bin" / spec.binaries[0])


def _run(command: list[str], cwd: Path, **env: str) -> list[str]:
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"} | env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=900,
            check=False,
        )
    except FileNotFoundError:
        raise FetchError(f"there is no {command[0]} here") from None
    except subprocess.TimeoutExpired:
        raise FetchError(f"{' '.join(command)}: no end after 15 minutes") from None
    lines = done.stdout.decode(errors="replace").strip().splitlines()
    if done.returncode:
        worst = next((line for line in lines if line.startswith("E: ")), lines[-1] if lines else "it said nothing")
        raise FetchError(f"{command[0]} {command[-1]}: {worst.removeprefix('E: ')}")
    return lines


@contextlib.contextmanager
def _no_service_starts() -> Iterator[None]:
    """Debian's own switch against starting services at installation: set only if nobody has, taken back in any case.

    Who asks us to stop meanwhile waits until apt-get is done: half an installation would outlive us.
    """
    asked: list[int] = []
    # A leftover of a run that was killed is ours too.
    ours = not POLICY_RC.exists() or POLICY_RC.read_text(errors="replace") == POLICY_RC_TEXT
    before = {number: signal.signal(number, lambda number, _: asked.append(number)) for number in STOPS}
    try:
        if ours:
            POLICY_RC.write_text(POLICY_RC_TEXT, encoding="utf-8")
            POLICY_RC.chmod(0o755)
        yield
    finally:
        if ours:
            POLICY_RC.unlink(missing_ok=True)
        for number, handler in before.items():
            signal.signal(number, handler)
        if asked:
            signal.raise_signal(asked[0])


# --- what a run used -------------------------------------------------------------------------------------------------


def note(**entry: int | list[str]) -> None:
    """Add one line to the log that ./run-tests reads out at the end; without it, nothing."""
    if log := os.environ.get("LASTGOOD_TEST_LOG"):
        with Path(log).open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


def report(fast: bool) -> int:
    """Print the tests' total and the one list of engines; 1 if one is missing that must be there."""
    log = os.environ.get("LASTGOOD_TEST_LOG")
    entries = [json.loads(line) for line in Path(log).read_text(encoding="utf-8").splitlines()] if log else []
    total = {key: sum(entry[key] for entry in entries) for key in ("passed", "failed", "skipped")}
    print("tests: {passed} passed, {failed} failed, {skipped} skipped\n".format(**total))

    used = {name for entry in entries for name in entry["engines"]}
    lacking = 0
    print("Engines:")
    for name, spec in specs().items():
        engine = find(name)
        if isinstance(engine, Missing):
            must = required() and spec.required and not fast
            lacking |= must
            print(f"  {name:13} {'MISSING, and required' if must else 'skipped'}: {engine.reason}")
            continue
        path = engine.path.relative_to(ROOT) if engine.path.is_relative_to(ROOT) else engine.path
        if name in used:
            print(f"  {name:13} exercised: {engine.version}, {path}")
        else:
            why = "--fast leaves the engines out" if fast else "no test ran with it"
            print(f"  {name:13} skipped: {why} ({engine.version}, {path})")
    return lacking


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("fetch").add_argument("--install", action="store_true", help="also apt-get install, as root")
    commands.add_parser("report").add_argument("--fast", action="store_true", help="the engine tests were not run")
    options = parser.parse_args()
    if options.command == "report":
        return report(options.fast)
    fetch(options.install)
    return 0


if __name__ == "__main__":
    sys.exit(main())
