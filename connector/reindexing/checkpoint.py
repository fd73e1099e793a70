"""A job's memory: one SQLite database (WAL), with the dead letters in a file next to it.

Once `acknowledge` has returned, its rows survive kill -9.
What a bulk request is about to write is announced before it is sent, so that the next process knows of every document
that a killed one may have written to the new index.
Dead letters are appended first, and the database keeps the length of their file, so that letters appended without
being acknowledged are cut off when the job resumes.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

from connector.atomic_files import replacing
from connector.errors import CheckpointError
from connector.exact_json import loads, text_of
from connector.reindexing.items import DeadLetter, Key
from connector.reindexing.private_files import private_file, private_folder, readable_failure

DEAD_LETTERS = "dead-letters.jsonl"
_DATABASE = "checkpoint.sqlite3"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS job (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS positions (partition TEXT PRIMARY KEY, position TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (
    place INTEGER NOT NULL, id TEXT NOT NULL, routing TEXT NOT NULL, state INTEGER NOT NULL,
    seq_no INTEGER NOT NULL, written_seq_no INTEGER NOT NULL, written_term INTEGER NOT NULL, text_hashes BLOB NOT NULL,
    PRIMARY KEY (place, id, routing)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS announced (
    place INTEGER NOT NULL, id TEXT NOT NULL, routing TEXT NOT NULL, digest BLOB NOT NULL,
    PRIMARY KEY (place, id, routing)) WITHOUT ROWID;
"""
_CHUNK = 300


class State(IntEnum):
    """What became of a document."""

    WRITTEN = 0
    WITHOUT_TEXT = 1
    DEAD = 2


class Row(NamedTuple):
    """What is known about an acknowledged document.

    Attributes:
        key, state: which document it is, and what became of it.
        seq_no: its version in the source.
        written_seq_no, written_term: its version in the target when the job wrote it.
        text_hashes: as in `Prepared`.
    """

    key: Key
    state: State
    seq_no: int
    written_seq_no: int
    written_term: int
    text_hashes: bytes


