"""The history's file: who may use it, full disks, damage, copies, and processes killed while they write."""

import os
import random
import sqlite3
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lastgood import history_file, history_schema
from lastgood.errors import HistoryError
from lastgood.history import History, Remembered
from lastgood.model import (
    Mode,
    Result,
    Role,
)
from tests.history_parts import (
    DAY,
    HOUR,
    JOB,
    T,
    attempt,
    point,
    record,
    reopened,
    repository,
    restore,
    snapshot,
    workload,
)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    opened = History.open(tmp_path / "state", T)
    yield opened
    opened.close()


def rows(state_dir: Path, table: str) -> dict[tuple[str, str], bytes]:
    db = sqlite3.connect(f"file:{state_dir / 'history.db'}?mode=ro", uri=True)
    try:
        return {(row.system, row.key): row.data for row in history_schema.read(db, table)}
    finally:
        db.close()


def test_a_poll_writes_only_what_changed(history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = tuple(workload(f"vm-{i}", *(point(T - n * HOUR) for n in range(1, 5))) for i in range(20))
    record(history, workloads=listing)
    history = reopened(history, tmp_path)
    written: list[str] = []
    put = history_schema.Batch.put
    monkeypatch.setattr(
        history_schema.Batch, "put", lambda self, table, *rest: (written.append(table), put(self, table, *rest))
    )
    record(history, T + HOUR, workloads=listing)
    assert written == ["systems"]
    written.clear()
    record(history, T + 2 * HOUR, workloads=(*listing[1:], workload("vm-0", point(T + HOUR))))
    assert sorted(written) == ["systems", "workloads"]
    history.close()


def test_directory_and_files_are_for_the_owner_only(history: History, tmp_path: Path) -> None:
    record(history, workloads=(workload("a"),))
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "state").iterdir()}
    assert {"history.db", "history.db.copy", "history.db-wal"} <= files.keys()
    assert set(files.values()) == {0o600}


def test_the_file_is_written_through(history: History) -> None:
    assert history._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert history._db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_one_process_at_a_time(history: History, tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="another lastgood"):
        History.open(tmp_path / "state", T)
    history.close()
    History.open(tmp_path / "state", T).close()


def test_a_directory_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HistoryError, match=r"file/state: .* -> create it"):
        History.open(tmp_path / "file" / "state", T)


MOUNTS = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 22 0:40 / /srv rw - nfs4 filer:/srv rw
41 40 254:1 / /srv/local rw master:7 propagate_from:2 - xfs /dev/vdb rw
42 22 0:41 / /with\040blank rw - fuse.sshfs host: rw
43 22 0:42 / /again rw - ext4 /dev/vdc rw
44 22 0:43 / /again rw - cifs //filer/again rw
not a mount line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/lastgood", None),
        ("/srv/state", "nfs4"),
        ("/srv/local/state", None),
        ("/srvice", None),
        ("/with blank/state", "fuse.sshfs"),
        ("/again", "cifs"),
    ],
)
def test_network_file_systems_are_known(path: str, kind: str | None) -> None:
    assert history_file.network_type(Path(path), MOUNTS) == kind


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_file, "_mounts", lambda: "40 22 0:40 / / rw - nfs4 filer:/ rw\n")
    with pytest.raises(HistoryError, match=r"network file system \(nfs4\) -> set state_dir"):
        History.open(tmp_path / "state", T)


def test_a_newer_schema_is_left_alone(history: History, tmp_path: Path) -> None:
    history.close()
    db = sqlite3.connect(tmp_path / "state" / "history.db", isolation_level=None)
    db.execute("INSERT INTO migrations VALUES (99, 0)")
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(HistoryError, match="newer"):
        History.open(tmp_path / "state", T)
    assert [p.name for p in (tmp_path / "state").glob("*damaged*")] == []


