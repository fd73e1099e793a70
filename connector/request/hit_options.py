"""What a request asks of each hit, where we read it ourselves: of the form that Elasticsearch reads. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.errors import RequestError
from connector.request.readings import whole


def check_hit_options(options: Mapping[str, Any]) -> None:
    """Refuse lists of fields of another form than Elasticsearch's. Raises: RequestError."""
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


def check_total(value: Any) -> None:
    """Refuse a `track_total_hits` that is no bool and no whole number. Raises: RequestError."""
    if not isinstance(value, bool | int):
        raise RequestError("track_total_hits", value, "must be true, false, or up to how many hits are counted")


def checked_page(options: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return inner hits' options with `from` and `size` as whole numbers. Raises: RequestError: they are not."""
    read = {name: whole(options[name]) for name in ("from", "size") if name in options}
    for name, value in read.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise RequestError(f"{path}.{name}", options[name], "must be a whole number of at least 0")
    return {**options, **read}


def _names_a_field(entry: Any) -> bool:
    return isinstance(entry, str) or (isinstance(entry, Mapping) and isinstance(entry.get("field"), str))
