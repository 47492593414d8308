"""Reads a rendered board as a browser would, for its tests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from html.parser import HTMLParser

from exporters import board
from lastgood.verdict import Judgement
from tests.board_estates import NOW


class Reader(HTMLParser):
    """What a browser would make of the page: its elements in order, and its text without style and script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._inside: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self._inside):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def all(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attrs for name, attrs in self.elements if name == tag)


def built(judgement: Judgement, since: dict[str, datetime] | None = None) -> board.BoardData:
    return board.build(judgement, now=NOW, since=since or {}, version="1.2.3")


def rendered(judgement: Judgement) -> str:
    return board.render(built(judgement))


def text(judgement: Judgement) -> str:
    return Reader(rendered(judgement)).text
