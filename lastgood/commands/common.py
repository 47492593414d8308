"""What commands share: durations, secrets in files, a foreign package check, running until told to stop."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lastgood.clock import parse_duration
from lastgood.errors import ConfigError, Problem

if TYPE_CHECKING:
    from exporters.service import Service

LISTEN_SECONDS = 0.5
_MAX_SECRET = 4096


class Duration(click.ParamType[float]):
    """`20s`, `5m`: seconds as float."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def secret_in(path: Path, refusal: Callable[[str], Exception]) -> str:
    """The one line of text that a file holds. Raises what `refusal` makes of a reason, which quotes nothing of it."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o007:
                raise refusal(f"{path}: can be read by everybody -> set its mode to 0600 or 0640")
            text = file.read(_MAX_SECRET).decode().rstrip("\r\n")
    except OSError as error:
        raise refusal(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        text = ""
    if not text or "\n" in text:
        raise refusal(f"{path}: does not hold one line of text -> write the secret alone into it")
    return text


def check_owner() -> None:
    """Another distribution also ships a package called `exporters`; running that one would be baffling."""
    import exporters

    if getattr(exporters, "OWNER", None) != "lastgood":
        raise ConfigError(
            Problem(
                f"the package `exporters` found at {exporters.__file__} is not lastgood's",
                "install lastgood into a virtual environment of its own",
            )
        )


def run_until_told(service: Service, seconds: float | None) -> None:
    """Wait until `seconds` passed, SIGTERM or Ctrl-C; SIGHUP reloads meanwhile."""
    for name in ("SIGTERM", "SIGINT"):
        signal.signal(getattr(signal, name), lambda *_: service.request_stop())
    signal.signal(signal.SIGHUP, lambda *_: service.request_reload())
    end = None if seconds is None else time.monotonic() + seconds
    # In slices: a signal that comes just before a wait without end would be acted upon only after the next signal.
    while end is None or time.monotonic() < end:
        if service.wait(LISTEN_SECONDS if end is None else min(LISTEN_SECONDS, max(end - time.monotonic(), 0.0))):
            return
