"""Paging: what a server says of its next page is not believed blindly."""

import pytest

from exporters.http import Limits
from exporters.http_paging import Pages
from lastgood.errors import BadAnswer, LimitExceeded


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
