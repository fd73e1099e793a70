"""Elasticsearch's HTTP interface over a `Catalog`: which endpoints there are, and what each answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from connector.embedded.catalog import Catalog
from connector.embedded.failures import EngineError, body_required, illegal, parsing, unsupported, validation, x_content
from connector.embedded.index import Index
from connector.embedded.queries import MatchAll
from connector.embedded.query_parser import parse_query
from connector.embedded.search import count, parse_search, search, without_partial
from connector.embedded.source_filter import SourceFilter, parse_source_filter
from connector.embedded.writes import Documents, load_update, parse_bulk, parse_expected, read_source, run_bulk_item

VERSION = {"number": "8.19.21", "build_flavor": "embedded", "lucene_version": "9.12.2"}
_MSEARCH_HEADER = {
    "index", "preference", "routing", "ignore_unavailable", "allow_no_indices", "expand_wildcards", "request_cache",
    "search_type", "allow_partial_search_results", "ccs_minimize_roundtrips",
}  # fmt: skip


class Answer(NamedTuple):
    """A status and a JSON body (None: an empty one)."""

    status: int
    body: Any


@dataclass(frozen=True)
class Call:
    """One request: the parts of its path, its query string and its body."""

    path: str
    parts: dict[str, str]
    parameters: dict[str, str]
    body: bytes

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A parameter that is true or false; present without a value means true."""
        value = self.parameters.get(name, str(default)).lower()
        if value not in ("true", "false", ""):
            raise illegal(f"Failed to parse value [{value}] as only [true] or [false] are allowed.")
        return value != "false"

    def json(self) -> dict[str, Any]:
        """The body as an object; empty when there is none."""
        return _json_object(self.body)

    def required(self) -> bytes:
        """The body, which has to be there."""
        if not self.body.strip():
            raise body_required()
        return self.body


