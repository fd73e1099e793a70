"""Writes and reads single documents: index, create, update, delete and get."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from connector.embedded.failures import EngineError, illegal, unsupported, validation, x_content
from connector.embedded.rest.calls import read_json
from connector.embedded.scalars import Fields
from connector.embedded.storage.catalog import Catalog
from connector.embedded.storage.documents import load_source, parse_document
from connector.embedded.storage.index import Index
from connector.embedded.storage.json_text import parse_exactly
from connector.embedded.storage.limits import Limits
from connector.embedded.storage.source_filter import SourceFilter
from connector.embedded.storage.sources import Sources
from connector.embedded.storage.store import StoredDocument
from connector.exact_json import canonical, dumps, loads

_MAX_ID_BYTES = 512
_UPDATE = Fields("UpdateRequest")
_SHARDS = {"total": 1, "successful": 1, "failed": 0}


@dataclass(frozen=True)
class Expected:
    """The `if_seq_no` and `if_primary_term` that the existing document must have."""

    seq_no: int
    primary_term: int


@dataclass(frozen=True)
class Written:
    """An acknowledged write: its HTTP status and body."""

    status: int
    body: dict[str, Any]


class Documents:
    """Reads and writes single documents; writes need an open `Catalog.transaction`."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._sources = Sources(catalog.store)

    def put(
        self,
        name: str,
        doc_id: str | None,
        source: bytes,
        *,
        must_be_new: bool = False,
        expected: Expected | None = None,
    ) -> Written:
        """Index a document, creating its index if needed.

        Raises:
            EngineError: 400 the document can't be indexed; 409 it exists (`must_be_new`) or isn't the `expected`.
        """
        index = self._catalog.find_or_create(name)
        doc_id = secrets.token_urlsafe(15) if doc_id is None else doc_id
        if doc_id == "":
            raise illegal("if _id is specified it must not be empty")
        check_id(doc_id)
        parsed = parse_document(index.mapping, load_source(source), doc_id, Limits.of(index.settings))
        slot = index.slots.get(doc_id)
        if must_be_new and slot is not None:
            reason = f"document already exists (current version [{index.versions[slot]}])"
            raise _conflict(index, doc_id, reason)
        _check_expected(index, doc_id, expected)
        if parsed.mapping is not index.mapping:
            self._catalog.save_mapping(index, parsed.mapping)
        version = 1 + (index.tombstones.get(doc_id, 0) if slot is None else index.versions[slot])
        seq_no = self._next_seq_no(index)
        row = self._catalog.store.put(index.number, doc_id, version, seq_no, source)
        index.add(StoredDocument(row, doc_id, version, seq_no, source), parsed.values, parsed.ignored)
        status, result = (201, "created") if slot is None else (200, "updated")
        return Written(status, _answer(index, doc_id, version, seq_no, result))

    def delete(self, name: str, doc_id: str, *, expected: Expected | None = None) -> Written:
        """Delete a document; 404 (not an error) if it is missing.

        Raises:
            EngineError: 404 no such index; 409 it isn't the `expected` one.
        """
        index = self._catalog.find(name)
        _check_expected(index, doc_id, expected)
        slot = index.slots.get(doc_id)
        version = 1 + (index.tombstones.get(doc_id, 0) if slot is None else index.versions[slot])
        if slot is not None:
            self._catalog.store.delete(index.number, doc_id)
        index.remove(doc_id, version)
        seq_no = self._next_seq_no(index)
        status, result = (404, "not_found") if slot is None else (200, "deleted")
        return Written(status, _answer(index, doc_id, version, seq_no, result))

    def update(self, name: str, doc_id: str, body: dict[str, Any], *, expected: Expected | None = None) -> Written:
        """Merge `doc` into a document, or insert `upsert` (or `doc` with `doc_as_upsert`) if it is missing.

        Raises:
            EngineError: 404 document_missing_exception; 409 it isn't the `expected`; 400 scripts and unknown keys.
        """
        check_update(body)
        check_id(doc_id)
        index = self._catalog.find_or_create(name)
        slot = index.slots.get(doc_id)
        if slot is None:
            fresh = body.get("doc") if _UPDATE.flag(body, "doc_as_upsert") else body.get("upsert")
            if fresh is None:
                reason = f"[{doc_id}]: document missing"
                raise EngineError(404, "document_missing_exception", reason, extra=_where(index))
            return self.put(name, doc_id, dumps(fresh))
        _check_expected(index, doc_id, expected)
        stored = loads(self._catalog.store.source(index.rows[slot]))
        merged, changed = _merged(_updatable(index, stored), body.get("doc", {}))
        if not changed and _UPDATE.flag(body, "detect_noop", default=True):
            answer = _answer(index, doc_id, index.versions[slot], index.seq_nos[slot], "noop")
            return Written(200, {**answer, "_shards": {"total": 0, "successful": 0, "failed": 0}})
        return self.put(name, doc_id, dumps(merged))

    def get(self, name: str, doc_id: str, source_filter: SourceFilter) -> dict[str, Any]:
        """Return a document with its metadata; `found` is false if it is missing.

        Raises:
            EngineError: 404 no such index.
        """
        index = self._catalog.find(name)
        slot = index.slots.get(doc_id)
        if slot is None:
            return {"_index": name, "_id": doc_id, "found": False}
        answer = {"_index": name, "_id": doc_id, "_version": index.versions[slot], "_seq_no": index.seq_nos[slot]}
        answer |= {"_primary_term": 1, "found": True}
        if slot in index.ignored:
            answer["_ignored"] = index.ignored[slot]
        if source_filter.enabled:
            answer["_source"] = self._sources.read(index, slot, source_filter)
        return answer

    def _next_seq_no(self, index: Index) -> int:
        index.next_seq_no += 1
        self._catalog.wrote(index)
        return index.next_seq_no - 1


