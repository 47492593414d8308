"""All verdicts of an exporter as passive results: one answer, one process, thousands of services.

Silence stays silence: what the exporter does not tell is not handed over, and the engine's freshness (Nagios) or ttl
(Icinga 2) notices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from nagios_checks.answers import ask
from nagios_checks.client import Connection, Target, Trouble
from nagios_checks.concerns import EXPORTER
from nagios_checks.evaluate import evaluate
from nagios_checks.heartbeat import answering, silent
from nagios_checks.keys import key_of
from nagios_checks.outcome import UNKNOWN, Outcome
from nagios_checks.services import EXPORTER_DESCRIPTION, OWN_HOST, Item, services
from nagios_checks.sinks import Result, Sink, SinkError

_TRIES = 3


class Answer(NamedTuple):
    """All verdicts of one moment, in epoch seconds. `incomplete` are systems whose workload list is not held whole."""

    judged_at: float
    data_as_of: float | None
    items: Sequence[Item]
    incomplete: frozenset[str] = frozenset()


class Silence(Exception):
    """The exporter gave no usable answer; the text says why, in one line."""


class Round(NamedTuple):
    """How one submission went: `failed` says why nothing, or not everything, was handed over."""

    taken: int
    unknown: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    failed: str | None = None

    def __str__(self) -> str:
        told = [f"{_count(self.taken, 'result')} handed over"]
        if self.failed is not None:
            told.insert(0, self.failed)
        if self.unknown:
            what = f"{_count(len(self.unknown), 'service')} unknown to it, first {self.unknown[0]}"
            told.append(f"{what}: render and reload")
        if self.gone:
            told.append(f"{_count(len(self.gone), 'service')} gone, first {self.gone[0]}: render and reload")
        return "; ".join(told)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


class Submitter:
    """Hands over round after round, and remembers which services there were."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._before: frozenset[tuple[str, str]] = frozenset()

    def round(self, ask: Callable[[], Answer], clock: Callable[[], float]) -> Round:
        """One round. `ask` reads all verdicts and raises Silence; `clock` tells epoch seconds."""
        try:
            answer = ask()
        except Silence as silence:
            return self._silent(str(silence), clock())
        own = results(answer)
        present = frozenset((r.host, r.description) for r in own)
        gone = sorted(self._before - present)
        taken = 0
        try:
            report = self._sink.hand_over([*own, *map(_gone, gone)], clock())
            taken = report.taken
            beat = answering(
                answer.items,
                now=answer.judged_at,
                data_as_of=answer.data_as_of,
                services=len(own),
                rejected=report.unknown,
            )
            last = self._sink.hand_over([_exporter(beat)], clock())
        except SinkError as error:
            return Round(taken + error.taken, failed=str(error))
        self._before = present
        names = tuple(f"{host}/{description}" for host, description in gone)
        return Round(taken + last.taken, (*report.unknown, *last.unknown), names)

    def _silent(self, why: str, now: float) -> Round:
        try:
            self._sink.hand_over([_exporter(silent(why))], now)
        except SinkError as error:
            why = f"{why}; {error}"
        return Round(0, failed=why)


def results(answer: Answer) -> list[Result]:
    """What each service shall show, without the exporter's own. No OK rests on a system not told of wholly."""
    return [
        Result(
            service.host,
            service.description,
            evaluate(
                service.concern,
                service.items,
                now=answer.judged_at,
                complete=service.system not in answer.incomplete,
            ),
        )
        for service in services(answer.items)
        if service.concern != EXPORTER
    ]


def _gone(place: tuple[str, str]) -> Result:
    text = f"{place[1]} UNKNOWN - the exporter tells of it no more: retired, renamed or taken out of the policy"
    return Result(*place, Outcome(UNKNOWN, text))


def _exporter(outcome: Outcome) -> Result:
    return Result(OWN_HOST, EXPORTER_DESCRIPTION, outcome)


def read_all(target: Target, seconds: float, clock: Callable[[], float]) -> Answer:
    """All verdicts of an exporter, within `seconds`. Raises Silence."""
    connection = Connection(target, seconds)
    try:
        return _all(connection, clock)
    except Trouble as trouble:
        raise Silence(str(trouble)) from None
    finally:
        connection.close()


def _all(connection: Connection, clock: Callable[[], float]) -> Answer:
    """Raises Trouble. The whole answer is complete only when each system is; which of them are not is asked then.

    Both must be of one moment, and verdicts are judged anew every 15 seconds: after some tries no system is trusted.
    """
    for _ in range(_TRIES):
        whole = ask(connection, "", clock)
        systems = sorted({item["system"] for item in whole.items})
        incomplete, same = frozenset[str](), True
        if not whole.complete:
            parts = {s: ask(connection, f"system={key_of(s)}&objective=system", clock) for s in systems}
            incomplete = frozenset(s for s, part in parts.items() if not part.complete)
            same = all(part.judged_at == whole.judged_at for part in parts.values())
        if same:
            break
    else:
        incomplete = frozenset(systems)
    return Answer(whole.judged_at, whole.data_as_of, whole.items, incomplete)
