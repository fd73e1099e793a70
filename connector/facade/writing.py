"""A connector's index is created, and documents are written to it with their vectors."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from elastic_transport import TransportError
from elasticsearch import ApiError

from connector.clients.elasticsearch import HybridElasticsearch
from connector.documents.paths import definition_at
from connector.documents.text_fields import resolve_fields, source_paths, text_names
from connector.engines.answers import readable
from connector.errors import IndexMismatchError
from connector.facade.settings import Settings
from connector.facade.target import find_vector_field, split_by
from connector.indexing import IndexReport, index_body, index_documents, put_field
from connector.indexing.first_documents import Bare, checked_documents, is_mostly_without
from connector.indexing.pipeline import Fields
from connector.indexing.splitting import PassageMaker


def create_index(client: HybridElasticsearch, settings: Settings, fields: Mapping[str, Any]) -> bool:
    """Create the index, or check the one that exists: see `Connector.create`.

    Returns:
        True if it was created.
    """
    hybrid, passages = client.hybrid, settings.passages
    fingerprint = hybrid.models.fingerprint()
    if client.indices.exists(index=settings.index):
        mappings = client.read_mappings(settings.index)
        field = find_vector_field(mappings, settings.vector_field, fingerprint, hybrid.dialect)
        if field is None:
            raise IndexMismatchError(
                f"index {settings.index!r} exists and has no vector field of {fingerprint.dims} dims. "
                "Create an index of another name and index the documents into it"
            )
        if passages is not None and split_by(mappings, field) is None:
            raise IndexMismatchError(
                f"index {settings.index!r} exists and keeps one vector per document, not passages. Create an index of "
                "another name with passages, or leave passages out here"
            )
        return False
    vector_field = passages.vector_field if passages else settings.vector_field or "vector"
    if passages:
        PassageMaker(passages, settings.names, hybrid.models.own_encoder())  # rejects passages that would not fit
    body = index_body(hybrid.dialect, settings.names, vector_field, fingerprint, passages)
    for path, definition in fields.items():
        if definition_at(body["mappings"], path) is None:
            put_field(body["mappings"]["properties"], path, definition)
    client.indices.create(index=settings.index, body=body)
    return True


def write_documents(
    client: HybridElasticsearch,
    settings: Settings,
    documents: Iterable[Mapping[str, Any]],
    on_progress: Callable[[int], None] | None,
) -> IndexReport:
    """Write documents with their vectors, and make them visible to searches: see `Connector.index`."""
    index, hybrid = settings.index, client.hybrid
    mappings = client.read_mappings(index)
    fingerprint = hybrid.models.fingerprint()
    vector_field = find_vector_field(mappings, settings.vector_field, fingerprint, hybrid.dialect)
    if vector_field is None:
        raise IndexMismatchError(
            f"index {index!r} has no vector field of {fingerprint.dims} dims to write to. Call create() for a new index"
        )
    found = resolve_fields(mappings, settings.text_fields)
    fields = Fields(source_paths(found), vector_field, settings.id_field, split_by(mappings, vector_field))
    tally = Bare(fields.text)
    checked = tally.counted(checked_documents(documents, found, settings.id_field, text_names(mappings)))
    try:
        report = index_documents(client, index, checked, fields, hybrid.models.own_encoder(), on_progress=on_progress)
    except BaseException:
        with suppress(ApiError, TransportError, RecursionError):  # the first error is the one to raise
            client.indices.refresh(index=index)
        raise
    with readable("_refresh"):
        client.indices.refresh(index=index)
        hybrid.cluster.forget_mappings()  # dynamic fields may have been added
    if is_mostly_without(tally.bare, tally.total):
        warnings.warn(
            f"{tally.bare:,} of {tally.total:,} documents have no text in {', '.join(settings.names)}, so they have no "
            "vector; check text_fields",
            stacklevel=3,
        )
    return report
