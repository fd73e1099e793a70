"""Filters `_source` by includes and excludes with dots and wildcards."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from connector.embedded.failures import parsing
from connector.embedded.scalars import shown


@dataclass(frozen=True)
class SourceFilter:
    """A filter that returns nothing of a source, or what the includes match except what the excludes match."""

    enabled: bool = True
    includes: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    exclude_vectors: bool | None = None

    def apply(self, source: dict[str, Any]) -> dict[str, Any]:
        """Return a filtered copy of `source`."""
        if not self.includes and not self.excludes:
            return source
        includes, excludes = _pattern(self.includes), _pattern(self.excludes)
        kept = _filtered(source, "", includes, excludes, included=not self.includes)
        return kept if isinstance(kept, dict) else {}


def parse_source_filter(value: Any) -> SourceFilter:
    """Parse the `_source` of a search body: a boolean, a pattern, patterns, or includes and excludes.

    Raises:
        EngineError: 400 parsing_exception.
    """
    if isinstance(value, bool):
        return SourceFilter(enabled=value)
    if isinstance(value, dict):
        for key in value:
            if key not in ("includes", "include", "excludes", "exclude", "exclude_vectors"):
                raise parsing(f"Unknown key for a VALUE in [_source]: [{key}].")
        vectors = value.get("exclude_vectors")
        if vectors is not None and not isinstance(vectors, bool):
            raise parsing("[_source.exclude_vectors] must be true or false")
        includes, excludes = (
            value.get("includes", value.get("include", [])),
            value.get("excludes", value.get("exclude", [])),
        )
        return SourceFilter(True, _strings(includes), _strings(excludes), vectors)
    return SourceFilter(includes=_strings(value))


def _strings(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and all(isinstance(part, (str, int, float)) for part in value):
        return tuple(map(shown, value))
    raise parsing("Expected one of [VALUE_BOOLEAN, VALUE_STRING, START_ARRAY, START_OBJECT] in [_source]")


def _pattern(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """Return a regular expression that matches the paths of a pattern, and those below them."""
    return re.compile(
        "|".join(re.escape(pattern).replace(r"\*", ".*") + r"(?:\..*)?" for pattern in patterns) or r"(?!)"
    )


_NOTHING = object()


def _filtered(value: Any, path: str, includes: re.Pattern[str], excludes: re.Pattern[str], *, included: bool) -> Any:
    if isinstance(value, dict):
        result = {}
        for key, member in value.items():
            below = f"{path}.{key}" if path else key
            if excludes.fullmatch(below):
                continue
            kept = _filtered(
                member, below, includes, excludes, included=included or includes.fullmatch(below) is not None
            )
            if kept is not _NOTHING:
                result[key] = kept
        return result if result or included or not path else _NOTHING
    if isinstance(value, list) and any(isinstance(element, (dict, list)) for element in value):
        elements = [_filtered(element, path, includes, excludes, included=included) for element in value]
        kept_elements = [element for element in elements if element is not _NOTHING]
        return kept_elements if kept_elements or included else _NOTHING
    return value if included else _NOTHING
