"""Which verdicts a command line asks for: as the API's query, and once more here, for an answer may hold others."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nagios_checks.client import ANSWER, Trouble
from nagios_checks.concerns import EXPORTER, JOB, REPOSITORY, RESTORE, RPO, SYSTEM, TENANTS
from nagios_checks.keys import BadKey, key_of, split_key
from nagios_checks.options import Usage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nagios_checks.findings import Item
    from nagios_checks.options import Given

# What the API can leave out for a concern; concerns.py has the last word, also on what nobody here has heard of.
_NARROW = {
    RPO: (("objective", "rpo,log_rpo,integrity"),),
    RESTORE: (("objective", "rto,restore_test"),),
    JOB: (("objective", "schedule,job_duration,success_rate"),),
    REPOSITORY: (("kind", "repository"),),
    SYSTEM: (("kind", "system,collector,component,tenant"),),
    TENANTS: (("objective", "rpo,log_rpo,integrity,rto,restore_test"),),
    EXPORTER: (("kind", "system"), ("objective", "system")),
}
_LISTS = ("system", "tier", "owner", "objective", "role")
_EXACT = ("workload", "job", "repository")


class Selection(NamedTuple):
    """`parameters` are the API's; `exact` are fields whose value is known and must be found in every item."""

    parameters: tuple[tuple[str, str], ...]
    exact: tuple[tuple[str, str], ...]

    def query(self) -> str:
        """What follows the question mark, percent-encoded."""
        return "&".join(f"{name}={key_of(value)}" for name, value in self.parameters)

    def check(self, items: Iterable[Item]) -> None:
        """Raises Trouble for an answer about something else."""
        for item in items:
            for field, value in self.exact:
                if item[field] != value:
                    raise Trouble(ANSWER, f"the answer holds what was not asked for: another {field}")


def selection(given: Given, concern: str | None) -> Selection:
    """Raises Usage where two options exclude each other, or a key is none."""
    exact: list[tuple[str, str]] = []
    parameters: list[tuple[str, str]] = []
    named = [option for option in _EXACT if given.text(option) is not None]
    if len(named) + bool(given.texts("name")) + (given.text("id") is not None) + (given.text("key") is not None) > 1:
        raise Usage("--name, --id, --key, --workload, --job and --repository exclude each other")
    for option in named:
        name = str(given.text(option))
        exact += [("kind", option), ("name", name)]
        parameters += [("kind", option), ("name", _literal(name))]
    if (id_ := given.text("id")) is not None:
        exact.append(("id", id_))
    if (key := given.text("key")) is not None:
        if given.texts("system"):
            raise Usage("--key names its system; --system excludes it")
        exact += _of_key(key)
    parameters += [pair for pair in exact if pair[0] not in ("kind", "name") or key is not None]
    parameters += [("name", pattern) for pattern in given.texts("name")]
    for option in _LISTS:
        parameters += [(option, ",".join(given.texts(option)))] if given.texts(option) else []
    told = {name for name, _ in parameters}
    # A narrower wish of the command line stands; what it asks beside the concern is dropped here.
    parameters += [pair for pair in _NARROW.get(concern or "", ()) if pair[0] not in told]
    return Selection(tuple(parameters), tuple(exact))


def _of_key(key: str) -> list[tuple[str, str]]:
    try:
        fields = zip(("system", "kind", "id"), split_key(key), strict=True)
    except BadKey as error:
        raise Usage(f"--key: {error}") from None
    return [(field, value) for field, value in fields if value is not None]


def _literal(name: str) -> str:
    """A pattern that only this name fits."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
