"""What the demo promises to show, it shows, and nothing else: estate, simulators, HTTP, client, history and judge."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from exporters.demo import Demo, running
from exporters.demo_model import Incident
from exporters.demonstration import demonstrating
from lastgood.verdict import State, Verdict

# A Sunday before noon, the night of an autumn switch, and two years on at an hour when jobs run.
# The first is the plainest: test_demo.py has a moment of that kind, today.
QUIET = datetime(2026, 11, 22, 10, 40, tzinfo=UTC)
MOMENTS = (
    QUIET,
    datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    datetime(2028, 11, 24, 18, 20, tzinfo=UTC),
)
# That runs come on time and agents are current is promised by no tier yet; what a missed run does to an RPO is found.
UNJUDGED = {"schedule", "software"}


@pytest.fixture(
    scope="module",
    params=[pytest.param(m, marks=pytest.mark.long if m == QUIET else (), id=f"{m:%Y-%m-%dT%H%M}") for m in MOMENTS],
)
def demo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    with running(folder, ("127.0.0.1", 0), lambda _: None, clock=lambda: request.param) as shown:
        yield shown


def verdicts(demo: Demo) -> tuple[Verdict, ...]:
    return demo.service.keeper.judgement(demo.now).verdicts


def told(demo: Demo, which: str) -> list[Incident]:
    """The incidents of every vendor that is shown."""
    return [incident for shown in demo.shown.values() for incident in getattr(shown, which)]


def about(incident: Incident, demo: Demo) -> list[Verdict]:
    """The verdicts an incident speaks of. A required workload nobody has heard of is a matter of coverage here: it has
    no point whose age could be judged."""
    objective = "coverage" if incident.system == "policy" else incident.objective
    return [
        v
        for v in verdicts(demo)
        if (v.subject.system, v.subject.kind, v.subject.name) == (incident.system, incident.kind, incident.subject)
        and v.objective == objective
        and (incident.role is None or v.subject.role == incident.role)
        and (incident.vcenter is None or v.subject.id.startswith(incident.vcenter))
        # Tenants name their jobs alike.
        and (incident.kind != "job" or incident.subject_id in (None, v.subject.id))
    ]


def incident_states(incident: Incident, demo: Demo) -> set[str]:
    return {v.state.name for v in about(incident, demo)}


def test_whoever_is_shown_has_stories(demo: Demo) -> None:
    assert set(demo.shown) == set(demonstrating())
    assert "veeam" in demo.shown
    for vendor, shown in demo.shown.items():
        assert shown.systems, vendor
        assert shown.expected, vendor
        assert shown.quiet, vendor
        # A required workload that nobody has heard of belongs to no vendor; any may tell it.
        told_of = {i.system for i in (*shown.expected, *shown.quiet, *shown.later)} - {"policy"}
        assert told_of <= {s.name for s in shown.systems}, vendor


def test_every_incident_this_step_can_judge_is_found(demo: Demo) -> None:
    wanted = [i for i in told(demo, "expected") if i.objective not in UNJUDGED]
    missing = [(i, incident_states(i, demo)) for i in wanted if incident_states(i, demo) != {i.verdict}]
    assert missing == []
    assert len({i.story for i in wanted}) >= 19


def test_what_is_quiet_stays_quiet(demo: Demo) -> None:
    found = {(i.story, i.subject): (incident_states(i, demo), i.verdict) for i in told(demo, "quiet")}
    # Its tier promises nothing of copies, so that there is no verdict to be loud.
    assert found.pop(("copy beside a stale primary", "file-03")) == (set(), "OK")
    assert {story: pair for story, pair in found.items() if pair[0] != {pair[1]}} == {}


def test_nothing_is_loud_that_no_story_tells(demo: Demo) -> None:
    quiet = (i for i in told(demo, "quiet") if i.verdict != "OK")
    keys = {v.key for i in (*told(demo, "expected"), *told(demo, "later"), *quiet) for v in about(i, demo)}
    loud = {
        (v.subject.system, v.subject.name, v.objective.value, v.state.name, v.reason)
        for v in verdicts(demo)
        if (v.state in (State.CRITICAL, State.WARNING) or (v.state is State.UNKNOWN and v.objective == "rpo"))
        and v.key not in keys
    }
    assert loud == set()
