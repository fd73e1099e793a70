"""The calls that begin, resume, watch and undo jobs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from connector.clients.elasticsearch_api import SyncClient
from connector.clients.query_models import EncoderLike
from connector.errors import RequestError, RollbackRefusedError
from connector.indexing import Passages
from connector.models.encoder import Encoder
from connector.reindexing.asking import Records, Source, check_same, no_records, records_of, request_of
from connector.reindexing.cluster.switching import is_back, switch_back
from connector.reindexing.differing import Differences, differences
from connector.reindexing.estimating import Estimate
from connector.reindexing.folders import (
    OVER,
    JobStatus,
    all_folders,
    existing_folder,
    folder_of,
    held,
    kept_plan,
    kept_request,
    opened,
    put_away_if_over,
    state_directory,
    status_of,
)
from connector.reindexing.job import CANCEL_REQUESTED
from connector.reindexing.letters import RetryReport, retry_letters
from connector.reindexing.opening import JobOptions, cluster_of, cluster_uuid, encoder_of, open_job
from connector.reindexing.plan import Request
from connector.reindexing.reports import ReindexReport, RollbackReport

_START_WAIT_S = 1.0
_CANCEL_WAIT_S = 120.0


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
    """Bring vectors to the documents of an index or a file, or go on with the job that was cut off doing so.

    Args:
        client: a sync client, of ours, of elasticsearch-py or of opensearch-py.
        source: an index, an alias or a data stream; a file (.jsonl, .json, .csv, also .gz and .zst; .parquet); an
            iterable of dicts, which must give the same documents again to go on.
        text_fields: dotted paths of the fields whose text is encoded; of a sub-field, an alias field or a `copy_to`
            target it is the text of the fields behind it. One that no mapping and no document has is refused.
        alias: the alias that the new index is put behind; None: the source itself, where that is an alias.
        in_place: write the vectors into the source, where nobody has written since; no index is made.
        vector_field: dotted path of the vectors; None is "vector", or where the passages have theirs.
        passages: how long fields are split into passages, each with a vector; True is `Passages()`.
        id_field: the field of a file's documents that holds their id.
        encoding: a file's, as cp1252; None: told by a byte order mark, else UTF-8.
        encoder: a model's name or path, an `Encoder`, or a function; None takes the client's own, else the bundled one.
        pipeline: the ingest pipeline that documents go through; "_none" is none.
        verify: check the new index before it is switched to.
        max_dead_share: the share of documents that may be dead letters when the alias is switched; 20
            may be where that is more, but no more than the documents that are not dead letters.
        allow_without_text: go on where most documents have no text in these fields, and so get no vector.
        readers: how many parts of the source are read side by side.
        job: the job's name; None makes one of what is asked.
        options: see `JobOptions`.

    Raises:
        RequestError: an argument is wrong.
        SourceError: the source can't be read without losing something.
        JobRunningError: another process works on the job.
        JobStoppedError: it was stopped. NotSwitchedError: the new index was not switched to.
        ReindexError: the job stopped for another reason. Calling again goes on.

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
    request, records = request_of(
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
    with held(folder, _START_WAIT_S):
        put_away_if_over(folder)
        check_same(folder, request)
        return _run(client, folder, request, own, records, options)


def resume(
    client: SyncClient,
    job: str,
    *,
    encoder: EncoderLike | None = None,
    documents: Iterable[Mapping[str, Any]] | None = None,
    options: JobOptions | None = None,
) -> ReindexReport:
    """Go on with a job that was cut off.

    Args:
        client, encoder, options: as for `reindex`.
        documents: the iterable again, where one was the source.

    Raises:
        RequestError: there is no such job, or it is over. Else as `reindex`.

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
    with held(folder), opened(folder) as checkpoint:
        request = kept_request(checkpoint)
        if checkpoint.get("state") in OVER:
            raise RequestError("job", job, f"is {checkpoint.get('state')}; there is nothing to go on with")
    own = encoder_of(client, encoder)
    with held(folder, _START_WAIT_S):
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
    """Say what a job would take, from 200 of its documents; nothing is changed on the cluster. Args: as `reindex`.

    Examples:
        >>> from connector import connect
        >>> from connector.reindexing import estimate
        >>> es = connect("embedded:")
        >>> written = es.index(index="books", document={"title": "Emma"}, refresh=True)
        >>> estimate(es, "books", text_fields=["title"], in_place=True).documents
        1
    """
    options = options or JobOptions()
    request, records = request_of(
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
    """Try a job's dead letters again: each as its source now has it, or as the dead letters' file has it.

    A letter's document may be corrected in the file; that holds where the source has not changed since, and for files.

    Raises:
        RequestError: there is no such job. Else as `reindex`.

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
    with held(folder), opened(folder) as checkpoint:
        request = kept_request(checkpoint)
        own = encoder_of(client, encoder)
        with closing(open_job(client, checkpoint, request, own, no_records, options)) as held_job:
            return retry_letters(held_job)


def rollback(client: SyncClient, job: str, *, force: bool = False, options: JobOptions | None = None) -> RollbackReport:
    """Put a job's old index back in its place, in one step; the new one is kept.

    What was written to the new index since is then out of view, and what was deleted from it is back. So the documents
    of both are compared first.

    Args:
        client, job, options: as for `resume`.
        force: go back even if documents differ.

    Raises:
        RollbackRefusedError: documents differ; it says how many, and nothing was moved.
        AliasChangedError: the alias is not what the job made it.
        RequestError: nothing was switched.

    Examples:
        >>> from connector import connect, reindex
        >>> from connector.reindexing import rollback
        >>> es, books = connect("http://localhost:9200"), [{"_id": "1", "title": "Emma"}]
        >>> first = reindex(es, books, text_fields=["title"], alias="example-books", job="first")
        >>> second = reindex(es, books, text_fields=["title"], alias="example-books", job="second")
        >>> rollback(es, "second").previous == first.target
        True
    """
    options = options or JobOptions()
    folder = existing_folder(options.state, job)
    with held(folder), opened(folder) as checkpoint:
        plan = kept_plan(checkpoint)
        if plan is None or plan.target is None or checkpoint.get("state") not in ("switching", "switched", *OVER):
            raise RequestError("job", job, "has switched nothing; use cancel to give up a job that is not done")
        cluster, request = cluster_of(client, options), kept_request(checkpoint)
        place = request.passages.path if request.passages else request.vector_field
        found = Differences() if is_back(cluster, plan) else differences(cluster, plan, checkpoint, place)
        previous = next(iter(plan.alias_before), None)
        if found.total and not force:
            raise RollbackRefusedError(
                f"job {job!r} was not rolled back: {found.total:,} documents of {plan.target!r}, which is served, "
                f"differ from {repr(previous) if previous else 'what the job wrote'} ({found}). Going back hides what "
                "was written and changed, and brings back what was deleted; to do it anyway: --force (force=True)",
                **vars(found),
            )
        switch_back(cluster, plan)
        checkpoint.put(state="rolled back")
        return RollbackReport(job, str(plan.alias), plan.target, previous, **vars(found))


def cancel(client: SyncClient, job: str, *, options: JobOptions | None = None) -> None:
    """Give a job up: stop the process that works on it, and delete the new index unless it was switched to.

    Raises:
        RequestError: it is over.
        JobRunningError: the process does not stop.

    Examples:
        >>> import threading
        >>> from connector import connect, reindex
        >>> from connector.errors import JobStoppedError
        >>> from connector.reindexing import JobOptions, cancel, status
        >>> es, books, stop = connect("embedded:"), [{"_id": "1", "title": "Emma"}], threading.Event()
        >>> stop.set()
        >>> try:
        ...     reindex(es, books, text_fields=["title"], alias="books", job="novels", options=JobOptions(stop=stop))
        ... except JobStoppedError:
        ...     cancel(es, "novels")
        >>> [each.state for each in status("novels")]
        ['cancelled']
    """
    options = options or JobOptions()
    folder = existing_folder(options.state, job)
    with opened(folder) as checkpoint:
        if checkpoint.get("state") in (*OVER, "switched"):
            raise RequestError("job", job, f"is {checkpoint.get('state')}; `rollback` puts the old index back")
        checkpoint.put(**{CANCEL_REQUESTED: True})
        with held(folder, _CANCEL_WAIT_S):
            cluster, plan = cluster_of(client, options), kept_plan(checkpoint)
            if plan is not None and plan.target is not None:
                if plan.alias is not None and plan.target in cluster.aliases(plan.alias):
                    raise RequestError("job", job, "has switched already; `rollback` puts the old index back")
                target = plan.target
                if checkpoint.get("target_uuid") is not None or plan.alias is not None:
                    cluster.call(lambda es: es.options(ignore_status=404).indices.delete(index=target))
            checkpoint.put(state="cancelled", **{CANCEL_REQUESTED: False})


def status(job: str | None = None, *, state: Path | str | None = None) -> list[JobStatus]:
    """Say how jobs stand: one, or all of the state directory. Raises: RequestError: there is no such job.

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
    request: Request,
    encoder: Encoder,
    records: Records,
    options: JobOptions,
) -> ReindexReport:
    with opened(folder) as checkpoint:
        checkpoint.put(**{CANCEL_REQUESTED: False})
        with closing(open_job(client, checkpoint, request, encoder, records, options)) as job:
            return job.run()
