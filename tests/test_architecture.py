"""The rules that keep the parts apart: who may import whom, how long a file may be, what no file may hold."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("lastgood", "exporters", "nagios_checks")
SHELVES = ("zabbix_templates", "grafana_dashboards", "alert_rules")
FLOOR = {"lastgood.model", "lastgood.findings", "lastgood.installation", "lastgood.clock", "lastgood.errors"}
MAX_FILE, MAX_FUNCTION = 400, 60

# Data that reads best in one piece, with its reason: {"package/file.py": "..."}, {"package/file.py:function": "..."}.
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}


# --- reading imports -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Import:
    module: str  # for `from a import b` both a and a.b, since b may be a module
    line: int
    lazy: bool  # inside a function: paid for, and needed, only when it is called
    typing: bool  # under `if TYPE_CHECKING:`, never executed


def imports(source: str, package: str) -> list[Import]:
    """Every import of a module that lies in `package`, `import_module("name")` included."""
    return list(_walk(ast.parse(source).body, package, lazy=False, typing=False))


def _walk(nodes: list[ast.AST] | list[ast.stmt], package: str, lazy: bool, typing: bool) -> Iterator[Import]:
    for node in nodes:
        for module in _modules(node, package):
            yield Import(module, getattr(node, "lineno", 0), lazy, typing)
        inner = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            yield from _walk(node.body, package, inner, True)
            yield from _walk(node.orelse, package, inner, typing)
        else:
            yield from _walk(list(ast.iter_child_nodes(node)), package, inner, typing)


def _modules(node: ast.AST, package: str) -> list[str]:
    match node:
        case ast.Import():
            return [alias.name for alias in node.names]
        case ast.ImportFrom():
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *filter(None, [base])])
            return [base, *(f"{base}.{alias.name}" for alias in node.names)]
        case ast.Call(func=ast.Name(id="import_module") | ast.Attribute(attr="import_module"), args=[first, *_]):
            return [first.value] if isinstance(first, ast.Constant) and isinstance(first.value, str) else []
    return []


def top(module: str) -> str:
    return module.partition(".")[0]


@dataclass(frozen=True)
class Module:
    path: Path
    name: str
    package: str
    imports: list[Import]

    def says(self, found: Import, complaint: str) -> str:
        return f"{self.path.relative_to(ROOT)}:{found.line}: {found.module}: {complaint}"


def read(path: Path) -> Module:
    parts = path.relative_to(ROOT).with_suffix("").parts
    package = ".".join(parts[:-1])
    name = package if parts[-1] == "__init__" else ".".join(parts)
    return Module(path, name, package, imports(path.read_text(encoding="utf-8"), package))


@pytest.fixture(scope="module")
def modules() -> list[Module]:
    found = [read(path) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    assert {top(module.name) for module in found} == set(PACKAGES)
    return found


def agreed(wrong: list[str]) -> None:
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


# --- who may import whom ---------------------------------------------------------------------------------------------


def test_the_core_imports_neither_neighbour(modules: list[Module]) -> None:
    """Only the command line reaches for exporters, and only when a command needs them; types cost nothing."""
    wrong = [
        module.says(found, "the core may not import it" if not found.lazy else "only the command line may, lazily")
        for module in modules
        if top(module.name) == "lastgood"
        for found in module.imports
        if top(found.module) in ("exporters", "nagios_checks")
        and not (
            (found.lazy or found.typing) and (module.name + ".").startswith(("lastgood.cli.", "lastgood.commands."))
        )
    ]
    agreed(wrong)


def test_the_floor_needs_only_the_standard_library(modules: list[Module]) -> None:
    wrong = [
        module.says(found, "the floor stands on the standard library and itself")
        for module in modules
        if module.name in FLOOR
        for found in module.imports
        if top(found.module) not in sys.stdlib_module_names
        and not (found.module == "lastgood" or any((found.module + ".").startswith(floor + ".") for floor in FLOOR))
    ]
    agreed(wrong)


def test_no_vendor_knows_another(modules: list[Module]) -> None:
    vendors = {path.parent.name for path in (ROOT / "exporters").glob("*/__init__.py")}
    wrong = []
    for module in modules:
        own = module.name.split(".")[1] if module.name.count(".") else ""
        if top(module.name) != "exporters" or own not in vendors:
            continue
        for found in module.imports:
            parts = found.module.split(".")
            if parts[0] == "exporters" and len(parts) > 1 and parts[1] in vendors - {own}:
                wrong.append(module.says(found, f"{own} may not know {parts[1]}"))
    agreed(wrong)


def test_the_fast_path_of_a_check_is_the_standard_library(modules: list[Module]) -> None:
    """A check is started thousands of times an hour: what it imports before it knows its task is paid each time."""
    known = {module.name: module for module in modules if top(module.name) == "nagios_checks"}
    todo = [name for name in known if re.search(r"\.(plugin|check_\w+)$", name)]
    todo.append("nagios_checks")
    wrong, done = [], set()
    while todo:
        name = todo.pop()
        if name in done:
            continue
        done.add(name)
        for found in known[name].imports:
            if found.lazy or found.typing or top(found.module) in sys.stdlib_module_names:
                continue
            if found.module in known:
                todo.append(found.module)
            elif top(found.module) != "nagios_checks":
                wrong.append(known[name].says(found, "on the fast path of a check; import it where it is needed"))
    agreed(wrong)


def test_nobody_imports_the_tests(modules: list[Module]) -> None:
    wrong = [module.says(found, "no") for module in modules for found in module.imports if top(found.module) == "tests"]
    agreed(wrong)


def test_shelves_hold_no_code() -> None:
    agreed([str(path.relative_to(ROOT)) for shelf in SHELVES for path in (ROOT / shelf).rglob("*.py")])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import exporters.veeam", ("exporters.veeam", False, False)),
        ("from exporters import veeam", ("exporters.veeam", False, False)),
        ("from .aws import client", ("exporters.aws.client", False, False)),
        ("from ..aws import client", ("aws.client", False, False)),
        ("try:\n    import exporters\nexcept ImportError:\n    pass", ("exporters", False, False)),
        ("class A:\n    import exporters", ("exporters", False, False)),
        ("def f():\n    import exporters", ("exporters", True, False)),
        ("if TYPE_CHECKING:\n    import exporters", ("exporters", False, True)),
        ("importlib.import_module('exporters')", ("exporters", False, False)),
    ],
)
def test_no_form_of_import_is_overlooked(source: str, expected: tuple[str, bool, bool]) -> None:
    assert expected in [(found.module, found.lazy, found.typing) for found in imports(source, "exporters")]


# --- size ------------------------------------------------------------------------------------------------------------


def test_files_and_functions_stay_short(modules: list[Module]) -> None:
    wrong = []
    for module in modules:
        place = module.path.relative_to(ROOT).as_posix()
        source = module.path.read_text(encoding="utf-8")
        lines = source.count("\n")
        if lines > MAX_FILE and place not in LONG_FILES:
            wrong.append(f"{place}: {lines} lines, more than {MAX_FILE}: split it by noun")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > MAX_FUNCTION and f"{place}:{node.name}" not in LONG_FUNCTIONS:
                    wrong.append(f"{place}:{node.lineno}: {node.name} has {length} lines, more than {MAX_FUNCTION}")
    agreed(wrong)


# --- what no file may hold -------------------------------------------------------------------------------------------


def test_no_file_names_this_machine() -> None:
    """A path that exists on one developer's machine is a dead one everywhere else."""
    if not shutil.which("git"):
        pytest.skip("no git, and nothing else tells the project's files from a build's")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("no git checkout, and nothing else tells the project's files from a build's")
    # Documentation may well name /srv; a checkout right under it looks for its own path only.
    common = {"/", "/data", "/home", "/mnt", "/opt", "/root", "/srv", "/tmp", "/usr/src", "/var", "/var/tmp"}
    place = ROOT if str(ROOT.parent) in common else ROOT.parent
    path = re.compile(rb"(?<![\w.-])" + re.escape(str(place).encode()) + rb"(?![\w.-])")
    wrong = []
    for name in filter(None, listed.stdout.split(b"\0")):
        file = ROOT / name.decode()
        if file.is_file() and not file.is_symlink() and path.search(file.read_bytes()):
            wrong.append(f"{name.decode()}: names a path of this machine")
    agreed(wrong)
