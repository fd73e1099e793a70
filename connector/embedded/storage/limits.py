"""The limits that a real node sets on mappings and documents, checked on writes only.

An index that an earlier version wrote beyond them can still be opened and read.
"""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass

from connector.embedded.failures import EngineError, illegal
from connector.embedded.storage.mapping import Mapping

SETTINGS = {
    "mapping.total_fields.limit": "total_fields",
    "mapping.depth.limit": "depth",
    "mapping.nested_fields.limit": "nested_fields",
    "mapping.nested_objects.limit": "nested_objects",
}
"""The index settings that are limits, and the attributes of `Limits` that hold them."""


@dataclass(frozen=True)
class Limits:
    """The most fields (including objects and multi-fields), levels and nested objects."""

    total_fields: int = 1_000
    depth: int = 20
    nested_fields: int = 50
    nested_objects: int = 10_000

    @classmethod
    def of(cls, settings: AbstractMapping[str, str]) -> Limits:
        """Return an index's limits, from its settings."""
        return cls(**{name: int(settings[key]) for key, name in SETTINGS.items() if key in settings})

    def check(self, mapping: Mapping) -> None:
        """Reject a mapping that exceeds the limits.

        Raises:
            EngineError: 400 illegal_argument_exception.
        """
        if fields_in(mapping) > self.total_fields:
            raise illegal(f"Limit of total fields [{self.total_fields}] has been exceeded")
        deepest = max(mapping.objects, key=lambda path: path.count("."))
        if deepest.count(".") + 2 > self.depth and deepest:
            raise illegal(f"Limit of mapping depth [{self.depth}] has been exceeded due to object field [{deepest}]")
        if len(mapping.nested) > self.nested_fields:
            raise illegal(f"Limit of nested fields [{self.nested_fields}] has been exceeded")

    def check_growth(self, before: Mapping, after: Mapping) -> None:
        """Reject a document that adds too many fields, or too deep ones.

        Raises:
            EngineError: 400 illegal_argument_exception.
        """
        try:
            self.check(after)
        except EngineError as fault:
            if fields_in(after) <= self.total_fields:
                raise
            raise illegal(f"{fault.reason} while adding new fields [{fields_in(after) - fields_in(before)}]") from fault


def fields_in(mapping: Mapping) -> int:
    """Return the number of a mapping's fields, as a real node counts them: objects and multi-fields are fields."""
    return len(mapping.fields) + len(mapping.objects) - 1
