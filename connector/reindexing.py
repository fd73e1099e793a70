"""Reindex jobs from Python: what the command `connector reindex` does, it does through these.

A job is named after what it does, so that the same call goes on with a job that was cut off, and begins a new one when
the last is done. Its files lie in `state` (default: $CONNECTOR_STATE, else hybrid-connector/reindex under
$XDG_STATE_HOME or ~/.local/state), one folder a job, and vectors by text beside them, shared by all jobs.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elasticsearch import Elasticsearch

from connector.dialects import Dialect, ElasticsearchDialect
from connector.errors import RequestError
from connector.hybrid import EncoderLike
from connector.indexing.reindex.checkpoint import Checkpoint
from connector.indexing.reindex.cluster import Cluster
from connector.indexing.reindex.estimating import Estimate
from connector.indexing.reindex.file_source import file_records, is_file_name
from connector.indexing.reindex.folders import (
    OVER,
    VECTORS,
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
from connector.indexing.reindex.items import DeadLetter
from connector.indexing.reindex.job import CANCEL_REQUESTED, Job
from connector.indexing.reindex.letters import RetryReport, retry_letters
from connector.indexing.reindex.plan import Plan, Request, checked_names
from connector.indexing.reindex.reports import Progress, ReindexReport
from connector.indexing.reindex.retrying import Patience
from connector.indexing.reindex.switching import switch_back
from connector.models.encoder import Encoder, as_encoder

__all__ = [
    "Estimate",
    "JobOptions",
    "JobStatus",
    "Progress",
    "ReindexReport",
    "RetryReport",
    "areindex",
    "aresume",
    "cancel",
    "estimate",
    "reindex",
    "resume",
    "retry_dead_letters",
    "rollback",
    "status",
]

Source = str | Path | Iterable[Mapping[str, Any]]
_START_WAIT_S = 1.0
_CANCEL_WAIT_S = 120.0
_MAY_CHANGE = ("max_dead_share", "verify", "readers")


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
    """

    state: Path | str | None = None
    retry_for_s: float = 600.0
    keeps_vectors: bool = True
    stop: threading.Event | None = None
    on_progress: Callable[[Progress], None] | None = None
    on_dead_letter: Callable[[DeadLetter], None] | None = None


def reindex(
    client: Elasticsearch,
    source: Source,
    *,
    text_fields: Sequence[str],
    alias: str | None = None,
    in_place: bool = False,
    vector_field: str = "vector",
    id_field: str = "_id",
    encoder: EncoderLike | None = None,
    pipeline: str = "_none",
    verify: bool = True,
    max_dead_share: float = 0.1,
    readers: int = 2,
    job: str | None = None,
    options: JobOptions | None = None,
) -> ReindexReport:
    """Bring vectors to the documents of an index or a file, or go on with the job that was cut off doing so.

    Args:
        client: a sync client, of ours or of elasticsearch-py.
        source: an index, an alias or a data stream; a file (.jsonl, .csv, also .gz and .zst; .parquet); an iterable of
            dicts, which must give the same documents again to go on.
        text_fields: dotted paths of the fields whose text is encoded.
        alias: the alias that the new index is put behind; None: the source itself, where that is an alias.
        in_place: write the vectors into the source, where nobody has written since; no index is made.
        vector_field: dotted path of the vectors.
        id_field: the field of a file's documents that holds their id.
        encoder: a model's name or path, an `Encoder`, or a function; None takes the client's own, else the bundled one.
        pipeline: the ingest pipeline that documents go through; "_none" is none.
        verify: check the new index before it is switched to.
        max_dead_share: the share of documents that may be dead letters when the alias is switched (20 always may).
        readers: how many parts of the source are read side by side.
        job: the job's name; None makes one of what is asked.
        options: see `JobOptions`.

    Raises:
        RequestError: an argument is wrong.
        SourceError: the source can't be read without losing something.
        JobRunningError: another process works on the job.
        JobStoppedError: it was stopped. NotSwitchedError: the new index was not switched to.
        ReindexError: the job stopped for another reason. Calling again goes on.
    """
    options = options or JobOptions()
    request, records = _request(
        source,
        text_fields=checked_names(text_fields, "text_fields"),
        vector_field=vector_field,
        id_field=id_field,
        alias=alias,
        in_place=in_place,
        pipeline=pipeline,
        max_dead_share=max_dead_share,
        verify=verify,
        readers=readers,
    )
    own = _encoder_of(client, encoder)
    folder = folder_of(options.state, job or request.job_name(_cluster_uuid(client), own.fingerprint))
    with held(folder, _START_WAIT_S):
        put_away_if_over(folder)
        _check_same(folder, request)
        return _run(client, folder, request, own, records, options)


