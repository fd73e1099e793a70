"""The options of a request about its hits that this package reads, checked as Elasticsearch checks them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.errors import RequestError
from connector.request.lenient_values import is_count, read_whole


def check_hit_options(options: Mapping[str, Any]) -> None:
    """Refuse lists of fields in a form that Elasticsearch does not read.

    Raises:
        RequestError: an option has another form.
    """
    for name in ("fields", "docvalue_fields"):
        value = options.get(name, [])
        if not isinstance(value, list) or not all(map(_names_a_field, value)):
            raise RequestError(
                name, value, 'must be a list of fields, as ["title", {"field": "day", "format": "yyyy"}]'
            )
    stored = options.get("stored_fields", [])
    if not isinstance(stored, str) and not (isinstance(stored, list) and all(isinstance(each, str) for each in stored)):
        raise RequestError("stored_fields", stored, 'must be a field or a list of fields, as ["title"]')
    scripts = options.get("script_fields", {})
    if not isinstance(scripts, Mapping) or not all(isinstance(each, str) for each in scripts):
        raise RequestError("script_fields", scripts, "must be an object of scripts by name")


def check_total_hits(value: Any) -> None:
    """Refuse a `track_total_hits` that is neither a bool nor a whole number.

    Raises:
        RequestError: it is something else.
    """
    if not isinstance(value, bool | int):
        raise RequestError("track_total_hits", value, "must be true, false, or the number up to which hits are counted")


def parse_inner_page(options: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return the options of inner hits with `from` and `size` as whole numbers.

    Raises:
        RequestError: one of them is not a whole number of at least 0.
    """
    counts = {name: read_whole(options[name]) for name in ("from", "size") if name in options}
    for name, value in counts.items():
        if not is_count(value):
            raise RequestError(f"{path}.{name}", options[name], "must be a whole number of at least 0")
    return {**options, **counts}


def _names_a_field(entry: Any) -> bool:
    return isinstance(entry, str) or (isinstance(entry, Mapping) and isinstance(entry.get("field"), str))
