"""What a job is run with: its options, the client that it speaks through, its encoder."""

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
from connector.reindexing.asking import Records
from connector.reindexing.checkpoint import Checkpoint
from connector.reindexing.cluster.cluster import Cluster
from connector.reindexing.cluster.retrying import Patience
from connector.reindexing.folders import VECTORS
from connector.reindexing.items import DeadLetter
from connector.reindexing.job import Job
from connector.reindexing.plan import Request
from connector.reindexing.reports import Progress


@dataclass(frozen=True)
class JobOptions:
    """What a job is run with, and may be resumed with otherwise.

    Attributes:
        state: the directory of all jobs' files; None is the default one.
        retry_for_s: how long a call to the cluster may fail before the job stops, in seconds.
        keeps_vectors: keep vectors by text, so that no text is encoded twice.
        stop: set it to stop the job; its checkpoint is then clean.
        on_progress: told about once a second.
        on_dead_letter: told each document that can't be brought over.

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
    request: Request,
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
    """Return a client as elasticsearch-py calls it; an OpenSearch's sends through its own connections.

    Raises:
        RequestError: it is none, or async.
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
    """Return the encoder that is asked for, else the client's own, else the bundled one. Raises: as `elastic`."""
    elastic(client)
    if encoder is not None:
        return as_encoder(encoder)
    hybrid = getattr(client, "hybrid", None)
    return as_encoder("bundled") if hybrid is None else hybrid.models.own_encoder()


def cluster_of(client: SyncClient, options: JobOptions) -> Cluster:
    """Return the cluster as a job sees it."""
    return Cluster(elastic(client), Patience(options.retry_for_s, options.stop or threading.Event()))


def cluster_uuid(client: SyncClient) -> str:
    """Return what tells this cluster from any other; "" where it does not say."""
    return str(elastic(client).info().get("cluster_uuid", ""))
