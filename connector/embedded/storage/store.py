"""The stored documents: one SQLite database (WAL, synchronous=FULL), from which everything else can be rebuilt.

Everything before a finished `commit` survives kill -9. A directory belongs to one process at a time: the database has
SQLite's exclusive lock, which the operating system releases when the process ends.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from connector.embedded.storage.database import damaged, faults_of, open_database

_BATCH = 500


class StoredIndex(NamedTuple):
    """A row of the table of indices."""

    number: int
    name: str
    uuid: str
    created_ms: int
    settings: dict[str, Any]
    mapping: dict[str, Any]
    born: dict[str, int]
    next_seq_no: int


class StoredDocument(NamedTuple):
    """A row of the table of documents; `row` increases with every write, so it is the order of insertion."""

    row: int
    id: str
    version: int
    seq_no: int
    source: bytes


class Store:
    """Indices and documents in `directory`, or in memory if that is None.

    Raises:
        StoreFaultError: an EmbeddedStoreError: the directory is in use by another process (or another engine in this
            one), can't be written, or can't be read. Every method also raises it if the disk is full or damaged.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.place = str(directory or "memory")
        self._database = open_database(directory)

    def _run(self, statement: str, *values: Any) -> sqlite3.Cursor:
        with faults_of(self.place):
            return self._database.execute(statement, values)

    def _rows(self, statement: str, *values: Any) -> list[Any]:
        with faults_of(self.place):
            return self._database.execute(statement, values).fetchall()

    def check_open(self) -> None:
        """Reject a store that is closed."""
        self._run("SELECT 1")

    def begin(self) -> None:
        """Open a transaction; nothing is durable before `commit`."""
        self._run("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Make everything since `begin` durable."""
        self._run("COMMIT")

    def rollback(self) -> None:
        """Undo everything since `begin`."""
        if self._database.in_transaction:
            self._run("ROLLBACK")

    def close(self) -> None:
        """Release the directory."""
        self._database.close()

    def indices(self) -> list[StoredIndex]:
        """Return every index, oldest first."""
        rows = self._rows("SELECT * FROM indices ORDER BY number")
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
        cursor = self._run(
            "INSERT INTO indices (name, uuid, created_ms, settings, mapping, born) VALUES (?, ?, ?, ?, ?, '{}')",
            name,
            uuid,
            created_ms,
            json.dumps(settings),
            json.dumps(mapping),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def delete_index(self, number: int) -> None:
        """Remove an index with its documents."""
        self._run("DELETE FROM documents WHERE number = ?", number)
        self._run("DELETE FROM indices WHERE number = ?", number)

    def save_mapping(self, number: int, mapping: dict[str, Any], born: dict[str, int]) -> None:
        """Replace an index's mapping; `born` has, for each later field, the first sequence number indexed for it."""
        self._run(
            "UPDATE indices SET mapping = ?, born = ? WHERE number = ?", json.dumps(mapping), json.dumps(born), number
        )

    def save_next_seq_no(self, number: int, next_seq_no: int) -> None:
        """Save the next sequence number of an index."""
        self._run("UPDATE indices SET next_seq_no = ? WHERE number = ?", next_seq_no, number)

    def put(self, number: int, doc_id: str, version: int, seq_no: int, source: bytes) -> int:
        """Write a document, replacing any with the same id, and return its row."""
        self.delete(number, doc_id)
        cursor = self._run(
            "INSERT INTO documents (number, id, version, seq_no, source) VALUES (?, ?, ?, ?, ?)",
            number,
            doc_id,
            version,
            seq_no,
            source,
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def delete(self, number: int, doc_id: str) -> None:
        """Remove a document, if it exists."""
        self._run("DELETE FROM documents WHERE number = ? AND id = ?", number, doc_id)

    def documents(self, number: int) -> Iterator[StoredDocument]:
        """Yield an index's documents in the order of insertion; no statement, and so no lock, stays open between."""
        query = (
            "SELECT row, id, version, seq_no, source FROM documents WHERE number = ? AND row > ? ORDER BY row LIMIT ?"
        )
        last = 0
        while rows := self._rows(query, number, last, _BATCH):
            yield from (StoredDocument(*row) for row in rows)
            last = rows[-1][0]

    def source(self, row: int) -> bytes:
        """Return the source of a document, byte for byte as it was sent."""
        found = self._rows("SELECT source FROM documents WHERE row = ?", row)
        if not found or not isinstance(found[0][0], bytes):
            raise damaged(self.place, f"row {row} of its documents is missing")
        return found[0][0]
