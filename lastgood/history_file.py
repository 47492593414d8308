"""The file under the history: whose it is, on what disk, whether it is whole, and what replaces it when it is not."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lastgood.errors import HistoryError
from lastgood.history_schema import Damaged, TooNew, migrate, verify, verify_rows

log = logging.getLogger(__name__)

NAME = "history.db"

# SQLite's write-ahead log needs memory shared by all that open the file, and locks that hold: neither is sure here.
_NETWORK_TYPE = re.compile(
    "9p|afs|beegfs|ceph|cifs|coda|davfs|glusterfs|gpfs|lustre|ncpfs|nfs4?|smb3|smbfs"
    r"|fuse\.(ceph|davfs|glusterfs|rclone|s3fs|sshfs)"
)
_MOUNTS = Path("/proc/self/mountinfo")

# The disk's fault, not the file's: it may be full or read-only now and well again later.
_DISK_CODES = frozenset(
    (sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN)
)


@dataclass(slots=True)
class Opened:
    """A connection to a whole file. `writable` is False on a full or read-only disk.

    `damaged` is where a damaged file was moved to; `restored` says that the last good copy took its place.
    """

    db: sqlite3.Connection
    writable: bool
    damaged: Path | None = None
    restored: bool = False


class Place:
    """The state directory, held by this process alone from `take` to `leave`."""

    def __init__(self, state_dir: Path) -> None:
        self.file = state_dir / NAME
        self.copy = state_dir / f"{NAME}.copy"
        self._unfinished_copy = state_dir / f"{NAME}.copy.new"
        self._unfinished_restore = state_dir / f"{NAME}.restoring"
        self._directory = state_dir
        self._lock: int | None = None

    def take(self) -> None:
        """Make the directory (0700) and lock it. Raises HistoryError: network file system, in use, not permitted."""
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            remedy = "create it for the account that runs lastgood, or set another state_dir"
            raise self._refusal(f"cannot be made ({error.strerror})", remedy) from error
        kind = network_type(self._directory.resolve(), _mounts())
        if kind is not None:
            raise self._refusal(f"is on a network file system ({kind})", "set state_dir to a directory on a local disk")
        self._take_lock()
        # What a process killed in the middle of a copy or a restore left behind.
        for path in (self._unfinished_copy, self._unfinished_restore):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def leave(self) -> None:
        """Let others have the directory."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def open(self, now: datetime, load: Callable[[sqlite3.Connection], None]) -> Opened:
        """Open the file, restoring or renewing it when damaged. `load` reads it and raises Damaged when it cannot.

        `load` may be called several times, each time on another file. Raises HistoryError.
        """
        damaged: Path | None = None
        restored = False
        # At worst: the file, its copy, a new one.
        for _ in range(3):
            try:
                db, writable = self._connect(now)
                try:
                    load(db)
                except BaseException:
                    db.close()
                    raise
                return Opened(db, writable, damaged, restored)
            except TooNew as error:
                raise self._refusal(f"holds a newer history ({error})", "run the newer lastgood again") from error
            except Damaged as error:
                log.error("history: %s is damaged (%s); moving it aside", self.file, error)
                damaged, restored = self._replace(now, use_copy=not restored)
        raise self._refusal("does not give back what is written to it", "check the disk, or set another state_dir")

    def reopen(self) -> sqlite3.Connection | None:
        """A connection that can write, after one that could not; None while the disk is still full or read-only."""
        with suppress(sqlite3.Error, OSError):
            return self._for_writing()
        return None

    def keep_copy(self, db: sqlite3.Connection, now: datetime) -> None:
        """Replace the last good copy by one of `db`, once it has been read back whole.

        Raises OSError, sqlite3.Error or Damaged; the older copy then stays.
        """
        fresh = self._unfinished_copy
        fresh.unlink(missing_ok=True)
        # VACUUM INTO takes an empty file, and would make its own readable to others.
        _create(fresh)
        try:
            db.execute("VACUUM INTO ?", (str(fresh),))
            _check_whole(fresh, now)
            _sync(fresh)
            fresh.replace(self.copy)
        finally:
            fresh.unlink(missing_ok=True)
        _sync(self._directory)

    def _connect(self, now: datetime) -> tuple[sqlite3.Connection, bool]:
        """A verified connection, and whether it can write. Raises Damaged, TooNew, HistoryError."""
        try:
            if not self.file.exists():
                _create(self.file)
            db = self._for_writing()
            try:
                migrate(db, now)
                verify(db)
            except BaseException:
                db.close()
                raise
            return db, True
        except sqlite3.DatabaseError as error:
            if not self._is_disk(error):
                raise Damaged(str(error)) from error
            log.error("history: %s cannot be written: %s", self.file, error)
        except UnicodeDecodeError as error:
            # SQLite quotes a damaged schema in its message as it stands.
            raise Damaged("unreadable schema") from error
        except OSError as error:
            log.error("history: %s cannot be written: %s", self.file, error.strerror)
        return self._for_reading(), False

    def _for_writing(self) -> sqlite3.Connection:
        if self.file.stat().st_mode & 0o077:
            self.file.chmod(0o600)
        db = sqlite3.connect(self.file, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            # Neither opening nor BEGIN tells that a file is read-only: only a write is refused.
            db.execute("BEGIN IMMEDIATE")
            db.execute("PRAGMA user_version = 0")
            db.execute("ROLLBACK")
        except BaseException:
            db.close()
            raise
        return db

    def _for_reading(self) -> sqlite3.Connection:
        """Without writing a byte. `immutable` overlooks a write-ahead log, so it is only for a file without one."""
        ways = ["mode=ro"]
        log_file = self.file.with_name(f"{NAME}-wal")
        if not log_file.exists() or log_file.stat().st_size == 0:
            ways.append("mode=ro&immutable=1")
        for way in ways:
            try:
                db = sqlite3.connect(
                    f"{self.file.resolve().as_uri()}?{way}", uri=True, isolation_level=None, check_same_thread=False
                )
            except sqlite3.Error:
                continue
            try:
                db.execute("SELECT count(*) FROM sqlite_master").fetchone()
                verify(db)
                return db
            except sqlite3.Error:
                db.close()
            except Damaged:
                db.close()
                raise
        remedy = "make room on it, make it writable for the account that runs lastgood, or set another state_dir"
        raise self._refusal("cannot be written, and its history not read", remedy)

    def _is_disk(self, error: sqlite3.Error) -> bool:
        code: int | None = getattr(error, "sqlite_errorcode", None)
        if code is None or code & 0xFF not in _DISK_CODES:
            return False
        # A file whose header claims a later write format is "read-only" too, on the best of disks.
        return code & 0xFF != sqlite3.SQLITE_READONLY or not os.access(self.file, os.W_OK)

    def _replace(self, now: datetime, *, use_copy: bool) -> tuple[Path, bool]:
        """Move the damaged file aside and put the copy in its place, if there is a whole one."""
        try:
            aside = self._set_aside(self.file)
            if not use_copy or not self.copy.exists():
                return aside, False
            shutil.copyfile(self.copy, self._unfinished_restore)
            self._unfinished_restore.chmod(0o600)
            try:
                _check_whole(self._unfinished_restore, now)
            except (Damaged, TooNew) as error:
                log.error("history: the copy %s is no better (%s)", self.copy, error)
                self._unfinished_restore.unlink()
                self._set_aside(self.copy)
                return aside, False
            _sync(self._unfinished_restore)
            self._unfinished_restore.replace(self.file)
            _sync(self._directory)
        except OSError as error:
            remedy = "make room on it, or move history.db away by hand"
            raise self._refusal(
                f"holds a damaged history that cannot be replaced ({error.strerror})", remedy
            ) from error
        return aside, True

    def _set_aside(self, path: Path) -> Path:
        number = 1
        while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
            number += 1
        # The log goes first: left alone beside another file it would be replayed into that one.
        for part in ("-wal", "-shm", ""):
            with suppress(FileNotFoundError):
                path.with_name(path.name + part).rename(aside.with_name(aside.name + part))
        _sync(self._directory)
        return aside

    def _take_lock(self) -> None:
        try:
            self._lock = os.open(self._directory / "history.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            # A read-only disk takes no new file, but a directory can be locked as well.
            self._lock = self._open_directory()
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.leave()
            raise self._refusal("is used by another lastgood", "stop that one, or set another state_dir") from error

    def _open_directory(self) -> int:
        try:
            return os.open(self._directory, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            remedy = "give it to the account that runs lastgood, or set another state_dir"
            raise self._refusal(f"cannot be read ({error.strerror})", remedy) from error

    def _refusal(self, what: str, remedy: str) -> HistoryError:
        return HistoryError(f"{self._directory}: the state directory {what} -> {remedy}")


def network_type(path: Path, mounts: str) -> str | None:
    """The type of the network file system that holds the absolute `path`, None when it is a local one or unknown.

    `mounts` is the text of Linux' /proc/self/mountinfo (man 5 proc): field 5 is the mount point with blanks as octal
    escapes, the type follows a lone dash; of several mounts on one point the last one counts.
    """
    best: tuple[int, str] = (-1, "")
    for line in mounts.splitlines():
        fields = line.split()
        if "-" not in fields[:-1] or len(fields) < 6:
            continue
        point = Path(fields[4].replace(r"\040", " ").replace(r"\011", "\t").replace(r"\134", "\\"))
        if path.is_relative_to(point) and len(point.parts) >= best[0]:
            best = (len(point.parts), fields[fields.index("-") + 1])
    return best[1] if _NETWORK_TYPE.fullmatch(best[1]) else None


def _mounts() -> str:
    try:
        return _MOUNTS.read_text(errors="replace")
    except OSError:
        return ""


def _check_whole(path: Path, now: datetime) -> None:
    """Raises Damaged or TooNew unless every row of the file can be trusted."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        try:
            migrate(db, now)
            verify(db)
            verify_rows(db)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise Damaged(str(error)) from error


def _create(path: Path) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
