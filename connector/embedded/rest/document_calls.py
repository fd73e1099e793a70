"""The endpoints of documents: `_bulk`, `_doc`, `_create`, `_update`, `_source` and `_mget`."""

from __future__ import annotations

from typing import Any

from connector.embedded.failures import EngineError, illegal, parsing, validation
from connector.embedded.rest.bulk import parse_bulk, run_bulk_item
from connector.embedded.rest.calls import Answer, Call, json_object
from connector.embedded.scalars import shown, token_of
from connector.embedded.storage.catalog import Catalog
from connector.embedded.storage.source_filter import SourceFilter, parse_source_filter
from connector.embedded.storage.writes import Documents, load_update, parse_expected


class DocumentCalls:
    """Handlers of calls on documents. Writes are visible to searches at once, as if a real node had just refreshed."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._documents = Documents(catalog)

    def bulk(self, call: Call) -> Answer:
        """POST /_bulk: one transaction, with an answer for each operation."""
        _check_refresh(call)
        items = parse_bulk(call.required(), call.parts.get("index"))
        with self._catalog.transaction():
            answers = [run_bulk_item(self._documents, item) for item in items]
        return Answer(
            200, {"errors": any(failed for _, failed in answers), "took": 0, "items": [item for item, _ in answers]}
        )

    def index_document(self, call: Call) -> Answer:
        """PUT and POST /{index}/_doc/{id}, POST /{index}/_doc, PUT and POST /{index}/_create/{id}."""
        _check_refresh(call)
        op_type = call.parameters.get("op_type", "create" if "/_create/" in call.path else "index")
        if op_type not in ("index", "create"):
            raise illegal(f"opType must be 'create' or 'index', found: [{op_type}]")
        expected = parse_expected(call.parameters.get("if_seq_no"), call.parameters.get("if_primary_term"))
        source = call.required()
        with self._catalog.transaction():
            name, doc_id = call.parts["index"], call.parts.get("id")
            written = self._documents.put(name, doc_id, source, must_be_new=op_type == "create", expected=expected)
        return Answer(written.status, written.body)

    def delete_document(self, call: Call) -> Answer:
        """DELETE /{index}/_doc/{id}."""
        _check_refresh(call)
        expected = parse_expected(call.parameters.get("if_seq_no"), call.parameters.get("if_primary_term"))
        with self._catalog.transaction():
            written = self._documents.delete(call.parts["index"], call.parts["id"], expected=expected)
        return Answer(written.status, written.body)

    def update_document(self, call: Call) -> Answer:
        """POST /{index}/_update/{id}."""
        _check_refresh(call)
        expected = parse_expected(call.parameters.get("if_seq_no"), call.parameters.get("if_primary_term"))
        body = load_update(call.required())
        with self._catalog.transaction():
            written = self._documents.update(call.parts["index"], call.parts["id"], body, expected=expected)
        return Answer(written.status, written.body)

    def get_document(self, call: Call) -> Answer:
        """GET and HEAD /{index}/_doc/{id}."""
        found = self._documents.get(call.parts["index"], call.parts["id"], parse_source_filter(call.source()))
        return Answer(200 if found["found"] else 404, found)

    def get_source(self, call: Call) -> Answer:
        """GET and HEAD /{index}/_source/{id}."""
        found = self._documents.get(call.parts["index"], call.parts["id"], parse_source_filter(call.source()))
        if not found["found"]:
            reason = f"Document not found [{call.parts['index']}]/[{call.parts['id']}]"
            raise EngineError(404, "resource_not_found_exception", reason)
        return Answer(200, found["_source"])

    def mget(self, call: Call) -> Answer:
        """POST /_mget: `docs`, or `ids` of one index."""
        body = json_object(call.required())
        for key in body:
            if key not in ("docs", "ids"):
                raise parsing(f"unknown key [{key}] for multi get")
        wanted = _wanted(body)
        if not wanted:
            raise validation("no documents to get")
        default = parse_source_filter(call.source())
        return Answer(200, {"docs": [self._get_one(call.parts.get("index"), item, default) for item in wanted]})

    def _get_one(self, default_index: str | None, item: Any, default: SourceFilter) -> dict[str, Any]:
        for key in item:
            if key not in ("_index", "_id", "_source"):
                raise parsing(f"unknown key [{key}] for a document of multi get")
        name = item.get("_index", default_index)
        if name is None or item.get("_id") is None:
            raise validation("index is missing" if name is None else "id is missing")
        if isinstance(name, (dict, list)) or isinstance(item["_id"], (dict, list)):
            raise EngineError(400, "parse_exception", "failed to parse multi get request: _index and _id are strings")
        name, doc_id = shown(name), shown(item["_id"])
        source_filter = parse_source_filter(item["_source"]) if "_source" in item else default
        try:
            return self._documents.get(name, doc_id, source_filter)
        except EngineError as failure:
            return {"_index": name, "_id": doc_id, "error": failure.error()}


def _wanted(body: dict[str, Any]) -> list[dict[str, Any]]:
    for key, value in body.items():
        if not isinstance(value, list):
            raise parsing(f"unexpected token [{token_of(value)}], expected [FIELD_NAME] or [START_ARRAY] in [{key}]")
    docs, ids = body.get("docs", []), body.get("ids", [])
    if not all(isinstance(item, dict) for item in docs):
        raise illegal("docs array element should include an object")
    if any(doc_id is None or isinstance(doc_id, (dict, list)) for doc_id in ids):
        raise illegal("ids array element should only contain ids")
    return [*docs, *({"_id": doc_id} for doc_id in ids)]


def _check_refresh(call: Call) -> None:
    if call.parameters.get("refresh", "") not in ("", "true", "false", "wait_for"):
        raise illegal(f"Unknown value for refresh: [{call.parameters['refresh']}].")
