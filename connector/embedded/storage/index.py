"""An index in memory: its mapping, the slots of its documents, and a column for each field."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from connector.embedded.analysis.analysis import analyze
from connector.embedded.analysis.postings import Mask, TermColumn
from connector.embedded.storage.columns import NumberColumn, VectorColumn
from connector.embedded.storage.documents import reparse_document
from connector.embedded.storage.mapping import Field, Mapping, parse_mapping
from connector.embedded.storage.store import StoredDocument, StoredIndex
from connector.embedded.storage.values import FLOATS, TERMS

Column = TermColumn | NumberColumn | VectorColumn


class Index:
    """An index; documents have slots in the order of insertion, and a rewritten one gets a new slot, as in Lucene."""

    def __init__(self, stored: StoredIndex, documents: Iterable[StoredDocument]) -> None:
        self.number = stored.number
        self.name = stored.name
        self.uuid = stored.uuid
        self.created_ms = stored.created_ms
        self.settings = stored.settings
        self.mapping = parse_mapping(stored.mapping)
        self.born = stored.born
        self.next_seq_no = stored.next_seq_no
        self.ids: list[str] = []
        self.rows: list[int] = []
        self.versions: list[int] = []
        self.seq_nos: list[int] = []
        self.slots: dict[str, int] = {}
        self.tombstones: dict[str, int] = {}
        self.ignored: dict[int, list[str]] = {}
        self.generation = 0
        self._live = bytearray()
        self._columns: dict[str, Column] = {}
        for document in documents:
            parsed = reparse_document(self.mapping, json.loads(document.source), document.id)
            values = {
                path: elements
                for path, elements in parsed.values.items()
                if path in self.mapping.fields and self.born.get(path, 0) <= document.seq_no
            }
            self.add(document, values, parsed.ignored)

    @property
    def dead(self) -> int:
        """The number of slots whose documents were deleted or replaced."""
        return len(self.ids) - len(self.slots)

    def adopt(self, mapping: Mapping) -> None:
        """Adopt a mapping with new fields; existing documents are not indexed for those."""
        for path in mapping.fields.keys() - self.mapping.fields.keys():
            self.born[path] = self.next_seq_no
        self.mapping = mapping

    def add(self, document: StoredDocument, values: dict[str, list[Any]], ignored: Iterable[str]) -> None:
        """Put a document into a new slot; `ignored` names the fields that ignored a value."""
        doc_id = document.id
        self._retire(doc_id)
        self.tombstones.pop(doc_id, None)
        slot = len(self.ids)
        self.ids.append(doc_id)
        self.rows.append(document.row)
        self.versions.append(document.version)
        self.seq_nos.append(document.seq_no)
        self.slots[doc_id] = slot
        if ignored:
            self.ignored[slot] = sorted(ignored)
        self._live.append(1)
        for path, elements in values.items():
            if path not in self._columns:
                self._columns[path] = _column(self.mapping.fields[path])
            self._columns[path].add(slot, elements)
        self.generation += 1

    def remove(self, doc_id: str, version: int) -> None:
        """Remove a document, and record the version of its deletion."""
        self._retire(doc_id)
        self.tombstones[doc_id] = version
        self.generation += 1

    def _retire(self, doc_id: str) -> None:
        slot = self.slots.pop(doc_id, None)
        if slot is not None:
            self._live[slot] = 0

    def live(self) -> Mask:
        """Return which slots have a live document, (slots,)."""
        return np.frombuffer(bytes(self._live), dtype=np.bool_)

    def column(self, path: str) -> Column | None:
        """Return a field's column, up to date; None if no document has the field."""
        column = self._columns.get(path)
        if column is not None:
            column.freeze(len(self.ids))
        return column


def _column(field: Field) -> Column:
    if field.type == "text":
        return TermColumn(partial(_terms, field.analyzer), with_norms=True)
    if field.type in TERMS:
        return TermColumn(_itself, with_norms=False)
    if field.type == "dense_vector":
        return VectorColumn(normalized=field.is_indexed and field.parameters["similarity"] == "cosine")
    return NumberColumn(np.float64 if field.type in FLOATS else np.int64)


def _terms(analyzer: str, text: str) -> list[str]:
    return [token.term for token in analyze(analyzer, text)]


def _itself(value: str) -> list[str]:
    return [value]
