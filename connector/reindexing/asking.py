"""What is asked of a job: its source, told by its kind, and a request that is the same as when the job began."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from connector.documents.text_fields import parse_text_fields
from connector.errors import RequestError
from connector.indexing import Passages
from connector.indexing.files import file_records, is_file_name
from connector.indexing.splitting import as_passages
from connector.reindexing.folders import opened
from connector.reindexing.plan import Request

Source: TypeAlias = str | Path | Iterable[Mapping[str, Any]]
Records: TypeAlias = Callable[[], Any]
_MAY_CHANGE = ("max_dead_share", "verify", "readers", "allow_without_text")
_DEFAULT_FIELD = "vector"


def request_of(
    source: Source,
    *,
    text_fields: Sequence[str],
    vector_field: str | None,
    passages: Passages | bool,
    **asked: Any,
) -> tuple[Request, Records]:
    """Return what is asked, and what opens the documents of a file or an iterable. Raises: RequestError."""
    names = tuple(dict.fromkeys(field.name for field in parse_text_fields(text_fields)))
    made = as_passages(passages, vector_field, names)
    field = made.vector_field if made else _DEFAULT_FIELD if vector_field is None else vector_field
    asked |= {"text_fields": names, "vector_field": field, "passages": made}
    if isinstance(source, Path) or (isinstance(source, str) and is_file_name(source)):
        request = Request(str(source), "file", **asked)
        return request, file_records(Path(source), request.encoding)
    if isinstance(source, str):
        if not source:
            raise RequestError("source", source, "must be the name of an index or a file")
        return Request(source, "index", **asked), no_records
    if isinstance(source, Mapping) or not isinstance(source, Iterable):
        raise RequestError("source", source, "must be an index, a file or an iterable of dicts")
    return Request("iterable", "iterable", **asked), lambda: iter(source)


def records_of(request: Request, documents: Iterable[Mapping[str, Any]] | None) -> Records:
    """Return what opens the documents of a job that goes on. Raises: RequestError: they are an iterable, not given."""
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


def check_same(folder: Path, request: Request) -> None:
    """Refuse to go on with a job of this name that began with other arguments. Raises: RequestError."""
    with opened(folder) as checkpoint:
        kept = checkpoint.get("request")
    if kept is None:
        return
    before, now = Request.from_json(kept).to_json(), request.to_json()
    for name in before:
        if before[name] != now[name] and name not in _MAY_CHANGE:
            raise RequestError(
                name, now[name], f"was {before[name]!r} when job {folder.name!r} began; cancel it, or name another job"
            )
