"""A Grafana that is installed here, started on loopback with the shipped provisioning, and seen in a browser.

LASTGOOD_GRAFANA names the directory of its home (bin/grafana, conf/, public/), as its archives unpack to.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yaml

from lastgood.render.grafana import provisioning
from tests.engine_helpers import answers, child, eventually, free_port

VARIABLE = "LASTGOOD_GRAFANA"
# Nothing is asked of, told to, or installed from anywhere; whoever comes may look.
_SETTINGS = """
[analytics]
reporting_enabled = false
check_for_updates = false
check_for_plugin_updates = false
feedback_links_enabled = false
[auth.anonymous]
enabled = true
org_role = Viewer
hide_version = true
[auth.basic]
enabled = false
[news]
news_feed_enabled = false
[plugins]
preinstall_disabled = true
public_key_retrieval_disabled = true
plugin_admin_enabled = false
[unified_alerting]
enabled = false
[security]
disable_gravatar = true
[log]
mode = console
level = warn
"""


def home() -> Path | None:
    """The directory of the installed Grafana; None where none is named."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None


@contextmanager
def grafana(home: Path, folder: Path, boards: Mapping[str, str], prometheus: str) -> Iterator[str]:
    """Its URL, once it has loaded every board of the shelf `boards` and answers."""
    port = free_port()
    places = {title: folder / "boards" / title for title in provisioning.TITLES}
    for path, text in boards.items():
        if path.endswith(".json") and path.startswith("grafana_dashboards/"):
            place = folder / "boards" / path.removeprefix("grafana_dashboards/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
    # The shipped files; only the two addresses are this test's.
    shown = yaml.safe_load(boards[provisioning.DASHBOARDS])
    for provider, place in zip(shown["providers"], places.values(), strict=True):
        provider["options"]["path"] = str(place)
    source = yaml.safe_load(boards[provisioning.DATASOURCES])
    source["datasources"][0]["url"] = prometheus
    for kind in ("plugins", "provisioning/plugins", "provisioning/alerting"):
        (folder / kind).mkdir(parents=True)
    for kind, told in (("dashboards", shown), ("datasources", source)):
        file = folder / "provisioning" / kind / "lastgood.yaml"
        file.parent.mkdir(parents=True)
        file.write_text(yaml.safe_dump(told), encoding="utf-8")
    settings = folder / "grafana.ini"
    paths = f"[paths]\ndata = {folder / 'data'}\nlogs = {folder / 'logs'}\nplugins = {folder / 'plugins'}\n"
    paths += f"provisioning = {folder / 'provisioning'}\n[server]\nhttp_addr = 127.0.0.1\nhttp_port = {port}\n"
    settings.write_text(_SETTINGS + paths, encoding="utf-8")
    url = f"http://127.0.0.1:{port}"
    command = [home / "bin" / "grafana", "server", f"--homepath={home}", f"--config={settings}"]
    with child(command, folder / "grafana.log"):
        eventually(lambda: answers(url, "/api/health"), 120, "Grafana answers")
        eventually(lambda: answers(url, "/api/dashboards/uid/lastgood-exporter"), 60, "Grafana has loaded the boards")
        yield url
