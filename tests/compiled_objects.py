"""What `lastgood render nagios|icinga` compiles, laid out as a real engine reads it; and an estate of hostile names."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from lastgood.commands.inventory import watched
from lastgood.commands.objects import ENGINES, rendering
from lastgood.policy import Policy
from lastgood.policy_load import load as load_policy
from lastgood.render.watched import Asking
from lastgood.verdict import Judgement, judge
from nagios_checks.checks import CHECKS, Check
from nagios_checks.services import Item
from tests import estates
from tests.estates import NOW

ROOT = Path(__file__).resolve().parent.parent
# Nobody listens there.
NOWHERE = "http://127.0.0.1:1"
# Half a surrogate pair is no case: intake.py lets none in.
HOSTILE = (
    "pipe|pipe", "semi;colon", "bang!bang", "dollar$USER1$", "$host.name$", "apostrophe'", 'quote"', "`id`", "$(id)",
    "new\nline", "back\\", "\u00fcml\u00e4ut", "\u65e5\u672c", "a,b", "a=b", "<b>", "", " ", "#", "*", "[x]", "x" * 300,
    "-t1",
)  # fmt: skip


def reference() -> Policy:
    return load_policy(ROOT / "examples/policy.yaml", now=NOW)[0]


def of_concern(concern: str) -> tuple[Check, str | None]:
    """The check that answers for a concern, or for one beside them, and the switch that this needs. Raises KeyError."""
    for check in CHECKS:
        if check.concern == concern:
            return check, None
        for switch, chosen in check.switches:
            if chosen == concern:
                return check, f"--{switch}"
    raise KeyError(concern)


def hostile() -> Judgement:
    """An estate whose every name and id is hostile, each name borne by two workloads of each of two systems."""
    held = [
        replace(estates.workload(), id=f"{name}/{number}", name=name, job_ids=(), points=(points,))
        for name in HOSTILE
        for number, points in enumerate((estates.points(NOW - estates.HOUR), estates.points(NOW - estates.DAY * 9)))
    ]
    systems = [estates.state(held, at=NOW, name=name) for name in ("hq", "hq (old) \u00fc;|'\"")]
    return judge(estates.estate(*systems), reference(), NOW)


def plugin_folder(folder: Path, plugins: Path) -> Path:
    """Every check as an administrator finds it in one folder, run by this interpreter; check_dummy beside them.

    Each is given long to answer: a busy machine is no timeout.
    """
    made = folder / "plugins"
    made.mkdir()
    for check in CHECKS:
        script = made / check.name
        script.write_text(f'#!/bin/sh\nexec {sys.executable} -I {ROOT}/nagios_checks/{check.name}.py -t 55 "$@"\n')
        script.chmod(0o755)
    shutil.copy(plugins, made / "check_dummy")
    return made


def write(engine: str, folder: Path, policy: Policy, items: Iterable[Item], asking: Asking) -> list[Path]:
    """The files of an engine's own kind, written below `folder`."""
    folder.mkdir()
    done = rendering(ENGINES[engine], policy, watched(items), asking, NOW, folder)
    for name, text in done.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return sorted(path for path in folder.iterdir() if path.suffix in (".cfg", ".conf"))
