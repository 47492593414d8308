"""Checkmk's local checks: a line a service, all from one process.

Checkmk documentation, "Local checks": `state "name" metrics text`, metrics `name=value;warn;crit;min;max` joined by
`|`, `\\n` in the text begins the details, `cached(time,seconds)` in front tells when it was made and for how long it
holds. A service that is not told of any more becomes UNKNOWN there by itself.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path

from nagios_checks.heartbeat import answering, silent
from nagios_checks.outcome import Outcome
from nagios_checks.services import EXPORTER_DESCRIPTION, OWN_HOST
from nagios_checks.sinks import Result, SinkError, first_line, long_lines, plain
from nagios_checks.submit import Answer, Silence, results

_PERF = re.compile(r"(?:'(?P<quoted>[^']*)'|(?P<bare>[^=']+))=(?P<value>-?[0-9.]+)[A-Za-z%]*(?P<rest>(?:;[^;]*){0,4})")
# A range that only has an upper end reads the same in Checkmk; others it has no words for.
_UPPER = re.compile(r"(?:0:|~:)?(-?[0-9.]+)")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]")


def told(
    answer: Answer | Silence, *, now: float, holds: float | None = None, piggyback: bool = False, headed: bool = False
) -> tuple[list[str], list[str]]:
    """The lines of the exporter's own service, and those of all others: none of an exporter that is silent.

    `holds` is for how many seconds Checkmk may believe them; `headed` begins each with a section of its own, as a spool
    file needs it.
    """
    if isinstance(answer, Silence):
        own, others, at = silent(str(answer)), [], now
    else:
        others, at = results(answer), answer.judged_at
        own = answering(answer.items, now=at, data_as_of=answer.data_as_of, services=len(others), rejected=())
    cached = None if holds is None else (int(at), int(holds))
    beat = [Result(OWN_HOST, EXPORTER_DESCRIPTION, own)]
    if piggyback:
        return sections(beat, cached=cached), sections(others, cached=cached)
    head = [HEADER] if headed else []
    return [*head, *local_lines(beat, cached=cached)], [*head, *local_lines(others, cached=cached)] if others else []


def local_lines(
    results: Iterable[Result], *, cached: tuple[int, int] | None = None, by_host: bool = False
) -> list[str]:
    """Local check lines. `cached` is (epoch seconds, seconds it holds). With `by_host` the console's host carries the
    system; else the service's name begins with it."""
    return [_line(result, cached, result.description if by_host else f"{result.host} {result.description}")
            for result in results]  # fmt: skip


def sections(results: Sequence[Result], *, cached: tuple[int, int] | None = None) -> list[str]:
    """Piggyback: each system's services as those of a Checkmk host of its name. What other local checks print after
    it is again the agent's own."""
    lines: list[str] = []
    if not results:
        return lines
    for host, own in groupby(sorted(results, key=lambda r: (r.host, r.description)), key=lambda r: r.host):
        lines += [f"<<<<{host}>>>>", HEADER, *local_lines(own, cached=cached, by_host=True), "<<<<>>>>"]
    return [*lines, HEADER]


HEADER = "<<<local:sep(0)>>>"


def _line(result: Result, cached: tuple[int, int] | None, name: str) -> str:
    outcome = result.outcome
    prefix = f"cached({cached[0]},{cached[1]}) " if cached else ""
    metrics = "|".join(_metrics(outcome)) or "-"
    # A backslash would begin something; the text is for people.
    texts = (line.replace("\\", "/") for line in (first_line(outcome, ()), *long_lines(outcome)))
    quoted = plain(name).replace('"', "'")
    return f'{prefix}{outcome.state} "{quoted}" {metrics} ' + "\\n".join(texts)


def _metrics(outcome: Outcome) -> Iterator[str]:
    for item in outcome.perf:
        found = _PERF.fullmatch(item)
        # A value nobody knows is none: `U` means nothing to Checkmk.
        if found is None:
            continue
        name = _NOT_IN_NAMES.sub("_", found["quoted"] or found["bare"] or "_")
        warning, critical, least, most = (found["rest"][1:].split(";") + [""] * 4)[:4]
        fields = [_upper(warning), _upper(critical), least, most]
        yield f"{name}={';'.join([found['value'], *fields])}".rstrip(";")


def _upper(limits: str) -> str:
    found = _UPPER.fullmatch(limits)
    return found[1] if found else ""


def write_spool(folder: Path, lines: Sequence[str], *, name: str, max_age: int) -> Path:
    """Write an agent's spool file, read with every answer until it is `max_age` seconds old: then its services become
    UNKNOWN. Raises SinkError."""
    path = folder / f"{max_age}_{name}"
    # The agent reads whatever a `*` matches: a half-written file must be hidden.
    draft = folder / f".{name}.{secrets.token_hex(4)}"
    try:
        draft.write_text("\n".join(lines) + "\n", encoding="ascii")
        draft.chmod(0o644)
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        message = f"{folder}: {error.strerror} -> name the agent's spool folder, and run this as its owner"
        raise SinkError(message) from None
    return path
