"""The wheel a user gets: what is in it, and that it runs where there is no checkout."""

import configparser
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from lastgood import __version__

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("lastgood", "exporters", "nagios_checks")

# Files inside the packages that serve a checkout only: documentation, recorded answers, compiled definitions.
CHECKOUT_ONLY = ("README.md", "testcases", "objects")


def _run(command: list[str | Path], cwd: Path, code: int = 0) -> str:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False, env={"LC_ALL": "C"}
    )
    assert done.returncode == code, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: a build leaves its own folders behind, and takes files from those of an earlier one."""
    source = tmp_path_factory.mktemp("source")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.cfg", "README.md", "LICENSE", "MANIFEST.in"):
        shutil.copy(ROOT / name, source)
    target = tmp_path_factory.mktemp("dist")
    _run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", target], source)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def clean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel installed: it sees this one's libraries, but not the checkout.

    The editable install is a .pth file, and those are not read in a folder that itself comes from a .pth file.
    """
    home = tmp_path_factory.mktemp("clean")
    _run([sys.executable, "-m", "venv", "--without-pip", home], home)
    python = home / "bin/python"
    _run([sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-index", "--no-deps", wheel], home)
    site = Path(_run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], home).strip())
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n" + sysconfig.get_path("platlib") + "\n")
    return home


def test_wheel_holds_the_three_packages_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {*PACKAGES, *(top for top in tops if top.startswith("lastgood-") and top.endswith(".dist-info"))}
    assert not [name for name in names if "testcases" in name or "/tests/" in name]


def test_every_file_of_the_packages_is_in_the_wheel(wheel: Path) -> None:
    """A template or vendor.yaml that package_data forgets works in a checkout and is missing for every user."""
    names = set(zipfile.ZipFile(wheel).namelist())
    kept = {
        path.relative_to(ROOT)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not set(CHECKOUT_ONLY) & set(path.parts)
    }
    assert kept
    forgotten = sorted(path.as_posix() for path in kept if path.as_posix() not in names)
    assert not forgotten, f"no __init__.py, or not in package_data of setup.cfg: {', '.join(forgotten)}"


def test_the_source_archive_is_the_whole_checkout(tmp_path: Path) -> None:
    """Half of it could be built, but neither tested nor followed by README."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("no git checkout, and nothing else tells the project's files from a build's")
    names = {name for name in listed.stdout.split("\0") if (ROOT / name).is_file()}
    for name in names:
        (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "source" / name)
    command = [sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", tmp_path]
    _run([*command, tmp_path / "source"], tmp_path)
    (built,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(built) as archive:
        held = {member.name.partition("/")[2]: member for member in archive.getmembers() if member.isfile()}
    assert names - set(held) == set()
    assert all(held[name].mode & 0o100 for name in ("quickstart", "run-tests"))


def test_scripts_run_from_an_empty_folder(clean: Path, tmp_path: Path) -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    scripts = [line.partition("=")[0].strip() for line in config["options.entry_points"]["console_scripts"].split("\n")]
    for script in filter(None, scripts):
        # Nagios would take a plugin's help for OK: the guidelines end it by 3.
        code = 3 if script.startswith("check_") else 0
        assert "Usage" in _run([clean / "bin" / script, "--help"], tmp_path, code)
        assert __version__ in _run([clean / "bin" / script, "--version"], tmp_path, code)


def test_what_is_installed_compiles_the_shelves(clean: Path, tmp_path: Path) -> None:
    """Templates and all else that compiling needs came with the wheel: the same files as in the checkout."""
    shutil.copy(ROOT / "examples/policy.yaml", tmp_path)
    lastgood = clean / "bin/lastgood"
    _run([lastgood, "check-config", "--policy", "policy.yaml", "--strict"], tmp_path)
    written = _run([lastgood, "render", "--policy", "policy.yaml", "--out", "."], tmp_path).split()
    assert [name for name in written if (tmp_path / name).read_bytes() != (ROOT / name).read_bytes()] == []
    assert len(written) > 100
    _run([lastgood, "render", "--policy", "policy.yaml", "--out", ".", "--check"], tmp_path)


def test_modules_come_from_the_installed_wheel(clean: Path, tmp_path: Path) -> None:
    """The name `exporters` is taken by others too: ours must be the one found, and not by way of the checkout."""
    show = f"import {', '.join(PACKAGES)}; print(*({', '.join(f'{name}.__file__' for name in PACKAGES)}), sep='\\n')"
    files = [Path(line) for line in _run([clean / "bin/python", "-c", show], tmp_path).splitlines()]
    assert len(files) == len(PACKAGES)
    assert all(file.is_relative_to(clean) for file in files), files
