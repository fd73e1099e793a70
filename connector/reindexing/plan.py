"""What a job found when it began and what it decided, kept in its checkpoint. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from connector.reindexing.items import Key

FEWEST_ALLOWED_DEAD = 20
DELETES_KEPT_S = 3_600
"""How long the new index remembers deletes until the job is done."""


@dataclass(frozen=True)
class JobPlan:
    """What a job found when it began, and what it decided.

    Attributes:
        indices: the concrete indices that are read, with their uuids; empty for a file.
        target: the new index; None in place.
        alias: the alias to switch; None in place, and if the engine has no aliases.
        alias_before: what the alias was, by index; {} if it did not exist.
        loading: the new index's settings while it is loaded.
        settled: the same settings afterwards.
        body: the body that creates the new index, `loading` included.
        done: settings that the new index gets only once the job is done.
        sources: where `_source` holds the text of each text field, by the field's name in the request.
    """

    indices: tuple[tuple[str, str], ...] = ()
    target: str | None = None
    alias: str | None = None
    alias_before: dict[str, dict[str, Any]] = field(default_factory=dict)
    loading: dict[str, Any] = field(default_factory=dict)
    settled: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    done: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, list[str]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the plan as the checkpoint stores it."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> JobPlan:
        """Read what `to_json` returned."""
        return cls(**{**value, "indices": tuple((name, uuid) for name, uuid in value["indices"])})

    def index_of(self, key: Key) -> str:
        """Return the source index that a document is in."""
        return self.indices[key.place][0]

    def moves_the_source(self) -> bool:
        """True if the alias points to the source until the new index replaces it."""
        return any(name in self.alias_before for name in self.names())

    def names(self) -> list[str]:
        """Return the names of the source indices, in the order of their places."""
        return [name for name, _ in self.indices]

    def written_indices(self) -> list[str]:
        """Return the indices that the job writes to: the new one, or in place those of the source."""
        return self.names() if self.target is None else [self.target]

    @property
    def previous(self) -> str | None:
        """The index that the alias pointed to before the job; None if the alias did not exist."""
        return next(iter(self.alias_before), None)


def allowed_dead(share: float, total: int) -> int:
    """Return how many dead letters a job may have and still switch the alias.

    This is a share of all documents, or a small fixed number if that is more, but then at most half of the documents.
    """
    return max(int(share * total), min(FEWEST_ALLOWED_DEAD, total // 2))
