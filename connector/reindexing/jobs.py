"""The functions that start, resume and watch jobs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from connector.clients.elasticsearch_api import SyncClient
from connector.clients.query_models import EncoderLike
from connector.errors import RequestError
from connector.indexing import Passages
from connector.models.encoder import Encoder
from connector.reindexing.dead_letters import RetryReport, retry_all
from connector.reindexing.estimating import Estimate
from connector.reindexing.folders import (
    OVER,
    JobStatus,
    all_folders,
    archive_if_over,
    existing_folder,
    folder_of,
    opened,
    state_directory,
    status_of,
    stored_request,
)
from connector.reindexing.lock import lock_job
from connector.reindexing.monitor import CANCEL_REQUESTED
from connector.reindexing.opening import JobOptions, cluster_uuid, encoder_of, open_job
from connector.reindexing.reports import ReindexReport
from connector.reindexing.request import JobRequest, Records, Source, check_same, make_request, no_records, records_of

_START_WAIT_S = 1.0


def reindex(
    client: SyncClient,
    source: Source,
    *,
    text_fields: Sequence[str],
    alias: str | None = None,
    in_place: bool = False,
    vector_field: str | None = None,
    passages: Passages | bool = False,
    id_field: str = "_id",
    encoding: str | None = None,
    encoder: EncoderLike | None = None,
    pipeline: str = "_none",
    verify: bool = True,
    max_dead_share: float = 0.1,
    allow_without_text: bool = False,
    readers: int = 2,
    job: str | None = None,
    options: JobOptions | None = None,
) -> ReindexReport:
    """Add vectors to the documents of an index or a file, or resume the interrupted job that does so.

    Args:
        client: a sync client of this package, of elasticsearch-py or of opensearch-py.
        source: an index, an alias or a data stream; a file (.jsonl, .json, .csv, also .gz and .zst; .parquet); an
            iterable of dicts, which must yield the same documents again to resume.
        text_fields: dotted paths of the fields whose text is encoded; for a sub-field, an alias field or a `copy_to`
            target this is the text of the fields behind it. A field in no mapping and no document is refused.
        alias: the alias that will point to the new index; None: the source itself, which must then be an alias.
        in_place: write the vectors into the source, unless somebody has written since; no index is created.
        vector_field: dotted path of the vectors; None is "vector", or with passages the path of their vectors.
        passages: how long fields are split into passages with one vector each; True is `Passages()`.
        id_field: the field that holds the id of a file's documents.
        encoding: of a file, such as cp1252; None: taken from its byte order mark, else UTF-8.
        encoder: a model's name or path, an `Encoder`, or a function; None: the client's own, else the bundled one.
        pipeline: the ingest pipeline that documents go through; "_none" for none.
        verify: check the new index before the switch.
        max_dead_share: the share of documents that may be dead letters when the alias is switched; 20 are
            always allowed, but never more than half of the documents.
        allow_without_text: continue even if most documents have no text in these fields, and so get no vector.
        readers: how many parts of the source are read in parallel.
        job: the job's name; None: one made from the arguments.
        options: see `JobOptions`.

    Raises:
        RequestError: an argument is wrong.
        SourceError: the source can't be read without a loss.
        JobRunningError: another process is working on the job.
        JobStoppedError: the job was stopped.
        NotSwitchedError: the alias was not switched to the new index.
        ReindexError: the job stopped for another reason; the same call resumes it.

    Examples:
        >>> from connector import connect, reindex
        >>> es = connect("embedded:")
        >>> books = [{"_id": "1", "title": "Emma"}, {"_id": "2", "title": "Dracula"}]
        >>> report = reindex(es, books, text_fields=["title"], alias="books")
        >>> report.written
        2
        >>> es.count(index="books")["count"]
        2
    """
    options = options or JobOptions()
    request, records = make_request(
        source,
        text_fields=text_fields,
        vector_field=vector_field,
        passages=passages,
        id_field=id_field,
        encoding=encoding,
        alias=alias,
        in_place=in_place,
        pipeline=pipeline,
        max_dead_share=max_dead_share,
        allow_without_text=allow_without_text,
        verify=verify,
        readers=readers,
    )
    own = encoder_of(client, encoder)
    folder = folder_of(options.state, job or request.job_name(cluster_uuid(client), own.fingerprint))
    with lock_job(folder, _START_WAIT_S):
        archive_if_over(folder)
        with opened(folder) as checkpoint:
            if (before := checkpoint.get("request")) is not None:
                check_same(folder.name, JobRequest.from_json(before), request)
        return _run(client, folder, request, own, records, options)


def resume(
    client: SyncClient,
    job: str,
    *,
    encoder: EncoderLike | None = None,
    documents: Iterable[Mapping[str, Any]] | None = None,
    options: JobOptions | None = None,
) -> ReindexReport:
    """Resume an interrupted job.

    Args:
        client, encoder, options: as for `reindex`.
        job: the job's name.
        documents: the iterable again, if the source is one.

    Raises:
        RequestError: there is no such job, or it is over.
        ReindexError: as for `reindex`.

    Examples:
        >>> import threading
        >>> from connector import connect, reindex
        >>> from connector.errors import JobStoppedError
        >>> from connector.reindexing import JobOptions, resume
        >>> es, stop = connect("embedded:"), threading.Event()
        >>> books = [{"_id": "1", "title": "Emma"}, {"_id": "2", "title": "Dracula"}]
        >>> stop.set()
        >>> try:
        ...     reindex(es, books, text_fields=["title"], alias="books", job="novels", options=JobOptions(stop=stop))
        ... except JobStoppedError:
        ...     print(resume(es, "novels", documents=books).written)
        2
    """
    options = options or JobOptions()
    folder = existing_folder(options.state, job)
    with lock_job(folder), opened(folder) as checkpoint:
        request = stored_request(checkpoint)
        if checkpoint.get("state") in OVER:
            raise RequestError("job", job, f"is {checkpoint.get('state')}; there is nothing to resume")
    own = encoder_of(client, encoder)
    with lock_job(folder, _START_WAIT_S):
        return _run(client, folder, request, own, records_of(request, documents), options)


def estimate(
    client: SyncClient,
    source: Source,
    *,
    text_fields: Sequence[str],
    alias: str | None = None,
    in_place: bool = False,
    vector_field: str | None = None,
    passages: Passages | bool = False,
    id_field: str = "_id",
    encoding: str | None = None,
    encoder: EncoderLike | None = None,
    allow_without_text: bool = False,
    options: JobOptions | None = None,
) -> Estimate:
    """Estimate what a job would take from 200 of its documents; nothing is changed on the cluster.

    Args: see `reindex`.

    Examples:
        >>> from connector import connect
        >>> from connector.reindexing import estimate
        >>> es = connect("embedded:")
        >>> written = es.index(index="books", document={"title": "Emma"}, refresh=True)
        >>> estimate(es, "books", text_fields=["title"], in_place=True).documents
        1
    """
    options = options or JobOptions()
    request, records = make_request(
        source,
        text_fields=text_fields,
        vector_field=vector_field,
        passages=passages,
        id_field=id_field,
        encoding=encoding,
        alias=alias,
        in_place=in_place,
        allow_without_text=allow_without_text,
    )
    own = encoder_of(client, encoder)
    folder = state_directory(options.state) / f".estimate-{os.getpid()}"
    try:
        with (
            opened(folder) as checkpoint,
            closing(open_job(client, checkpoint, request, own, records, options, keeps_vectors=False)) as trial,
        ):
            return trial.estimate()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def retry_dead_letters(
    client: SyncClient, job: str, *, encoder: EncoderLike | None = None, options: JobOptions | None = None
) -> RetryReport:
    """Retry a job's dead letters.

    A document may be corrected in the dead letter file; the correction counts for files, and for an index if the
    document has not changed there since.

    Args:
        client, encoder, options: as for `reindex`.
        job: the job's name.

    Raises:
        RequestError: there is no such job.
        ReindexError: as for `reindex`.

    Examples:
        >>> from connector import connect, reindex
        >>> from connector.reindexing import retry_dead_letters
        >>> es = connect("embedded:")
        >>> books = [{"_id": "1", "title": "Emma"}, {"_id": "2", "title": ["Dracula", {"year": 1897}]}]
        >>> report = reindex(es, books, text_fields=["title"], alias="books", max_dead_share=0.5)
        >>> report.dead_letters
        1
        >>> retry_dead_letters(es, report.job).dead
        1
    """
    options = options or JobOptions()
    folder = existing_folder(options.state, job)
    with lock_job(folder), opened(folder) as checkpoint:
        request = stored_request(checkpoint)
        own = encoder_of(client, encoder)
        with closing(open_job(client, checkpoint, request, own, no_records, options)) as reopened:
            return retry_all(reopened)


def status(job: str | None = None, *, state: Path | str | None = None) -> list[JobStatus]:
    """Return the status of one job, or of all jobs in the state directory.

    Args:
        job: the job's name; None: all jobs.
        state: the state directory; None: the default one.

    Raises:
        RequestError: there is no such job.

    Examples:
        >>> from connector import connect, reindex
        >>> from connector.reindexing import status
        >>> books = [{"_id": "1", "title": "Emma"}]
        >>> report = reindex(connect("embedded:"), books, text_fields=["title"], alias="books", job="novels")
        >>> [(each.job, each.state, each.written) for each in status()]
        [('novels', 'done', 1)]
    """
    return [status_of(folder) for folder in ([existing_folder(state, job)] if job else all_folders(state))]


def _run(
    client: SyncClient,
    folder: Path,
    request: JobRequest,
    encoder: Encoder,
    records: Records,
    options: JobOptions,
) -> ReindexReport:
    with opened(folder) as checkpoint:
        checkpoint.put(**{CANCEL_REQUESTED: False})
        with closing(open_job(client, checkpoint, request, encoder, records, options)) as job:
            return job.run()
