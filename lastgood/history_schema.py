"""The tables of the history, the checksum of each row, and the one way rows are written.

All tables have one shape: who (`system`, `key`), `at` (whole epoch seconds, for range reads), `data` (msgpack) and
`sum`. SQLite's own integrity check does not see a changed byte inside a value, so each row carries a checksum over
everything else in it, its table's name included.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

import msgspec

_SHAPE = (
    "CREATE TABLE {table} (system TEXT NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL,"
    " data BLOB NOT NULL, sum BLOB NOT NULL, PRIMARY KEY (system, key)) WITHOUT ROWID"
)
TABLES = ("meta", "systems", "jobs", "workloads", "attempts", "restores", "samples", "totals", "verdicts")

# One entry a schema version, from 1; never edited once released.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (*(_SHAPE.format(table=table) for table in TABLES), "CREATE INDEX attempts_at ON attempts (at)"),
)
_MIGRATIONS_TABLE = "CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, applied INTEGER NOT NULL)"

_PUT = "INSERT OR REPLACE INTO {table} (system, key, at, data, sum) VALUES (?, ?, ?, ?, ?)"
_DELETE = "DELETE FROM {table} WHERE system = ? AND key = ?"
_DELETE_BEFORE = "DELETE FROM {table} WHERE system = ? AND at < ?"
_ALL = "SELECT system, key, at, data, sum FROM {table} WHERE at >= ?"
_NEWEST = "SELECT max(at) FROM {table} WHERE system = ? AND at < ?"
_ONE = "SELECT system, key, at, data, sum FROM {table} WHERE system = ? AND key = ?"


class Damaged(Exception):
    """The file is not what was written to it."""


class TooNew(Exception):
    """The file was written by a later version of lastgood."""


class Row(NamedTuple):
    system: str
    key: str
    at: int
    data: bytes


def checksum(table: str, row: Row) -> bytes:
    """Eight bytes over a whole row."""
    head = "\0".join((table, row.system, row.key, str(row.at))).encode()
    return blake2b(head + b"\0" + row.data, digest_size=8).digest()


def migrate(db: sqlite3.Connection, now: datetime) -> None:
    """Bring the schema to the newest version, each step in a transaction. Raises Damaged or TooNew."""
    db.execute(_MIGRATIONS_TABLE)
    at = db.execute("SELECT coalesce(max(version), 0) FROM migrations").fetchone()[0]
    # Told in two places, so that one flipped byte cannot pass for another version.
    if db.execute("PRAGMA user_version").fetchone()[0] != at:
        raise Damaged("two different schema versions")
    if at > len(MIGRATIONS):
        raise TooNew(f"schema version {at}, this lastgood knows {len(MIGRATIONS)}")
    for version, statements in enumerate(MIGRATIONS[at:], start=at + 1):
        with transaction(db):
            for statement in statements:
                db.execute(statement)
            db.execute("INSERT INTO migrations VALUES (?, ?)", (version, int(now.timestamp())))
            db.execute(f"PRAGMA user_version = {version:d}")


def verify(db: sqlite3.Connection) -> None:
    """SQLite's own check, and the schema against what the migrations make. Raises Damaged."""
    try:
        answer = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
        found = _schema(db)
    except sqlite3.DatabaseError as error:
        raise Damaged(str(error)) from error
    if answer != "ok":
        raise Damaged(answer)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as model:
        model.execute(_MIGRATIONS_TABLE)
        for statements in MIGRATIONS:
            for statement in statements:
                model.execute(statement)
        if found != _schema(model):
            raise Damaged("the schema is not the one that was made")


def verify_rows(db: sqlite3.Connection) -> None:
    """The checksum of every row. Raises Damaged."""
    for table in TABLES:
        for _ in read(db, table):
            pass


def read(db: sqlite3.Connection, table: str, since: int = -(2**62)) -> Iterator[Row]:
    """The rows of one table whose `at` is not before `since`. Raises Damaged on the first wrong one."""
    return _checked(table, db, _ALL, (since,))


def read_one(db: sqlite3.Connection, table: str, system: str, key: str) -> Row | None:
    """One row, or None. Raises Damaged."""
    return next(_checked(table, db, _ONE, (system, key)), None)


def newest_before(db: sqlite3.Connection, table: str, system: str, at: datetime) -> int | None:
    """The largest `at` of one system's rows before the moment given (epoch seconds); None when there are none."""
    sql = _NEWEST.format(table=table)
    newest: int | None = db.execute(sql, (system, int(at.timestamp()))).fetchone()[0]
    return newest


class transaction:
    """BEGIN IMMEDIATE, then COMMIT, or ROLLBACK when anything went wrong."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            try:
                self._db.execute("COMMIT")
                return
            except sqlite3.Error:
                self._undo()
                raise
        self._undo()

    def _undo(self) -> None:
        # On a full disk SQLite may have rolled back by itself.
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")


class Batch:
    """Changed rows waiting to be written: the newest version of each, so that writing late loses nothing."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, str], Row | None] = {}
        self._before: dict[tuple[str, str], int] = {}
        self.unwritable = 0

    def __bool__(self) -> bool:
        return bool(self._rows or self._before)

    def put(self, table: str, system: str, key: str, at: datetime, value: object) -> None:
        try:
            row = Row(system, key, int(at.timestamp()), msgspec.msgpack.encode(value))
            key.encode()
        except UnicodeEncodeError:
            # Half a surrogate pair in a name: that row cannot be stored, all others must be.
            self.unwritable += 1
            return
        self._rows[table, system, key] = row

    def waiting(self, table: str, system: str, key: str) -> Row | None:
        """The row that waits to be written, if one does."""
        return self._rows.get((table, system, key))

    def delete(self, table: str, system: str, key: str) -> None:
        self._rows[table, system, key] = None

    def delete_before(self, table: str, system: str, at: datetime) -> None:
        """Delete all rows older than `at`."""
        self._before[table, system] = int(at.timestamp())

    def write(self, db: sqlite3.Connection) -> None:
        """All rows in one transaction; on success nothing waits any more. Raises sqlite3.Error, keeping all."""
        if not self:
            return
        with transaction(db):
            for (table, system), at in self._before.items():
                db.execute(_DELETE_BEFORE.format(table=table), (system, at))
            for (table, system, key), row in self._rows.items():
                if row is None:
                    db.execute(_DELETE.format(table=table), (system, key))
                else:
                    db.execute(_PUT.format(table=table), (*row, checksum(table, row)))
        self._rows.clear()
        self._before.clear()


def _checked(table: str, db: sqlite3.Connection, sql: str, values: tuple[object, ...]) -> Iterator[Row]:
    try:
        for system, key, at, data, sum_ in db.execute(sql.format(table=table), values):
            row = Row(system, key, at, data)
            if not isinstance(data, bytes) or checksum(table, row) != sum_:
                raise Damaged(f"a row of {table} does not match its checksum")
            yield row
    except (sqlite3.DatabaseError, TypeError, UnicodeError) as error:
        raise Damaged(f"{table}: {error}") from error


def _schema(db: sqlite3.Connection) -> list[tuple[str, str]]:
    return sorted(
        (name, " ".join(sql.split())) for name, sql in db.execute("SELECT name, sql FROM sqlite_master") if sql
    )