def check_update(body: dict[str, Any]) -> None:
    """Reject unsupported contents of an update."""
    for key in body:
        if key in ("script", "scripted_upsert"):
            raise unsupported(f"[{key}] in an update")
        if key not in ("doc", "doc_as_upsert", "upsert", "detect_noop"):
            raise x_content(f"[UpdateRequest] unknown field [{key}]")
    if "doc" not in body and "upsert" not in body:
        raise validation("script or doc is missing")
    for key in ("doc_as_upsert", "detect_noop"):
        _UPDATE.flag(body, key)
    for key in ("doc", "upsert"):
        if not isinstance(body.get(key, {}), dict):
            raise x_content(f"[UpdateRequest] failed to parse field [{key}]")


def load_update(source: bytes) -> dict[str, Any]:
    """Parse the body of an update.

    Raises:
        EngineError: 400 x_content_parse_exception.
    """
    body = read_json(source, parse_exactly)
    if not isinstance(body, dict):
        raise x_content("[UpdateRequest] Expected START_OBJECT")
    return body


def parse_expected(seq_no: Any, primary_term: Any) -> Expected | None:
    """Parse `if_seq_no` and `if_primary_term`: both or neither.

    Raises:
        EngineError: 400 action_request_validation_exception, illegal_argument_exception.
    """
    if seq_no is None and primary_term is None:
        return None
    if seq_no is None:
        raise validation("ifSeqNo is unassigned, but primary term is set")
    if primary_term is None:
        raise validation(f"ifSeqNo is set to [{seq_no}], but primary term is [0]")
    try:
        expected = Expected(int(seq_no), int(primary_term))
    except (TypeError, ValueError, OverflowError) as error:
        raise illegal("Failed to parse long parameter [if_seq_no] or [if_primary_term]") from error
    if expected.seq_no < 0:
        raise illegal(f"sequence numbers must be non negative. got [{expected.seq_no}].")
    return expected


def check_id(doc_id: str) -> None:
    """Reject an id that is too long, or that UTF-8 can't encode.

    Raises:
        EngineError: 400 action_request_validation_exception or illegal_argument_exception.
    """
    try:
        length = len(doc_id.encode())
    except UnicodeEncodeError as error:
        raise illegal(f"_id {doc_id!a} holds a lone surrogate, which UTF-8 can't; correct the text") from error
    if length > _MAX_ID_BYTES:
        raise validation(f"id [{doc_id}] is too long, must be no longer than {_MAX_ID_BYTES} bytes but was: {length}")


def _check_expected(index: Index, doc_id: str, expected: Expected | None) -> None:
    if expected is None:
        return
    required = f"required seqNo [{expected.seq_no}], primary term [{expected.primary_term}]."
    slot = index.slots.get(doc_id)
    if slot is None:
        raise _conflict(index, doc_id, f"{required} but no document was found")
    if (index.seq_nos[slot], 1) != (expected.seq_no, expected.primary_term):
        raise _conflict(
            index, doc_id, f"{required} current document has seqNo [{index.seq_nos[slot]}] and primary term [1]"
        )


def _conflict(index: Index, doc_id: str, reason: str) -> EngineError:
    full = f"[{doc_id}]: version conflict, {reason}"
    return EngineError(409, "version_conflict_engine_exception", full, extra=_where(index))


def _where(index: Index) -> dict[str, Any]:
    return {"index_uuid": index.uuid, "shard": "0", "index": index.name}


def _answer(index: Index, doc_id: str, version: int, seq_no: int, result: str) -> dict[str, Any]:
    place = {"_index": index.name, "_id": doc_id, "_version": version, "result": result}
    return {**place, "_shards": _SHARDS, "_seq_no": seq_no, "_primary_term": 1}


def _updatable(index: Index, source: dict[str, Any]) -> dict[str, Any]:
    """Return the source that an update starts from: without fields excluded from `_source`, except vectors (9.x)."""
    fields = index.mapping.fields
    lost = [path for path in index.mapping.source_excludes if path not in fields or fields[path].type != "dense_vector"]
    return SourceFilter(excludes=tuple(lost)).apply(source)


def _merged(stored: dict[str, Any], doc: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    result, changed = dict(stored), False
    for key, value in doc.items():
        before = result.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            result[key], inner = _merged(before, value)
            changed |= inner
        elif key not in result or canonical(before) != canonical(value):
            result[key], changed = value, True
    return result, changed
