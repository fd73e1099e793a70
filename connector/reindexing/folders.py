"""Where jobs keep their files: one folder a job in the state directory, the vectors by text beside them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_state_path

from connector.errors import JobRunningError, ReindexError, RequestError
from connector.reindexing.checkpoint import DEAD_LETTERS, Checkpoint, JobLock, State
from connector.reindexing.plan import Plan, Request
from connector.reindexing.private_files import private_folder

VECTORS = "vectors.sqlite3"
OVER = ("done", "cancelled", "rolled back")
_CHECKPOINT = "checkpoint.sqlite3"
_LOCK = "lock.sqlite3"


@dataclass(frozen=True)
class JobStatus:
    """What is known of a job without asking the cluster.

    Attributes:
        job: its name.
        state: "planned", "loading", "verifying", "switching", "switched", "done", "cancelled" or "rolled back".
        is_running: a process works on it now.
        source, target, alias: what it does.
        written, without_text, dead_letters: what is acknowledged.
        last_error: why it stopped; None when it did not.
        dead_letters_file: where the dead letters are; None when there are none.

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
    """Return the directory of all jobs: as told, else as the environment says, else the user's own."""
    if state is not None:
        return Path(state)
    if given := os.environ.get("CONNECTOR_STATE"):
        return Path(given)
    return user_state_path("hybrid-connector", appauthor=False) / "reindex"


def folder_of(state: Path | str | None, job: str) -> Path:
    """Return a job's folder, there or not. Raises: RequestError: the name is none that a folder can have."""
    if not job or job.startswith(".") or Path(job).name != job:
        raise RequestError("job", job, "must be a name that a folder can have")
    return state_directory(state) / job


def existing_folder(state: Path | str | None, job: str) -> Path:
    """Return a job's folder. Raises: RequestError: there is no such job."""
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


@contextmanager
def held(folder: Path, wait_s: float = 0.0) -> Iterator[None]:
    """Hold a job's lock while the block runs. Raises: JobRunningError: another process holds it."""
    lock = JobLock(folder, wait_s)
    try:
        yield
    finally:
        lock.release()


def before(folder: Path) -> Path:
    """Return the folder where the files of the job before, of the same name, are kept."""
    return folder.with_name(f"{folder.name}.before")


def put_away_if_over(folder: Path) -> None:
    """Keep the files of a job that is over as those of the one before, so that the same can be asked again."""
    with opened(folder) as checkpoint:
        is_over = checkpoint.get("state") in OVER
    if is_over:
        kept = before(folder)
        shutil.rmtree(kept, ignore_errors=True)
        private_folder(kept)
        for path in folder.iterdir():
            if not path.name.startswith(_LOCK):
                path.rename(kept / path.name)


def kept_request(checkpoint: Checkpoint) -> Request:
    """Return what the job was asked to do. Raises: ReindexError: it was cut off before it kept that."""
    kept = checkpoint.get("request")
    if kept is None:
        raise ReindexError(f"job {checkpoint.folder.name!r} was cut off before it began; start it again")
    return Request.from_json(kept)


def kept_plan(checkpoint: Checkpoint) -> Plan | None:
    """Return what the job decided; None when it did not come to that."""
    kept = checkpoint.get("plan")
    return None if kept is None else Plan.from_json(kept)


def status_of(folder: Path) -> JobStatus:
    """Say how a job stands."""
    try:
        with held(folder):
            is_running = False
    except JobRunningError:
        is_running = True
    with opened(folder) as checkpoint:
        counts, plan, request = checkpoint.counts(), kept_plan(checkpoint), checkpoint.get("request") or {}
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
