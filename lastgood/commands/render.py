"""`lastgood render`: compile the policy into what the other tools import."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from lastgood.commands.check_config import Moment
from lastgood.commands.common import Duration
from lastgood.policy import Policy
from lastgood.policy_load import load
from lastgood.render import SHELVES, render_all
from lastgood.render import check as differences
from lastgood.render.nagios import URL

# Seconds for one whole answer.
_PATIENCE = 30.0
_FILE = click.Path(path_type=Path, readable=False)
# Options that only mean something with an engine.
_OF_ENGINES = {
    "url": URL,
    "inventory": None,
    "ca_file": None,
    "credentials_file": None,
    "plugins": None,
    "passive": False,
    "fresh_for": 600.0,
    "partly": False,
}


@click.command("render")
@click.argument("engine", required=False, type=click.Choice(["nagios", "icinga"]))
@click.option(
    "--policy", type=_FILE, default=Path("examples/policy.yaml"), show_default=True, help="The policy to compile."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, readable=False, file_okay=False),
    help="Where to; default: here. An engine's objects have a folder of their own.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 and name what differs.")
@click.option("--now", type=Moment(), help="Compile as of this moment instead of the present.")
@click.option("--url", default=URL, show_default=True, help="The exporter: asked now, and by each check.")
@click.option("--inventory", type=_FILE, help="A saved answer of /api/v1/verdicts, instead of asking.")
@click.option("--partly", is_flag=True, help="Also when some system's list is not held whole.")
@click.option("--ca-file", help="Certificates in PEM that an https exporter is verified with.")
@click.option("--credentials-file", help="A file with user:password for the exporter, as the checks are to read it.")
@click.option("--plugins", help="The folder of our checks; default: the engine's plugin folder.")
@click.option("--passive", is_flag=True, help="Results are handed over by `lastgood nagios submit`.")
@click.option(
    "--fresh-for", type=Duration(), default="10m", show_default=True, help="Nagios: passive results hold so long."
)
def render(engine: str | None, policy: Path, out: Path | None, check: bool, now: datetime | None, **asked: Any) -> None:
    """Compile a policy into rules, boards, templates, monitors and documents below --out.

    With ENGINE (nagios or icinga) and an exporter, or what it answered once: into the engine's objects for every
    workload, job, repository and system. What is new and what is gone since the last time is printed.

    Only files of lastgood's own are written; files that nothing compiles to any more are named, not deleted.
    """
    moment = now or datetime.now(UTC)
    if engine is None and (needless := [name for name, usual in _OF_ENGINES.items() if asked[name] != usual]):
        raise click.UsageError(f"--{needless[0].replace('_', '-')} needs an ENGINE: nagios or icinga")
    if engine is not None and out is None:
        raise click.UsageError("say with --out which folder the engine reads; it should hold nothing else")
    loaded, _ = load(policy, now=moment)
    if engine is None:
        _shelves(loaded, out or Path(), check)
    elif out is not None:
        _objects(engine, loaded, out, check, moment, **asked)


def _shelves(policy: Policy, out: Path, check: bool) -> None:
    from lastgood.commands.objects import icinga_shelf

    shelves = (*SHELVES, icinga_shelf())
    compiled = render_all(policy, shelves)
    if not check:
        for path, text in compiled.items():
            file = out / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if not file.is_file() or file.read_bytes() != text.encode():
                file.write_bytes(text.encode())
                click.echo(path)
    found = differences(out, compiled, shelves)
    for line in found:
        click.echo(line, err=True)
    sys.exit(1 if found else 0)


def _objects(
    engine: str,
    policy: Policy,
    out: Path,
    check: bool,
    now: datetime,
    *,
    inventory: Path | None,
    partly: bool,
    fresh_for: float,
    **how: Any,
) -> None:
    from lastgood.commands.inventory import ask, read, watched
    from lastgood.commands.objects import ENGINES, rendering
    from lastgood.render.watched import Asking

    try:
        asking = Asking(fresh_for=round(fresh_for), **how)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    items = (
        read(inventory, partly=partly)
        if inventory is not None
        else ask(asking.url, asking.ca_file, asking.credentials_file, _PATIENCE, partly=partly)
    )
    try:
        done = rendering(ENGINES[engine], policy, watched(items), asking, now, out)
        for name, text in done.files.items():
            if not check:
                out.mkdir(parents=True, exist_ok=True)
                (out / name).write_bytes(text.encode())
            click.echo(name)
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    if done.first:
        click.echo(f"{done.services} services")
    for word, told in (("new", () if done.first else done.added), ("gone", done.removed)):
        for line in told:
            click.echo(f"{word}: {line}")
    for name in done.left_over:
        click.echo(f"{name}: nothing compiles to it any more", err=True)
    sys.exit(1 if check and done.files else 0)
