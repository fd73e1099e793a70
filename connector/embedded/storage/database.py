"""The SQLite file of a store: create it whole, check it before any change, and translate its errors."""

from __future__ import annotations

import errno
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from connector.errors import EmbeddedStoreError

NAME = "documents.sqlite3"
_VERSION = 1
_TABLES = {
    "indices": ("number", "name", "uuid", "created_ms", "settings", "mapping", "born", "next_seq_no"),
    "documents": ("row", "number", "id", "version", "seq_no", "source"),
}
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS indices (
    number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, uuid TEXT NOT NULL,
    created_ms INTEGER NOT NULL, settings TEXT NOT NULL, mapping TEXT NOT NULL, born TEXT NOT NULL,
    next_seq_no INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS documents (
    row INTEGER PRIMARY KEY AUTOINCREMENT, number INTEGER NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL,
    seq_no INTEGER NOT NULL, source BLOB NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS documents_by_id ON documents (number, id);
PRAGMA user_version = {_VERSION};
"""


class StoreFaultError(EmbeddedStoreError):
    """A failure of the store; `kind` is the type of the error in a REST answer."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


@contextmanager
def faults_of(place: str) -> Iterator[None]:
    """Turn errors of SQLite and of the file system into `StoreFaultError`.

    Raises:
        StoreFaultError: names `place`, what is wrong with it, and the remedy.
    """
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise fault_of(place, error) from error


def fault_of(place: str, error: Exception) -> StoreFaultError:
    """Return an error of SQLite or of the file system as one that names the place and the remedy."""
    text = getattr(error, "strerror", None) or str(error)
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "disk is full" in text:
        reason = f"no space left for {place} ({text}): nothing from this call was saved; free some space and repeat it"
        return StoreFaultError("i_o_exception", reason)
    if isinstance(error, OSError) or "readonly database" in text or "unable to open" in text:
        reason = f"{place} can't be opened for writing ({text}); choose a writable directory"
        return StoreFaultError("i_o_exception", reason)
    if "is locked" in text:
        reason = f"{place} is in use by another embedded engine; close that engine, or choose another directory"
        return StoreFaultError("lock_obtain_failed_exception", reason)
    if "closed database" in text:
        return StoreFaultError("already_closed_exception", f"the embedded engine of {place} is closed; open a new one")
    if isinstance(error, sqlite3.OperationalError):
        reason = (
            f"{place} can't be read or written ({text}): nothing from this call was saved; check the disk, its quota "
            "and limits on the size of files, and repeat it"
        )
        return StoreFaultError("i_o_exception", reason)
    return damaged(place, text)


def damaged(place: str, reason: str) -> StoreFaultError:
    """Return the error of a database that can't be trusted."""
    return StoreFaultError(
        "corrupt_index_exception",
        f"{place} holds no readable embedded index ({reason}); nothing was changed. Restore {NAME} from a backup, or "
        "choose another directory",
    )


def open_database(directory: Path | None) -> sqlite3.Connection:
    """Open a directory's database for this process alone, creating both if needed; None opens one in memory.

    Raises:
        StoreFaultError: it is in use, read-only, damaged, or another program's.
    """
    place = str(directory or "memory")
    with faults_of(place):
        target = ":memory:"
        if directory is not None and "\0" in place:
            raise OSError("its name has a null character")
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
            target = str(directory / NAME)
            if not Path(target).exists():
                _make(Path(target))
            elif not Path(target).stat().st_size:
                raise damaged(place, f"{NAME} is empty: it was truncated")
        database = sqlite3.connect(target, timeout=0.2, isolation_level=None, check_same_thread=False)
        try:
            database.execute("PRAGMA locking_mode=EXCLUSIVE")
            is_old = _check(database, place) < _VERSION
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=FULL")
            database.execute("BEGIN EXCLUSIVE")
            database.execute("COMMIT")
            if is_old:
                database.executescript(_SCHEMA)
        except BaseException:
            database.close()
            raise
    return database


def _make(path: Path) -> None:
    """Create an empty database under a temporary name and rename it when it is complete; never overwrite one."""
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with closing(sqlite3.connect(fresh, isolation_level=None)) as database:
            database.executescript(_SCHEMA)
        try:
            os.link(fresh, path)
        except FileExistsError:
            return
        except OSError:  # the file system has no links
            if not path.exists():
                fresh.rename(path)
    finally:
        fresh.unlink(missing_ok=True)


def _check(database: sqlite3.Connection, place: str) -> int:
    """Return a database's version, after rejecting one that is another program's or incomplete; change nothing."""
    version = int(database.execute("PRAGMA user_version").fetchone()[0])
    found = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    tables = {name for name in found if not name.startswith("sqlite_")}
    if not tables and not version:
        return version
    if not tables & _TABLES.keys():
        raise damaged(place, f"{NAME} belongs to another program, with the tables {', '.join(sorted(tables)[:5])}")
    if version > _VERSION:
        raise damaged(place, f"{NAME} has version {version}, but this package reads {_VERSION}: upgrade the package")
    for table, columns in _TABLES.items():
        has = tuple(row[1] for row in database.execute(f"PRAGMA table_info({table})"))
        if has != columns:
            raise damaged(place, f"its table {table} has the columns {list(has)} instead of {list(columns)}")
    (first,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if first != "ok":
        raise damaged(place, first.splitlines()[-1])
    return version
