"""`lastgood nagios`: verdicts handed to Nagios, Icinga 2 and Checkmk in bulk, maintenance windows told to Nagios."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lastgood.clock import epoch
from lastgood.commands.check_config import Moment
from lastgood.commands.common import Duration, secret_in
from lastgood.policy import Policy
from lastgood.policy_load import load

if TYPE_CHECKING:
    from nagios_checks.downtime import Window
    from nagios_checks.sinks import Sink
    from nagios_checks.submit import Answer, Round

DEFAULT_URL = "http://127.0.0.1:9741"
_FINE, _DOUBTFUL = 0, 1
# Without --every nobody says when the next round comes.
_TTL = 600.0


class Failed(click.ClickException):
    """What could not be done, in the state that it leaves a console in: UNKNOWN."""

    exit_code = 3


@click.group("nagios")
def nagios() -> None:
    """Hand verdicts to Nagios, Icinga 2 and Checkmk: thousands of services by one process."""


def _exporter(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say where verdicts come from."""
    for option in (
        click.option("--timeout", type=Duration(), default="30s", show_default=True, help="For one whole answer."),
        click.option("--url-credentials-file", help="A file with user:password for the exporter."),
        click.option("--url-ca-file", help="Certificates in PEM that an https exporter is verified with."),
        click.option("--url", default=DEFAULT_URL, show_default=True, help="Where the exporter is."),
    ):
        command = option(command)
    return command


def _asking(
    url: str, url_ca_file: str | None, url_credentials_file: str | None, timeout: float
) -> Callable[[], Answer]:
    """How all verdicts are read; raises Failed for an address or a file that cannot be used."""
    from nagios_checks.options import Usage
    from nagios_checks.submit import read_all
    from nagios_checks.target import target_of

    try:
        target = target_of(url, url_ca_file, url_credentials_file)
    except Usage as error:
        # These options have the names of the checks', but for what tells them from those of Icinga's API.
        text = str(error).replace("--ca-file", "--url-ca-file").replace("--credentials-file", "--url-credentials-file")
        raise Failed(text) from None
    return lambda: read_all(target, timeout, time.time)


# --- submit ----------------------------------------------------------------------------------------------------------


@nagios.command("submit")
@_exporter
@click.option("--to", required=True, help="command-file:PATH, spool:DIR or icinga:https://HOST:5665.")
@click.option("--every", type=Duration(), help="Go on, with a round every so often, such as 60s.")
@click.option("--ttl", type=Duration(), help="Icinga: how long a result holds; default: two rounds, or 10m.")
@click.option("--api-user", help="Icinga: the ApiUser.")
@click.option("--api-password-file", type=click.Path(path_type=Path), help="Icinga: the file with its password.")
@click.option("--ca-file", type=click.Path(path_type=Path), help="Icinga: certificates that its API is verified with.")
@click.option("--server-name", help="Icinga: the name in its certificate, where it is not that of the address.")
@click.option("--insecure", is_flag=True, help="Icinga: do not verify its certificate.")
def submit(
    url: str, url_ca_file: str | None, url_credentials_file: str | None, timeout: float, every: float | None, **to: Any
) -> None:
    """Hand all verdicts over as passive results: a service for each workload, job, repository and system.

    Exit 0 when all were taken, 1 when the engine has no object for some, 3 when the exporter or the engine failed.
    With --every it runs until it is stopped, and says so whenever something changes.
    """
    from nagios_checks.sinks import SinkError
    from nagios_checks.submit import Submitter

    if every == 0 or to["ttl"] == 0:
        raise Failed("--every and --ttl are longer than nothing, such as 60s")
    asking = _asking(url, url_ca_file, url_credentials_file, timeout)
    try:
        submitter = Submitter(_sink(ttl=to.pop("ttl") or (_TTL if every is None else 2 * every), **to))
    except SinkError as error:
        raise Failed(str(error)) from None
    if every is not None:
        _repeat(lambda: submitter.round(asking, time.time), every)
        return
    told = submitter.round(asking, time.time)
    if told.failed is not None:
        raise Failed(str(told))
    click.echo(told)
    sys.exit(_DOUBTFUL if told.unknown else _FINE)


def _sink(to: str, ttl: float, api_user: str | None, api_password_file: Path | None, **tls: Any) -> Sink:
    """Raises SinkError and Failed."""
    from nagios_checks.command_file import CommandFile
    from nagios_checks.icinga_api import IcingaApi, Login, Tls
    from nagios_checks.spool import Spool

    kind, _, place = to.partition(":")
    if kind == "icinga" and place:
        if api_user is None or api_password_file is None:
            raise Failed("Icinga's API asks who submits -> --api-user and --api-password-file")
        return IcingaApi(place, Login(api_user, secret_in(api_password_file, Failed)), Tls(**tls), ttl=ttl)
    if kind == "command-file" and place:
        return CommandFile(Path(place))
    if kind == "spool" and place:
        return Spool(Path(place))
    raise Failed("--to is command-file:PATH, spool:DIR or icinga:https://HOST:5665")


