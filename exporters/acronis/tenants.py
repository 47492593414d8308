"""The tree of tenants: who belongs to whom, who is switched off, what may be seen. Pure.

partner > (folder | partner)* > customer > unit*; what a unit holds belongs to its customer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from exporters.acronis import raw
from exporters.acronis.words import PRICING, TENANT_KINDS, Words, uuid_of
from lastgood.model import Tenant


class TenantTold(msgspec.Struct, frozen=True, gc=False):
    """`enabled` and `served` (by its pricing mode, which is `mode`) are its own; `visible` is False where it hides what
    is below it from its provider."""

    name: str
    kind: str | None
    parent: str | None
    enabled: bool | None
    mode: str | None
    served: bool | None
    visible: bool | None


class TenantIntake:
    """The sink of a listing of tenants (see sink.Sink): those there are, and those deleted."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self.tenants: dict[str, TenantTold] = {}
        self.deleted: set[str] = set()

    def __len__(self) -> int:
        return len(self.tenants) + len(self.deleted)

    def extend(self, rows: Iterable[raw.Tenant], /) -> None:
        for row in rows:
            ident = row.id.lower()
            if row.deleted_at and self._words.at(row.deleted_at) is not None:
                self.deleted.add(ident)
            elif ident not in self.tenants:
                self.tenants[ident] = _told(row, self._words)


def _told(row: raw.Tenant, words: Words) -> TenantTold:
    return TenantTold(
        name=row.name,
        kind=words.known("tenant kind", row.kind, TENANT_KINDS),
        parent=uuid_of(row.parent_id),
        enabled=row.enabled,
        mode=row.pricing_mode.lower() if row.pricing_mode else None,
        served=words.known("pricing mode", row.pricing_mode, PRICING),
        visible=row.ancestral_access,
    )


def closed_off(
    held: Mapping[str, TenantTold], listed: Mapping[str, TenantTold], root: str | None
) -> dict[str, TenantTold]:
    """Tenants known before that a whole listing lacks because one above them has closed itself: not deleted."""

    def behind(ident: str) -> bool:
        seen: set[str] = set()
        here = held[ident].parent
        while here is not None and here not in seen:
            seen.add(here)
            told = listed.get(here) or held.get(here)
            if told is None or (here in listed and here != root and told.visible is False):
                return told is not None
            here = told.parent
        return False

    return {ident: held[ident] for ident in held.keys() - listed.keys() if behind(ident)}


@dataclass(frozen=True, slots=True)
class Home:
    """Where a resource lives: `id`, `name` of its customer, `path` down to the unit, `readable` of its own tenant."""

    id: str
    name: str
    path: str
    readable: bool | None


class Tree:
    """`denied` are the tenants that answered 403; `legacy` leads from the numbers some services use to the ids."""

    def __init__(
        self, tenants: Mapping[str, TenantTold], root: str | None, denied: Collection[str], legacy: Mapping[str, str]
    ) -> None:
        self._tenants, self._root, self._denied, self._legacy = tenants, root, denied, legacy
        self._homes: dict[str, Home] = {}

    def tenants(self) -> tuple[Tenant, ...]:
        return tuple(self._tenant(ident) for ident in sorted(self._tenants))

    def home(self, ident: str | None) -> Home | None:
        """By id or number; None for a tenant that is not in the tree."""
        if ident is None:
            return None
        known = ident if ident in self._tenants else self._legacy.get(ident)
        if known is None or known not in self._tenants:
            return None
        if known not in self._homes:
            self._homes[known] = self._found(known)
        return self._homes[known]

    def _found(self, ident: str) -> Home:
        line = list(self._line(ident))
        customer = next((i for i in line if self._tenants[i].kind == "customer"), ident)
        # A unit switched off by itself must not pass for its customer, which is on.
        own = ident if self._off(ident) and self._off(customer) is None else customer
        return Home(own, self._tenants[customer].name, self._path(ident), self._readable(ident))

    def _line(self, ident: str) -> Iterator[str]:
        """The tenant and those above it, as far as they are known."""
        seen: set[str] = set()
        here: str | None = ident
        while here is not None and here in self._tenants and here not in seen:
            seen.add(here)
            yield here
            here = self._tenants[here].parent

    def _path(self, ident: str) -> str:
        return "/".join(self._tenants[i].name for i in reversed(list(self._line(ident))))

    def _off(self, ident: str) -> str | None:
        """Why it is off, in words; None while it is on. It goes with one above it that is off, and says with which."""
        for here in self._line(ident):
            tenant = self._tenants[here]
            if tenant.served is False or tenant.enabled is False:
                word = (tenant.mode if tenant.served is False else None) or "disabled"
                return word if here == ident else f"{word} with {tenant.name}"
        return None

    def _readable(self, ident: str) -> bool | None:
        line = list(self._line(ident))
        if any(here in self._denied for here in line):
            return False
        # Nobody hides from itself.
        told = [self._tenants[here].visible for here in line if here != self._root]
        return False if False in told else None if None in told else True

    def _tenant(self, ident: str) -> Tenant:
        tenant, off = self._tenants[ident], self._off(ident)
        return Tenant(
            id=ident,
            name=tenant.name,
            kind=tenant.kind,
            parent_id=tenant.parent if tenant.parent in self._tenants else None,
            path=self._path(ident),
            enabled=False if off else tenant.enabled,
            state=off or tenant.mode,
            readable=self._readable(ident),
        )
