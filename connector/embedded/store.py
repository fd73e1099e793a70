"""The documents' home: one SQLite database (WAL, synchronous=FULL), the source of truth for all else.

What `commit` has returned from survives kill -9. A directory belongs to one process at a time: the database is held
with SQLite's exclusive lock, which the operating system drops with the process.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from connector.errors import EmbeddedStoreError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS indices (
    number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, uuid TEXT NOT NULL,
    created_ms INTEGER NOT NULL, settings TEXT NOT NULL, mapping TEXT NOT NULL, born TEXT NOT NULL,
    next_seq_no INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS documents (
    row INTEGER PRIMARY KEY AUTOINCREMENT, number INTEGER NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL,
    seq_no INTEGER NOT NULL, source BLOB NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS documents_by_id ON documents (number, id);
"""


class StoredIndex(NamedTuple):
    """One row of the table of indices."""

    number: int
    name: str
    uuid: str
    created_ms: int
    settings: dict[str, Any]
    mapping: dict[str, Any]
    born: dict[str, int]
    next_seq_no: int


class StoredDocument(NamedTuple):
    """One row of the table of documents; `row` grows with every write, so it is the order of insertion."""

    row: int
    id: str
    version: int
    seq_no: int
    source: bytes


class Store:
    """Indices and documents in `directory`, or in memory when it is None.

    Raises: EmbeddedStoreError: another process (or another engine here) has the directory open, or it can't be written.
    """

    def __init__(self, directory: Path | None = None) -> None:
        target = ":memory:"
        try:
            if directory is not None:
                directory.mkdir(parents=True, exist_ok=True)
                target = str(directory / "documents.sqlite3")
            self._database = sqlite3.connect(target, timeout=0.2, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise EmbeddedStoreError(
                f"{directory} can't be opened ({error}); choose a directory you may write"
            ) from error
        try:
            self._open()
        except sqlite3.Error as error:
            self._database.close()
            if "locked" in str(error):
                raise EmbeddedStoreError(
                    f"{directory} is in use by another embedded engine; close that one, or choose another directory"
                ) from error
            raise EmbeddedStoreError(f"{directory} holds no readable embedded index ({error})") from error

    def _open(self) -> None:
        self._database.execute("PRAGMA locking_mode=EXCLUSIVE")
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute("BEGIN EXCLUSIVE")
        self._database.execute("COMMIT")
        self._database.executescript(_SCHEMA)

    def begin(self) -> None:
        """Open a transaction; nothing is durable before `commit`."""
        self._database.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Make everything since `begin` durable."""
        self._database.execute("COMMIT")

    def rollback(self) -> None:
        """Forget everything since `begin`."""
        if self._database.in_transaction:
            self._database.execute("ROLLBACK")

    def close(self) -> None:
        """Release the directory."""
        self._database.close()

    def indices(self) -> list[StoredIndex]:
        """Every index, oldest first."""
        rows = self._database.execute("SELECT * FROM indices ORDER BY number")
        return [
            StoredIndex(
                number, name, uuid, created_ms, json.loads(settings), json.loads(mapping), json.loads(born), next_seq_no
            )
            for number, name, uuid, created_ms, settings, mapping, born, next_seq_no in rows
        ]

    def create_index(
        self, name: str, uuid: str, created_ms: int, settings: dict[str, Any], mapping: dict[str, Any]
    ) -> int:
        """Add an index and return its number."""
        cursor = self._database.execute(
            "INSERT INTO indices (name, uuid, created_ms, settings, mapping, born) VALUES (?, ?, ?, ?, ?, '{}')",
            (name, uuid, created_ms, json.dumps(settings), json.dumps(mapping)),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def delete_index(self, number: int) -> None:
        """Remove an index with its documents."""
        self._database.execute("DELETE FROM documents WHERE number = ?", (number,))
        self._database.execute("DELETE FROM indices WHERE number = ?", (number,))

    def save_mapping(self, number: int, mapping: dict[str, Any], born: dict[str, int]) -> None:
        """Replace an index's mapping; `born` is the first sequence number that each later field is indexed from."""
        self._database.execute(
            "UPDATE indices SET mapping = ?, born = ? WHERE number = ?", (json.dumps(mapping), json.dumps(born), number)
        )

    def save_next_seq_no(self, number: int, next_seq_no: int) -> None:
        """Remember the next sequence number of an index."""
        self._database.execute("UPDATE indices SET next_seq_no = ? WHERE number = ?", (next_seq_no, number))

    def put(self, number: int, doc_id: str, version: int, seq_no: int, source: bytes) -> int:
        """Write a document, replacing one with its id, and return its row."""
        self.delete(number, doc_id)
        cursor = self._database.execute(
            "INSERT INTO documents (number, id, version, seq_no, source) VALUES (?, ?, ?, ?, ?)",
            (number, doc_id, version, seq_no, source),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def delete(self, number: int, doc_id: str) -> None:
        """Remove a document, if it is there."""
        self._database.execute("DELETE FROM documents WHERE number = ? AND id = ?", (number, doc_id))

    def documents(self, number: int) -> Iterator[StoredDocument]:
        """An index's documents in the order of insertion."""
        query = "SELECT row, id, version, seq_no, source FROM documents WHERE number = ? ORDER BY row"
        return (StoredDocument(*row) for row in self._database.execute(query, (number,)))

    def source(self, row: int) -> bytes:
        """The source of one document, byte for byte as it was sent."""
        (source,) = self._database.execute("SELECT source FROM documents WHERE row = ?", (row,)).fetchone()
        return bytes(source)
