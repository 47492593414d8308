"""What to do first, as the alert of the same name says it: one text for every engine."""

from __future__ import annotations

from lastgood.render.prometheus import alerts
from lastgood.render.zabbix.model import Trigger


def advice(trigger: Trigger) -> str:
    """Raises KeyError where no alert of that name has a first step: then the name is wrong, or its text is."""
    if trigger.first:
        return f"First: {trigger.first}"
    for alert in alerts():
        if alert.name == trigger.alert and alert.severity == trigger.verdict and "First: " in alert.description:
            first = alert.description.split("First: ", 1)[1]
            return f"First: {' '.join(first.split())}"
    raise KeyError(f"no alert {trigger.alert} of severity {trigger.verdict} says what to do first")
