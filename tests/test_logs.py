"""Logs: structured, clean, one line an event, and bounded when something fails a hundred thousand times."""

import io
import json
import logging
import sys
import threading
import tracemalloc
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from exporters.logs import Handler, RateLimit, setup
from exporters.redact import Redactor, Secret

CANARY = "canary-" + "t0ken"


@pytest.fixture
def restored() -> Iterator[None]:
    """setup() speaks for the whole process; a test gives it back."""
    root, hooks = logging.getLogger(), (sys.excepthook, threading.excepthook)
    handlers, level, raising = list(root.handlers), root.level, logging.raiseExceptions
    levels = {name: logging.getLogger(name).level for name in ("urllib3", "requests", "botocore")}
    yield
    root.handlers[:], logging.raiseExceptions = handlers, raising
    root.setLevel(level)
    sys.excepthook, threading.excepthook = hooks
    logging.captureWarnings(False)
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def _made(form: Any = "json", **limit: Any) -> tuple[Handler, io.StringIO]:
    stream = io.StringIO()
    return setup(Redactor([Secret(CANARY, "test")]), form=form, stream=stream, limit=RateLimit(**limit)), stream


def _events(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.usefixtures("restored")
def test_an_event_is_a_json_object_on_one_line() -> None:
    _, stream = _made()
    log = logging.getLogger("lastgood.test")
    log.warning(
        "poll of %s failed\nbadly", "vbr\u2028", extra={"system": "vbr", "reason": "unreachable", "status": 503}
    )
    event = _events(stream)[0]
    assert event.pop("time").endswith("Z")
    assert event == {
        "level": "warning", "logger": "lastgood.test", "message": r"poll of vbr\u2028 failed\nbadly",
        "system": "vbr", "reason": "unreachable", "status": 503,
    }  # fmt: skip


@pytest.mark.usefixtures("restored")
def test_an_event_for_people_is_one_line_too() -> None:
    _, stream = _made("text")
    try:
        raise RuntimeError(f"two\nlines {CANARY}")
    except RuntimeError:
        logging.getLogger("lastgood.test").exception("broken", extra={"system": "vbr"})
    (line,) = stream.getvalue().splitlines()
    assert " ERROR lastgood.test: broken system=vbr exception=Traceback" in line
    assert CANARY not in line and r"two\nlines" in line


@pytest.mark.usefixtures("restored")
def test_whatever_leaves_the_process_is_clean() -> None:
    _, stream = _made()
    sys.excepthook(KeyError, KeyError(CANARY), None)
    thread = threading.Thread(target=lambda: int(CANARY))
    thread.start()
    thread.join()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(CANARY, stacklevel=1)
    logging.getLogger("any.library").error("x", extra={"deep": {"a": CANARY}})
    logging.getLogger("any").error("%d", CANARY)
    logging.getLogger("urllib3.connectionpool").warning("GET /x?token=unknown")
    logging.getLogger("urllib3.connectionpool").debug("GET /x?token=unknown")
    text = stream.getvalue()
    assert CANARY not in text and "token=unknown" not in text
    assert [e["logger"] for e in _events(stream)] == ["lastgood", "lastgood", "py.warnings", "any.library", "any"]
    assert "ValueError" in _events(stream)[1]["exception"]


@pytest.mark.usefixtures("restored")
def test_a_record_that_cannot_be_written_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    _, stream = _made()
    stream.close()
    logging.getLogger("x").error("secret %s", CANARY)
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("restored")
def test_equal_errors_are_counted_and_summed_up() -> None:
    clock = Clock()
    handler, stream = _made(interval=60.0, clock=clock)
    log = logging.getLogger("poller")

    def fail(system: str, reason: str) -> None:
        log.error("poll failed: %s", clock.now, extra={"system": system, "reason": reason})

    for _ in range(5):
        fail("vbr", "unreachable")
        clock.now += 1
    fail("vbr", "untrusted")
    fail("acronis", "unreachable")
    log.info("chatter is not limited")
    log.info("chatter is not limited")
    assert [(e.get("system"), e.get("reason")) for e in _events(stream)] == [
        ("vbr", "unreachable"), ("vbr", "untrusted"), ("acronis", "unreachable"), (None, None), (None, None),
    ]  # fmt: skip
    clock.now += 60
    log.info("any event brings the summary out")
    summary = _events(stream)[5]
    assert (summary["system"], summary["repeated"], summary["repeated_seconds"]) == ("vbr", 4, 65.0)
    fail("vbr", "unreachable")  # the window is over: told again at once
    assert "repeated" not in _events(stream)[7]
    fail("vbr", "unreachable")
    handler.close()
    assert _events(stream)[8]["repeated"] == 1
    assert len(_events(stream)) == 9


@pytest.mark.usefixtures("restored")
def test_a_hundred_thousand_errors_are_a_few_lines() -> None:
    handler, stream = _made()
    log = logging.getLogger("poller")
    for _ in range(100_000):
        log.error("failed", extra={"system": "vbr", "reason": "unreachable"})
    handler.close()
    first, summary = _events(stream)
    assert "repeated" not in first
    assert summary["repeated"] == 99_999


@pytest.mark.usefixtures("restored")
def test_many_kinds_of_errors_take_bounded_memory() -> None:
    handler, stream = _made(keys=50)
    log = logging.getLogger("poller")
    tracemalloc.start()
    try:
        for n in range(3000):
            log.error("failed", extra={"system": f"s{n}", "reason": "unreachable"})
            stream.seek(0)
            stream.truncate()
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()
    assert len(handler._limit._kinds) <= 50
