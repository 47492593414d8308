"""Listings over many pages: a server's word about what comes next is checked before it is followed."""

from __future__ import annotations

from collections.abc import Hashable
from urllib.parse import SplitResult, parse_qsl, urlsplit

from exporters.http_limits import Limits
from lastgood.errors import BadAnswer, LimitExceeded


class Pages:
    """Guards one listing: no page twice, no more pages and rows than `limits` allow.

    A page is told apart by whatever asks for it: its offset, its cursor, its link.
    """

    def __init__(self, system: str, endpoint: str, limits: Limits) -> None:
        self._system, self._endpoint, self._limits = system, endpoint, limits
        self._seen: set[Hashable] = set()
        self.rows = 0

    def enter(self, page: Hashable) -> None:
        """Call before asking for `page`. Raises BadAnswer for one seen before, LimitExceeded for one too many."""
        if page in self._seen:
            raise BadAnswer(
                self._system,
                self._endpoint,
                f"its pages go round in a circle after {len(self._seen)}",
                remedy="report it to the vendor; what was read so far is not complete",
            )
        self._seen.add(page)
        self._within("pages", len(self._seen), self._limits.pages)

    def add(self, rows: int) -> None:
        """Call with the rows of each page. Raises LimitExceeded."""
        self.rows += rows
        self._within("rows", self.rows, self._limits.rows)

    def _within(self, name: str, count: int, limit: int) -> None:
        if count > limit:
            raise LimitExceeded(
                self._system, self._endpoint, f"more than the limit {name} = {limit}", remedy="narrow what is read"
            )


def follow(system: str, endpoint: str, base_url: str, link: str) -> tuple[str, list[tuple[str, str]]]:
    """Path (below `base_url`) and parameters of a `next` link. Raises BadAnswer when it leaves `base_url`.

    Following it elsewhere would hand the token to whoever wrote the link.
    """
    base = urlsplit(base_url)
    prefix = base.path.rstrip("/")
    try:
        parts = urlsplit(link)
        same = not parts.netloc or _origin(parts) == _origin(base)
        params = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        same = False
    if same and parts.path.startswith(f"{prefix}/") and parts.scheme in ("", base.scheme):
        return parts.path.removeprefix(prefix), params
    raise BadAnswer(
        system, endpoint, "its link to the next page leads elsewhere", remedy="check what stands before the system"
    )


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    standard = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, parts.port or standard
