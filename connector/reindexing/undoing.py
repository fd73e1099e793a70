"""The functions that undo jobs: a rollback of one that has switched its alias, and a cancellation of any other."""

from __future__ import annotations

from connector.clients.elasticsearch_api import SyncClient
from connector.errors import RequestError, RollbackRefusedError
from connector.reindexing.cluster.switching import is_back, switch_back
from connector.reindexing.differing import Differences, differences
from connector.reindexing.folders import OVER, existing_folder, opened, stored_plan, stored_request
from connector.reindexing.lock import lock_job
from connector.reindexing.monitor import CANCEL_REQUESTED
from connector.reindexing.opening import JobOptions, cluster_of
from connector.reindexing.reports import RollbackReport

_CANCEL_WAIT_S = 120.0


def rollback(client: SyncClient, job: str, *, force: bool = False, options: JobOptions | None = None) -> RollbackReport:
    """Switch the alias back to the old index in one step; the new index is kept.

    This hides what was written to the new index since, and brings back what was deleted from it.
    So the documents of both are compared first.

    Args:
        client, job, options: as for `resume`.
        force: switch back even if documents differ.

    Raises:
        RollbackRefusedError: documents differ; the error says how many, and nothing was changed.
        AliasChangedError: somebody else moved the alias.
        RequestError: the job has switched nothing.

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
    with lock_job(folder), opened(folder) as checkpoint:
        plan = stored_plan(checkpoint)
        if plan is None or plan.target is None or checkpoint.get("state") not in ("switching", "switched", *OVER):
            raise RequestError("job", job, "has switched nothing; use `cancel` to give up an unfinished job")
        cluster, request = cluster_of(client, options), stored_request(checkpoint)
        place, previous = request.vector_place, plan.previous
        found = Differences() if is_back(cluster, plan) else differences(cluster, plan, checkpoint, place)
        if found.total and not force:
            raise RollbackRefusedError(
                f"job {job!r} was not rolled back: {found.total:,} documents of {plan.target!r}, which is served, "
                f"differ from {repr(previous) if previous else 'what the job wrote'} ({found}). A rollback hides what "
                "was written and changed, and brings back what was deleted; to do it anyway: --force (force=True)",
                **vars(found),
            )
        switch_back(cluster, plan)
        checkpoint.put(state="rolled back")
        return RollbackReport(job, str(plan.alias), plan.target, previous, **vars(found))


def cancel(client: SyncClient, job: str, *, options: JobOptions | None = None) -> None:
    """Give up a job: stop the process that works on it, and delete the new index unless the alias was switched.

    Args:
        client, job, options: as for `resume`.

    Raises:
        RequestError: the job is over.
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
            raise RequestError("job", job, f"is {checkpoint.get('state')}; `rollback` switches back to the old index")
        checkpoint.put(**{CANCEL_REQUESTED: True})
        with lock_job(folder, _CANCEL_WAIT_S):
            cluster, plan = cluster_of(client, options), stored_plan(checkpoint)
            if plan is not None and plan.target is not None:
                if plan.alias is not None and plan.target in cluster.aliases(plan.alias):
                    raise RequestError("job", job, "has switched already; `rollback` switches back to the old index")
                target = plan.target
                if checkpoint.get("target_uuid") is not None or plan.alias is not None:
                    cluster.call(lambda es: es.options(ignore_status=404).indices.delete(index=target))
            checkpoint.put(state="cancelled", **{CANCEL_REQUESTED: False})
