"""Files that make a Grafana of one's own load the boards: a provider for each folder, and a data source to adapt."""

from __future__ import annotations

from collections.abc import Iterable

from lastgood.render.emit import Data, dump

FOLDER = "grafana_dashboards/provisioning"
DASHBOARDS, DATASOURCES = f"{FOLDER}/dashboards/lastgood.yaml", f"{FOLDER}/datasources/lastgood.yaml"
# Where docs/grafana.md has them copied to; what a package of Grafana creates for its user.
PLACE = "/var/lib/grafana/dashboards/lastgood"
TITLES = {"wall": "Backup wall", "operations": "Backup operations", "detail": "Backup detail"}

_HEADER = """Compiled by `lastgood render`. Copy to /etc/grafana/provisioning/dashboards/.
Boards are changed by compiling and copying them again: what is changed in the browser would be lost."""
_SOURCE_HEADER = """Compiled by `lastgood render`. Set the url and copy to
/etc/grafana/provisioning/datasources/, if Grafana does not have its Prometheus yet. Any Prometheus will do that scrapes
the exporter and runs alert_rules/."""


def files(folders: Iterable[str]) -> dict[str, str]:
    """Raises KeyError for a folder without a title."""
    providers: list[Data] = [
        {
            "name": f"lastgood-{folder}",
            "type": "file",
            "folder": TITLES[folder],
            # A folder found by its title only would be doubled by a rename; and folders share the uids of boards.
            "folderUid": f"lastgood-boards-{folder}",
            "allowUiUpdates": False,
            "disableDeletion": False,
            "updateIntervalSeconds": 60,
            "options": {"path": f"{PLACE}/{folder}"},
        }
        for folder in folders
    ]
    source: Data = {
        "name": "Prometheus",
        "uid": "lastgood-prometheus",
        "type": "prometheus",
        "access": "proxy",
        "url": "http://127.0.0.1:9090",
        "jsonData": {"timeInterval": "1m", "httpMethod": "POST"},
    }
    return {
        DASHBOARDS: dump({"apiVersion": 1, "providers": providers}, _HEADER),
        DATASOURCES: dump({"apiVersion": 1, "datasources": [source]}, _SOURCE_HEADER),
    }