def resume(
    client: Elasticsearch,
    job: str,
    *,
    encoder: EncoderLike | None = None,
    documents: Iterable[Mapping[str, Any]] | None = None,
    options: JobOptions | None = None,
) -> ReindexReport:
    """Go on with a job that was cut off.

    Args: client, encoder, options: as for `reindex`. documents: the iterable again, where one was the source.
    Raises: RequestError: there is no such job, or it is over. Else as `reindex`.
    """
    options = options or JobOptions()
    folder = existing_folder(options.state, job)
    with held(folder), opened(folder) as checkpoint:
        request = kept_request(checkpoint)
        if checkpoint.get("state") in OVER:
            raise RequestError("job", job, f"is {checkpoint.get('state')}; there is nothing to go on with")
    own = _encoder_of(client, encoder)
    with held(folder, _START_WAIT_S):
        return _run(client, folder, request, own, _records_of(request, documents), options)


def estimate(
    client: Elasticsearch,
    source: Source,
    *,
    text_fields: Sequence[str],
    alias: str | None = None,
    in_place: bool = False,
    vector_field: str = "vector",
    id_field: str = "_id",
    encoder: EncoderLike | None = None,
    options: JobOptions | None = None,
) -> Estimate:
    """Say what a job would take, from 200 of its documents; nothing is changed on the cluster. Args: as `reindex`."""
    options = options or JobOptions()
    request, records = _request(
        source,
        text_fields=checked_names(text_fields, "text_fields"),
        vector_field=vector_field,
        id_field=id_field,
        alias=alias,
        in_place=in_place,
    )
    own = _encoder_of(client, encoder)
    folder = state_directory(options.state) / f".estimate-{os.getpid()}"
    try:
        with (
            opened(folder) as checkpoint,
            closing(_job(client, checkpoint, request, own, records, options, keeps_vectors=False)) as trial,
        ):
            return trial.estimate()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def retry_dead_letters(
    client: Elasticsearch, job: str, *, encoder: EncoderLike | None = None, options: JobOptions | None = None
) -> RetryReport:
    """Try a job's dead letters again: each as its source now has it, or as the dead letters' file has it.

    A letter's document may be corrected in the file; that holds where the source has not changed since, and for files.

    Raises: RequestError: there is no such job. Else as `reindex`.
    """
    options = options or JobOptions()
    folder = existing_folder(options.state, job)
    with held(folder), opened(folder) as checkpoint:
        request = kept_request(checkpoint)
        own = _encoder_of(client, encoder)
        with closing(_job(client, checkpoint, request, own, _no_records, options)) as held_job:
            return retry_letters(held_job)


def rollback(client: Elasticsearch, job: str, *, options: JobOptions | None = None) -> Plan:
    """Put a job's old index back in its place, in one step; the new one is kept.

    Raises: AliasChangedError: the alias is not what the job made it. RequestError: nothing was switched.
    """
    options = options or JobOptions()
    folder = existing_folder(options.state, job)
    with held(folder), opened(folder) as checkpoint:
        plan = kept_plan(checkpoint)
        if plan is None or plan.target is None or checkpoint.get("state") not in ("switching", "switched", *OVER):
            raise RequestError("job", job, "has switched nothing; use cancel to give up a job that is not done")
        switch_back(_cluster(client, options), plan)
        checkpoint.put(state="rolled back")
        return plan


def cancel(client: Elasticsearch, job: str, *, options: JobOptions | None = None) -> None:
    """Give a job up: stop the process that works on it, and delete the new index unless it was switched to.

    Raises: RequestError: it is over. JobRunningError: the process does not stop.
    """
    options = options or JobOptions()
    folder = existing_folder(options.state, job)
    with opened(folder) as checkpoint:
        if checkpoint.get("state") in (*OVER, "switched"):
            raise RequestError("job", job, f"is {checkpoint.get('state')}; `rollback` puts the old index back")
        checkpoint.put(**{CANCEL_REQUESTED: True})
        with held(folder, _CANCEL_WAIT_S):
            cluster, plan = _cluster(client, options), kept_plan(checkpoint)
            if plan is not None and plan.target is not None:
                if plan.alias is not None and plan.target in cluster.aliases(plan.alias):
                    raise RequestError("job", job, "has switched already; `rollback` puts the old index back")
                target = plan.target
                if checkpoint.get("target_uuid") is not None or plan.alias is not None:
                    cluster.call(lambda es: es.options(ignore_status=404).indices.delete(index=target))
            checkpoint.put(state="cancelled", **{CANCEL_REQUESTED: False})


