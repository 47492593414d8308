"""Round after round of passive results: what is handed over, what is not, and what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from nagios_checks.evaluate import evaluate
from nagios_checks.outcome import CRITICAL, OK, UNKNOWN, WARNING
from nagios_checks.services import services
from nagios_checks.sinks import Report, Result, SinkError
from nagios_checks.submit import Answer, Silence, Submitter, results
from tests.nagios_items import NOW, item, of

ITEMS = [
    item("sql-01"),
    item("web-01", verdict="CRITICAL", reason="last good 30 h ago", value=108_000.0),
    of("system", "system", "hq"),
    of("system", "system", "branch", system="branch"),
    item("sql-09", system="branch"),
]


class Kept:
    """A sink that keeps everything; it has no object for `unknown`, and fails once `broken` is set."""

    def __init__(self, *unknown: str) -> None:
        self.rounds: list[list[Result]] = []
        self.unknown, self.broken, self.whole = unknown, "", True

    def hand_over(self, results: Sequence[Result], now: float) -> Report:
        if self.broken and (self.whole or len(results) == 1):
            raise SinkError(self.broken, taken=2 if self.whole else 0)
        self.rounds.append(list(results))
        lost = tuple(n for r in results if (n := f"{r.host}/{r.description}") in self.unknown)
        return Report(len(results) - len(lost), lost)

    def states(self, number: int = -1) -> dict[str, int]:
        return {f"{r.host}/{r.description}": r.outcome.state for r in self.rounds[number]}

    def text(self, name: str) -> str:
        return next(r.outcome.text for some in self.rounds for r in some if f"{r.host}/{r.description}" == name)


def answered(items: Sequence[dict[str, Any]] = ITEMS, *incomplete: str) -> Answer:
    return Answer(float(NOW), NOW - 120.0, items, frozenset(incomplete))


def clock() -> float:
    return NOW + 2.0


def silent() -> Answer:
    raise Silence("http://127.0.0.1:9741: connecting failed: Connection refused")


def test_all_services_are_handed_over_at_once_and_the_exporter_s_own_at_last() -> None:
    sink = Kept()
    told = Submitter(sink).round(answered, clock)
    assert str(told) == "8 results handed over"
    assert sink.states(0) == {
        "branch/RPO sql-09": OK,
        "branch/System": OK,
        "branch/Unknown data": OK,
        "hq/RPO sql-01": OK,
        "hq/RPO web-01": CRITICAL,
        "hq/System": OK,
        "hq/Unknown data": OK,
    }
    assert sink.states(1) == {"lastgood/Exporter": OK}


def test_a_passive_result_says_what_the_active_check_says() -> None:
    own = {(r.host, r.description): r.outcome for r in results(answered())}
    for service in services(ITEMS):
        if service.concern != "exporter":
            assert own[service.host, service.description] == evaluate(service.concern, service.items, now=NOW)


def test_the_exporter_s_service_counts_what_was_told_and_how_old_it_is() -> None:
    sink = Kept()
    Submitter(sink).round(answered, clock)
    (beat,) = sink.rounds[1]
    assert beat.outcome.text.startswith("EXPORTER OK - ")
    assert "7 services told; the oldest reading is 2m old" in beat.outcome.text
    assert beat.outcome.perf[:3] == ("services=7;;;0", "rejected=0;;;0", "data_age=120s;;;0")


def test_a_system_that_was_never_read_leaves_the_age_unknown() -> None:
    sink = Kept()
    Submitter(sink).round(lambda: answered()._replace(data_as_of=None), clock)
    assert "a system was never read" in sink.text("lastgood/Exporter")
    assert "data_age=U;;;0" in sink.rounds[1][0].outcome.perf


def test_a_verdict_makes_no_other_system_suffer() -> None:
    """Services depend on the exporter's: it stays OK while it answers, whatever it says."""
    sink = Kept()
    bad = [{**i, "verdict": "UNKNOWN"} for i in ITEMS]
    Submitter(sink).round(lambda: answered(bad, "hq", "branch"), clock)
    assert sink.states(1) == {"lastgood/Exporter": OK}


