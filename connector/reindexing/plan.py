"""What a job is asked to do, and what it found when it began; both are kept in its checkpoint. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from connector.errors import RequestError
from connector.indexing.splitting import Passages
from connector.models.encoder import Fingerprint
from connector.reindexing.items import Key

Kind = Literal["index", "file", "iterable"]
FEWEST_ALLOWED_DEAD = 20
DELETES_KEPT_S = 3_600
"""How long the new index remembers what was deleted from it, until the job is done."""


@dataclass(frozen=True)
class Request:
    """What a job is asked to do.

    Attributes:
        source: an index, alias or data stream; a file; "iterable".
        kind: which of them it is.
        text_fields, vector_field, id_field: as for `Connector`; `id_field` is for files.
        passages: how long fields are split, these named; None: a document has one vector.
        alias: the alias that the new index is put behind; None: the source's own, which must be an alias then.
        in_place: write the vectors into the source itself.
        pipeline: the ingest pipeline that documents go through; "_none" is none.
        max_dead_share: the share of documents that may be dead letters when the alias is switched.
        encoding: a file's; None: told by a byte order mark, else UTF-8.
        allow_without_text: go on where most documents have no text in the text fields.
    """

    source: str
    kind: Kind
    text_fields: tuple[str, ...]
    vector_field: str = "vector"
    id_field: str = "_id"
    passages: Passages | None = None
    alias: str | None = None
    in_place: bool = False
    pipeline: str = "_none"
    max_dead_share: float = 0.1
    verify: bool = True
    readers: int = 2
    encoding: str | None = None
    allow_without_text: bool = False

    def __post_init__(self) -> None:
        """Check what can be checked without a cluster. Raises: RequestError."""
        if not self.text_fields or not all(isinstance(name, str) and name for name in self.text_fields):
            raise RequestError("text_fields", self.text_fields, 'must be a list of field names, as ["title", "body"]')
        if not self.vector_field or self.vector_field in self.text_fields:
            raise RequestError("vector_field", self.vector_field, "must be a field that is none of text_fields")
        if self.in_place and self.kind != "index":
            raise RequestError("in_place", True, "needs an index as its source; leave it out for a file")
        if self.in_place and self.alias is not None:
            raise RequestError("alias", self.alias, "has no meaning with in_place, which makes no new index")
        if self.kind != "index" and self.alias is None:
            raise RequestError("alias", None, "must name the alias that a file's new index is put behind")
        if self.encoding is not None and self.kind != "file":
            raise RequestError("encoding", self.encoding, "has a meaning for files only; leave it out")
        if not 0 <= self.max_dead_share <= 1:
            raise RequestError("max_dead_share", self.max_dead_share, "must be a share, 0 to 1")

    def to_json(self) -> dict[str, Any]:
        """Return it as the checkpoint keeps it."""
        return {**asdict(self), "passages": self.passages and self.passages.to_meta()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Request:
        """Return what `to_json` gave."""
        known = {each.name for each in fields(cls)}
        read = {name: each for name, each in value.items() if name in known}
        passages = value.get("passages")
        read |= {
            "text_fields": tuple(value["text_fields"]),
            "passages": None if passages is None else Passages.from_meta(passages),
        }
        return cls(**read)

    def job_name(self, cluster_uuid: str, encoder: Fingerprint) -> str:
        """Return the name of the job that does this, the same each time that the same is asked."""
        what: list[Any] = [cluster_uuid, self.source, self.text_fields, self.vector_field, self.alias, self.in_place]
        what += [self.passages.to_meta()] if self.passages else []
        what += [self.encoding] if self.encoding else []
        digest = hashlib.sha256(json.dumps([*what, encoder.to_meta()]).encode()).hexdigest()
        slug = re.sub(r"[^a-z0-9]+", "-", (self.alias or self.source).lower()).strip("-")[-40:]
        return f"{slug or 'job'}-{digest[:8]}"


@dataclass(frozen=True)
class Plan:
    """What a job found when it began, and what it decided.

    Attributes:
        indices: the concrete indices that are read, with their uuids; none for a file.
        target: the new index; None in place.
        alias: the alias to be switched; None in place, and where the engine has no aliases.
        alias_before: what the alias was, by index; {} when it was not there.
        loading: the settings that the new index has while it is loaded, and `settled` the same ones afterwards.
        body: with what the new index is created, `loading` included.
        done: the settings that the new index has once the job is done, where they were others until then.
        sources: where `_source` has the text of each text field, by the name that was asked for.
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
        """Return it as the checkpoint keeps it."""
        return asdict(self)

    def read_by(self, request: Request) -> Request:
        """Return the request with the fields that `_source` has in the place of those that were asked for."""
        return with_sources(request, self.sources)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Plan:
        """Return what `to_json` gave."""
        return cls(**{**value, "indices": tuple((name, uuid) for name, uuid in value["indices"])})

    def index_of(self, key: Key) -> str:
        """Return the source index that a document is in."""
        return self.indices[key.place][0]

    def moves_the_source(self) -> bool:
        """True if people reach the source through the alias, until the new index takes its place."""
        return any(name in self.alias_before for name in self.names())

    def names(self) -> list[str]:
        """Return the source indices' names, each at its place."""
        return [name for name, _ in self.indices]


def with_sources(request: Request, sources: Mapping[str, Sequence[str]]) -> Request:
    """Return a request whose text fields are those behind the names that were asked for. Raises: RequestError."""

    def behind(names: Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(path for name in names for path in sources.get(name, [name])))

    passages = request.passages and replace(request.passages, fields=behind(request.passages.fields))
    return replace(request, text_fields=behind(request.text_fields), passages=passages)


def allowed_dead(share: float, total: int) -> int:
    """Return how many dead letters a job may have and still be switched to.

    A share of all documents; or a few, where that is more, but then no more than the documents that are not dead.
    """
    return max(int(share * total), min(FEWEST_ALLOWED_DEAD, total // 2))
