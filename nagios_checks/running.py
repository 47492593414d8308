"""One run of a check: its options, one answer, one outcome; every failure a line and a state somebody chose."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from nagios_checks.answers import Answer, ask
from nagios_checks.checks import Check, by_name
from nagios_checks.client import TIMEOUT, UNREACHABLE, Connection, Target, Trouble
from nagios_checks.concerns import EXPORTER, UNKNOWN_DATA
from nagios_checks.evaluate import Show, evaluate, label_of
from nagios_checks.options import Given, Usage, describe, parse
from nagios_checks.outcome import NAMES, UNKNOWN, Outcome
from nagios_checks.overriding import Overrides
from nagios_checks.plugin import text_of
from nagios_checks.selecting import Selection, selection
from nagios_checks.target import target_of
from nagios_checks.wording import LINE, moment, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Guard = Callable[[float, int, Callable[[], str]], None]

_STATES = {TIMEOUT: "timeout-state", UNREACHABLE: "unreachable-state"}


def run(
    name: str, arguments: Sequence[str], guard: Guard | None = None, clock: Callable[[], float] = time.time
) -> tuple[int, str]:
    """Exit code and text of one check. `guard` ends the process should the time limit not be kept otherwise."""
    check = by_name(name)
    try:
        given = parse(check.options, arguments)
        if given.on("help"):
            return UNKNOWN, help_of(check)
        if given.on("version"):
            return UNKNOWN, f"{name} {_version()}"
        concern = _concern(check, given)
        wanted = selection(given, concern)
        target = target_of(str(given.text("url")), given.text("ca-file"), given.text("credentials-file"))
    except Usage as error:
        return UNKNOWN, plain(f"{check.label} UNKNOWN - {error}; see {name} --help", LINE)
    label, connection = label_of(concern), Connection(target, given.seconds("timeout"))
    if guard is not None:
        state = given.number("timeout-state")
        guard(connection.seconds, state, lambda: f"{label} {NAMES[state]} - {plain(connection.late())}")
    try:
        answer = ask(connection, wanted.query(), clock)
        wanted.check(answer.items)
    except Trouble as trouble:
        state = given.number(_STATES[trouble.kind]) if trouble.kind in _STATES else UNKNOWN
        return state, plain(f"{label} {NAMES[state]} - {trouble}", LINE)
    finally:
        connection.close()
    connection.stage = "evaluating"
    outcome = _outcome(concern, answer, given)
    if given.count("verbose") > 1:
        outcome = outcome._replace(long=(*outcome.long, _asked(target, wanted, answer)))
    return outcome.state, text_of(outcome)


def _outcome(concern: str | None, answer: Answer, given: Given) -> Outcome:
    return evaluate(
        concern,
        answer.items,
        now=answer.judged_at,
        overrides=Overrides(given.range("warning"), given.range("critical"), ",".join(given.texts("role")) or None),
        show=Show(given.count("verbose"), given.number("max-lines"), given.number("max-perf"), given.on("each")),
        complete=answer.complete,
        missing_state=given.number("missing-state"),
        excluded_state=given.number("excluded-state"),
    )


def _concern(check: Check, given: Given) -> str | None:
    chosen = [concern for switch, concern in check.switches if given.on(switch)]
    if len(chosen) > 1:
        raise Usage(f"{' and '.join(f'--{switch}' for switch, _ in check.switches)} exclude each other")
    if chosen and chosen[0] in (UNKNOWN_DATA, EXPORTER) and (given.range("warning") or given.range("critical")):
        raise Usage(f"-w and -c mean nothing with --{chosen[0]}")
    return chosen[0] if chosen else check.concern


def _asked(target: Target, wanted: Selection, answer: Answer) -> str:
    as_of = "never" if answer.data_as_of is None else moment(answer.data_as_of, answer.judged_at)
    query = f"?{wanted.query()}" if wanted.parameters else ""
    judged = moment(answer.judged_at, answer.judged_at)
    told = f"asked {target}{query}: {len(answer.items)} verdicts, judged {judged}, data as of {as_of}"
    return plain(told, 1000)


def help_of(check: Check) -> str:
    """What --help prints."""
    examples = "\n".join(f"  {check.name} {example}" for example in check.examples)
    return f"""{check.name}: {check.about}.

Asks the lastgood exporter, which judges by the recovery policy, and ends by 0 OK, 1 WARNING, 2 CRITICAL or 3 UNKNOWN:
the worst of its verdicts, where UNKNOWN is worse than WARNING. What is not known is never OK.

Usage: {check.name} [options]

Examples:
{examples}

Options:
{describe(check.options)}

A RANGE is [@][start:]end as the Monitoring Plugins guidelines have it: outside start..end alerts, with @ inside. Its
ends are numbers, durations such as 26h, 1d12h or 90m, or a share such as 80% (for the RPO also 80%rpo).
A STATE is ok, warning, critical or unknown."""


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # only for whoever asks

    try:
        return f"(lastgood {version('lastgood')})"
    except PackageNotFoundError:
        return "(of a lastgood that is not installed as a package)"
