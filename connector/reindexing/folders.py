"""Where jobs keep their files: in the state directory, one folder per job and one shared cache of vectors."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_state_path

from connector.errors import JobRunningError, ReindexError, RequestError
from connector.reindexing.checkpoint import DEAD_LETTERS, Checkpoint, State
from connector.reindexing.lock import LOCK, lock_job
from connector.reindexing.plan import JobPlan
from connector.reindexing.private_files import private_folder
from connector.reindexing.request import JobRequest

VECTORS = "vectors.sqlite3"
OVER = ("done", "cancelled", "rolled back")
_CHECKPOINT = "checkpoint.sqlite3"


@dataclass(frozen=True)
class JobStatus:
    """What is known about a job without a call to the cluster.

    Attributes:
        job: its name.
        state: "planned", "loading", "verifying", "switching", "switched", "done", "cancelled" or "rolled back".
        is_running: a process is working on it now.
        source, target, alias: what it reads, writes and switches.
        written, without_text, dead_letters: how many documents are acknowledged.
        last_error: why it stopped; None if it did not.
        dead_letters_file: where the dead letters are; None if there are none.

    Examples:
        >>> from connector import connect, reindex
        >>> from connector.reindexing import status
        >>> books = [{"_id": "1", "title": "Emma"}]
        >>> report = reindex(connect("embedded:"), books, text_fields=["title"], alias="books", job="novels")
        >>> (novels,) = status("novels")
        >>> novels.state, novels.is_running
        ('done', False)
    """

    job: str
    state: str
    is_running: bool
    source: str
    target: str | None
    alias: str | None
    written: int
    without_text: int
    dead_letters: int
    last_error: str | None
    dead_letters_file: str | None


def state_directory(state: Path | str | None) -> Path:
    """Return the directory of all jobs: as passed, else from the environment, else the user's own."""
    if state is not None:
        return Path(state)
    if named := os.environ.get("CONNECTOR_STATE"):
        return Path(named)
    return user_state_path("hybrid-connector", appauthor=False) / "reindex"


def folder_of(state: Path | str | None, job: str) -> Path:
    """Return a job's folder, whether it exists or not.

    Raises:
        RequestError: a folder can't have this name.
    """
    if not job or job.startswith(".") or Path(job).name != job:
        raise RequestError("job", job, "must be a name that a folder can have")
    return state_directory(state) / job


def existing_folder(state: Path | str | None, job: str) -> Path:
    """Return the folder of an existing job.

    Raises:
        RequestError: there is no such job.
    """
    folder = folder_of(state, job)
    if not (folder / _CHECKPOINT).exists():
        raise RequestError("job", job, f"is no job in {folder.parent}; `connector reindex status` lists them")
    return folder


def all_folders(state: Path | str | None) -> list[Path]:
    """Return the folders of all jobs."""
    return sorted(path.parent for path in state_directory(state).glob(f"*/{_CHECKPOINT}"))


@contextmanager
def opened(folder: Path) -> Iterator[Checkpoint]:
    """Open a job's checkpoint while the block runs."""
    checkpoint = Checkpoint(folder)
    try:
        yield checkpoint
    finally:
        checkpoint.close()


def previous_folder(folder: Path) -> Path:
    """Return the folder that keeps the files of the previous job of the same name."""
    return folder.with_name(f"{folder.name}.before")


def archive_if_over(folder: Path) -> None:
    """Move the files of a finished job to `previous_folder`, so that the same request starts a new job."""
    with opened(folder) as checkpoint:
        is_over = checkpoint.get("state") in OVER
    if is_over:
        kept = previous_folder(folder)
        shutil.rmtree(kept, ignore_errors=True)
        private_folder(kept)
        for path in folder.iterdir():
            if path.name != LOCK:
                path.rename(kept / path.name)


def stored_request(checkpoint: Checkpoint) -> JobRequest:
    """Return the job's stored request.

    Raises:
        ReindexError: the job was cut off before it stored the request.
    """
    kept = checkpoint.get("request")
    if kept is None:
        raise ReindexError(f"job {checkpoint.folder.name!r} was interrupted before it began; start it again")
    return JobRequest.from_json(kept)


def stored_plan(checkpoint: Checkpoint) -> JobPlan | None:
    """Return the job's stored plan; None if it has none yet."""
    kept = checkpoint.get("plan")
    return None if kept is None else JobPlan.from_json(kept)


def status_of(folder: Path) -> JobStatus:
    """Return the status of the job in a folder."""
    try:
        with lock_job(folder):
            is_running = False
    except JobRunningError:
        is_running = True
    with opened(folder) as checkpoint:
        counts, plan, request = checkpoint.counts(), stored_plan(checkpoint), checkpoint.get("request") or {}
        return JobStatus(
            job=folder.name,
            state=checkpoint.get("state", "planned"),
            is_running=is_running,
            source=request.get("source", ""),
            target=plan.target if plan else None,
            alias=plan.alias if plan else None,
            written=counts[State.WRITTEN],
            without_text=counts[State.WITHOUT_TEXT],
            dead_letters=counts[State.DEAD],
            last_error=checkpoint.get("last_error"),
            dead_letters_file=str(folder / DEAD_LETTERS) if counts[State.DEAD] else None,
        )
