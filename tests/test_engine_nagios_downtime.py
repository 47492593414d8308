"""A real Nagios Core 4 is told of maintenance windows, and takes each as one downtime."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from nagios_checks.downtime import Ledger, Window, planned, schedule
from nagios_checks.services import services
from tests.nagios_items import item
from tests.nagios_rig import Nagios, basis, hosts, passive

pytestmark = pytest.mark.engine


def test_a_window_mutes_its_services_once_and_no_other(nagios: Path, tmp_path: Path) -> None:
    found = services([item("sql-01"), item("web-01")])
    objects = tmp_path / "objects.cfg"
    objects.write_text(basis() + hosts(s.host for s in found) + passive(found), encoding="utf-8")
    now = int(time.time())
    patch = Window(now - 60, now + 3600, lambda facts: facts["name"] == ("sql-01",), "patch night; 'Müller' | $USER1$")
    made = Nagios(nagios, tmp_path, [objects])
    assert made.verify() == (0, [])
    with made.running() as running:
        told = [
            schedule(running.command_file, list(planned(found, [patch])), Ledger(tmp_path / "state.json"), now)
            for _ in range(3)
        ]
        running.wait(lambda b: b["hq", "RPO sql-01"]["scheduled_downtime_depth"] == "1", 20, "the downtime has begun")
        depths = {name: int(b["scheduled_downtime_depth"]) for (_, name), b in running.services().items()}
        commands = [line for line in running.log() if line.startswith("EXTERNAL COMMAND: SCHEDULE_SVC_DOWNTIME")]
    assert told == [1, 0, 0]
    assert sum(depths.values()) == 1
    assert commands == [
        f"EXTERNAL COMMAND: SCHEDULE_SVC_DOWNTIME;hq;RPO sql-01;{now - 60};{now + 3600};1;0;3660;lastgood;"
        "patch night, 'M?ller' / $USER1$"
    ]