def test_a_migration_is_applied_to_an_older_file_and_its_copy(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(history, workloads=(workload("a"),))
    history.close()
    monkeypatch.setattr(history_schema, "MIGRATIONS", (*history_schema.MIGRATIONS, ("CREATE TABLE later (x)",)))
    history = History.open(tmp_path / "state", T)
    assert history.damaged is None and "a" in history.state(None, "veeam-hq", T).memories
    history.close()
    (tmp_path / "state" / "history.db").write_bytes(b"nothing of the kind" * 100)
    history = History.open(tmp_path / "state", T)
    assert history.restored and "a" in history.state(None, "veeam-hq", T).memories
    history.close()


class Broken:
    """A connection whose commits fail like those on a full disk."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db, self.full = db, True

    def execute(self, sql: str, *values: Any) -> Any:
        if self.full and sql == "COMMIT":
            raise sqlite3.OperationalError("database or disk is full")
        return self.db.execute(sql, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.db, name)


def test_a_full_disk_stops_nothing_and_loses_nothing(history: History, tmp_path: Path) -> None:
    record(history, workloads=(workload("a"),), cursor="c0")
    disk = Broken(history._db)
    history._db = disk  # type: ignore[assignment]
    state = record(history, T + HOUR, workloads=(workload("a", point(T)),), attempts=(attempt("x", T),), cursor="c1")
    assert history.write_errors == 1
    assert state.memories["a"].last_good == {Role.PRIMARY: T}
    assert state.run_totals == {("j", Result.SUCCESS): 1}
    assert not rows(tmp_path / "state", "attempts")
    disk.full = False
    record(history, T + 2 * HOUR, workloads=(workload("a", point(T)),), cursor="c2")
    history = reopened(history, tmp_path)
    state = history.state(None, "veeam-hq", T + HOUR)
    assert (history.cursor("veeam-hq"), state.run_totals) == ("c2", {("j", Result.SUCCESS): 1})
    assert state.memories["a"].last_good == {Role.PRIMARY: T}
    history.close()


def no_permission(file: Path) -> sqlite3.Connection:
    raise PermissionError(30, "Read-only file system")


def read_only(file: Path) -> sqlite3.Connection:
    """What SQLite itself says on such a disk."""
    db = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)
    try:
        db.execute("PRAGMA user_version = 0")
    finally:
        db.close()
    return db


@pytest.mark.parametrize("refused", [no_permission, read_only])
def test_on_a_disk_that_takes_no_writes_at_start_it_serves_what_it_has(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Callable[[Path], sqlite3.Connection]
) -> None:
    record(history, workloads=(workload("a"),))
    history.close()
    with monkeypatch.context() as patch:
        patch.setattr(history_file.Place, "_for_writing", lambda place: refused(place.file))
        patch.setattr(os, "access", lambda path, mode: False)
        history = History.open(tmp_path / "state", T)
        assert history.damaged is None
        errors = history.write_errors
        assert errors >= 1
        assert set(record(history, T + HOUR, workloads=(workload("a"), workload("b"))).memories) == {"a", "b"}
        assert history.write_errors > errors
    record(history, T + 2 * HOUR, workloads=(workload("a"), workload("b")))
    history = reopened(history, tmp_path)
    assert set(history.state(None, "veeam-hq", T).memories) == {"a", "b"}
    history.close()


def test_a_name_that_cannot_be_stored_costs_only_its_own_row(history: History, tmp_path: Path) -> None:
    state = record(history, workloads=(workload("a"), replace(workload("b"), name="half \ud800 pair")))
    assert set(state.memories) == {"a", "b"} and history.write_errors == 1
    history = reopened(history, tmp_path)
    assert set(history.state(None, "veeam-hq", T).memories) == {"a"}
    history.close()


def test_the_copy_is_made_after_the_first_poll_and_then_daily(history: History, tmp_path: Path) -> None:
    copy = tmp_path / "state" / "history.db.copy"
    assert not copy.exists()
    record(history, workloads=(workload("a"),))
    first = copy.stat().st_mtime_ns
    record(history, T + 23 * HOUR, workloads=(workload("b"),))
    history = reopened(history, tmp_path, T + 23 * HOUR)
    assert copy.stat().st_mtime_ns == first
    record(history, T + 25 * HOUR, workloads=(workload("b"),))
    assert copy.stat().st_mtime_ns != first
    history.close()


def filled(state_dir: Path) -> History:
    """A history with something in every table, well past its first copy."""
    history = History.open(state_dir, T)
    for day in range(3):
        now = T + day * DAY
        listing = tuple(workload(f"vm-{i}", point(now - HOUR), point(now - DAY)) for i in range(60))
        attempts = tuple(attempt(f"{day}-{i}", now - i * HOUR, mode=Mode.FULL) for i in range(20))
        parts: dict[str, Any] = {"jobs": (JOB,), "attempts": attempts, "restores": (restore(f"r{day}", now),)}
        history.record(snapshot(now, workloads=listing, repositories=(repository(day),), cursor=str(day), **parts), now)
        history.note_verdicts("veeam-hq", {"k": "WARNING"}, now)
    return history


def told(history: History) -> tuple[Any, ...]:
    now = T + 2 * DAY
    since = history.note_verdicts("veeam-hq", {"k": "WARNING"}, now)
    return history.state(None, "veeam-hq", now), history.last_snapshot("veeam-hq"), history.retired_total(), since


def test_a_damaged_file_is_moved_aside_and_the_copy_takes_its_place(tmp_path: Path) -> None:
    history = filled(tmp_path / "state")
    known = history.state(None, "veeam-hq", T).memories.keys()
    history.close()
    file = tmp_path / "state" / "history.db"
    for number in (1, 2):
        file.write_bytes(file.read_bytes()[:9000])
        history = History.open(tmp_path / "state", T + 2 * DAY)
        assert history.restored and history.damaged == file.with_name(f"history.db.damaged-{number}")
        assert history.damaged.stat().st_size == 9000
        assert history.state(None, "veeam-hq", T).memories.keys() == known
        history.close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_log_of_a_damaged_file_goes_with_it(tmp_path: Path) -> None:
    """Left behind it would be replayed into the copy that takes the file's place."""
    for name in ("history.db", "history.db-wal", "history.db-shm", "history.db.damaged-1"):
        (tmp_path / name).write_text(name)
    history_file.Place(tmp_path)._set_aside(tmp_path / "history.db")
    left = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert left == {
        "history.db.damaged-1": "history.db.damaged-1",
        "history.db.damaged-2": "history.db",
        "history.db.damaged-2-wal": "history.db-wal",
        "history.db.damaged-2-shm": "history.db-shm",
    }


def test_a_missing_index_is_damage(tmp_path: Path) -> None:
    filled(tmp_path / "state").close()
    db = sqlite3.connect(tmp_path / "state" / "history.db")
    db.execute("DROP INDEX attempts_at")
    db.close()
    history = History.open(tmp_path / "state", T)
    assert history.restored
    history.close()


def test_without_a_whole_copy_a_new_history_begins(tmp_path: Path) -> None:
    history = filled(tmp_path / "state")
    history.close()
    for name in ("history.db", "history.db.copy"):
        (tmp_path / "state" / name).write_bytes(b"\0" * 9000)
    history = History.open(tmp_path / "state", T)
    assert not history.restored and history.damaged is not None
    assert history.state(None, "veeam-hq", T) == Remembered()
    assert (tmp_path / "state" / "history.db.copy.damaged-1").exists()
    history.close()


@pytest.mark.parametrize("seed", range(60))
def test_flipped_bytes_and_cuts_are_noticed_or_change_nothing(
    tmp_path: Path, whole: tuple[bytes, bytes, tuple[Any, ...]], seed: int
) -> None:
    content, copy, truth = whole
    draw = random.Random(seed)
    damaged = bytearray(content)
    if seed % 6 == 0:
        del damaged[draw.randrange(1, len(damaged)) :]
    else:
        for _ in range(draw.choice([1, 1, 3])):
            damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
    state_dir = tmp_path / "state"
    state_dir.mkdir()
    (state_dir / "history.db").write_bytes(damaged)
    (state_dir / "history.db.copy").write_bytes(copy)
    history = History.open(state_dir, T + 2 * DAY)
    assert history.damaged is not None or told(history) == truth
    assert history.restored == (history.damaged is not None)
    assert len(history.state(None, "veeam-hq", T).memories) == 60
    history.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes, tuple[Any, ...]]:
    state_dir = tmp_path_factory.mktemp("whole") / "state"
    history = filled(state_dir)
    history.close()
    history = History.open(state_dir, T + 2 * DAY)
    truth = told(history)
    history.close()
    return (state_dir / "history.db").read_bytes(), (state_dir / "history.db.copy").read_bytes(), truth


