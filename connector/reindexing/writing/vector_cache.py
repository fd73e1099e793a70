"""Vectors by the text they were made from, so that no text is encoded twice, in this job or the next.

All jobs of a state directory share one SQLite database. An entry takes about 4 bytes per dimension plus 50.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from connector.models.encoder import Fingerprint
from connector.reindexing.private_files import private_file, private_parents, readable_failure, tighten

_SCHEMA = """
CREATE TABLE IF NOT EXISTS encoders (number INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS vectors (
    encoder INTEGER NOT NULL, hash BLOB NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (encoder, hash)) WITHOUT ROWID;
"""
_CHUNK = 500

Vector = NDArray[np.float32]


HASH_BYTES = 16


def hash_of(text: str) -> bytes:
    """Return the first `HASH_BYTES` of the SHA-256 hash of a text."""
    encoded = text.encode("utf-8", "surrogatepass")
    return hashlib.sha256(len(encoded).to_bytes(8, "big") + encoded).digest()[:HASH_BYTES]


def hashes_in(joined: bytes) -> list[bytes]:
    """Split concatenated hashes."""
    return [joined[start : start + HASH_BYTES] for start in range(0, len(joined), HASH_BYTES)]


class VectorCache:
    """The vectors of one encoder.

    Args:
        file: the database; None keeps no vectors.
        fingerprint: the encoder's.

    Raises:
        CheckpointError: the file can't be opened.
    """

    def __init__(self, file: Path | None, fingerprint: Fingerprint) -> None:
        self._name = file or Path(":memory:")
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        if file is not None:
            private_parents(file.parent)
            private_file(file)
            for journal in ("-wal", "-shm"):
                tighten(file.with_name(file.name + journal))
            with readable_failure(file):
                self._database = sqlite3.connect(file, timeout=60, check_same_thread=False)
                self._encoder = self._open(self._database, json.dumps(fingerprint.to_meta(), sort_keys=True))

    def _open(self, database: sqlite3.Connection, fingerprint: str) -> int:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        database.executescript(_SCHEMA)
        with database:
            database.execute("INSERT OR IGNORE INTO encoders (fingerprint) VALUES (?)", (fingerprint,))
            query = "SELECT number FROM encoders WHERE fingerprint = ?"
            return int(database.execute(query, (fingerprint,)).fetchone()[0])

    def find(self, hashes: Iterable[bytes]) -> dict[bytes, Vector]:
        """Return the known vectors of some texts, by hash."""
        if self._database is None:
            return {}
        wanted = list(hashes)
        found: dict[bytes, Vector] = {}
        with self._lock, readable_failure(self._name):
            for start in range(0, len(wanted), _CHUNK):
                chunk = wanted[start : start + _CHUNK]
                marks = ",".join("?" * len(chunk))
                query = f"SELECT hash, vector FROM vectors WHERE encoder = ? AND hash IN ({marks})"
                rows = self._database.execute(query, (self._encoder, *chunk))
                found |= {digest: np.frombuffer(vector, dtype=np.float32) for digest, vector in rows}
        return found

    def keep(self, vectors: Mapping[bytes, Vector]) -> None:
        """Store vectors by the hash of their text."""
        if self._database is None or not vectors:
            return
        with self._lock, readable_failure(self._name), self._database:
            self._database.executemany(
                "INSERT OR IGNORE INTO vectors VALUES (?, ?, ?)",
                [(self._encoder, digest, vector.tobytes()) for digest, vector in vectors.items()],
            )

    def close(self) -> None:
        """Release the file."""
        if self._database is not None:
            self._database.close()
