"""Folders that only their owner may enter and files that only their owner may read, whatever the umask says.

What a job keeps holds documents (its dead letters), their ids and vectors.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connector.errors import CheckpointError

_FOLDER, _FILE, _OTHERS = 0o700, 0o600, 0o077


def private_folder(folder: Path) -> None:
    """Make a folder with the parents that it lacks, all private; one that is there is tightened with all in it.

    Raises:
        CheckpointError: it can't be made, or can't be closed to others.
    """
    private_parents(folder)
    tighten(folder)
    with readable_failure(folder):
        for path in folder.iterdir():
            if path.is_file() and not path.is_symlink():
                tighten(path)


def private_parents(path: Path) -> None:
    """Make a folder and the parents that it lacks, all private; what is there stays as it is.

    Raises:
        CheckpointError: it can't be made.
    """
    try:
        for folder in reversed([path, *path.parents]):
            if not folder.exists():
                folder.mkdir(mode=_FOLDER, exist_ok=True)
                folder.chmod(_FOLDER)  # a umask may have taken away more than what others have
    except OSError as error:
        raise CheckpointError(f"{path} can't be made ({error}); choose another state directory") from error


def private_file(path: Path) -> None:
    """Make an empty file unless it is there, and close it to others.

    Raises:
        CheckpointError: it can't be made, or can't be closed to others.
    """
    with readable_failure(path):
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, _FILE))
            path.chmod(_FILE)
    tighten(path)


def tighten(path: Path) -> None:
    """Take from others what they may do with a folder or a file of ours.

    Raises:
        CheckpointError: it can't be done, as the path is another user's or its file system has no rights.
    """
    if os.name != "posix":
        return
    try:
        is_open = stat.S_IMODE(path.stat().st_mode) & _OTHERS
        if is_open:
            path.chmod(_FOLDER if path.is_dir() else _FILE)
            is_open = stat.S_IMODE(path.stat().st_mode) & _OTHERS
        reason = "its file system keeps no rights" if is_open else ""
    except FileNotFoundError:  # a database's own journal, which comes and goes
        return
    except OSError as error:
        reason = str(error)
    if reason:
        raise CheckpointError(
            f"{path} is open to other users and can't be closed to them ({reason}); it holds documents' texts, ids "
            "and vectors, so choose a state directory of your own"
        )


@contextmanager
def readable_failure(path: Path) -> Iterator[None]:
    """Say of a failed read or write which file it was and what to do.

    Raises: CheckpointError.
    """
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise CheckpointError(
            f"{path} can't be read or written ({error}); see to the disk (space, rights), then resume the job"
        ) from error
