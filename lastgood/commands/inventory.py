"""The services that objects are compiled for, and the checks' options: what the builders get of `nagios_checks`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lastgood.errors import ConfigError, Problem
from lastgood.render.icinga_commands import Argument
from lastgood.render.watched import FACTS, Promise, Watched

if TYPE_CHECKING:
    from nagios_checks.services import Service

_MAX_FILE = 1 << 30
# What --help and --version print is for people.
_FOR_PEOPLE = ("help", "version")


def ask(
    url: str, ca_file: str | None, credentials_file: str | None, timeout: float, *, partly: bool
) -> list[Mapping[str, Any]]:
    """All verdict items of a running exporter. Raises ConfigError; also, unless `partly`, for an answer without the
    whole list of some system."""
    from nagios_checks.options import Usage
    from nagios_checks.submit import Silence, read_all
    from nagios_checks.target import target_of

    try:
        answer = read_all(target_of(url, ca_file, credentials_file), timeout, time.time)
    except (Usage, Silence) as error:
        raise ConfigError(Problem(str(error), "check --url, or give --inventory a saved answer")) from None
    if answer.incomplete and not partly:
        raise _not_whole(f"the list of {', '.join(sorted(answer.incomplete))} is not held whole", None)
    return list(answer.items)


def read(path: Path, *, partly: bool) -> list[Mapping[str, Any]]:
    """The items of a saved answer of /api/v1/verdicts. Raises ConfigError; also, unless `partly`, for one that is not
    whole."""
    remedy = "save what /api/v1/verdicts?limit=10000 answers"
    try:
        with path.open("rb") as file:
            answer = json.loads(file.read(_MAX_FILE))
        items, after, complete = list(answer["items"]), answer["next"], answer["complete"]
    except OSError as error:
        raise ConfigError(Problem(f"cannot be read: {error.strerror}", remedy, path)) from None
    except (ValueError, LookupError, TypeError, RecursionError):
        raise ConfigError(Problem("not an answer of /api/v1/verdicts", remedy, path)) from None
    if after is not None:
        raise ConfigError(Problem("the first page of several", "save the answer to a larger limit", path))
    if complete is not True and not partly:
        raise _not_whole("some system's list is not held whole", path)
    return items


def _not_whole(what: str, path: Path | None) -> ConfigError:
    remedy = "try again after its next poll; with --partly its missing services are taken for gone"
    return ConfigError(Problem(what, remedy, path))


def watched(items: Iterable[Mapping[str, Any]]) -> list[Watched]:
    """What there is to watch. Raises ConfigError for items that are no verdicts."""
    from nagios_checks.services import services

    try:
        return [_watched(service) for service in services(items)]
    except (LookupError, TypeError, AttributeError):
        raise ConfigError(Problem("the answer holds items that are no verdicts", "ask /api/v1/verdicts")) from None


def _watched(service: Service) -> Watched:
    subjects = {(item["system"], item["kind"], item["id"]): item for item in service.items}
    return Watched(
        host=service.host,
        description=service.description,
        concern=service.concern,
        key=service.key,
        system=service.system,
        tier=service.tier,
        owner=service.owner,
        promises=frozenset(
            Promise(i["objective"], i["tier"], i["owner"], i["business_owner"], i["source"]) for i in service.items
        ),
        facts=tuple({key: (item[key],) for key in FACTS} for item in subjects.values()),
    )


def tables() -> dict[str, tuple[Argument, ...]]:
    """The options of each check."""
    from nagios_checks.checks import CHECKS

    return {
        check.name: tuple(
            Argument(option.flag, option.help, option.takes_value)
            for option in check.options
            if option.name not in _FOR_PEOPLE
        )
        for check in CHECKS
    }