def test_no_ok_is_told_of_a_system_that_is_not_told_of_wholly() -> None:
    sink = Kept()
    Submitter(sink).round(lambda: answered(ITEMS, "hq"), clock)
    states = sink.states(0)
    assert {name for name, state in states.items() if state == OK} == {
        "branch/RPO sql-09",
        "branch/System",
        "branch/Unknown data",
    }
    assert states["hq/RPO web-01"] == CRITICAL
    assert states["hq/RPO sql-01"] == UNKNOWN


def test_a_service_that_is_gone_is_unknown_once_and_named() -> None:
    sink = Kept()
    submitter = Submitter(sink)
    submitter.round(answered, clock)
    told = submitter.round(lambda: answered(ITEMS[1:]), clock)
    assert sink.states(2)["hq/RPO sql-01"] == UNKNOWN
    assert told.gone == ("hq/RPO sql-01",)
    assert "1 service gone, first hq/RPO sql-01: render and reload" in str(told)
    again = submitter.round(lambda: answered(ITEMS[1:]), clock)
    assert "hq/RPO sql-01" not in sink.states(4)
    assert again.gone == ()


def test_what_is_gone_is_told_although_the_first_try_fails() -> None:
    sink = Kept()
    submitter = Submitter(sink)
    submitter.round(answered, clock)
    sink.broken = "nobody reads it"
    told = submitter.round(lambda: answered(ITEMS[1:]), clock)
    assert (told.taken, told.failed) == (2, "nobody reads it")
    sink.broken = ""
    assert submitter.round(lambda: answered(ITEMS[1:]), clock).gone == ("hq/RPO sql-01",)


def test_what_was_handed_over_counts_though_the_exporter_s_own_fails() -> None:
    sink = Kept()
    sink.broken, sink.whole = "nobody reads it", False
    told = Submitter(sink).round(answered, clock)
    assert str(told) == "nobody reads it; 7 results handed over"


def test_an_engine_without_the_exporter_s_own_service_is_told_of() -> None:
    assert Submitter(Kept("lastgood/Exporter")).round(answered, clock).unknown == ("lastgood/Exporter",)


def test_a_silent_exporter_is_told_of_itself_only() -> None:
    """Nothing is invented for its workloads: freshness notices."""
    sink = Kept()
    submitter = Submitter(sink)
    submitter.round(answered, clock)
    told = submitter.round(silent, clock)
    assert sink.states() == {"lastgood/Exporter": UNKNOWN}
    assert told.taken == 0
    assert told.failed is not None
    assert "Connection refused" in told.failed
    assert "Connection refused" in sink.rounds[-1][0].outcome.text
    # Nor has anything gone meanwhile.
    assert submitter.round(answered, clock).gone == ()


def test_silence_at_both_ends_is_told_in_one_line() -> None:
    sink = Kept()
    sink.broken = "no FIFO"
    told = Submitter(sink).round(silent, clock)
    assert told.failed == "http://127.0.0.1:9741: connecting failed: Connection refused; no FIFO"


def test_services_the_engine_does_not_know_are_named_and_warned_of() -> None:
    sink = Kept("hq/RPO sql-01", "hq/System")
    told = Submitter(sink).round(answered, clock)
    assert str(told) == ("6 results handed over; 2 services unknown to it, first hq/RPO sql-01: render and reload")
    (beat,) = sink.rounds[1]
    assert beat.outcome.state == WARNING
    assert "2 services unknown to the engine, first hq/RPO sql-01: render and reload" in beat.outcome.text
    assert beat.outcome.long[:2] == ("unknown to the engine: hq/RPO sql-01", "unknown to the engine: hq/System")
    assert "rejected=2;;;0" in beat.outcome.perf


def test_an_answer_without_any_verdict_is_no_good_news() -> None:
    sink = Kept()
    Submitter(sink).round(lambda: answered([]), clock)
    assert sink.states(1) == {"lastgood/Exporter": UNKNOWN}


@pytest.mark.parametrize("name", ["x|y\nz;w", "ü" * 200, "$HOSTNAME$`id`"])
def test_hostile_names_reach_a_sink_harmless(name: str) -> None:
    for result in results(answered([item(name), of("system", "system", "hq")])):
        lines = (result.host, result.description, result.outcome.text, *result.outcome.long, *result.outcome.perf)
        assert all(line.isascii() and line.isprintable() and "|" not in line for line in lines)
