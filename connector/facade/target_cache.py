"""What a connector searches, found in the index's mappings and remembered."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from connector.clients.core import Hybrid
from connector.facade.question import Target
from connector.facade.settings import Settings
from connector.facade.target import find_target, why_lexical


class TargetCache:
    """The target of one index, found once; it is looked up again as long as text fields may still be mapped.

    Args:
        hybrid: its encoder is the one that queries are embedded with.
        settings: which index and fields are searched.
    """

    def __init__(self, hybrid: Hybrid, settings: Settings) -> None:
        self._hybrid = hybrid
        self._settings = settings
        self._target: Target | None = None
        self._reason: str | None = None

    @property
    def is_known(self) -> bool:
        """True if the target is found without mappings."""
        return self._target is not None

    def forget(self) -> None:
        """Forget the target: the index has been created."""
        self._target = None

    def find(self, mappings: Mapping[str, Any]) -> Target:
        """Return what is searched; text alone if there is no vector field for this encoder."""
        if self._target is not None:
            return self._target
        fingerprint, dialect = self._hybrid.models.fingerprint(), self._hybrid.dialect
        target = find_target(mappings, self._settings.text_fields, self._settings.vector_field, fingerprint, dialect)
        if mappings and target.vector_field is not None and target.is_mapped:
            self._target = target
        self._reason = None if target.vector_field is not None else why_lexical(mappings, fingerprint, dialect)
        return target

    def warn_if_lexical(self) -> None:
        """Warn if the target last found has no vectors, and say why."""
        if self._reason is not None:
            warnings.warn(
                f"index {self._settings.index!r} has no vector field for this encoder ({self._reason}): searches are "
                "lexical, then reranked",
                stacklevel=4,
            )
