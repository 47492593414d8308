"""The exporter's own HTTP surface over judgements of the test's choosing, told as if they had just been reached.

A scenario has its own clock; a check refuses an answer that was judged far from its own, so every time is moved along.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from exporters.api_query import Answers
from exporters.keeper import Keeper, utc_now
from exporters.server import Reply, Server, Surface
from lastgood.verdict import Judgement

Item = dict[str, Any]
_TIMES = ("since", "deadline", "at_risk", "muted_until", "excluded_until")


def items_of(judgement: Judgement) -> list[Item]:
    """The verdict items of a judgement as whoever asks the API decodes them."""
    answer = json.loads(json.dumps(Answers(judgement).answer("verdicts", {"limit": "10000"})))
    assert answer["next"] is None
    return cast("list[Item]", answer["items"])


def moved(items: Iterable[Item], seconds: float) -> list[Item]:
    """The items with every time later by `seconds`; ages and thresholds stay."""
    return [
        {key: value + seconds if key in _TIMES and value is not None else value for key, value in item.items()}
        for item in items
    ]


class _Held:
    """A keeper of one judgement."""

    ready = True

    def __init__(self, judgement: Judgement) -> None:
        self.held = judgement

    def judgement(self, _now: object) -> Judgement:
        return self.held


class Answering(Surface):
    """`url` answers by the judgement it was made with, or was told last."""

    def __init__(self, judgement: Judgement) -> None:
        self._held = _Held(judgement)
        super().__init__(cast(Keeper, self._held), lambda: ())
        self.server = Server("127.0.0.1", 0, self)
        self.url = self.server.url

    def tell(self, judgement: Judgement) -> None:
        self._held.held = judgement

    def get(self, target: str, accept: str, encodings: str) -> Reply:
        reply = super().get(target, accept, encodings)
        if reply.status != 200 or not target.startswith("/api/v1/verdicts"):
            return reply
        answer = json.loads(reply.body)
        later = int(utc_now().timestamp()) - answer["judged_at"]
        answer["items"] = moved(answer["items"], later)
        for key in ("judged_at", "data_as_of"):
            answer[key] = None if answer[key] is None else answer[key] + later
        return Reply(200, json.dumps(answer).encode(), reply.content_type)


@contextmanager
def answering(judgement: Judgement) -> Iterator[Answering]:
    made = Answering(judgement)
    thread = threading.Thread(target=made.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()
        thread.join(5)
