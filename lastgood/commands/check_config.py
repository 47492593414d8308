"""`lastgood check-config`: every mistake in the user's files, with its place and its remedy."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import click

from lastgood.clock import parse_time
from lastgood.errors import ConfigError, Problem
from lastgood.policy_check import advise
from lastgood.policy_load import load

CLEAN, DOUBTFUL, WRONG = 0, 1, 2


class Moment(click.ParamType[datetime]):
    """A moment for --now: ISO 8601, UTC where it names no zone."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            moment = parse_time(str(value), UTC)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if moment is None:
            self.fail("not a moment", param, ctx)
        return moment


def check(config: Path | None, policy: Path | None, now: datetime) -> list[Problem]:
    """All problems of a configuration, of the policy it names (or of `policy`, if given), errors first."""
    found: list[Problem] = []
    fills: Mapping[str, frozenset[str]] | None = None
    if config is not None:
        module = importlib.import_module("exporters.config")
        try:
            settings = module.load(config)
            importlib.import_module("exporters.service").try_out(settings)
            fills, policy = module.fills_of(settings) or None, policy or settings.policy
        except ConfigError as error:
            found += error.problems
    if policy is not None:
        try:
            loaded, warnings = load(policy, now=now, fills=fills)
            found += [*warnings, *advise(loaded)]
        except ConfigError as error:
            found += error.problems
    return sorted(found, key=lambda problem: problem.warning)


@click.command("check-config")
@click.option(
    "--config",
    type=click.Path(path_type=Path, readable=False),
    help="The exporter's settings, with the policy they name.",
)
@click.option(
    "--policy", type=click.Path(path_type=Path, readable=False), help="A policy; instead of the one the settings name."
)
@click.option("--strict", is_flag=True, help="Warnings fail too (exit 1).")
@click.option("--now", type=Moment(), help="Judge as of this moment instead of the present.")
def check_config(config: Path | None, policy: Path | None, strict: bool, now: datetime | None) -> None:
    """Find every mistake in lastgood.yaml and policy.yaml, each with line, key and remedy.

    Without options lastgood.yaml of this directory is checked. Exit 0 clean or with warnings, 1 with warnings under
    --strict, 2 with errors.
    """
    if config is None and policy is None:
        config = Path("lastgood.yaml")
    problems = check(config, policy, now or datetime.now(UTC))
    for problem in problems:
        click.echo(str(problem))
    errors = sum(not problem.warning for problem in problems)
    warnings = len(problems) - errors
    click.echo(f"{_count(errors, 'error')}, {_count(warnings, 'warning')}", err=True)
    sys.exit(WRONG if errors else DOUBTFUL if warnings and strict else CLEAN)


def _count(number: int, word: str) -> str:
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"
