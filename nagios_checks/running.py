"""One run of a check: its options, one answer, one outcome; every failure a line and a state somebody chose."""

from __future__ import annotations

import time

from nagios_checks.answers import Answer, ask
from nagios_checks.checks import Check, by_name
from nagios_checks.client import TIMEOUT, UNREACHABLE, Connection, Target, Trouble
from nagios_checks.concerns import EXPORTER, UNKNOWN_DATA
from nagios_checks.evaluate import Show, evaluate, label_of, told_by
from nagios_checks.options import Given, Usage, describe, parse, wrapped
from nagios_checks.outcome import NAMES, RANK, UNKNOWN, Outcome
from nagios_checks.overriding import Overrides
from nagios_checks.plugin import text_of
from nagios_checks.selecting import Selection, selection
from nagios_checks.target import target_of
from nagios_checks.wording import NAME, few, line, moment, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Guard = Callable[[float, int, Callable[[], str]], None]

# What --help says beside the options.
_ASKS = """
Asks the lastgood exporter, which judges by the recovery policy, and ends by 0 OK, 1 WARNING, 2 CRITICAL or 3 UNKNOWN:
the worst of its verdicts, where UNKNOWN is worse than WARNING. What is not known is never OK."""
_RANGES = """
A RANGE is [@][start:]end as the Monitoring Plugins guidelines have it: outside start..end alerts, with @ inside. Its
ends are numbers, durations such as 26h, 1d12h or 90m, or a share such as 80% (for the RPO also 80%rpo)."""
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
        return UNKNOWN, line(f"{check.label} UNKNOWN - {error}; see {name} --help")
    label, connection = label_of(concern), Connection(target, given.seconds("timeout"))
    if guard is not None:
        state = given.number("timeout-state")
        guard(connection.seconds, state, lambda: line(f"{label} {NAMES[state]} - {connection.late()}"))
    try:
        answer = ask(connection, wanted.query(), clock)
        wanted.check(answer.items)
        connection.stage = "evaluating"
        outcome = _outcome(concern, answer, given, wanted)
        if not (own := told_by(concern, answer.items)):
            outcome = outcome._replace(text=line(outcome.text + _known_systems(connection, wanted, clock)))
        elif lacking := wanted.lacking(own):
            told = _listed(lacking) + _known_systems(connection, wanted, clock)
            outcome = _lacking(outcome, label, told, given.number("missing-state"))
    except Trouble as trouble:
        state = given.number(_STATES[trouble.kind]) if trouble.kind in _STATES else UNKNOWN
        return state, line(f"{label} {NAMES[state]} - {trouble}")
    finally:
        connection.close()
    if given.count("verbose") > 1:
        outcome = outcome._replace(long=(*outcome.long, _asked(target, wanted, answer)))
    return outcome.state, text_of(outcome)


def _outcome(concern: str | None, answer: Answer, given: Given, wanted: Selection) -> Outcome:
    return evaluate(
        concern,
        answer.items,
        now=answer.judged_at,
        overrides=Overrides(given.range("warning"), given.range("critical"), ",".join(given.texts("role")) or None),
        show=Show(given.count("verbose"), given.number("max-lines"), given.number("max-perf"), given.on("each")),
        complete=answer.complete,
        asked=_listed(wanted.asked),
        missing_state=given.number("missing-state"),
        excluded_state=given.number("excluded-state"),
    )


def _lacking(outcome: Outcome, label: str, what: str, state: int) -> Outcome:
    """What was found, and what was not: a name mistyped among others would else be well for ever."""
    told = f"no verdict matches {what}"
    if RANK[state] <= RANK[outcome.state]:
        return outcome._replace(text=line(f"{outcome.text}; {told}"))
    found = outcome.text.partition(" - ")[2]
    return outcome._replace(state=state, text=line(f"{label} {NAMES[state]} - {told}; else: {found}"))


def _listed(asked: Sequence[tuple[str, str]]) -> str:
    return few([f"--{option} {plain(value, NAME)}" for option, value in asked], 3)


def _known_systems(connection: Connection, wanted: Selection, clock: Callable[[], float]) -> str:
    """Which systems could have been asked for, where one was that the exporter does not have."""
    if not wanted.systems:
        return ""
    try:
        known = sorted(item["system"] for item in ask(connection, "kind=system&objective=system", clock).items)
    except Trouble:
        return ""  # it was only to help
    if not known or wanted.systems <= {name.casefold() for name in known}:
        return ""
    return f"; its systems are {few([plain(name, NAME) for name in known], 6)}"


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
    return line(told, 1000)


def help_of(check: Check) -> str:
    """What --help prints."""
    examples = "\n".join(f"  {check.name} {example}" for example in check.examples)
    first, asks, ranges = ("\n".join(wrapped(text)) for text in (f"{check.name}: {check.about}.", _ASKS, _RANGES))
    usage = f"Usage: {check.name} [options]\n\nExamples:\n{examples}\n\nOptions:\n{describe(check.options)}"
    return f"{first}\n\n{asks}\n\n{usage}\n\n{ranges}\nA STATE is ok, warning, critical or unknown."


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # only for whoever asks

    try:
        return f"(lastgood {version('lastgood')})"
    except PackageNotFoundError:
        return "(of a lastgood that is not installed as a package)"
