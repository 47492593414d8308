"""Protection plans and where they are applied, poured page by page. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from sys import intern

from exporters.acronis import raw
from exporters.acronis.tables import PlanTold
from exporters.acronis.words import BACKUP_POLICY, ROOT_POLICY, Words


class PlanIntake:
    """The sink of a listing of policies (see sink.Sink): a plan is a root policy with those under it."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self.plans: dict[str, PlanTold] = {}
        self.owner: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self.plans)

    def extend(self, rows: Iterable[raw.Composite], /) -> None:
        for row in rows:
            root = _root(row.policy)
            if root is None or root.id.lower() in self.plans:
                continue
            ident = intern(root.id.lower())
            below = [policy for policy in row.policy if policy is not root]
            backups = [policy for policy in (root, *below) if _saves(policy)]
            self.plans[ident] = PlanTold(
                name=root.name or root.id,
                enabled=_enabled(root, backups),
                backup=True if backups else False if below else None,
                created=self._words.at(root.created_at),
            )
            self.owner |= {policy.id.lower(): ident for policy in row.policy}


def _root(policies: list[raw.Policy]) -> raw.Policy | None:
    typed = (policy for policy in policies if (policy.type or "").lower() == ROOT_POLICY)
    free = (policy for policy in policies if not policy.parent_ids)
    return next(typed, None) or next(free, None) or next(iter(policies), None)


def _saves(policy: raw.Policy) -> bool:
    return (policy.type or "").lower().startswith(BACKUP_POLICY)


def _enabled(root: raw.Policy, backups: list[raw.Policy]) -> bool | None:
    """A plan may go on with its backup part switched off."""
    if root.enabled is False or (backups and all(policy.enabled is False for policy in backups)):
        return False
    return root.enabled


class ApplicationIntake:
    """The sink of a listing of applications (see sink.Sink): which plans back up which resource."""

    def __init__(self, owner: Mapping[str, str]) -> None:
        self._owner = owner
        self._applied: dict[str, set[str]] = {}
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def extend(self, rows: Iterable[list[raw.Application] | raw.Application], /) -> None:
        for row in rows:
            self._rows += 1
            for application in row if isinstance(row, list) else (row,):
                policy, context = application.policy, application.context
                if policy is not None and context is not None and context.id:
                    plan = self._plan(policy)
                    plans = self._applied.setdefault(intern(context.id.lower()), set())
                    if plan is not None:
                        plans.add(plan)

    def _plan(self, policy: raw.Policy) -> str | None:
        """The plan of a policy that backs up; None for one that does other things."""
        if not _saves(policy):
            return None
        parent = next(iter(policy.parent_ids or ()), policy.id).lower()
        return intern(self._owner.get(policy.id.lower(), parent))

    @property
    def applied(self) -> dict[str, tuple[str, ...]]:
        """Plans by resource; most resources share theirs with others."""
        shared: dict[tuple[str, ...], tuple[str, ...]] = {}
        found = {ident: tuple(sorted(plans)) for ident, plans in self._applied.items()}
        return {ident: shared.setdefault(plans, plans) for ident, plans in found.items()}
