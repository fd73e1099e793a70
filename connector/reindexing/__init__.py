"""Reindex jobs from Python: the functions behind the command `connector reindex`.

A job is named after its arguments, so the same call resumes a job that was interrupted, and starts a new one once the
last is done.
Jobs keep their files in a state directory (default: $CONNECTOR_STATE, else hybrid-connector/reindex under
$XDG_STATE_HOME or ~/.local/state): one folder per job, and a cache of vectors by text that all jobs share.
"""

from connector.reindexing.async_calls import areindex, aresume, arollback
from connector.reindexing.dead_letters import RetryReport
from connector.reindexing.estimating import Estimate
from connector.reindexing.folders import JobStatus
from connector.reindexing.jobs import estimate, reindex, resume, retry_dead_letters, status
from connector.reindexing.opening import JobOptions
from connector.reindexing.reports import Progress, ReindexReport, RollbackReport
from connector.reindexing.undoing import cancel, rollback

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