class Api:
    """The endpoints. Writes are visible to searches at once: a real node may refresh at any moment, too."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._documents = Documents(catalog)

    def info(self, _: Call) -> Answer:
        """GET /."""
        body = {"name": "embedded", "cluster_name": "embedded", "cluster_uuid": "embedded", "version": VERSION}
        return Answer(200, {**body, "tagline": "You Know, for Search"})

    def health(self, call: Call) -> Answer:
        """GET /_cluster/health: always green."""
        shards = len(self._indices(call))
        body = {"cluster_name": "embedded", "status": "green", "timed_out": False, "number_of_nodes": 1}
        body |= {"number_of_data_nodes": 1, "active_primary_shards": shards, "active_shards": shards}
        zeros = ["relocating_shards", "initializing_shards", "unassigned_shards", "delayed_unassigned_shards"]
        zeros += ["number_of_pending_tasks", "number_of_in_flight_fetch", "task_max_waiting_in_queue_millis"]
        return Answer(200, {**body, **dict.fromkeys(zeros, 0), "active_shards_percent_as_number": 100.0})

    def create_index(self, call: Call) -> Answer:
        """PUT /{index}."""
        body = call.json()
        with self._catalog.transaction():
            self._catalog.create(call.parts["index"], body)
        return Answer(200, {"acknowledged": True, "shards_acknowledged": True, "index": call.parts["index"]})

    def delete_index(self, call: Call) -> Answer:
        """DELETE /{index}; wildcards are refused, as on a real node by default."""
        if "*" in call.parts["index"] or call.parts["index"] == "_all":
            raise illegal("Wildcard expressions or all indices are not allowed")
        found = self._indices(call)
        with self._catalog.transaction():
            for index in found:
                self._catalog.delete(index)
        return Answer(200, {"acknowledged": True})

    def get_index(self, call: Call) -> Answer:
        """GET and HEAD /{index}."""
        described = {
            index.name: {"aliases": {}, "mappings": index.mapping.definition, "settings": _settings(index)}
            for index in self._indices(call)
        }
        return Answer(200, described)

    def get_mapping(self, call: Call) -> Answer:
        """GET /{index}/_mapping."""
        return Answer(200, {index.name: {"mappings": index.mapping.definition} for index in self._indices(call)})

    def put_mapping(self, call: Call) -> Answer:
        """PUT /{index}/_mapping."""
        update = _json_object(call.required())
        merged = [(index, index.mapping.merged(update)) for index in self._indices(call)]
        with self._catalog.transaction():
            for index, mapping in merged:
                self._catalog.save_mapping(index, mapping)
        return Answer(200, {"acknowledged": True})

    def get_settings(self, call: Call) -> Answer:
        """GET /{index}/_settings."""
        return Answer(200, {index.name: {"settings": _settings(index)} for index in self._indices(call)})

    def refresh(self, call: Call) -> Answer:
        """POST /{index}/_refresh: nothing to do."""
        shards = len(self._indices(call))
        return Answer(200, {"_shards": {"total": shards, "successful": shards, "failed": 0}})

    def bulk(self, call: Call) -> Answer:
        """POST /_bulk: one transaction, an answer for each operation."""
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
        found = self._documents.get(call.parts["index"], call.parts["id"], _source_parameters(call))
        return Answer(200 if found["found"] else 404, found)

    def get_source(self, call: Call) -> Answer:
        """GET and HEAD /{index}/_source/{id}."""
        found = self._documents.get(call.parts["index"], call.parts["id"], _source_parameters(call))
        if not found["found"]:
            reason = f"Document not found [{call.parts['index']}]/[{call.parts['id']}]"
            raise EngineError(404, "resource_not_found_exception", reason)
        return Answer(200, found["_source"])

    def mget(self, call: Call) -> Answer:
        """POST /_mget: `docs`, or `ids` of one index."""
        body = _json_object(call.required())
        for key in body:
            if key not in ("docs", "ids"):
                raise parsing(f"unknown key [{key}] for multi get")
        wanted = [*body.get("docs", []), *({"_id": doc_id} for doc_id in body.get("ids", []))]
        if not wanted:
            raise validation("no documents to get")
        default = _source_parameters(call)
        return Answer(200, {"docs": [self._get_one(call.parts.get("index"), item, default) for item in wanted]})

    def _get_one(self, default_index: str | None, item: Any, default: SourceFilter) -> dict[str, Any]:
        item = item if isinstance(item, dict) else {"_id": item}
        for key in item:
            if key not in ("_index", "_id", "_source"):
                raise parsing(f"unknown key [{key}] for a document of multi get")
        name = item.get("_index", default_index)
        if name is None or item.get("_id") is None:
            raise validation("index is missing" if name is None else "id is missing")
        source_filter = parse_source_filter(item["_source"]) if "_source" in item else default
        try:
            return self._documents.get(name, str(item["_id"]), source_filter)
        except EngineError as failure:
            return {"_index": name, "_id": str(item["_id"]), "error": failure.error()}

    def count(self, call: Call) -> Answer:
        """GET and POST /{index}/_count."""
        try:
            body = call.json()
        except EngineError as error:
            raise parsing(f"Failed to parse: {error.reason}") from error
        for key in body:
            if key != "query":
                raise parsing(f"request does not support [{key}]")
        query = parse_query(body["query"]) if "query" in body else MatchAll()
        return Answer(200, count(query, self._indices(call)))

    def search(self, call: Call) -> Answer:
        """GET and POST /{index}/_search."""
        body = call.json()
        for key in ("size", "from"):
            if key in call.parameters and not call.parameters[key].lstrip("-").isdigit():
                raise illegal(f"Failed to parse int parameter [{key}] with value [{call.parameters[key]}]")
        shared = ("size", "from", "track_total_hits", "version", "seq_no_primary_term")
        body |= {key: call.parameters[key] for key in shared if key in call.parameters}
        if call.parameters.keys() & {"_source", "_source_includes", "_source_excludes", "_source_exclude_vectors"}:
            body["_source"] = _source_body(call)
        return Answer(200, _with_int_total(call, self._search(body, call.parts.get("index", ""), call.parameters)))

    def msearch(self, call: Call) -> Answer:
        """POST /_msearch: a body that doesn't parse fails the call, one that can't run fails its line."""
        if not call.body.strip():
            raise body_required("request body or source parameter")
        if not call.body.endswith(b"\n"):
            raise illegal("The msearch request must be terminated by a newline [\n]")
        lines = call.body.split(b"\n")[:-1]
        pairs = [
            (_msearch_header(header), _json_object(body)) for header, body in zip(lines[::2], lines[1::2], strict=False)
        ]
        if not pairs:
            raise validation("no requests added")
        for header, body in pairs:
            parse_search(body)
            check_options(header)
        responses = []
        for header, body in pairs:
            try:
                answer = self._search(body, header.get("index", call.parts.get("index", "")), header)
                responses.append({**_with_int_total(call, answer), "status": 200})
            except EngineError as failure:
                responses.append(failure.body())
        return Answer(200, {"took": sum(one.get("took", 0) for one in responses), "responses": responses})

    def _search(self, body: dict[str, Any], expression: str, options: dict[str, str]) -> dict[str, Any]:
        request = parse_search(body)
        if options.get("allow_partial_search_results", "true") == "false":
            request = without_partial(request)
        indices = self._resolve(expression, options)
        return search(request, indices, lambda index, slot, chosen: read_source(self._catalog, index, slot, chosen))

    def _indices(self, call: Call) -> list[Index]:
        return self._resolve(call.parts.get("index", ""), call.parameters)

    def _resolve(self, expression: str, options: dict[str, str]) -> list[Index]:
        return self._catalog.resolve(
            expression,
            ignore_unavailable=options.get("ignore_unavailable", "false") in ("true", ""),
            allow_no_indices=options.get("allow_no_indices", "true") != "false",
        )


Handler = Callable[[Call], Answer]


def _json_object(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        if not error.doc[error.pos :].strip():
            raise EngineError(400, "x_content_e_o_f_exception", f"Unexpected end of file: {error}") from error
        raise x_content(str(error)) from error
    except (ValueError, RecursionError) as error:
        raise x_content(str(error)) from error
    if not isinstance(value, dict):
        raise parsing("Expected [START_OBJECT]")
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"Non-standard token '{name}'")


def _settings(index: Index) -> dict[str, Any]:
    nested: dict[str, Any] = {"number_of_shards": "1", "number_of_replicas": "0"}
    for name, value in index.settings.items():
        target = nested
        *parents, leaf = name.split(".")
        for parent in parents:
            target = target.setdefault(parent, {})
        target[leaf] = value
    known = {"provided_name": index.name, "creation_date": str(index.created_ms), "uuid": index.uuid}
    return {"index": {**nested, **known, "version": {"created": "8536000"}}}


def _check_refresh(call: Call) -> None:
    if call.parameters.get("refresh", "") not in ("", "true", "false", "wait_for"):
        raise illegal(f"Unknown value for refresh: [{call.parameters['refresh']}].")


def check_options(options: dict[str, str]) -> None:
    """Refuse routing, and a preference or search type that a real node would not know.

    Raises: EngineError: 400 illegal_argument_exception.
    """
    if options.get("routing"):
        raise unsupported("[routing]")
    preference = options.get("preference", "")
    if preference.startswith("_") and preference.partition(":")[0] not in (
        "_local",
        "_only_local",
        "_prefer_nodes",
        "_only_nodes",
    ):
        raise illegal(f"no Preference for [{preference}]")
    if options.get("search_type", "query_then_fetch") not in ("query_then_fetch", "dfs_query_then_fetch"):
        raise illegal(f"No search type for [{options['search_type']}]")


def _msearch_header(line: bytes) -> dict[str, str]:
    header: dict[str, str] = {}
    for key, value in _json_object(line).items():
        if key not in _MSEARCH_HEADER:
            raise illegal(f"key [{key}] is not supported in the metadata section")
        if value is not None:
            text = ",".join(str(part) for part in value) if isinstance(value, list) else str(value)
            header[key] = text if key in ("index", "preference", "routing") else text.lower()
    return header


def _with_int_total(call: Call, answer: dict[str, Any]) -> dict[str, Any]:
    if call.flag("rest_total_hits_as_int") and "total" in answer["hits"]:
        answer["hits"]["total"] = answer["hits"]["total"]["value"]
    return answer


def _source_body(call: Call) -> Any:
    whole = call.parameters.get("_source", "true")
    if whole in ("true", "false", ""):
        parts: dict[str, Any] = {}
        for name in ("includes", "excludes"):
            if f"_source_{name}" in call.parameters:
                parts[name] = call.parameters[f"_source_{name}"].split(",")
        if "_source_exclude_vectors" in call.parameters:
            parts["exclude_vectors"] = call.flag("_source_exclude_vectors")
        return parts if whole != "false" and parts else whole != "false"
    return whole.split(",")


def _source_parameters(call: Call) -> SourceFilter:
    return parse_source_filter(_source_body(call))