def status(job: str | None = None, *, state: Path | str | None = None) -> list[JobStatus]:
    """Say how jobs stand: one, or all of the state directory. Raises: RequestError: there is no such job."""
    return [status_of(folder) for folder in ([existing_folder(state, job)] if job else all_folders(state))]


async def areindex(client: Elasticsearch, source: Source, **arguments: Any) -> ReindexReport:
    """Run `reindex` off the event loop; cancelling the task stops the job with a clean checkpoint.

    Args: client: a sync client, as for `reindex`. arguments: as for `reindex`.
    """
    return await _off_the_loop(reindex, client, source, arguments)


async def aresume(client: Elasticsearch, job: str, **arguments: Any) -> ReindexReport:
    """Run `resume` off the event loop: see `areindex`."""
    return await _off_the_loop(resume, client, job, arguments)


async def _off_the_loop(
    function: Callable[..., ReindexReport], client: Elasticsearch, what: Any, arguments: dict[str, Any]
) -> ReindexReport:
    given = arguments.get("options") or JobOptions()
    stop = given.stop or threading.Event()
    arguments["options"] = JobOptions(**{**vars(given), "stop": stop})
    running = asyncio.ensure_future(asyncio.to_thread(function, client, what, **arguments))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([running])
        raise


def _request(source: Source, **asked: Any) -> tuple[Request, Callable[[], Any]]:
    if isinstance(source, Path) or (isinstance(source, str) and is_file_name(source)):
        request = Request(str(source), "file", **asked)
        return request, file_records(Path(source))
    if isinstance(source, str):
        if not source:
            raise RequestError("source", source, "must be the name of an index or a file")
        return Request(source, "index", **asked), _no_records
    if isinstance(source, Mapping) or not isinstance(source, Iterable):
        raise RequestError("source", source, "must be an index, a file or an iterable of dicts")
    return Request("iterable", "iterable", **asked), lambda: iter(source)


def _check_same(folder: Path, request: Request) -> None:
    """Refuse to go on with a job of this name that began with other arguments."""
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


def _records_of(request: Request, documents: Iterable[Mapping[str, Any]] | None) -> Callable[[], Any]:
    if request.kind == "file":
        return file_records(Path(request.source))
    if request.kind == "iterable":
        if documents is None:
            raise RequestError("documents", None, "must be the iterable again, which the job began with")
        return lambda: iter(documents)
    return _no_records


def _no_records() -> Iterator[Any]:
    return iter(())


def _run(
    client: Elasticsearch,
    folder: Path,
    request: Request,
    encoder: Encoder,
    records: Callable[[], Any],
    options: JobOptions,
) -> ReindexReport:
    with opened(folder) as checkpoint:
        checkpoint.put(**{CANCEL_REQUESTED: False})
        with closing(_job(client, checkpoint, request, encoder, records, options)) as job:
            return job.run()


def _job(
    client: Elasticsearch,
    checkpoint: Checkpoint,
    request: Request,
    encoder: Encoder,
    records: Callable[[], Any],
    options: JobOptions,
    *,
    keeps_vectors: bool = True,
) -> Job:
    keeps = keeps_vectors and options.keeps_vectors
    return Job(
        client,
        checkpoint,
        request,
        encoder,
        _dialect_of(client),
        cache_file=checkpoint.folder.parent / VECTORS if keeps else None,
        records=records,
        retry_for_s=options.retry_for_s,
        stop=options.stop or threading.Event(),
        on_progress=options.on_progress,
        on_dead_letter=options.on_dead_letter,
    )


_REMEDY = (
    "must be a sync client of elasticsearch-py; `areindex` runs one off the event loop, and an OpenSearch gets its "
    "vectors by Connector.index"
)


def _encoder_of(client: Elasticsearch, encoder: EncoderLike | None) -> Encoder:
    if not isinstance(client, Elasticsearch):
        raise RequestError("client", type(client).__name__, _REMEDY)
    if encoder is not None:
        return as_encoder(encoder)
    hybrid = getattr(client, "_hybrid", None)
    return as_encoder("bundled") if hybrid is None else hybrid.own_encoder()


def _dialect_of(client: Elasticsearch) -> Dialect:
    hybrid = getattr(client, "_hybrid", None)
    return ElasticsearchDialect() if hybrid is None else hybrid.dialect


def _cluster(client: Elasticsearch, options: JobOptions) -> Cluster:
    return Cluster(client, Patience(options.retry_for_s, options.stop or threading.Event()))


def _cluster_uuid(client: Elasticsearch) -> str:
    return str(client.info().get("cluster_uuid", ""))
