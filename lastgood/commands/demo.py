"""`lastgood demo`: everything running on a simulated estate, in one command and without an account."""

from __future__ import annotations

import http.client
import logging
import socket
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lastgood.commands.common import Duration, check_owner, run_until_told

if TYPE_CHECKING:
    from lastgood.verdict import Judgement, Verdict

HOST, PORT = "127.0.0.1", 9741
SHOWN = 40


@click.command()
@click.option("--for", "seconds", type=Duration(), help="Stop by itself after this long, such as 20s.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help=f"Port of board and metrics (default {PORT}, or a free one)."
)
def demo(seconds: float | None, port: int | None) -> None:
    """Show lastgood at work on simulated backup servers with real incidents."""
    check_owner()
    from exporters.demo import running
    from exporters.logs import setup
    from exporters.redact import Redactor

    setup(Redactor(), level=logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="lastgood-demo-") as folder:
        listen = (HOST, port if port is not None else _free_port())
        with running(Path(folder), listen, lambda line: click.echo(f"  {line} ...")) as shown:
            server = shown.service.server
            click.echo()
            show(shown.service.keeper.judgement(datetime.now(UTC)))
            click.echo(f"\nboard    {server.url}/\nmetrics  {server.url}/metrics\npolicy   {folder}/policy.yaml")
            failed = [f"{name} was not read" for name in shown.failed]
            failed += [f"{path} did not answer" for path in ("/", "/metrics") if not _answers(server.url, path)]
            for line in failed:
                click.echo(f"lastgood: {line}", err=True)
            if seconds is None:
                click.echo("\nCtrl-C stops it.")
            run_until_told(shown.service, seconds)
    if failed:
        sys.exit(1)


def _free_port() -> int:
    """The usual port, or any free one where a first demo still runs."""
    with socket.socket() as probe:
        try:
            probe.bind((HOST, PORT))
        except OSError:
            return 0
    return PORT


def _answers(url: str, path: str) -> bool:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()


def show(judgement: Judgement) -> None:
    """What was found as a table, worst first, and how much is well."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from lastgood.verdict import State, rank

    style = {State.CRITICAL: "bold red", State.UNKNOWN: "magenta", State.WARNING: "yellow", State.EXCLUDED: "dim"}
    console = Console(width=None if sys.stdout.isatty() else 160)
    counts = {state: sum(v.state is state for v in judgement.verdicts) for state in State}
    bad = [v for v in judgement.verdicts if v.state not in (State.OK, State.EXCLUDED)]
    bad.sort(key=lambda v: (-rank(v.state), v.subject.system, v.objective, v.subject.name))
    table = Table(show_lines=False, pad_edge=False, box=None, header_style="bold")
    for heading in ("verdict", "system", "subject", "objective", "why, and what to do first"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "verdict")
    groups: dict[tuple[object, ...], list[Verdict]] = {}
    for verdict in bad:
        about = (verdict.subject.system, verdict.subject.role, verdict.objective)
        same = (verdict.state, *about, verdict.critical, _generic(verdict))
        groups.setdefault(same, []).append(verdict)
    for alike in list(groups.values())[:SHOWN]:
        first, others = alike[0], len(alike) - 1
        table.add_row(
            Text(first.state.name, style=style[first.state]),
            Text(first.subject.system),
            Text(_subject(first) + (f" and {others} more" if others else "")),
            Text(first.objective),
            Text(f"{first.reason}. {first.action or ''}".strip()),
        )
    console.print(table)
    if len(groups) > SHOWN:
        console.print(f"... and {len(groups) - SHOWN} more kinds")
    told = ", ".join(f"{n} {state.name}" for state, n in sorted(counts.items(), key=lambda p: -rank(p[0])))
    console.print(f"\n{len(judgement.verdicts)} verdicts on {len(judgement.views)} systems: {told}", highlight=False)


def _generic(verdict: Verdict) -> str:
    """What to do, whoever it is about: verdicts that ask for the same thing are shown as one line."""
    return (verdict.action or "").replace(verdict.subject.name, "")


def _subject(verdict: Verdict) -> str:
    role = verdict.subject.role
    return verdict.subject.name if role in (None, "primary") else f"{verdict.subject.name} ({role})"
