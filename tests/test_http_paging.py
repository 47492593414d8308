"""Paging: what a server says of its next page is not believed blindly."""

import pytest

from exporters.http import Limits
from exporters.http_paging import Pages, follow
from lastgood.errors import BadAnswer, LimitExceeded

BASE = "https://vbr.example:9419/api"


@pytest.mark.parametrize("pages", [["a", "a"], ["a", "b", "a"], [0, 200, 400, 200]])
def test_a_circle_is_noticed_at_its_first_repetition(pages: list[object]) -> None:
    guard = Pages("vbr", "/jobs", Limits())
    for page in pages[:-1]:
        guard.enter(page)
    with pytest.raises(BadAnswer, match=f"circle after {len(pages) - 1}"):
        guard.enter(pages[-1])


def test_pages_and_rows_are_limited() -> None:
    guard = Pages("vbr", "/jobs", Limits(pages=3, rows=10))
    for page in range(3):
        guard.enter(page)
    with pytest.raises(LimitExceeded, match="pages = 3"):
        guard.enter(3)
    guard.add(10)
    assert guard.rows == 10
    with pytest.raises(LimitExceeded, match="rows = 10"):
        guard.add(1)


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (f"{BASE}/v1/jobs?skip=200&name=a%20b&empty=", ("/v1/jobs", [("skip", "200"), ("name", "a b"), ("empty", "")])),
        ("https://VBR.example:9419/api/x", ("/x", [])),
        ("/api/v1/jobs?skip=200", ("/v1/jobs", [("skip", "200")])),
    ],
)
def test_a_link_below_the_base_is_followed(link: str, expected: object) -> None:
    assert follow("vbr", "/jobs", BASE, link) == expected


def test_a_standard_port_may_be_written_or_not() -> None:
    assert follow("m", "/x", "https://api.example", "https://api.example:443/y") == ("/y", [])


@pytest.mark.parametrize(
    "link",
    ["https://evil.example:9419/api/x", "https://vbr.example/api/x", "http://vbr.example:9419/api/x",
     "//evil.example/api/x",
     "https://vbr.example:9419@evil.example/api/x", "https://vbr.example:9419/other", "https://vbr.example:9419/apix",
     "javascript:alert(1)", "https://[", "https://vbr.example:99999/api/x", "", "jobs?skip=200",
     "file:///api/x", "/api/x?" + "a=1&" * 200],
)  # fmt: skip
def test_a_link_that_leads_elsewhere_is_refused(link: str) -> None:
    with pytest.raises(BadAnswer, match="leads elsewhere"):
        follow("vbr", "/jobs", BASE, link)
