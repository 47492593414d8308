"""A data centre of Acronis Cyber Protect Cloud on loopback: its read APIs over the demo estate.

It answers as the vendor's documents say (Tasks v2, Resource and Policy Management v4, Alerts v1, Agents v2, Vault
Manager v1, the guide to Account Management v2), and where live services are known to differ, as those do; `manner`
turns each difference. What nobody has documented for readers is refused, so that a client cannot lean on it.
"""

from __future__ import annotations

import base64
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from exporters.acronis import sim_resources, sim_services, sim_tasks, sim_tenants
from exporters.acronis.estate import CLIENT_ID, AcronisEstate
from exporters.acronis.sim_errors import forbidden, not_found, refused, refused_sign_in, unauthorised
from exporters.acronis.sim_listing import Listing, Page, answer, resumed, select
from exporters.acronis.sim_world import Manner, World, plain, precise
from exporters.simulator import Answer, BadFilter, FaultKind, Query, Request, Simulator

TOKEN = "/api/2/idp/token"
LIFETIME = timedelta(hours=2)
EXCHANGE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE = "urn:acronis.com:tenant-id:"
ACCOUNT, RESOURCE, POLICY, TASK, ALERT, AGENT, VAULT = (
    "/api/2",
    "/api/resource_management/v4",
    "/api/policy_management/v4",
    "/api/task_manager/v2",
    "/api/alert_manager/v1",
    "/api/agent_manager/v2",
    "/api/vault_manager/v1",
)
LISTINGS: Mapping[str, Listing] = {
    f"{ACCOUNT}/tenants": sim_tenants.TENANTS,
    f"{ACCOUNT}/tenants/offering_items": sim_tenants.OFFERING_ITEMS,
    f"{RESOURCE}/resources": sim_resources.RESOURCES,
    f"{RESOURCE}/resource_statuses": sim_resources.STATUSES,
    f"{POLICY}/policies": sim_resources.POLICIES,
    f"{POLICY}/applications": sim_resources.APPLICATIONS,
    f"{TASK}/activities": sim_tasks.ACTIVITIES,
    f"{ALERT}/alerts": sim_services.ALERTS,
    f"{AGENT}/agents": sim_services.AGENTS,
    f"{VAULT}/vaults": sim_services.VAULTS,
    f"{VAULT}/backups": sim_services.BACKUPS,
}
# Read with the base token by clients in the field; some rights may want a token of the customer itself.
CUSTOMER_SCOPED = (RESOURCE, POLICY)
# A list is worked out once and cut into pages: the last few of them are kept.
KEPT = 8


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token allows: the subtree of `root` until `until`. `base` is the token it was exchanged for."""

    root: str
    until: datetime
    base: str | None = None


class AcronisSimulator(Simulator):
    """`estate` is what it knows; `clock` gives the time (aware), `cap` bounds the page size.

    Tests may set `estate`, `cap`, `skew` (the server's clock minus ours), `manner`, `root` (the id of the tenant the
    client belongs to), `partner_wide` (False: resources and plans want a token of the customer's scope), add globs of
    paths to `revoked` (403), and ids of tenants to `barred` (403 on each of them alone).
    """

    def __init__(
        self,
        estate: AcronisEstate,
        *,
        clock: Callable[[], datetime],
        client_id: str = CLIENT_ID,
        secret: str,
        certificate: Path | None = None,
        cap: int | None = None,
    ) -> None:
        super().__init__(certificate=certificate)
        self.estate, self.clock, self.cap, self.client_id = estate, clock, cap, client_id
        self.skew, self.manner, self.root, self.partner_wide = timedelta(0), Manner(), estate.partner.id, True
        self.revoked, self.barred = set[str](), set[str]()
        self.sign_ins = 0
        self._secret = secret
        self._tokens: dict[str, Grant] = {}
        self._worlds: dict[tuple[str, Manner], World] = {}
        self._state = threading.RLock()

    @property
    def now(self) -> datetime:
        """The time by the server's own clock."""
        return self.clock() + self.skew

    def expire_tokens(self) -> None:
        with self._state:
            self._tokens.clear()

    def reset_secret(self, secret: str) -> None:
        """A new secret for the client: all its tokens are dead at once."""
        self._secret = secret
        self.expire_tokens()

    def world(self, root: str) -> World:
        """The estate as a client of that tenant sees it."""
        with self._state:
            estate, manner = self.estate, self.manner
            held = self._worlds.get((root, manner))
            if held is None or held.estate is not estate:
                # Of an estate that is no more nothing is kept: a large one fills much memory.
                self._worlds = {key: w for key, w in self._worlds.items() if w.estate is estate}
                held = self._worlds[root, manner] = World(estate, root, manner)
            return held

    def handle(self, request: Request) -> Answer:
        if request.path == TOKEN:
            return self._sign_in(request) if request.method == "POST" else refused(request.path, 405, "GET")
        grant = self._grant(request)
        if grant is None:
            return unauthorised(request.path)
        if request.method != "GET":
            return refused(request.path, 405, request.method)
        if FaultKind.FORBID in request.faults or any(fnmatchcase(request.path, glob) for glob in self.revoked):
            return forbidden(request.path)
        if not self.partner_wide and grant.base is None and request.path.startswith(CUSTOMER_SCOPED):
            return forbidden(request.path)
        try:
            return self._read(request, grant.root)
        except BadFilter as error:
            return refused(request.path, 400, str(error))
        except sim_tenants.Ancestor:
            return forbidden(request.path)

    # --- tokens ------------------------------------------------------------------------------------------------------

    def _sign_in(self, request: Request) -> Answer:
        self.sign_ins += 1
        form = {name: values[0] for name, values in request.form.items() if values}
        if form.get("grant_type") == EXCHANGE:
            return self._exchange(form)
        if form.get("grant_type") != "client_credentials":
            return refused_sign_in("unsupported_grant_type", "The grant type is not supported.", 400)
        expected = base64.b64encode(f"{self.client_id}:{self._secret}".encode()).decode()
        if not secrets.compare_digest(request.headers.get("authorization", ""), f"Basic {expected}"):
            return refused_sign_in("invalid_client", "Client authentication failed.", 401)
        return self._issue(Grant(self.root, self.now + LIFETIME))

    def _exchange(self, form: Mapping[str, str]) -> Answer:
        """A token of a customer's scope, which dies with the one it was exchanged for."""
        assertion, scope = form.get("assertion", ""), form.get("scope", "")
        with self._state:
            base = self._tokens.get(assertion)
        if base is None or base.until <= self.now:
            return refused_sign_in("invalid_grant", "The assertion is not valid.", 401)
        wanted = scope.removeprefix(SCOPE)
        if wanted not in self.world(base.root).readable or wanted in self.barred:
            return refused_sign_in("invalid_scope", "The tenant is out of reach.", 403)
        return self._issue(Grant(wanted, base.until, assertion))

    def _issue(self, grant: Grant) -> Answer:
        token = secrets.token_urlsafe(32)
        with self._state:
            self._tokens[token] = grant
        body = {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": int(LIFETIME.total_seconds()),
            "expires_on": int(grant.until.timestamp()),
            "id_token": secrets.token_urlsafe(16),
            "scope": f"{SCOPE}{grant.root}",
        }
        return Answer(body=body)

    def _grant(self, request: Request) -> Grant | None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        with self._state:
            grant = self._tokens.get(token) if kind.lower() == "bearer" else None
            if grant is not None and grant.base is not None and grant.base not in self._tokens:
                grant = None
        return grant if grant is not None and grant.until > self.now else None

    # --- reading -----------------------------------------------------------------------------------------------------

    def _read(self, request: Request, root: str) -> Answer:
        world, path = self.world(root), request.path
        if path in LISTINGS:
            return self._page(request, world)
        if path == f"{ACCOUNT}/clients/{self.client_id}":
            return Answer(body=self._client(world))
        if path == f"{ACCOUNT}/tenants/usages":
            nothing = FaultKind.EMPTY in request.faults
            told = sim_tenants.usages(world, request.query, frozenset(self.barred), self.now)
            return Answer(body={"items": []} if nothing else told)
        if path == f"{AGENT}/agent_update_references":
            return Answer(body=sim_services.update_references(request.query))
        if path.startswith(f"{ACCOUNT}/tenants/"):
            return self._tenant(path.split("/")[4:], world, request.query)
        return not_found(path)

    def _client(self, world: World) -> dict[str, Any]:
        return {
            "client_id": self.client_id,
            "tenant_id": world.root,
            "type": "api_client",
            "status": "enabled",
            "created_at": plain(self.estate.told - timedelta(days=353)),
            "last_access_at": plain(self.now),
            "client_secret_expires_at": plain(self.estate.secret_expires),
        }

    def _tenant(self, parts: list[str], world: World, query: Query) -> Answer:
        """One tenant, its children or its usages; what the client may not see into is refused, and so are those above
        it."""
        path = f"{ACCOUNT}/tenants/{'/'.join(parts)}"
        found = {t.id: t for t in world.subtree}.get(parts[0])
        if found is None:
            known = parts[0] in {t.id for t in self.estate.tenants}
            return forbidden(path) if known else not_found(path)
        if found.id in self.barred or (len(parts) > 1 and found.id not in world.readable):
            return forbidden(path)
        if len(parts) == 1:
            return Answer(body=sim_tenants.tenant(world, found, {"lod": ["full"]}))
        if parts[1:] == ["children"]:
            return Answer(body={"items": [t.id for t in world.subtree if t.parent_id == found.id]})
        if parts[1:] == ["usages"]:
            items = [sim_tenants.usage(world, u, self.now) for u in sim_tenants.summed(world, found.id)]
            return Answer(body={"items": items})
        return not_found(path)

    def _page(self, request: Request, world: World) -> Answer:
        listing, path, query = LISTINGS[request.path], request.path, request.query
        if FaultKind.LOOP in request.faults and "after" in query:
            # Every page is the first one, and the cursor it bears is always the same.
            original, _ = resumed(path, query)
            query = {**original, **{n: v for n, v in query.items() if n == "limit"}}
        original, _ = resumed(path, query)
        chosen: list[Any] = [] if FaultKind.EMPTY in request.faults else self._list(listing, world, path, original)
        page = answer(listing, world, path, query, cap=self.cap, chosen=chosen)
        off = int(request.fault_value.get(FaultKind.TOTAL, 0))
        return Answer(body=self.body(path, page, page.total + off, "count" in original))

    def _list(self, listing: Listing, world: World, path: str, query: Query) -> list[Any]:
        key = path, repr(sorted((name, tuple(wanted)) for name, wanted in query.items()))
        with self._state:
            held = world.lists.get(key)
            if held is None:
                held = world.lists[key] = select(listing, world, query)
            world.lists.move_to_end(key)
            while len(world.lists) > KEPT:
                world.lists.popitem(last=False)
            return held

    def body(self, path: str, page: Page, total: int, counted: bool) -> dict[str, Any]:
        """What each service puts around the rows of a page."""
        cursors: dict[str, Any] = {"after": page.after} if page.after else {}
        body: dict[str, Any] = {"items": page.rows, "paging": {"cursors": cursors}}
        if path.startswith(ACCOUNT):
            return {"timestamp": plain(self.now), **body}
        if path.startswith(RESOURCE):
            return {**body, "timestamp": precise(self.now), "paging": {"cursors": {**cursors, "total": total}}}
        if path.startswith(TASK):
            if self.manner.cursors_on_top:
                return {"items": page.rows, "cursors": cursors}
            return {**body, "size": len(page.rows), "timeStamp": precise(self.now)}
        if path.startswith(VAULT) and counted:
            return {**body, "paging": {"cursors": cursors, "total_count": total}}
        return body