@pytest.mark.parametrize(
    ("place", "bit"),
    [
        pytest.param(b"SQLite format 3", 0x01, id="no database at all"),
        pytest.param(b"\x02\x02\x00\x40\x20\x20", 0x04, id="a later write format, which SQLite opens read-only"),
        pytest.param(b"attempts_atattempts", 0x80, id="a schema that SQLite quotes though it is no text"),
        pytest.param(b"CREATE INDEX attempts_at", 0x01, id="a schema that is no SQL"),
    ],
)
def test_a_damaged_header_or_schema_is_replaced(
    tmp_path: Path, whole: tuple[bytes, bytes, tuple[Any, ...]], place: bytes, bit: int
) -> None:
    content, copy, _ = whole
    damaged = bytearray(content)
    damaged[content.index(place)] ^= bit
    state_dir = tmp_path / "state"
    state_dir.mkdir()
    (state_dir / "history.db").write_bytes(damaged)
    (state_dir / "history.db.copy").write_bytes(copy)
    history = History.open(state_dir, T + 2 * DAY)
    assert history.restored
    record(history, T + 3 * DAY, cursor="after")
    assert history.write_errors == 0
    history.close()


def test_a_byte_inside_a_value_is_noticed_though_sqlite_finds_nothing(tmp_path: Path) -> None:
    history = filled(tmp_path / "state")
    history.close()
    file = tmp_path / "state" / "history.db"
    content = file.read_bytes()
    assert content.count(b"2-19") == 2, "once in its row, once in the index"
    # The session's id in its row and in the index: consistent, and wrong.
    file.write_bytes(content.replace(b"2-19", b"2-1A"))
    db = sqlite3.connect(file)
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
    history = History.open(tmp_path / "state", T + 2 * DAY)
    assert history.restored
    history.close()
