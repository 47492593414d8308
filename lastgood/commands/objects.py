"""`lastgood render nagios|icinga`: the objects of an estate, written into a folder that the engine reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path

from lastgood.commands.inventory import tables
from lastgood.policy import Policy
from lastgood.render import Shelf, icinga, nagios, stock
from lastgood.render.watched import Asking, Watched


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """How one engine's objects are compiled, and which files are the user's once they exist."""

    compile: Callable[[Policy, Sequence[Watched], Asking, datetime, str], dict[str, str]]
    yours: tuple[str, ...]


def _icinga(policy: Policy, watched: Sequence[Watched], asking: Asking, now: datetime, gone: str) -> dict[str, str]:
    return icinga.compile_all(policy, watched, tables(), asking, now, gone)


ENGINES: Mapping[str, Engine] = {
    "nagios": Engine(compile=nagios.compile_all, yours=nagios.YOURS),
    "icinga": Engine(compile=_icinga, yours=icinga.YOURS),
}


def icinga_shelf() -> Shelf:
    """The shelf that needs the checks' options."""
    return Shelf(lambda policy: icinga.build(policy, tables()), (f"{icinga.FOLDER}/*.conf",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """What a rendering does to a folder: files to write, what people should know. `first`: it had no stock."""

    first: bool
    services: int
    files: Mapping[str, str]
    added: Sequence[str]
    removed: Sequence[str]
    left_over: Sequence[str]


def rendering(
    engine: Engine, policy: Policy, watched: Sequence[Watched], asking: Asking, now: datetime, out: Path
) -> Rendering:
    """Compile for a folder, beside what stands there. Raises OSError for what cannot be read."""
    before = stock.read(_text(out / stock.FILE))
    present = stock.after(before, watched)
    made = {**engine.compile(policy, watched, asking, now, stock.words(present)), stock.FILE: stock.write(present)}
    there = {file.name for file in out.glob("lastgood-*") if file.is_file()}
    yours = {name for name in there if any(fnmatchcase(name, pattern) for pattern in engine.yours)}
    return Rendering(
        first=not before.present,
        services=len(present.present),
        files={n: text for n, text in made.items() if n not in yours and _text(out / n) != text},
        added=stock.added(before, present),
        removed=stock.removed(before, present),
        left_over=sorted(there - made.keys() - yours),
    )


def _text(file: Path) -> str:
    """What stands in a file; nothing for one that does not exist. Whatever is no UTF-8 is not what we wrote."""
    try:
        return file.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
