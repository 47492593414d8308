"""`lastgood render`: compile the policy into what the other tools import."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from lastgood.commands.check_config import Moment
from lastgood.policy_load import load
from lastgood.render import check as differences
from lastgood.render import render_all


@click.command("render")
@click.option(
    "--policy", type=click.Path(path_type=Path, readable=False), default=Path("examples/policy.yaml"), show_default=True
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, readable=False, file_okay=False),
    default=Path(),
    help="Where to; default: here.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 and name what differs.")
@click.option("--now", type=Moment(), help="Compile as of this moment instead of the present.")
def render(policy: Path, out: Path, check: bool, now: datetime | None) -> None:
    """Compile a policy into rules, runbooks and documents below --out.

    Only files of lastgood's own shelves are written; files that nothing compiles to any more are named, not deleted.
    """
    loaded, _ = load(policy, now=now or datetime.now(UTC))
    compiled = render_all(loaded)
    if not check:
        for path, text in compiled.items():
            file = out / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if not file.is_file() or file.read_bytes() != text.encode():
                file.write_bytes(text.encode())
                click.echo(path)
    found = differences(out, compiled)
    for line in found:
        click.echo(line, err=True)
    sys.exit(1 if found else 0)
