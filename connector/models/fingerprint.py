"""What tells one encoder's vectors from another's; an index stores it in the `_meta` of its mapping."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connector.errors import RequestError


@dataclass(frozen=True)
class Fingerprint:
    """What tells two encoders' vectors apart; an index stores it in the `_meta` of its mapping.

    `revision` is the first 16 hex digits of the weights' SHA-256, or "" if the weights are unknown.
    The prefixes are prepended to every query and every passage.

    Examples:
        >>> from connector import load_encoder
        >>> from connector.models import Fingerprint
        >>> fingerprint = load_encoder().fingerprint
        >>> fingerprint.dims
        384
        >>> fingerprint.differences(Fingerprint.from_meta(fingerprint.to_meta()))
        []
    """

    name: str
    revision: str
    dims: int
    pooling: str
    normalized: bool
    query_prefix: str
    passage_prefix: str

    def to_meta(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return dataclasses.asdict(self)

    @classmethod
    def from_meta(cls, meta: Mapping[str, Any]) -> Fingerprint:
        """Return the fingerprint that `to_meta` wrote; unknown keys are ignored.

        Raises:
            RequestError: a key is missing or its value has another type.
        """
        types = {"dims": int, "normalized": bool}
        values: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            wanted = types.get(field.name, str)
            value = meta.get(field.name)
            if type(value) is not wanted:
                raise RequestError(
                    f"_meta.{field.name}",
                    value,
                    f"must be of type {wanted.__name__}; was _meta written by another program?",
                )
            values[field.name] = value
        return cls(**values)

    def differences(self, other: Fingerprint) -> list[str]:
        """Return the names of the fields that differ; [] means that the vectors can be compared.

        Known weights decide; the name, which depends on where they were loaded from, counts only if a revision is
        unknown.
        """
        both_known = bool(self.revision and other.revision)
        ignored = "name" if both_known else "revision"
        names = [field.name for field in dataclasses.fields(self) if field.name != ignored]
        return [name for name in names if getattr(self, name) != getattr(other, name)]
