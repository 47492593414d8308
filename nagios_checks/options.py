"""Command line options as data: one table is parsed here, printed by --help and compiled into Icinga's CheckCommands.

No argparse: importing it costs a check more than all its other work, and it ends by 2, which Nagios takes for CRITICAL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nagios_checks.outcome import NAMES
from nagios_checks.ranges import Threshold, seconds, threshold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

# Kinds of value.
SWITCH, COUNTED, TEXT, NUMBER, SECONDS, STATE, RANGE = (
    "switch", "counted", "text", "number", "seconds", "state", "range",
)  # fmt: skip


class Usage(Exception):
    """A command line that cannot be obeyed; its text is one line that says what is wrong and what is possible."""


class Option(NamedTuple):
    """`--name`, and `-letter` where there is one. `kind` says what its value may be; a switch or a count has none.

    `default` is as it would be typed; None leaves the option out. `repeat`: may be given several times.
    """

    name: str
    kind: str
    help: str
    metavar: str = ""
    letter: str = ""
    default: str | None = None
    repeat: bool = False

    @property
    def takes_value(self) -> bool:
        return self.kind not in (SWITCH, COUNTED)

    @property
    def flag(self) -> str:
        return f"--{self.name}"


def state_of(text: str) -> int:
    """The exit code of a state's name or number. Raises ValueError."""
    word = text.upper()
    if word in NAMES:
        return NAMES.index(word)
    if text in ("0", "1", "2", "3"):
        return int(text)
    raise ValueError(f"{text[:40]!r} is not a state; write ok, warning, critical or unknown")


def _text(text: str) -> str:
    if not text:
        raise ValueError("it is empty")
    return text


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text[:9]) <= 100_000:
        raise ValueError(f"{text[:40]!r} is not a whole number from 1 to 100000")
    return int(text[:9])


def _timeout(text: str) -> float:
    value = seconds(text)
    if not 0.1 <= value <= 3600:
        raise ValueError(f"{text[:40]!r} is not between 0.1 and 3600 seconds")
    return value


_READ: Mapping[str, Callable[[str], object]] = {
    TEXT: _text,
    NUMBER: _number,
    SECONDS: _timeout,
    STATE: state_of,
    RANGE: threshold,
}


class Given:
    """The values of one command line, checked; an option that was not given has its default."""

    def __init__(self, values: Mapping[str, list[object]]) -> None:
        self._values = values

    def _last(self, name: str) -> object:
        found = self._values.get(name)
        return found[-1] if found else None

    def on(self, name: str) -> bool:
        return bool(self._values.get(name))

    def count(self, name: str) -> int:
        return len(self._values.get(name, ()))

    def text(self, name: str) -> str | None:
        value = self._last(name)
        return value if isinstance(value, str) else None

    def texts(self, name: str) -> list[str]:
        return [value for value in self._values.get(name, ()) if isinstance(value, str)]

    def number(self, name: str) -> int:
        """Of an option that has a default, or is a state."""
        value = self._last(name)
        return value if isinstance(value, int) else 0

    def seconds(self, name: str) -> float:
        value = self._last(name)
        return value if isinstance(value, float) else 0.0

    def range(self, name: str) -> Threshold | None:
        value = self._last(name)
        return value if isinstance(value, Threshold) else None


def parse(options: Iterable[Option], arguments: Sequence[str]) -> Given:
    """What the arguments say. Raises Usage for the first one that cannot be obeyed."""
    known = {f"--{o.name}": o for o in options} | {f"-{o.letter}": o for o in options if o.letter}
    values: dict[str, list[object]] = {}
    left = list(reversed(arguments))
    while left:
        word = left.pop()
        flag, attached = _split(word, known)
        option = known.get(flag)
        if option is None:
            raise Usage(f"unknown option {flag[:40]}" if flag.startswith("-") else f"unexpected argument {flag[:40]!r}")
        if not option.takes_value:
            if attached is not None:
                if word.startswith("--"):
                    raise Usage(f"{flag} takes no value")
                left.append(f"-{attached}")
            values.setdefault(option.name, []).append(True)
            continue
        if attached is None and not left:
            raise Usage(f"{flag} needs a value ({option.metavar})")
        values.setdefault(option.name, []).append(_read(option, flag, left.pop() if attached is None else attached))
        if len(values[option.name]) > 1 and not option.repeat:
            raise Usage(f"{flag} was given twice")
    for option in options:
        if option.default is not None and option.name not in values:
            values[option.name] = [_read(option, option.flag, option.default)]
    return Given(values)


def _split(word: str, known: Mapping[str, Option]) -> tuple[str, str | None]:
    """The flag of a word, and the value written into the same word: `--name=value`, `-t5`, `-vv`."""
    if word.startswith("--"):
        flag, equals, value = word.partition("=")
        return flag, value if equals else None
    if len(word) > 2 and word[0] == "-" and word[:2] in known:
        return word[:2], word[2:]
    return word, None


def _read(option: Option, flag: str, text: str) -> object:
    try:
        return _READ[option.kind](text)
    except ValueError as error:
        raise Usage(f"{flag}: {error}") from None


def describe(options: Iterable[Option]) -> str:
    """The options as --help prints them."""
    lines = []
    for option in options:
        names = f"-{option.letter}, " if option.letter else "    "
        lines.append(f"  {names}{option.flag}{'=' + option.metavar if option.takes_value else ''}")
        told = option.help if option.default is None else f"{option.help} (default {option.default})"
        lines += [f"        {line}" for line in _wrap(told, 96)]
    return "\n".join(lines)


def _wrap(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return lines
