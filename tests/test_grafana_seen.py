"""The boards in a real Grafana and a real browser: loaded by the shipped provisioning, drawn, photographed.

Needs an installed Grafana: LASTGOOD_GRAFANA names its directory. LASTGOOD_GRAFANA_PICTURES names a folder to keep the
pictures in; a person must look at them, for nothing here can tell whether a wall is readable.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lastgood.render import grafana
from lastgood.verdict import Judgement
from tests import grafana_rig, grafana_server
from tests.engine_helpers import get_json
from tests.grafana_rig import Programs, Told
from tests.test_board_browser import Browser
from tests.test_grafana_boards import boards, reference
from tests.test_grafana_queries import programs as programs
from tests.test_grafana_queries import shown as shown

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(
        grafana_server.home() is None, reason=f"grafana: {grafana_server.VARIABLE} names no installed Grafana"
    ),
]
# Kiosk mode of 11 and newer leaves variables and time picker standing; a wall needs neither.
KIOSK = "kiosk&_dash.hideTimePicker=true&_dash.hideVariables=true&_dash.hideLinks=true"
DAYS, EVERY = 8, 900
# Bytes: no picture of a drawn board is this small.
_BLANK = 60_000
# Milliseconds the page believes it has. The browser's clock may run out while a busy machine still loads scripts.
_BUDGETS = (30_000, 60_000, 120_000)
# What a panel writes when it cannot draw.
TROUBLE = re.compile(r"Data does not have a time field|Too many points|An unexpected error|Panel plugin not found")


@dataclass(frozen=True, slots=True)
class Stage:
    url: str
    told: Told
    browser: Browser

    def picture(self, uid: str, name: str, height: int = 1080) -> tuple[Path, str]:
        """The board's picture and what the page holds as text."""
        kept = os.environ.get("LASTGOOD_GRAFANA_PICTURES")
        folder = Path(kept) if kept else self.browser._folder
        path = folder / f"{name}.png"
        url = f"{self.url}/d/{uid}/board?{KIOSK if uid == 'lastgood-wall' else 'kiosk'}"
        titles = [_escaped(panel["title"]) for panel in boards()[uid]["panels"]]
        dom = ""
        for budget in _BUDGETS:
            options = (f"--screenshot={path}", "--dump-dom", f"--virtual-time-budget={budget}")
            dom, _ = self.browser.run(url, *options, size=(1920, height))
            if all(title in dom for title in titles) and path.stat().st_size > _BLANK:
                break
        return path, dom


@pytest.fixture(scope="module")
def stage(
    programs: Programs, shown: tuple[str, Judgement], chromium: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    home = grafana_server.home()
    assert home is not None
    page, judged = shown
    folder = tmp_path_factory.mktemp("seen")
    for part in ("prometheus", "grafana", "browser"):
        (folder / part).mkdir()
    with _running(programs, folder, page, judged, home) as (url, told):
        yield Stage(url, told, Browser(chromium, folder / "browser"))


@contextmanager
def _running(programs: Programs, folder: Path, page: str, judged: Judgement, home: Path) -> Iterator[tuple[str, Told]]:
    told_ = grafana_rig.told(programs, folder / "prometheus", page, judged.judged_at, days=DAYS, every=EVERY)
    with (
        told_ as told,
        grafana_server.grafana(home, folder / "grafana", grafana.build(reference()), told.store.url) as url,
    ):
        yield url, told


def _escaped(title: str) -> str:
    """As it stands in a document's text."""
    return title.replace("&", "&amp;")


def _height(model: dict[str, Any]) -> int:
    """Pixels of a board: rows of 30 with 8 between, and the bar of variables."""
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in model["panels"])
    return max(1080, 38 * rows + 90)


@pytest.mark.parametrize("uid", sorted(boards()))
def test_grafana_keeps_the_board_as_it_is(stage: Stage, uid: str) -> None:
    held = get_json(stage.url, f"/api/dashboards/uid/{uid}")
    assert held["meta"]["provisioned"] is True
    assert held["dashboard"]["panels"] == boards()[uid]["panels"]


@pytest.mark.parametrize("uid", sorted(boards()))
def test_every_panel_is_drawn(stage: Stage, uid: str) -> None:
    model = boards()[uid]
    name = uid.removeprefix("lastgood-")
    path, dom = stage.picture(uid, f"grafana-{name}", 1080 if name == "wall" else _height(model))
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:24])[0] == 1920
    for panel in model["panels"]:
        assert _escaped(panel["title"]) in dom, panel["title"]
    assert TROUBLE.findall(dom) == []
    if uid == "lastgood-recovery":
        # Grafana fills the links of cells with the row's own labels, and keeps data source and time.
        wanted = (
            r'"/d/lastgood-rpo\?from=[^"]*&amp;var-datasource=[^"]*&amp;var-system=veeam-hq&amp;var-workload=sql-11"'
        )
        assert re.search(wanted, dom), re.findall(r'href="(/d/lastgood-rpo[^"]*)"', dom)[:2]


@pytest.fixture(scope="module")
def silent(stage: Stage) -> Stage:
    """After the exporter died. It does not come back: the tests that need it come last."""
    grafana_rig.dead(stage.told)
    return stage


def test_a_dead_exporter_is_seen_on_the_wall(silent: Stage) -> None:
    path, dom = silent.picture("lastgood-wall", "grafana-wall-no-exporter")
    assert "exporter down" in dom, path.stat().st_size
    assert dom.count("STALE") >= 3


@pytest.mark.parametrize("uid", sorted(boards().keys() - {"lastgood-wall"}))
def test_every_board_says_no_data_while_no_exporter_answers(silent: Stage, uid: str) -> None:
    _, dom = silent.picture(uid, f"{uid.removeprefix('lastgood-')}-no-exporter", _height(boards()[uid]))
    assert "NO DATA" in dom
    assert TROUBLE.findall(dom) == []
