"""Opens what a job runs with: its options, its client, its encoder."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elasticsearch import Elasticsearch

from connector.clients.elasticsearch_api import SyncClient, sync_elasticsearch
from connector.clients.query_models import EncoderLike
from connector.errors import RequestError
from connector.models.encoder import Encoder
from connector.models.load import as_encoder
from connector.reindexing.checkpoint import Checkpoint
from connector.reindexing.cluster.cluster import Cluster
from connector.reindexing.cluster.retrying import Patience
from connector.reindexing.folders import VECTORS
from connector.reindexing.items import DeadLetter
from connector.reindexing.job import Job
from connector.reindexing.reports import Progress
from connector.reindexing.request import JobRequest, Records


@dataclass(frozen=True)
class JobOptions:
    """How a job is run; it may be resumed with other options.

    Attributes:
        state: the directory that holds the files of all jobs; None: the default one.
        retry_for_s: how long a call to the cluster may fail before the job stops, in seconds.
        keeps_vectors: keep vectors by text, so that no text is encoded twice.
        stop: set it to stop the job, with a clean checkpoint.
        on_progress: called about once a second.
        on_dead_letter: called with each document that can't be written.

    Examples:
        >>> from connector import connect, reindex
        >>> from connector.reindexing import JobOptions
        >>> options = JobOptions(state="jobs", on_progress=lambda progress: print(progress.phase))
        >>> books = [{"_id": "1", "title": "Emma"}]
        >>> report = reindex(connect("embedded:"), books, text_fields=["title"], alias="books", options=options)
        loading
        ...
        done
    """

    state: Path | str | None = None
    retry_for_s: float = 600.0
    keeps_vectors: bool = True
    stop: threading.Event | None = None
    on_progress: Callable[[Progress], None] | None = None
    on_dead_letter: Callable[[DeadLetter], None] | None = None


def open_job(
    client: SyncClient,
    checkpoint: Checkpoint,
    request: JobRequest,
    encoder: Encoder,
    records: Records,
    options: JobOptions,
    *,
    keeps_vectors: bool = True,
) -> Job:
    """Open a job in its folder; the caller closes it."""
    keeps = keeps_vectors and options.keeps_vectors
    return Job(
        elastic(client),
        checkpoint,
        request,
        encoder,
        cache_file=checkpoint.folder.parent / VECTORS if keeps else None,
        records=records,
        retry_for_s=options.retry_for_s,
        stop=options.stop or threading.Event(),
        on_progress=options.on_progress,
        on_dead_letter=options.on_dead_letter,
    )


def elastic(client: Any) -> Elasticsearch:
    """Return a client with the methods of elasticsearch-py; for opensearch-py it sends through that client.

    Raises:
        RequestError: it is not a client, or an async one.
    """
    found = sync_elasticsearch(client)
    if found is not None:
        return found
    raise RequestError(
        "client",
        type(client).__name__,
        "must be a sync client of elasticsearch-py or opensearch-py; `areindex` and `aresume` take async ones",
    )


def encoder_of(client: Any, encoder: EncoderLike | None) -> Encoder:
    """Return the requested encoder, else the client's own, else the bundled one.

    Raises:
        RequestError: as for `elastic`.
    """
    elastic(client)
    if encoder is not None:
        return as_encoder(encoder)
    hybrid = getattr(client, "hybrid", None)
    return as_encoder("bundled") if hybrid is None else hybrid.models.own_encoder()


def cluster_of(client: SyncClient, options: JobOptions) -> Cluster:
    """Return the cluster as a job sees it."""
    return Cluster(elastic(client), Patience(options.retry_for_s, options.stop or threading.Event()))


def cluster_uuid(client: SyncClient) -> str:
    """Return the uuid of a cluster; "" if it is unknown."""
    return str(elastic(client).info().get("cluster_uuid", ""))
