"""`lastgood serve`: the exporter on a real configuration."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import click

from lastgood.commands.common import Duration, check_owner, run_until_told


@click.command()
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path, readable=False),
    default=Path("lastgood.yaml"),
    show_default=True,
    help="The exporter's settings; they name the policy.",
)
@click.option("--listen", help="ADDRESS:PORT instead of the configured one.")
@click.option("--for", "seconds", type=Duration(), help="Stop by itself after this long, such as 20s.")
def serve(path: Path, listen: str | None, seconds: float | None) -> None:
    """Read the configured systems and serve metrics, board and API until stopped."""
    check_owner()
    from exporters.config import parse_listen
    from exporters.logs import setup
    from exporters.redact import Redactor
    from exporters.service import Loaded, Service, load

    def read() -> Loaded:
        loaded = load(path, datetime.now(UTC))
        if listen is None:
            return loaded
        return replace(loaded, config=replace(loaded.config, listen=parse_listen(listen)))

    loaded = read()
    for warning in loaded.warnings:
        click.echo(f"lastgood: {warning}", err=True)
    config = loaded.config
    redactor = Redactor([s.password for s in config.systems if s.password is not None])
    form: Literal["json", "text"] = "json" if config.log_format == "json" else "text"
    setup(redactor, form=form, level=logging.getLevelNamesMapping()[config.log_level.upper()])
    service = Service(loaded, reread=read)
    try:
        service.start()
        click.echo(f"board    {service.server.url}/")
        click.echo(f"metrics  {service.server.url}/metrics")
        run_until_told(service, seconds)
    finally:
        service.stop()
