from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector import connect
from connector.errors import CheckpointError
from connector.reindexing import JobOptions, estimate, reindex, status
from connector.reindexing.private_files import private_file, private_folder
from tests.models_by_hand import count_words

DOCUMENTS: list[dict[str, Any]] = [{"_id": "1", "title": "car"}, {"_id": 2.5, "title": "no id"}]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="rights are POSIX's")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_to_others(folder: Path) -> dict[str, str]:
    """What is not private in a folder, the folder included."""
    wanted = {path: 0o700 if path.is_dir() else 0o600 for path in [folder, *folder.rglob("*")]}
    return {str(path): oct(mode(path)) for path, right in wanted.items() if mode(path) != right}


@pytest.fixture(params=[0o000, 0o022, 0o777], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_all_that_a_job_writes_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    state = tmp_path / "some" / "state"
    seen: list[dict[str, str]] = []
    options = JobOptions(state=state, on_progress=lambda progress: seen.append(open_to_others(tmp_path / "some")))
    asked: dict[str, Any] = {"text_fields": ["title"], "encoder": count_words}
    with connect("embedded:") as client:
        estimate(client, DOCUMENTS, alias="cars", **asked, options=options)
        report = reindex(client, DOCUMENTS, alias="cars", **asked, job="job", options=options)
        client.indices.delete(index="cars")
        reindex(client, DOCUMENTS, alias="cars", **asked, job="job", options=options)  # puts the first one's files away
    assert report.dead_letters == 1
    assert {path.name for path in (state / "job.before").iterdir()} >= {"checkpoint.sqlite3", "dead-letters.jsonl"}
    assert (state / "vectors.sqlite3").exists()
    assert open_to_others(tmp_path / "some") == {}
    assert seen
    assert not any(seen)


def test_a_job_folder_that_is_open_to_others_is_closed_with_all_in_it(tmp_path: Path) -> None:
    state = tmp_path / "state"
    options = JobOptions(state=state)
    with connect("embedded:") as client:
        reindex(client, DOCUMENTS, alias="cars", text_fields=["title"], encoder=count_words, job="job", options=options)
    for path in [state / "job", *(state / "job").iterdir()]:
        path.chmod(0o777)
    status("job", state=state)
    assert open_to_others(state / "job") == {}


def test_the_state_directory_that_people_made_keeps_its_rights(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    private_folder(tmp_path / "job")
    assert (mode(tmp_path), mode(tmp_path / "job")) == (0o755, 0o700)


def test_what_can_not_be_closed_to_others_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file system without rights, or another user's folder, has it."""

    def refuse(path: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted", str(path))

    file = tmp_path / "file"
    file.write_text(json.dumps({}))
    file.chmod(0o644)
    monkeypatch.setattr(Path, "chmod", lambda path, mode: None)
    with pytest.raises(CheckpointError, match=r"file is open to other users.*keeps no rights.*of your own"):
        private_file(file)
    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(CheckpointError, match=r"file is open to other users.*not permitted"):
        private_file(file)
