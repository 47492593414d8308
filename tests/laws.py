"""What the laws are made of: every optional field of an estate set to None, one at a time, and what may come of it."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from random import Random
from typing import Any, NamedTuple

from lastgood.model import Estate
from lastgood.policy import Policy
from lastgood.verdict import State, judge

States = Mapping[str, State]


class Unknown(NamedTuple):
    """An estate in which one field that was told is None. `where` is its class and name."""

    where: tuple[str, str]
    path: str
    estate: Estate


def states(estate: Estate, policy: Policy, now: Any) -> dict[str, State]:
    """Verdicts by key."""
    return {v.key: v.state for v in judge(estate, policy, now).verdicts}


_GRADES = (State.OK, State.WARNING, State.CRITICAL)


def better(before: States, after: States) -> list[str]:
    """The verdicts that improved. To become UNKNOWN, or to be no more, is none; UNKNOWN that became OK is.

    To be excused is; to be excused no longer is not, whatever it turns out to be.
    """
    found = []
    for key, old in before.items():
        new = after.get(key)
        if new is None or new is old or new is State.UNKNOWN or old is State.EXCLUDED:
            continue
        unknown_to_fine = old is State.UNKNOWN and new is State.OK
        if unknown_to_fine or (old in _GRADES and new in _GRADES and new < old) or new is State.EXCLUDED:
            found.append(f"{key.replace(chr(31), ' ')}: {old.name} -> {new.name}")
    return found


@cache
def optional_fields(cls: type) -> frozenset[str]:
    """The fields of a model class for which None means unknown."""
    hints = typing.get_type_hints(cls)
    return frozenset(
        f.name
        for f in fields(cls)
        if isinstance(hints[f.name], types.UnionType | typing._UnionGenericAlias)  # type: ignore[attr-defined]
        and type(None) in typing.get_args(hints[f.name])
    )


def unknowns(estate: Estate, rng: Random, each: int) -> Iterator[Unknown]:
    """Up to `each` estates per optional field of each class, every one with that field unknown in one place."""
    places: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
    for path, item in _walk(estate, ()):
        for name in sorted(optional_fields(type(item))):
            if getattr(item, name) is not None:
                places.setdefault((type(item).__name__, name), []).append((*path, name))
    for where, paths in places.items():
        for path in rng.sample(paths, min(each, len(paths))):
            yield Unknown(where, "/".join(map(str, path)), _without(estate, path))


def _walk(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if is_dataclass(value):
        yield path, value
        for f in fields(value):
            yield from _walk(getattr(value, f.name), (*path, f.name))
    elif isinstance(value, tuple):
        for n, item in enumerate(value):
            yield from _walk(item, (*path, n))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _walk(item, (*path, key))


def _without(value: Any, path: tuple[Any, ...]) -> Any:
    """The same value with None at the end of the path; what is not on the path is shared."""
    if not path:
        return None
    head, rest = path[0], path[1:]
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{head: _without(getattr(value, head), rest)})
    if isinstance(value, tuple):
        return (*value[:head], _without(value[head], rest), *value[head + 1 :])
    return {**value, head: _without(value[head], rest)}
