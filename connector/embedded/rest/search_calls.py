"""The search endpoints: `_search`, `_msearch` and `_count`."""

from __future__ import annotations

from typing import Any

from connector.embedded.failures import EngineError, body_required, illegal, parsing, validation
from connector.embedded.queries.queries import MatchAll
from connector.embedded.queries.query_parser import parse_query
from connector.embedded.queries.search import count, search
from connector.embedded.queries.search_request import parse_search, with_options
from connector.embedded.rest.calls import Answer, Call, check_options, json_object, resolve, resolve_call
from connector.embedded.storage.catalog import Catalog
from connector.embedded.storage.sources import Sources

_MSEARCH_HEADER = {
    "index", "preference", "routing", "ignore_unavailable", "allow_no_indices", "expand_wildcards", "request_cache",
    "search_type", "allow_partial_search_results", "ccs_minimize_roundtrips",
}  # fmt: skip


class SearchCalls:
    """Handlers of search calls."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._sources = Sources(catalog.store)

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
        return Answer(200, count(query, resolve_call(self._catalog, call)))

    def search(self, call: Call) -> Answer:
        """GET and POST /{index}/_search."""
        body = call.json()
        for key in ("size", "from"):
            if key in call.parameters and not call.parameters[key].lstrip("-").isdigit():
                raise illegal(f"Failed to parse int parameter [{key}] with value [{call.parameters[key]}]")
        shared = ("size", "from", "track_total_hits", "version", "seq_no_primary_term")
        body |= {key: call.parameters[key] for key in shared if key in call.parameters}
        if call.parameters.keys() & {"_source", "_source_includes", "_source_excludes", "_source_exclude_vectors"}:
            body["_source"] = call.source()
        found = self._search(body, call.parts.get("index", ""), call.parameters, typed_keys=call.flag("typed_keys"))
        return Answer(200, _with_int_total(call, found))

    def msearch(self, call: Call) -> Answer:
        """POST /_msearch: a search that doesn't parse fails the call; one that can't run fails its line only."""
        if not call.body.strip():
            raise body_required("request body or source parameter")
        if not call.body.endswith(b"\n"):
            raise illegal("The msearch request must be terminated by a newline [\n]")
        lines = call.body.split(b"\n")[:-1]
        pairs = [
            (_msearch_header(header), json_object(body)) for header, body in zip(lines[::2], lines[1::2], strict=False)
        ]
        if not pairs:
            raise validation("no requests added")
        for header, body in pairs:
            parse_search(body)
            check_options(header)
        responses = []
        for header, body in pairs:
            try:
                expression = header.get("index", call.parts.get("index", ""))
                answer = self._search(body, expression, header, typed_keys=call.flag("typed_keys"))
                responses.append({**_with_int_total(call, answer), "status": 200})
            except EngineError as failure:
                responses.append(failure.body())
        return Answer(200, {"took": sum(one.get("took", 0) for one in responses), "responses": responses})

    def _search(
        self, body: dict[str, Any], expression: str, options: dict[str, str], *, typed_keys: bool
    ) -> dict[str, Any]:
        allow_partial = options.get("allow_partial_search_results", "true") != "false"
        request = with_options(parse_search(body), allow_partial=allow_partial, typed_keys=typed_keys)
        return search(request, resolve(self._catalog, expression, options), self._sources)


def _msearch_header(line: bytes) -> dict[str, str]:
    header: dict[str, str] = {}
    for key, value in json_object(line).items():
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
