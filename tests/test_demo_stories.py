"""What the demo promises to show, it shows, and nothing else: estate, simulators, HTTP, client, history and judge."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from exporters.demo import Demo, running
from exporters.demo_model import Incident
from lastgood.verdict import State, Verdict

# A Sunday before noon, the night of an autumn switch, and two years on at an hour when jobs run.
# The first is the plainest: test_demo.py has a moment of that kind, today.
QUIET = datetime(2026, 11, 22, 10, 40, tzinfo=UTC)
MOMENTS = (
    QUIET,
    datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    datetime(2028, 11, 24, 18, 20, tzinfo=UTC),
)


@pytest.fixture(
    scope="module",
    params=[pytest.param(m, marks=pytest.mark.long if m == QUIET else (), id=f"{m:%Y-%m-%dT%H%M}") for m in MOMENTS],
)
def demo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    with running(folder, ("127.0.0.1", 0), lambda _: None, clock=lambda: request.param) as shown:
        yield shown


def verdicts(demo: Demo) -> tuple[Verdict, ...]:
    return demo.service.keeper.judgement(demo.estate.now).verdicts


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
    ]


def incident_states(incident: Incident, demo: Demo) -> set[str]:
    return {v.state.name for v in about(incident, demo)}


def test_every_incident_this_step_can_judge_is_found(demo: Demo) -> None:
    # That runs come on time is promised by no tier yet; what a missed run does to an RPO is found.
    wanted = [i for i in demo.estate.expected if i.objective != "schedule"]
    missing = [i for i in wanted if incident_states(i, demo) != {i.verdict}]
    assert missing == []
    assert len({i.story for i in wanted}) >= 19


def test_what_is_quiet_stays_quiet(demo: Demo) -> None:
    told = {i.story: (incident_states(i, demo), i.verdict) for i in demo.estate.quiet}
    # Its tier promises nothing of copies, so that there is no verdict to be loud.
    assert told.pop("copy beside a stale primary") == (set(), "OK")
    assert {story: found for story, (found, wanted) in told.items() if found != {wanted}} == {}


def test_nothing_is_loud_that_no_story_tells(demo: Demo) -> None:
    stories = (*demo.estate.expected, *demo.estate.later, *(i for i in demo.estate.quiet if i.verdict != "OK"))
    told = {v.key for incident in stories for v in about(incident, demo)}
    loud = {
        (v.subject.name, v.objective.value, v.state.name, v.reason)
        for v in verdicts(demo)
        if (v.state in (State.CRITICAL, State.WARNING) or (v.state is State.UNKNOWN and v.objective == "rpo"))
        and v.key not in told
    }
    # The vCenter that everything was moved away from is switched off, and its server still lists it.
    assert {(name, objective, state) for name, objective, state, _ in loud} == {
        ("vc01.example.net", "system", "WARNING")
    }, loud
