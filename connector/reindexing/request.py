"""What a job is asked to do: its source, its fields and its options, checked and kept in the job's checkpoint."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from connector.documents.text_fields import parse_text_fields
from connector.errors import RequestError
from connector.indexing import Passages
from connector.indexing.files import file_records, is_file_name
from connector.indexing.splitting import as_passages
from connector.models.fingerprint import Fingerprint

Source: TypeAlias = str | Path | Iterable[Mapping[str, Any]]
Records: TypeAlias = Callable[[], Any]
Kind: TypeAlias = Literal["index", "file", "iterable"]
_MAY_CHANGE = ("max_dead_share", "verify", "readers", "allow_without_text")
_DEFAULT_FIELD = "vector"


@dataclass(frozen=True)
class JobRequest:
    """What a job is asked to do.

    Attributes:
        source: an index, alias or data stream; a file; "iterable".
        kind: which of these the source is.
        text_fields, vector_field, id_field: as for `Connector`; `id_field` is for files.
        passages: how long fields are split, and which; None: each document has one vector.
        alias: the alias that will point to the new index; None: the source itself, which must then be an alias.
        in_place: write the vectors into the source itself.
        pipeline: the ingest pipeline that documents go through; "_none" for none.
        max_dead_share: the share of documents that may be dead letters when the alias is switched.
        verify: check the new index before the switch.
        readers: how many parts of the source are read in parallel.
        encoding: of a file; None: taken from its byte order mark, else UTF-8.
        allow_without_text: continue even if most documents have no text in the text fields.

    Raises:
        RequestError: the arguments contradict each other.
    """

    source: str
    kind: Kind
    text_fields: tuple[str, ...]
    vector_field: str = _DEFAULT_FIELD
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
        if not self.text_fields or not all(isinstance(name, str) and name for name in self.text_fields):
            raise RequestError("text_fields", self.text_fields, 'must be a list of field names, as ["title", "body"]')
        if not self.vector_field or self.vector_field in self.text_fields:
            raise RequestError("vector_field", self.vector_field, "must be a field that is not among text_fields")
        if self.in_place and self.kind != "index":
            raise RequestError("in_place", True, "needs an index as the source; leave it out for a file")
        if self.in_place and self.alias is not None:
            raise RequestError("alias", self.alias, "has no meaning with in_place, which creates no new index")
        if self.kind != "index" and self.alias is None:
            raise RequestError("alias", None, "must name the alias that will point to the file's new index")
        if self.encoding is not None and self.kind != "file":
            raise RequestError("encoding", self.encoding, "has a meaning for files only; leave it out")
        if not 0 <= self.max_dead_share <= 1:
            raise RequestError("max_dead_share", self.max_dead_share, "must be a share, 0 to 1")

    def to_json(self) -> dict[str, Any]:
        """Return the request as the checkpoint stores it."""
        return {**asdict(self), "passages": self.passages and self.passages.to_meta()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> JobRequest:
        """Read what `to_json` returned."""
        known = {each.name for each in fields(cls)}
        passages = value.get("passages")
        read = {name: each for name, each in value.items() if name in known} | {
            "text_fields": tuple(value["text_fields"]),
            "passages": None if passages is None else Passages.from_meta(passages),
        }
        return cls(**read)

    @property
    def vector_place(self) -> str:
        """The dotted path of what the job adds to a document: the vector, or the objects that hold the vectors."""
        return self.passages.path if self.passages else self.vector_field

    def with_sources(self, sources: Mapping[str, Sequence[str]]) -> JobRequest:
        """Return the request with each text field replaced by the `_source` fields that hold its text."""

        def behind(names: Sequence[str]) -> tuple[str, ...]:
            return tuple(dict.fromkeys(path for name in names for path in sources.get(name, [name])))

        passages = self.passages and replace(self.passages, fields=behind(self.passages.fields))
        return replace(self, text_fields=behind(self.text_fields), passages=passages)

    def job_name(self, cluster_uuid: str, encoder: Fingerprint) -> str:
        """Return a name for the job, the same each time for the same request."""
        what: list[Any] = [cluster_uuid, self.source, self.text_fields, self.vector_field, self.alias, self.in_place]
        what += [self.passages.to_meta()] if self.passages else []
        what += [self.encoding] if self.encoding else []
        digest = hashlib.sha256(json.dumps([*what, encoder.to_meta()]).encode()).hexdigest()
        slug = re.sub(r"[^a-z0-9]+", "-", (self.alias or self.source).lower()).strip("-")[-40:]
        return f"{slug or 'job'}-{digest[:8]}"


def make_request(
    source: Source,
    *,
    text_fields: Sequence[str],
    vector_field: str | None,
    passages: Passages | bool,
    **options: Any,
) -> tuple[JobRequest, Records]:
    """Return a job's request, and a function that opens the documents of a file or an iterable.

    Args:
        source, text_fields, vector_field, passages: as for `reindex`.
        **options: the other attributes of `JobRequest`.

    Raises:
        RequestError: an argument is wrong.
    """
    names = tuple(dict.fromkeys(field.name for field in parse_text_fields(text_fields)))
    split = as_passages(passages, vector_field, names)
    field = split.vector_field if split else _DEFAULT_FIELD if vector_field is None else vector_field
    options |= {"text_fields": names, "vector_field": field, "passages": split}
    if isinstance(source, Path) or (isinstance(source, str) and is_file_name(source)):
        request = JobRequest(str(source), "file", **options)
        return request, file_records(Path(source), request.encoding)
    if isinstance(source, str):
        if not source:
            raise RequestError("source", source, "must be the name of an index or a file")
        return JobRequest(source, "index", **options), no_records
    if isinstance(source, Mapping) or not isinstance(source, Iterable):
        raise RequestError("source", source, "must be an index, a file or an iterable of dicts")
    return JobRequest("iterable", "iterable", **options), lambda: iter(source)


def records_of(request: JobRequest, documents: Iterable[Mapping[str, Any]] | None) -> Records:
    """Return a function that opens the documents of a resumed job.

    Raises:
        RequestError: the source is an iterable, and was not passed again.
    """
    if request.kind == "file":
        return file_records(Path(request.source), request.encoding)
    if request.kind == "iterable":
        if documents is None:
            raise RequestError("documents", None, "must be the iterable again, which the job began with")
        return lambda: iter(documents)
    return no_records


def no_records() -> Iterator[Any]:
    """Open no documents: the source is an index."""
    return iter(())


def check_same(job: str, before: JobRequest, now: JobRequest) -> None:
    """Refuse to resume a job with other arguments than it began with.

    Args:
        job: the job's name.
        before: the request that the job began with.
        now: the request that would resume it.

    Raises:
        RequestError: an argument differs.
    """
    old, new = before.to_json(), now.to_json()
    for name in old:
        if old[name] != new[name] and name not in _MAY_CHANGE:
            remedy = f"was {old[name]!r} when job {job!r} began; cancel it, or name another job"
            raise RequestError(name, new[name], remedy)
