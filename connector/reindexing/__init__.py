"""Reindex jobs from Python: what the command `connector reindex` does, it does through these.

A job is named after what it does, so that the same call goes on with a job that was cut off, and begins a new one when
the last is done. Its files lie in `state` (default: $CONNECTOR_STATE, else hybrid-connector/reindex under
$XDG_STATE_HOME or ~/.local/state), one folder a job, and vectors by text beside them, shared by all jobs.
"""

from connector.reindexing.async_calls import areindex, aresume, arollback
from connector.reindexing.estimating import Estimate
from connector.reindexing.folders import JobStatus
from connector.reindexing.jobs import cancel, estimate, reindex, resume, retry_dead_letters, rollback, status
from connector.reindexing.letters import RetryReport
from connector.reindexing.opening import JobOptions
from connector.reindexing.reports import Progress, ReindexReport, RollbackReport

__all__ = [
    "Estimate",
    "JobOptions",
    "JobStatus",
    "Progress",
    "ReindexReport",
    "RetryReport",
    "RollbackReport",
    "areindex",
    "aresume",
    "arollback",
    "cancel",
    "estimate",
    "reindex",
    "resume",
    "retry_dead_letters",
    "rollback",
    "status",
]
