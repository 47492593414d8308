"""Icinga 2 CheckCommands, compiled from the checks' own tables of options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from lastgood.render.icinga_text import Data, Raw, block, text
from lastgood.render.watched import Asking


class Argument(NamedTuple):
    """One option of a check, such as --key. `takes_value`: otherwise it is a switch."""

    flag: str
    help: str
    takes_value: bool = True

    @property
    def variable(self) -> str:
        """The custom variable that gives its value, or turns it on: backup_max_lines for --max-lines."""
        return f"backup_{self.flag.lstrip('-').replace('-', '_')}"


# A check's name -> its options.
Tables = Mapping[str, tuple[Argument, ...]]


def check_commands(tables: Tables, asking: Asking) -> list[str]:
    """One for each check. Its options are set by custom variables of the service, the host or the command."""
    return [_command(name, options, asking) for name, options in sorted(tables.items())]


def _command(name: str, options: Iterable[Argument], asking: Asking) -> str:
    folder = "PluginDir" if asking.plugins is None else text(asking.plugins)
    arguments: dict[str, Data] = {}
    for option in options:
        how: tuple[str, Data] = ("value" if option.takes_value else "set_if", f"${option.variable}$")
        # A dollar in a description would be looked at as a macro by whoever copies it.
        arguments[option.flag] = {how[0]: how[1], "description": option.help.replace("$", "")}
    return block(
        f"object CheckCommand {text(name)}",
        [("command", Raw(f"[ {folder} + {text(f'/{name}')} ]")), ("timeout", Raw("1m")), ("arguments", arguments)],
    )
