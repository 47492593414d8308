"""Plain data -> YAML text that every reader takes for the same data, and that is the same bytes each time.

YAML 1.1 (Prometheus, Ansible, PyYAML) reads `no`, `1_000`, `12:30` and `1e3` as something other than text, YAML 1.2
does not: a string is left bare only where no version can mistake it. Numbers keep the decimals they were written with.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal

import yaml

# Words that some version of YAML reads as a boolean, a null or a float.
_RESERVED = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"))
# Starts with a letter, holds no character that means something to YAML; a colon only inside a word.
_BARE = re.compile(r"[A-Za-z_](?:[A-Za-z0-9_./-]|:(?=[A-Za-z0-9_]))*")

Data = None | bool | int | float | Decimal | str | list["Data"] | Mapping[str, "Data"]


class _Dumper(yaml.SafeDumper):
    """Block style, double quotes, no aliases."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        # Lists are indented under their key: a diff then shows where an entry belongs.
        return super().increase_indent(flow, False)


def dump(data: Mapping[str, Data], header: str = "") -> str:
    """One YAML document, keys in the order given. `header` becomes comment lines above it.

    Raises ValueError for a number that is no number (NaN, infinity), TypeError for what is not plain data.
    """
    comment = "".join(f"# {line}\n" if line else "#\n" for line in header.splitlines())
    text: str = yaml.dump(
        _plain(data),
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=False,
        allow_unicode=True,
        width=math.inf,
        indent=2,
    )
    return comment + text


def decimal(value: float | Decimal) -> str:
    """A number in full, without exponent or float noise: 0.1, 1209600, 0.999."""
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    if not exact.is_finite():
        raise ValueError(f"{value} cannot be written as a number")
    text = f"{exact:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _plain(data: object) -> object:
    """Checked all the way down, so that a wrong value fails here and not as a strange tag in the file."""
    if isinstance(data, Mapping):
        for key in data:
            if not isinstance(key, str):
                raise TypeError(f"a key must be text: {key!r}")
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(value) for value in data]
    if isinstance(data, str):
        return str(data)
    if data is None or isinstance(data, bool | int | float | Decimal):
        return data
    raise TypeError(f"not plain data: {data!r}")


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    if "\n" in value and _fits_a_block(value):
        style = "|"
    else:
        style = "" if _BARE.fullmatch(value) and value.lower() not in _RESERVED else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _fits_a_block(value: str) -> bool:
    """A block shows PromQL as it was written, but can hold neither control characters nor leading or trailing space."""
    lines = value.split("\n")
    return (
        all(line == line.rstrip() for line in lines)
        and bool(lines[0])
        and not lines[0].startswith(" ")
        and all(ch == "\n" or ch.isprintable() for ch in value)
    )


def _number(dumper: yaml.SafeDumper, value: float | Decimal) -> yaml.ScalarNode:
    text = decimal(value)
    tag = "tag:yaml.org,2002:float" if "." in text else "tag:yaml.org,2002:int"
    return dumper.represent_scalar(tag, text)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(float, _number)
_Dumper.add_representer(Decimal, _number)