class Checkpoint:
    """The checkpoint in a job's folder; safe to use from several threads.

    Raises:
        CheckpointError: it can't be opened.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.RLock()
        self._name = folder / _DATABASE
        private_folder(folder)
        private_file(self._name)
        with self._guarded():
            self._database = sqlite3.connect(self._name, timeout=30, isolation_level=None, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.executescript(_SCHEMA)

    def close(self) -> None:
        """Release the file."""
        self._database.close()

    def get(self, name: str, default: Any = None) -> Any:
        """Return one of the job's own values; `default` if it was never put."""
        with self._guarded():
            row = self._database.execute("SELECT value FROM job WHERE name = ?", (name,)).fetchone()
        return default if row is None else json.loads(row[0])

    def put(self, **values: Any) -> None:
        """Store values of the job, as JSON; durable on return."""
        with self._transaction():
            self._put(values)

    def positions(self) -> dict[str, Any]:
        """Return the position in each partition."""
        with self._guarded():
            rows = self._database.execute("SELECT partition, position FROM positions").fetchall()
        return {partition: json.loads(position) for partition, position in rows}

    def rows(self, keys: Sequence[Key]) -> dict[Key, Row]:
        """Return the rows of those documents that are acknowledged."""
        found: dict[Key, Row] = {}
        with self._guarded():
            for start in range(0, len(keys), _CHUNK):
                chunk = keys[start : start + _CHUNK]
                marks = ",".join(["(?,?,?)"] * len(chunk))
                query = f"SELECT * FROM documents WHERE (place, id, routing) IN (VALUES {marks})"
                values = [value for key in chunk for value in key]
                found |= {row.key: row for row in map(_row, self._database.execute(query, values))}
        return found

    def announce(self, digests: Mapping[Key, bytes]) -> None:
        """Store the digests (see `digest_of`) of documents about to be written, until they are acknowledged."""
        with self._transaction():
            self._database.executemany(
                "INSERT OR REPLACE INTO announced VALUES (?, ?, ?, ?)",
                ((*key, digest) for key, digest in digests.items()),
            )

    def announced(self) -> dict[Key, bytes]:
        """Return what was announced but never acknowledged, some of which may have been written."""
        with self._guarded():
            rows = self._database.execute("SELECT * FROM announced").fetchall()
        return {Key(*key): digest for *key, digest in rows}

    def acknowledge(self, rows: Iterable[Row], positions: Mapping[str, Any], dead: Sequence[DeadLetter] = ()) -> None:
        """Store what became of documents and the new positions of their partitions, in one transaction.

        Raises:
            CheckpointError: the transaction failed, and nothing was stored.
        """
        rows = list(rows)
        with self._transaction():
            if dead:
                self._put({"dead_letters_bytes": self._append(dead)})
            self._database.executemany(
                "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                ((*key, int(state), *rest) for key, state, *rest in rows),
            )
            self._unannounce(row.key for row in rows)
            self._database.executemany(
                "INSERT OR REPLACE INTO positions VALUES (?, ?)",
                [(partition, json.dumps(position)) for partition, position in positions.items()],
            )

    def forget(self, keys: Iterable[Key]) -> None:
        """Forget documents, such as those that the source no longer has."""
        keys = list(keys)
        with self._transaction():
            self._database.executemany("DELETE FROM documents WHERE place = ? AND id = ? AND routing = ?", keys)
            self._unannounce(keys)

    def forget_announced(self, keys: Iterable[Key]) -> None:
        """Forget the announcements of documents that turned out not to be written."""
        with self._transaction():
            self._unannounce(keys)

    def counts(self) -> dict[State, int]:
        """Count the acknowledged documents by what became of them."""
        with self._guarded():
            rows = self._database.execute("SELECT state, count(*) FROM documents GROUP BY state").fetchall()
        return {state: dict(rows).get(int(state), 0) for state in State}

    def batches(self, size: int, states: Sequence[State] = tuple(State)) -> Iterator[list[Row]]:
        """Yield every known document in these states, in batches that are read one at a time."""
        after: tuple[Any, ...] = (-1, "", "")
        marks = ",".join("?" * len(states))
        query = (
            f"SELECT * FROM documents WHERE (place, id, routing) > (?, ?, ?) AND state IN ({marks}) "
            "ORDER BY place, id, routing LIMIT ?"
        )
        while True:
            with self._guarded():
                rows = [_row(row) for row in self._database.execute(query, (*after, *map(int, states), size))]
            if not rows:
                return
            yield rows
            after = rows[-1].key

    def sample(self, size: int) -> list[Row]:
        """Return a random sample of the written documents."""
        query = "SELECT * FROM documents WHERE state < 2 ORDER BY random() LIMIT ?"
        with self._guarded():
            return [_row(row) for row in self._database.execute(query, (size,))]

    def dead_letters(self) -> Iterator[dict[str, Any]]:
        """Yield the dead letters, oldest first; if a document has several, the last one counts.

        Raises:
            CheckpointError: a line is not JSON, for example after a faulty edit.
        """
        path = self.folder / DEAD_LETTERS
        if not path.exists():
            return
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    yield loads(line)
                except ValueError as error:
                    raise CheckpointError(f"{path}, line {number}: is not JSON ({error}); fix the line") from error

    def rewrite_dead_letters(self) -> None:
        """Keep only the last line of each document that is still dead."""
        path = self.folder / DEAD_LETTERS
        if not path.exists():
            self.put(dead_letters_bytes=0)
            return
        last = {
            Key(each["place"], each["id"], each.get("routing", "")): number
            for number, each in enumerate(self.dead_letters())
        }
        known = self.rows(list(last))
        dead = {number for key, number in last.items() if key in known and known[key].state is State.DEAD}
        with self._guarded(), replacing(path) as partial:
            private_file(partial)
            with partial.open("w", encoding="utf-8") as out:
                lines = (each for number, each in enumerate(self.dead_letters()) if number in dead)
                out.writelines(text_of(each) + "\n" for each in lines)
                length = out.tell()
        self.put(dead_letters_bytes=length)

    def cut_dead_letters(self) -> None:
        """Cut off dead letters that were appended but never acknowledged."""
        path = self.folder / DEAD_LETTERS
        length = self.get("dead_letters_bytes", 0)
        if path.exists() and path.stat().st_size > length:
            with self._guarded():
                os.truncate(path, length)

    def _unannounce(self, keys: Iterable[Key]) -> None:
        self._database.executemany("DELETE FROM announced WHERE place = ? AND id = ? AND routing = ?", keys)

    def _append(self, dead: Sequence[DeadLetter]) -> int:
        private_file(self.folder / DEAD_LETTERS)
        with (self.folder / DEAD_LETTERS).open("a", encoding="utf-8") as out:
            out.writelines(text_of(letter.to_json()) + "\n" for letter in dead)
            out.flush()
            os.fsync(out.fileno())
            return out.tell()

    def _put(self, values: Mapping[str, Any]) -> None:
        self._database.executemany(
            "INSERT OR REPLACE INTO job VALUES (?, ?)", [(name, json.dumps(value)) for name, value in values.items()]
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._guarded():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        with self._lock, readable_failure(self._name):
            yield


def _row(row: Sequence[Any]) -> Row:
    place, identifier, routing, state, *rest = row
    return Row(Key(place, identifier, routing), State(state), *rest)
