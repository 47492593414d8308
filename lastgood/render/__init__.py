"""policy -> artefacts. Pure: a builder gets the policy and gives {path inside the project: text}; nothing is read or
written but the templates that ship with the package.

Adding a shelf is one module with `build(policy)` and one line in SHELVES. One that needs what the core may not import
is joined by the command (`lastgood.commands.objects`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lastgood.policy import Policy
from lastgood.render import datadog, grafana, metrics_doc, nagios, prometheus, runbooks, zabbix
from lastgood.render.rule_tests import compile as rule_tests


@dataclass(frozen=True, slots=True)
class Shelf:
    """A builder and the glob patterns of the files that only it may put there."""

    build: Callable[[Policy], dict[str, str]]
    owns: tuple[str, ...]


SHELVES = (
    Shelf(prometheus.build, (prometheus.RULES,)),
    Shelf(rule_tests.build, (f"{rule_tests.FOLDER}/*.test.yml",)),
    Shelf(runbooks.build, (f"{runbooks.FOLDER}/*.md",)),
    Shelf(metrics_doc.build, (metrics_doc.PAGE,)),
    Shelf(nagios.build, (f"{nagios.FOLDER}/*.cfg",)),
    Shelf(grafana.build, grafana.OWNED),
    Shelf(datadog.build, datadog.OWNED),
    Shelf(zabbix.build, (f"{zabbix.FOLDER}/*/*.yaml",)),
)


def render_all(policy: Policy, shelves: Sequence[Shelf] = SHELVES) -> dict[str, str]:
    """Every compiled file, by its path inside the project (forward slashes), in a fixed order.

    Raises ValueError when two shelves claim one path.
    """
    out: dict[str, str] = {}
    for shelf in shelves:
        made = shelf.build(policy)
        if twice := out.keys() & made.keys():
            raise ValueError(f"two shelves build {', '.join(sorted(twice))}")
        out |= made
    return dict(sorted(out.items()))


def check(root: Path, wanted: Mapping[str, str], shelves: Sequence[Shelf] = SHELVES) -> list[str]:
    """How the files under `root` differ from `wanted`, all that a policy compiles to (`render_all`), one sentence each;
    empty when they do not."""
    found = []
    for path, text in wanted.items():
        file = root / path
        if not file.is_file():
            found.append(f"{path}: missing")
        elif (there := file.read_bytes()) != text.encode():
            found.append(f"{path}:{_first_difference(there, text.encode())}: differs from what is compiled")
    for shelf in shelves:
        for pattern in shelf.owns:
            extra = {p.relative_to(root).as_posix() for p in root.glob(pattern)} - wanted.keys()
            found += [f"{path}: nothing compiles to it any more" for path in sorted(extra)]
    return found


def _first_difference(there: bytes, wanted: bytes) -> int:
    """The number of the first line that is not the same."""
    a, b = there.split(b"\n"), wanted.split(b"\n")
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False), 1) if x != y), min(len(a), len(b)) + 1)
