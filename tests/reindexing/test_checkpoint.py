from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE

import pytest

from connector.errors import CheckpointError, JobRunningError
from connector.reindexing.checkpoint import DEAD_LETTERS, Checkpoint, Row, State
from connector.reindexing.items import DeadLetter, Key
from connector.reindexing.lock import lock_job

Opened = Callable[[], Checkpoint]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """Opens the checkpoint, as often as it is called."""
    made: list[Checkpoint] = []

    def open_it() -> Checkpoint:
        made.append(Checkpoint(tmp_path))
        return made[-1]

    yield open_it
    for checkpoint in made:
        checkpoint.close()


def row(identifier: str, state: State = State.WRITTEN, seq_no: int = 1) -> Row:
    return Row(Key(0, identifier, ""), state, seq_no, 5, 1, b"hash")


def letter(identifier: str) -> DeadLetter:
    return DeadLetter(Key(0, identifier, ""), "write", "because", {"a": "\ud83d"})


def test_what_is_acknowledged_is_there_when_the_file_is_opened_again(opened: Opened) -> None:
    first = opened()
    first.acknowledge([row("a"), row("b", State.WITHOUT_TEXT)], {"0/0": 7})
    first.put(state="loading")
    again = opened()
    assert again.positions() == {"0/0": 7}
    assert again.rows([Key(0, "a", ""), Key(0, "x", "")]) == {Key(0, "a", ""): row("a")}
    assert again.counts() == {State.WRITTEN: 1, State.WITHOUT_TEXT: 1, State.DEAD: 0}
    assert again.get("state") == "loading"


def test_rows_of_many_documents_are_found(opened: Opened) -> None:
    checkpoint = opened()
    checkpoint.acknowledge([row(str(number)) for number in range(1_000)], {})
    assert len(checkpoint.rows([Key(0, str(number), "") for number in range(1_000)])) == 1_000
    assert sum(len(batch) for batch in checkpoint.batches(300)) == 1_000


def test_dead_letters_that_were_not_acknowledged_are_cut_off(opened: Opened, tmp_path: Path) -> None:
    checkpoint = opened()
    checkpoint.acknowledge([row("a", State.DEAD)], {}, [letter("a")])
    with (tmp_path / DEAD_LETTERS).open("a") as file:
        file.write('{"id": "half a li')
    opened().cut_dead_letters()
    assert [each["id"] for each in checkpoint.dead_letters()] == ["a"]


def test_the_last_letter_of_a_document_that_is_still_dead_is_kept(opened: Opened, tmp_path: Path) -> None:
    checkpoint = opened()
    checkpoint.acknowledge([row("a", State.DEAD), row("b", State.DEAD)], {}, [letter("a"), letter("b")])
    checkpoint.acknowledge([row("a", State.DEAD), row("b")], {}, [letter("a")])
    checkpoint.rewrite_dead_letters()
    lines = (tmp_path / DEAD_LETTERS).read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["a"]
    checkpoint.cut_dead_letters()
    assert len(list(checkpoint.dead_letters())) == 1


def test_one_process_at_a_time_holds_a_job(tmp_path: Path) -> None:
    with lock_job(tmp_path), pytest.raises(JobRunningError, match="another process"), lock_job(tmp_path):
        pass
    with lock_job(tmp_path):
        pass


def test_a_killed_process_leaves_a_job_unlocked(tmp_path: Path) -> None:
    code = f"""
import sys, pathlib
from connector.reindexing.lock import lock_job
with lock_job(pathlib.Path({str(tmp_path)!r})):
    print("locked", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=PIPE, stdout=PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(JobRunningError, match="another process"), lock_job(tmp_path):
            pass
        holder.kill()
    with lock_job(tmp_path):
        pass


def test_a_file_system_without_locks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.raises(CheckpointError, match="without locks"), lock_job(tmp_path):
        pass
