"""The lock of a job: one process works on a job at a time.

The operating system releases the lock when the process ends, however it ends.
The lock is only as good as the file system's own locks, and so is the checkpoint's SQLite database: keep the state
directory on a local disk. On NFS, both hold only if the server and all clients run its lock service.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, SoftFileLock, Timeout

from connector.errors import CheckpointError, JobRunningError
from connector.reindexing.private_files import private_file, private_folder, readable_failure

LOCK = "job.lock"


@contextmanager
def lock_job(folder: Path, wait_s: float = 0.0) -> Iterator[None]:
    """Hold a job's lock while the block runs.

    Args:
        folder: the job's folder, which is created if it does not exist.
        wait_s: how long to wait for another process to release the lock.

    Raises:
        JobRunningError: another process holds the lock.
        CheckpointError: the file system has no locks.
    """
    private_folder(folder)
    private_file(folder / LOCK)
    lock = FileLock(folder / LOCK, timeout=wait_s, mode=0o600, thread_local=False)
    try:
        _acquire(lock, folder)
        yield
    finally:
        lock.release()


def _acquire(lock: FileLock, folder: Path) -> None:
    no_locks = f"{folder} is on a file system without locks; choose a state directory on a local disk"
    with readable_failure(folder / LOCK), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # filelock warns before the fallback that is refused below
        try:
            lock.acquire()
        except NotImplementedError as error:
            raise CheckpointError(no_locks) from error
        except Timeout as error:
            if isinstance(lock, SoftFileLock):
                raise CheckpointError(no_locks) from error
            raise JobRunningError(
                f"job {folder.name!r} is being worked on by another process; wait for it, or stop it with "
                f"`connector reindex cancel {folder.name}`"
            ) from error
    if isinstance(lock, SoftFileLock):  # a killed process would leave it locked
        raise CheckpointError(no_locks)