def _repeat(one: Callable[[], Round], every: float) -> None:
    """Rounds until SIGTERM or Ctrl-C. A line is printed when it differs from the last: a log is no heartbeat."""
    stop = threading.Event()
    for name in ("SIGTERM", "SIGINT"):
        signal.signal(getattr(signal, name), lambda *_: stop.set())
    before, due = "", time.monotonic()
    while not stop.is_set():
        told = str(one())
        if told != before:
            click.echo(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {told}")
        before, due = told, max(due + every, time.monotonic())
        stop.wait(due - time.monotonic())


# --- checkmk ---------------------------------------------------------------------------------------------------------


@nagios.command("checkmk")
@_exporter
@click.option("--piggyback", is_flag=True, help="Each system's services belong to the Checkmk host of its name.")
@click.option("--cached", type=Duration(), help="Tell Checkmk that the lines hold for so long, such as 2m.")
@click.option("--spool", type=click.Path(path_type=Path), help="Write into the agent's spool folder, do not print.")
@click.option("--max-age", type=Duration(), default="5m", show_default=True, help="For how long a spool file holds.")
def checkmk(
    url: str,
    url_ca_file: str | None,
    url_credentials_file: str | None,
    timeout: float,
    piggyback: bool,
    cached: float | None,
    spool: Path | None,
    max_age: float,
) -> None:
    """Print all services as lines of a Checkmk local check, from one process.

    Exit 0, or 3 when the exporter is silent: then only its own service is told, as UNKNOWN.
    """
    from nagios_checks.checkmk import told, write_spool
    from nagios_checks.sinks import SinkError
    from nagios_checks.submit import Silence

    if max_age < 1 or (cached is not None and cached < 1):
        raise Failed("--cached and --max-age are a second or more, such as 2m")
    asking = _asking(url, url_ca_file, url_credentials_file, timeout)
    answer: Answer | Silence
    try:
        answer = asking()
    except Silence as silence:
        answer = silence
    own, verdicts = told(answer, holds=cached, piggyback=piggyback, now=time.time(), headed=spool is not None)
    if spool is None:
        click.echo("\n".join([*verdicts, *own]))
    else:
        try:
            # In a file of its own, so that silence makes nothing older look new.
            write_spool(spool, own, name="lastgood_exporter", max_age=int(max_age))
            if verdicts:
                write_spool(spool, verdicts, name="lastgood", max_age=int(max_age))
        except SinkError as error:
            raise Failed(str(error)) from None
    if isinstance(answer, Silence):
        raise Failed(str(answer))


# --- downtime --------------------------------------------------------------------------------------------------------


@nagios.command("downtime")
@_exporter
@click.option(
    "--policy",
    type=click.Path(path_type=Path, readable=False),
    default=Path("policy.yaml"),
    show_default=True,
    help="Its maintenance windows are told.",
)
@click.option("--command-file", type=click.Path(path_type=Path), required=True, help="Nagios' command_file.")
@click.option("--state-file", type=click.Path(path_type=Path), required=True, help="Remembers what Nagios was told.")
@click.option("--ahead", type=Duration(), default="24h", show_default=True, help="Windows that begin so soon.")
@click.option("--now", type=Moment(), help="Plan as of this moment instead of the present.")
def downtime(
    url: str,
    url_ca_file: str | None,
    url_credentials_file: str | None,
    timeout: float,
    policy: Path,
    command_file: Path,
    state_file: Path,
    ahead: float,
    now: datetime | None,
) -> None:
    """Schedule the policy's maintenance windows as downtimes in Nagios, each once; made for an hourly timer.

    Exit 0; 1 when a window matches by what verdicts do not tell, and is left out; 3 when something failed.
    """
    from nagios_checks.downtime import Ledger, planned, schedule
    from nagios_checks.services import services
    from nagios_checks.sinks import SinkError
    from nagios_checks.submit import Silence

    moment = now or datetime.now(UTC)
    loaded, _ = load(policy, now=moment)
    windows, refused = windows_of(loaded, moment, moment + timedelta(seconds=ahead))
    for line in refused:
        click.echo(f"{policy}:{line}", err=True)
    try:
        found = services(_asking(url, url_ca_file, url_credentials_file, timeout)().items) if windows else []
        count = schedule(command_file, list(planned(found, windows)), Ledger(state_file), epoch(moment))
    except (Silence, SinkError) as error:
        raise Failed(str(error)) from None
    click.echo(f"{count} downtimes scheduled; {len(windows)} windows in the next {ahead / 3600:g} h")
    sys.exit(_DOUBTFUL if refused else _FINE)


def windows_of(policy: Policy, start: datetime, end: datetime) -> tuple[list[Window], list[str]]:
    """The occurrences of the policy's maintenance windows between two moments; and the line of each window that
    matches by what no verdict tells, with the reason why it is left out."""
    from nagios_checks.downtime import TOLD, Window

    windows: list[Window] = []
    refused: list[str] = []
    for entry in policy.maintenance:
        foreign = [key for key in entry.match.keys if key not in TOLD]
        if foreign:
            keys, possible = ", ".join(foreign), ", ".join(TOLD)
            why = f"verdicts do not tell the {keys} of their subjects -> match by {possible}, or schedule it in Nagios"
            refused.append(f"{entry.line}: maintenance: {why}")
            continue
        for begin, close in entry.window.occurrences(start, end):
            comment = f"{entry.reason} ({entry.window.text}, policy line {entry.line})"
            windows.append(Window(int(epoch(begin)), int(epoch(close)), entry.match.matches, comment))
    return windows, refused
