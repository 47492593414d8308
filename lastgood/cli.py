"""The `lastgood` command. Each subcommand is a module of `lastgood.commands`, loaded when it is asked for."""

from __future__ import annotations

import importlib
import sys

import click

from lastgood import __version__
from lastgood.errors import ConfigError, LastgoodError

# Subcommand -> (module, attribute); importing them all would make each one slow.
_COMMANDS = {
    "check-config": ("lastgood.commands.check_config", "check_config"),
    "explain": ("lastgood.commands.explain", "explain"),
    "render": ("lastgood.commands.render", "render"),
    "nagios": ("lastgood.commands.nagios", "nagios"),
    "zabbix": ("lastgood.commands.zabbix", "zabbix"),
    "serve": ("lastgood.commands.serve", "serve"),
    "demo": ("lastgood.commands.demo", "demo"),
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = _COMMANDS.get(cmd_name)
        if place is None:
            return None
        command = getattr(importlib.import_module(place[0]), place[1])
        assert isinstance(command, click.Command)  # noqa: S101 - the table above is ours
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lastgood")
def cli() -> None:
    """How old is each workload's last good backup, and could it be restored in time?"""


def main() -> None:
    """Entry point: errors made on purpose become one clear message and exit status 2."""
    try:
        cli()
    except ConfigError as error:
        for problem in error.problems:
            click.echo(f"lastgood: {problem}", err=True)
        sys.exit(2)
    except LastgoodError as error:
        click.echo(f"lastgood: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
