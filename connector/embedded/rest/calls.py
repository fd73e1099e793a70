"""An HTTP request and its answer, and the parts of a request that all handlers read in the same way."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from connector.embedded.failures import EngineError, body_required, illegal, parsing, unsupported, x_content
from connector.embedded.storage.catalog import Catalog
from connector.embedded.storage.index import Index
from connector.embedded.storage.json_text import parse_json


class Answer(NamedTuple):
    """A status and a JSON body; None is an empty body."""

    status: int
    body: Any


@dataclass(frozen=True)
class Call:
    """A request: the parts of its path, its query string and its body."""

    path: str
    parts: dict[str, str]
    parameters: dict[str, str]
    body: bytes

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a boolean parameter; without a value it is true."""
        value = self.parameters.get(name, str(default)).lower()
        if value not in ("true", "false", ""):
            raise illegal(f"Failed to parse value [{value}] as only [true] or [false] are allowed.")
        return value != "false"

    def json(self) -> dict[str, Any]:
        """Return the body as an object; empty if there is none."""
        return json_object(self.body)

    def required(self) -> bytes:
        """Return the body, which is required."""
        if not self.body.strip():
            raise body_required()
        return self.body

    def source(self) -> Any:
        """Return the query string's `_source` as a search body has it; by default true."""
        whole = self.parameters.get("_source", "true")
        if whole in ("true", "false", ""):
            parts: dict[str, Any] = {}
            for name in ("includes", "excludes"):
                if f"_source_{name}" in self.parameters:
                    parts[name] = self.parameters[f"_source_{name}"].split(",")
            if "_source_exclude_vectors" in self.parameters:
                parts["exclude_vectors"] = self.flag("_source_exclude_vectors")
            return parts if whole != "false" and parts else whole != "false"
        return whole.split(",")


Handler = Callable[[Call], Answer]
"""The handler of an endpoint's calls."""


def json_object(body: bytes) -> dict[str, Any]:
    """Return a body, or a line of one, as an object; empty if there is none.

    Raises:
        EngineError: 400: it is not JSON, or not an object.
    """
    if not body.strip():
        return {}
    value = read_json(body)
    if not isinstance(value, dict):
        raise parsing("Expected [START_OBJECT]")
    return value


def read_json(text: bytes, parse: Callable[[bytes], Any] = parse_json) -> Any:
    """Parse a body, or a line of one, as JSON.

    Raises:
        EngineError: 400 x_content_parse_exception, or x_content_e_o_f_exception if it ends too soon.
    """
    try:
        return parse(text)
    except json.JSONDecodeError as error:
        if not error.doc[error.pos :].strip():
            raise EngineError(400, "x_content_e_o_f_exception", f"Unexpected end of file: {error}") from error
        raise x_content(str(error)) from error
    except ValueError as error:
        raise x_content(str(error)) from error


def check_options(options: dict[str, str]) -> None:
    """Reject routing, and any preference or search type that a real node does not know.

    Raises:
        EngineError: 400 illegal_argument_exception.
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


def resolve(catalog: Catalog, expression: str, options: dict[str, str]) -> list[Index]:
    """Return the indices of an expression; the options say how missing ones are treated.

    Raises:
        EngineError: 404 index_not_found_exception.
    """
    return catalog.resolve(
        expression,
        ignore_unavailable=options.get("ignore_unavailable", "false") in ("true", ""),
        allow_no_indices=options.get("allow_no_indices", "true") != "false",
    )


def resolve_call(catalog: Catalog, call: Call) -> list[Index]:
    """Return the indices that a call names in its path.

    Raises:
        EngineError: 404 index_not_found_exception.
    """
    return resolve(catalog, call.parts.get("index", ""), call.parameters)
