"""Scenarios as Grafana's boards show them: the rank of every RPO, asked of promtool and told by judge."""

from __future__ import annotations

from typing import Any

from lastgood.judging.base import rank
from lastgood.policy import Objective
from lastgood.render.grafana import states
from lastgood.verdict import State, judge
from tests.agreement import only_counted
from tests.grafana_rig import filled
from tests.scenario import Scenario

# The comment is how promtool tells which scenario failed.
QUERY = f"({filled(states.rpo())}) # %s"


def shown(scenario: Scenario) -> dict[tuple[str, str, str], int]:
    """The rank of each workload and role, from the verdicts alone.

    Without an exporter nobody can tell that all is well; judge believes it until the last reading is stale.
    """
    judged = judge(scenario.estate, scenario.policy, scenario.now)
    dead = scenario.dies is not None
    return {
        (v.subject.system, v.subject.id, str(v.subject.role)): rank(
            State.UNKNOWN if dead and v.state is State.OK else v.state
        )
        for v in judged.verdicts
        if v.objective is Objective.RPO and not only_counted(v, judged)
    }


def asked(scenario: Scenario, eval_time: str) -> dict[str, Any]:
    """One entry of promtool's `promql_expr_test`."""
    samples = [
        {"labels": f'{{system="{system}", workload_id="{ident}", role="{role}"}}', "value": value}
        for (system, ident, role), value in shown(scenario).items()
    ]
    return {"expr": QUERY % f"{scenario.name} {scenario.source}", "eval_time": eval_time, "exp_samples": samples}
