"""Finds the text that a job will encode: by the mappings, and by a sample of the documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.documents.passages import passage_of
from connector.documents.suggestions import suggest_fields
from connector.documents.text_fields import ResolvedField, TextField, resolve_fields, source_paths, text_names
from connector.errors import RequestError, VerificationError
from connector.indexing.encoder_meta import text_fields_in
from connector.indexing.first_documents import holds, is_mostly_without
from connector.reindexing.cluster.cluster import Cluster
from connector.reindexing.request import JobRequest

_SAMPLE, _SMALLEST_SAMPLE = 1_000, 100
_SAMPLE_BYTES = 64 * 1024 * 1024
_MAX_WINDOW = 10_000


def sources_of(
    cluster: Cluster, request: JobRequest, described: Mapping[str, Mapping[str, Any]]
) -> dict[str, list[str]]:
    """Find where `_source` holds the text of each text field, before anything is changed.

    Args:
        cluster, request: the job's.
        described: the indices of the source, from `Cluster.describe`.

    Returns:
        the `_source` fields of each text field, by its name.

    Raises:
        RequestError: a field is in no mapping and no document, its text can't be read from `_source`, or most
            documents have no text in any of the fields.
    """
    fields = resolve_fields(described, [TextField(name) for name in request.text_fields])
    paths = source_paths(fields)
    there = text_names(described)
    for field in fields:
        if not field.is_mapped and not field.may_exist:
            raise _unknown(field, request.source, there)
    for name in described:
        cluster.refresh(name)
    total = sum(cluster.count(name) for name in described)
    if sample := _sample(cluster, described, paths, total) if total else []:
        for field in fields:
            if not field.is_mapped and not holds(sample, field.name):
                raise _unknown(field, request.source, there)
        without = sum(not passage_of(source, paths) for source in sample)
        is_again = request.in_place and _filled_before(described, request.vector_field, paths)
        is_refused = without == len(sample) if is_again else is_mostly_without(without, len(sample))
        if is_refused and not request.allow_without_text:
            raise RequestError("text_fields", list(request.text_fields), _without(without, len(sample), there))
    return {field.name: list(field.sources) for field in fields}


def check_enough_text(with_text: int, without: int, request: JobRequest) -> None:
    """Refuse to switch to an index if most of its documents have no text, unless that is allowed.

    Raises:
        VerificationError: most documents have no text.
    """
    if is_mostly_without(without, with_text + without) and not request.allow_without_text:
        raise VerificationError(
            f"the new index was not switched to: text_fields {', '.join(request.text_fields)}: "
            f"{_without(without, with_text + without, ())}"
        )


def _filled_before(described: Mapping[str, Any], vector_field: str, paths: Sequence[str]) -> bool:
    """True if these fields were encoded in all indices before, so that texts may have been removed since."""
    return all(text_fields_in(body["mappings"], vector_field) == list(paths) for body in described.values())


def _without(without: int, total: int, there: Sequence[str]) -> str:
    names = f"; there are {', '.join(sorted(there)[:10])}" if there else ""
    return (
        f"{without:,} of {total:,} documents checked have no text in them{names}. Name other fields with "
        "--text-field, or accept documents without vectors with --allow-without-text "
        "(allow_without_text=True)"
    )


def _unknown(field: ResolvedField, source: str, there: Sequence[str]) -> RequestError:
    remedy = f"is in no mapping and no document of {source!r}; {suggest_fields(field.name, there)}"
    return RequestError("text_fields", field.name, remedy)


def _sample(
    cluster: Cluster, described: Mapping[str, Any], paths: Sequence[str], total: int
) -> list[Mapping[str, Any]]:
    """Read the text fields of a random sample of the documents of all indices, or of all documents if they are few.

    The embedded engine can't sample, so there all documents are read; [] if one search can't return them all, which the
    job then reports when it reads.
    """
    window = min(_window(body.get("settings", {})) for body in described.values())
    if not cluster.engine.is_cluster:
        size = total if total <= window else 0
        query: dict[str, Any] = {"match_all": {}}
    else:
        mean = sum(cluster.store_bytes(name) for name in described) / total
        size = min(max(int(_SAMPLE_BYTES / max(mean, 1)), _SMALLEST_SAMPLE), _SAMPLE, total, window)
        query = {"function_score": {"query": {"match_all": {}}, "random_score": {}}}
    body = {"size": size, "query": query, "track_total_hits": False, "_source": list(paths)}
    hits = cluster.search(body, ",".join(described)) if size else []
    return [hit.get("_source") or {} for hit in hits]


def _window(settings: Mapping[str, Any]) -> int:
    index = settings.get("index", {})
    return int(index.get("max_result_window", settings.get("index.max_result_window", _MAX_WINDOW)))
