"""grafana_dashboards/: boards over the catalogue's metrics and the held series of the rules, and how to provision them.

Plain builders: a board is data (`layout.Board`), a panel is data, and only the services and exclusions of the policy
are compiled into them. No threshold of the policy is: objectives arrive as series.
"""

from __future__ import annotations

from lastgood.policy import Policy
from lastgood.render.grafana import capacity, coverage, exporter, jobs, provisioning, recovery, rpo, system, wall
from lastgood.render.grafana.layout import Board, written

FOLDERS = ("wall", "operations", "detail")
OWNED = (*(f"grafana_dashboards/{folder}/*.json" for folder in FOLDERS), f"{provisioning.FOLDER}/*/*.yaml")


def boards(policy: Policy) -> tuple[Board, ...]:
    """Every board, in the order in which one walks through them."""
    return (
        wall.board(policy),
        rpo.board(),
        jobs.board(),
        capacity.board(),
        recovery.board(),
        coverage.board(policy),
        system.board(),
        exporter.board(),
    )


def build(policy: Policy) -> dict[str, str]:
    return {board.path: written(board) for board in boards(policy)} | provisioning.files(FOLDERS)
