"""Questions to /api/v1 and their answers: filters, pages, the envelope. Nagios' checks ask here.

A filter that matches nothing gives an empty list; a filter nobody knows is an error, because a typing mistake must not
look like "all is well".
"""

from __future__ import annotations

import fnmatch
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

from exporters.api import SUBJECTS, Item, at, ordered, series_of, verdict_item
from exporters.present import only_counted
from exporters.textformat import seconds
from lastgood.verdict import Judgement, Verdict

VERDICTS = "verdicts"
COLLECTIONS = (VERDICTS, *SUBJECTS)
LIMIT, LIMIT_MAX = 1000, 10_000
_PAGING = ("limit", "offset")
# The fields a filter may name, in every collection that has them. Given more than once, it offers alternatives; so does
# a list separated by commas, but for `id` and `name`, which may hold commas and are matched whole. `name` takes a glob.
FILTERS = (
    "system", "source", "kind", "id", "name", "role", "objective", "verdict", "urgency", "tier", "owner",
    "business_owner", "state",
)  # fmt: skip
_WHOLE = ("id", "name")
_OF_VERDICT: Mapping[str, Callable[[Verdict], str | None]] = {
    "system": lambda v: v.subject.system,
    "source": lambda v: v.subject.source,
    "kind": lambda v: v.subject.kind,
    "id": lambda v: v.subject.id,
    "name": lambda v: v.subject.name,
    "role": lambda v: v.subject.role,
    "objective": lambda v: v.objective,
    "verdict": lambda v: v.state.name,
    "urgency": lambda v: v.urgency,
    "tier": lambda v: v.tier,
    "owner": lambda v: v.owner,
    "business_owner": lambda v: v.business_owner,
}

# A parameter's value, or all its values where it was given more than once.
Query = Mapping[str, str | Sequence[str]]
_Test = tuple[str, tuple[str, ...]]


class BadQuery(ValueError):
    """A query the API cannot answer; its text says what is wrong and what is possible."""


class Answers:
    """What one judgement answers. Thousands of checks ask while it is kept: it is sorted, and found by id, only once.

    Of verdicts only those shown are made into items; an item of each would take more memory than all else together.
    """

    def __init__(self, judgement: Judgement) -> None:
        self.judgement = judgement

    def answer(self, collection: str, query: Query) -> Item:
        """The envelope of one request. Raises BadQuery for a filter or number nobody knows."""
        unknown = sorted(set(query) - set(FILTERS) - set(_PAGING))
        if unknown:
            raise BadQuery(f"unknown filter {', '.join(unknown)}; known are {', '.join((*FILTERS, *_PAGING))}")
        limit, offset = _number(query, "limit", LIMIT, LIMIT_MAX), _number(query, "offset", 0, 10**9)
        tests = [(key, _wanted(key, value)) for key, value in query.items() if key in FILTERS]
        total, shown = (self._verdicts if collection == VERDICTS else self._subjects(collection))(tests, offset, limit)
        reached = offset + len(shown)
        systems = next((wanted for key, wanted in tests if key == "system"), None)
        return {
            "judged_at": seconds(self.judgement.judged_at),
            "data_as_of": self._data_as_of(systems),
            "complete": self._complete(systems),
            "total": total,
            "next": reached if reached < total else None,
            "items": shown,
        }

    @cached_property
    def _ordered(self) -> list[Verdict]:
        return ordered(self.judgement)

    @cached_property
    def _by_id(self) -> Mapping[str, list[Verdict]]:
        found: dict[str, list[Verdict]] = defaultdict(list)
        for verdict in self._ordered:
            found[verdict.subject.id].append(verdict)
        return dict(found)

    @cached_property
    def _counted(self) -> Mapping[str, frozenset[str]]:
        return {view.system: only_counted(view) for view in self.judgement.views}

    def _verdicts(self, tests: Sequence[_Test], offset: int, limit: int) -> tuple[int, list[Item]]:
        """How many verdicts pass the tests, and those of one page."""
        left = dict(tests)
        ids = left.pop("id", None)
        found: Iterable[Verdict] = self._ordered
        if ids is not None:
            found = self._by_id.get(ids[0], ()) if len(ids) == 1 else [v for v in self._ordered if v.subject.id in ids]
        for key, wanted in left.items():
            read = _OF_VERDICT.get(key)
            if read is None:
                raise BadQuery(f"this collection has no {key}")
            found = [v for v in found if _passes(key, read(v), wanted)]
        passed = list(found) if left or ids is not None else self._ordered
        shown = passed[offset : offset + limit]
        return len(passed), [verdict_item(v, series_of(v.subject, self._counted)) for v in shown]

    def _subjects(self, collection: str) -> Callable[[Sequence[_Test], int, int], tuple[int, list[Item]]]:
        def found(tests: Sequence[_Test], offset: int, limit: int) -> tuple[int, list[Item]]:
            items = [i for i in SUBJECTS[collection](self.judgement) if all(_fits(i, k, w) for k, w in tests)]
            return len(items), items[offset : offset + limit]

        return found

    def _complete(self, systems: Sequence[str] | None) -> bool:
        """Whether the workload lists of these systems are held whole; what is no system here rests on all of them."""
        listed = {view.system.casefold(): view.state.listed for view in self.judgement.views}
        return self.judgement.complete or (
            systems is not None and all(listed.get(system.casefold(), False) for system in systems)
        )

    def _data_as_of(self, systems: Sequence[str] | None) -> int | None:
        """The oldest reading the answer rests on; null when a system has never been read."""
        views = self.judgement.views
        read = [v.state.last_success for v in views if systems is None or _any(v.system, systems)]
        known = [moment for moment in read if moment is not None]
        return at(min(known)) if known and len(known) == len(read) else None


def _number(query: Query, key: str, default: int, most: int) -> int:
    value = query.get(key, ())
    given = (value,) if isinstance(value, str) else tuple(value)
    if not given:
        return default
    text = given[-1]
    if not text.isdecimal() or int(text) > most:
        raise BadQuery(f"{key} must be a whole number up to {most}")
    return int(text)


def _wanted(key: str, value: str | Sequence[str]) -> tuple[str, ...]:
    given = (value,) if isinstance(value, str) else value
    return tuple(given) if key in _WHOLE else tuple(part for text in given for part in text.split(","))


def _fits(item: Item, key: str, wanted: Sequence[str]) -> bool:
    if key not in item:
        raise BadQuery(f"this collection has no {key}")
    value = item[key]
    return _passes(key, None if value is None else str(value), wanted)


def _passes(key: str, value: str | None, wanted: Sequence[str]) -> bool:
    if value is None:
        return False
    if key == "name":
        return any(fnmatch.fnmatchcase(value, pattern) for pattern in wanted)
    # Ids of some vendors differ only in the case of their letters.
    return value in wanted if key == "id" else _any(value, wanted)


def _any(value: str, wanted: Sequence[str]) -> bool:
    return any(value.casefold() == one.casefold() for one in wanted)
