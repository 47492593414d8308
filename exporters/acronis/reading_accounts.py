"""Account management: the API client itself, the tree of tenants, and what each customer uses of its quotas."""

from __future__ import annotations

from datetime import datetime

from exporters.acronis import endpoints, raw
from exporters.acronis.client import Absent
from exporters.acronis.reading import Absences, Poll, batches, joined, tally
from exporters.acronis.schedule import DELTA_OVERLAP, RESYNC, USAGES
from exporters.acronis.tables import Tables, UsageTold
from exporters.acronis.tenants import TenantIntake, closed_off
from exporters.acronis.words import Words, stamp
from exporters.schedule import Schedule
from exporters.watch import Tally
from lastgood.errors import BadAnswer, NotPermitted, SourceError

# Asked for in one request: 100 ids make a URL of 3.7 kB.
BATCH = 100
# What is kept of backups; every other item of a quota is a count of something or a sum of the month.
USAGE_NAMES = ("storage", "local_storage")
# Batches that are refused are halved until the tenant is found; so many refusals are the service's and no tenant's.
MOST_REFUSALS = 40


class AccountReader:
    def __init__(self, tables: Tables, schedule: Schedule, client_id: str) -> None:
        self.tables, self.schedule = tables, schedule
        self._client_id = client_id
        self._mark: datetime | None = None
        self._mapped: set[str] = set()
        self._absences = Absences()

    def tenants(self, poll: Poll) -> Tally:
        """All of them once a day, in between what has changed since; rows are all that are held."""
        self._own(poll)
        root = self.tables.root
        if root is None:
            raise BadAnswer(poll.system, endpoints.CLIENT, "neither the API client nor its token tells its tenant")
        if self._mark is None or self._absences or self.schedule.due("tenants", poll.now, RESYNC):
            return self._all(poll, root)
        since = ("updated_since", stamp(self._mark - DELTA_OVERLAP))
        found = poll.gather(
            endpoints.TENANTS, lambda: TenantIntake(poll.words), *_tree(root), since, ("allow_deleted", "true")
        )
        self.tables.tenants |= found.rows.tenants
        for ident in found.rows.deleted:
            self.tables.tenants.pop(ident, None)
        self._mark = poll.words.at(found.timestamp) or self._mark
        return Tally(len(self.tables.tenants))

    def _all(self, poll: Poll, root: str) -> Tally:
        found = poll.gather(endpoints.TENANTS, lambda: TenantIntake(poll.words), *_tree(root))
        held, listed = self.tables.tenants, found.rows.tenants
        hidden = closed_off(held, listed, root)
        lacking = held.keys() - listed.keys() - hidden.keys()
        gone = self._absences.believed(lacking)
        self.tables.tenants = listed | hidden | {ident: held[ident] for ident in lacking - gone}
        self._mark = poll.words.at(found.timestamp) or poll.server_now
        self.tables.denied.clear()
        self._mapped.clear()
        self.schedule.mark("tenants", poll.now)
        return tally(found)

    def _own(self, poll: Poll) -> None:
        """The tenant this client belongs to, which its token's scope names too, and until when its secret lasts."""
        if self.tables.root is not None and not self.schedule.due("client", poll.now, RESYNC):
            return
        try:
            path = endpoints.CLIENT.format(id=self._client_id)
            own = poll.client.one(path, raw.OAuthClient, poll.deadline)
        except (NotPermitted, Absent):
            own = raw.OAuthClient()
        self.tables.root = (own.tenant_id or "").lower() or poll.client.scope or self.tables.root
        self.tables.secret_expires = poll.words.at(own.client_secret_expires_at)
        self.schedule.mark("client", poll.now)

    # --- usages and quotas -------------------------------------------------------------------------------------------

    def usages(self, poll: Poll) -> Tally:
        """Of customers: what lies above them is most likely their sum, and units are part of them. Other tenants are
        asked once a day, for their numbers. Rows are tenants that answered."""
        if not self.schedule.due("usages", poll.now, USAGES):
            return Tally(len(self.tables.usages), whole=False)
        tenants = self.tables.tenants
        if not tenants:
            raise BadAnswer(poll.system, endpoints.USAGES, "no tenants are known to ask for")
        customers = [ident for ident, tenant in tenants.items() if tenant.kind == "customer"]
        others = [ident for ident, tenant in tenants.items() if tenant.kind != "customer" and ident not in self._mapped]
        hidden = {ident for ident, tenant in tenants.items() if tenant.visible is False and ident != self.tables.root}
        asking = _Asking(poll)
        for batch in batches((i for i in (*customers, *others) if i not in hidden | self.tables.denied), BATCH):
            asking.ask(batch)
        self.tables.usages = {ident: asking.usages[ident] for ident in customers if ident in asking.usages}
        self.tables.legacy |= asking.legacy
        self.tables.denied |= asking.denied
        self._mapped |= asking.usages.keys()
        self.schedule.mark("usages", poll.now)
        return Tally(len(self.tables.usages))


def _tree(root: str) -> tuple[tuple[str, str], ...]:
    """The level of detail is the least that is known to tell the pricing mode."""
    return ("subtree_root_id", root), ("lod", "full_without_contacts")


class _Asking:
    """One round of asking for usages; kept to itself until it is complete."""

    def __init__(self, poll: Poll) -> None:
        self._poll = poll
        self._refusals = 0
        self.usages: dict[str, tuple[UsageTold, ...]] = {}
        self.legacy: dict[str, str] = {}
        self.denied: set[str] = set()

    def ask(self, tenants: list[str]) -> None:
        """One tenant that refuses must not cost its batch."""
        try:
            params = [*joined("tenants", tenants), *joined("usage_names", USAGE_NAMES)]
            page = self._poll.client.page(endpoints.USAGES, raw.TenantUsages, self._poll.deadline, params)
        except (NotPermitted, Absent) as error:
            self._refused(tenants, error)
            return
        for row in page.items:
            self._take(row)

    def _refused(self, tenants: list[str], error: SourceError) -> None:
        self._refusals += 1
        if self._refusals > MOST_REFUSALS:
            raise error
        if len(tenants) == 1:
            self.denied.add(tenants[0])
            return
        middle = len(tenants) // 2
        self.ask(tenants[:middle])
        self.ask(tenants[middle:])

    def _take(self, row: raw.TenantUsages) -> None:
        ident = row.tenant.lower()
        for usage in row.usages:
            if usage.tenant_id is not None:
                self.legacy[str(usage.tenant_id)] = (usage.tenant_uuid or row.tenant).lower()
        told = (_usage(usage, self._poll.words) for usage in row.usages)
        self.usages[ident] = tuple(usage for usage in told if usage is not None)


def _usage(usage: raw.Usage, words: Words) -> UsageTold | None:
    """None for what is not measured in bytes, or switched off. Two editions or storages are two quotas."""
    offering = usage.offering_item
    if (usage.measurement_unit or "").lower() != "bytes" or (offering is not None and offering.status == 0):
        return None
    quota = offering.quota if offering else None
    # A quota without a value is read by clients in the field as unlimited; that is not documented: not told.
    limit = None if quota is None or quota.value is None else int(quota.value + (quota.overage or 0))
    value = None if usage.value is None else int(usage.value)
    return UsageTold(usage.usage_name or usage.name, usage.edition, usage.infra_id, value, limit)
