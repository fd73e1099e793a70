"""Folders and files that only their owner can read, whatever the umask.

The files of a job hold documents (the dead letters), their ids and vectors.
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
    """Create a private folder and its missing parents; an existing folder and its files are closed to others.

    Raises:
        CheckpointError: it can't be created, or can't be closed to others.
    """
    private_parents(folder)
    tighten(folder)
    with readable_failure(folder):
        for path in folder.iterdir():
            if path.is_file() and not path.is_symlink():
                tighten(path)


def private_parents(path: Path) -> None:
    """Create a private folder and its missing parents; existing ones stay as they are.

    Raises:
        CheckpointError: it can't be created.
    """
    try:
        for folder in reversed([path, *path.parents]):
            if not folder.exists():
                folder.mkdir(mode=_FOLDER, exist_ok=True)
                folder.chmod(_FOLDER)  # a umask may have removed more than the rights of others
    except OSError as error:
        raise CheckpointError(f"{path} can't be created ({error}); choose another state directory") from error


def private_file(path: Path) -> None:
    """Create an empty file if it does not exist, and close it to others.

    Raises:
        CheckpointError: it can't be created, or can't be closed to others.
    """
    with readable_failure(path):
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, _FILE))
            path.chmod(_FILE)
    tighten(path)


def tighten(path: Path) -> None:
    """Remove the rights of other users to a folder or a file.

    Raises:
        CheckpointError: the path belongs to another user, or its file system keeps no rights.
    """
    if os.name != "posix":
        return
    try:
        is_open = stat.S_IMODE(path.stat().st_mode) & _OTHERS
        if is_open:
            path.chmod(_FOLDER if path.is_dir() else _FILE)
            is_open = stat.S_IMODE(path.stat().st_mode) & _OTHERS
        reason = "its file system keeps no rights" if is_open else ""
    except FileNotFoundError:  # the journal of a database comes and goes
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
    """Raise an error that names the file if a read or write fails in the block.

    Raises:
        CheckpointError: with the file, the reason and what to do.
    """
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise CheckpointError(
            f"{path} can't be read or written ({error}); check the disk (space, rights), then resume the job"
        ) from error
