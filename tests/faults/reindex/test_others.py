"""Others at work: who moves the alias, writes to the source, deletes an index; and a disk that is full."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from connector.errors import AliasChangedError, CheckpointError, JobRunningError, ReindexError, RequestError
from connector.reindexing import JobOptions, cancel, reindex, resume, rollback, status
from connector.reindexing import checkpoint as checkpoints
from tests.faults.reindex.accounts import everything, faults_in_books, hashed
from tests.faults.reindex.conftest import Scene
from tests.faults.reindex.proxy import Verdict, proxied


class OnceWhile:
    """An encoder that does something once, in the middle of a job."""

    def __init__(self, act: Callable[[], Any], after: int = 1) -> None:
        self._act = act
        self._calls = -after

    def __call__(self, texts: list[str]) -> NDArray[np.float32]:
        if len(texts) > 1:
            self._calls += 1
            if self._calls == 1:
                self._act()
        return hashed(texts)


def test_an_alias_that_somebody_else_moves_stays_where_they_put_it(scene: Scene) -> None:
    scene.load()
    other = f"{scene.alias}-other"
    scene.es.indices.create(index=other, settings={"number_of_replicas": 0})
    moved = [
        {"remove": {"index": scene.index, "alias": scene.alias}},
        {"add": {"index": other, "alias": scene.alias}},
    ]
    encoder = OnceWhile(lambda: scene.es.indices.update_aliases(actions=moved))
    with pytest.raises(AliasChangedError, match=f"points to {other}"):
        reindex(scene.es, scene.alias, text_fields=["title"], encoder=encoder, job="job", options=scene.options())
    assert scene.served() == {other}
    back = [{"remove": {"index": other, "alias": scene.alias}}, {"add": {"index": scene.index, "alias": scene.alias}}]
    scene.es.indices.update_aliases(actions=back)
    resume(scene.es, "job", encoder=encoder, options=scene.options())
    (target,) = scene.served()
    assert target not in (other, scene.index)
    assert scene.faults(target) == []


def test_an_alias_moved_in_the_very_moment_of_the_switch_stays_where_it_was_put(scene: Scene) -> None:
    scene.load(100)
    other = f"{scene.alias}-other"
    scene.es.indices.create(index=other, settings={"number_of_replicas": 0})
    moved = [
        {"remove": {"index": scene.index, "alias": scene.alias}},
        {"add": {"index": other, "alias": scene.alias}},
    ]
    with proxied(scene.engine.url) as proxy, scene.at(proxy.url) as es:

        def decide(method: str, path: str) -> Verdict:
            if method == "POST" and path.startswith("/_aliases") and scene.served() == {scene.index}:
                scene.es.indices.update_aliases(actions=moved)
            return "pass"

        proxy.decide = decide
        with pytest.raises(AliasChangedError, match=f"points to {other}"):
            reindex(es, scene.alias, text_fields=["title"], encoder=hashed, job="job", options=scene.options())
    assert scene.served() == {other}


def test_a_second_process_on_the_same_job_is_refused(scene: Scene) -> None:
    scene.load(300)
    refusals = []

    def again() -> None:
        with pytest.raises(JobRunningError, match="another process") as caught:
            reindex(scene.es, scene.alias, text_fields=["title"], encoder=hashed, job="job", options=scene.options())
        refusals.append(caught.value)
        assert status("job", state=scene.state)[0].is_running

    reindex(
        scene.es, scene.alias, text_fields=["title"], encoder=OnceWhile(again, 0), job="job", options=scene.options()
    )
    assert len(refusals) == 1
    assert scene.faults(next(iter(scene.served()))) == []


def test_of_two_jobs_for_one_alias_the_second_to_end_is_not_switched_to(scene: Scene) -> None:
    scene.load(300)
    elsewhere = scene.options(state=scene.state / "elsewhere")

    def other() -> None:
        reindex(scene.es, scene.alias, text_fields=["title"], encoder=hashed, job="other", options=elsewhere)

    with pytest.raises(AliasChangedError):
        reindex(
            scene.es,
            scene.alias,
            text_fields=["title"],
            encoder=OnceWhile(other, 0),
            job="job",
            options=scene.options(),
        )
    (target,) = scene.served()
    (done,) = status("other", state=elsewhere.state)
    assert target == done.target
    assert scene.faults(target) == []


def test_two_jobs_in_place_at_once_leave_every_document_right(scene: Scene) -> None:
    scene.load(300)
    elsewhere = scene.options(state=scene.state / "elsewhere")

    def other() -> None:
        reindex(
            scene.es, scene.index, text_fields=["title"], in_place=True, encoder=hashed, job="other", options=elsewhere
        )

    reindex(
        scene.es,
        scene.index,
        text_fields=["title"],
        in_place=True,
        encoder=OnceWhile(other, 0),
        job="job",
        options=scene.options(),
    )
    assert scene.faults(scene.index) == []


@pytest.mark.parametrize("in_place", [False, True], ids=["new index", "in place"])
def test_what_is_written_and_deleted_meanwhile_is_brought_over(any_scene: Scene, in_place: bool) -> None:
    scene = any_scene
    scene.load()

    def write() -> None:
        for number in range(0, 40, 2):
            routing = f"r{number % 7}" if number % 5 == 0 else None
            document = {"title": f"changed {number}", "n": number}
            scene.es.index(index=scene.index, id=f"d{number}", routing=routing, document=document)
        scene.es.index(index=scene.index, id="new", document={"title": "new", "n": -1})
        scene.es.index(index=scene.index, id="emptied", document={"title": "soon empty", "n": -1})
        scene.es.index(index=scene.index, id="emptied", document={"n": -1})
        for number in (101, 102, 103):
            scene.es.delete(index=scene.index, id=f"d{number}")

    source = scene.index if in_place else scene.alias
    reindex(
        scene.es,
        source,
        text_fields=["title"],
        encoder=OnceWhile(write),
        in_place=in_place,
        job="job",
        options=scene.options(),
    )
    target = scene.index if in_place else next(iter(scene.served()))
    assert scene.faults(target) == []
    found = {hit["_id"]: hit["_source"].get("title") for hit in everything(scene.es, target)}
    assert found["d2"] == "changed 2"
    assert found["new"] == "new"
    assert found.keys().isdisjoint({"d101", "d102", "d103"})


def test_what_is_written_as_the_alias_moves_is_brought_over_unless_the_new_index_has_it_newer(scene: Scene) -> None:
    scene.load(100)
    with proxied(scene.engine.url) as proxy, scene.at(proxy.url) as es:

        def decide(method: str, path: str) -> Verdict:
            if method == "POST" and path.startswith("/_aliases"):
                scene.es.index(index=scene.index, id="d1", document={"title": "late", "n": 1})
                scene.es.index(index=scene.index, id="d2", document={"title": "late", "n": 2})
                scene.es.index(index=scene.index, id="added", document={"title": "late", "n": 3})
                scene.es.delete(index=scene.index, id="d3")
                (target,) = (name for name in scene.es.indices.get(index=f"{scene.alias}*") if name != scene.index)
                scene.es.index(index=target, id="d2", document={"title": "newer", "n": 2})
            return "pass"

        proxy.decide = decide
        reindex(es, scene.alias, text_fields=["title"], encoder=hashed, job="job", options=scene.options())
    (target,) = scene.served()
    found = {hit["_id"]: hit["_source"].get("title") for hit in everything(scene.es, target)}
    assert (found["d1"], found["d2"], found["added"]) == ("late", "newer", "late")
    assert "d3" not in found


@pytest.mark.parametrize("before", [1, 2])
def test_a_target_that_is_deleted_meanwhile_is_not_switched_to(scene: Scene, before: int) -> None:
    """Before the first write every document would be there, under a mapping of nobody's; later some would be lost."""
    scene.load(600)
    with proxied(scene.engine.url) as proxy, scene.at(proxy.url) as es:
        bulks = 0

        def decide(method: str, path: str) -> Verdict:
            nonlocal bulks
            bulks += method == "POST" and path.startswith("/_bulk")
            if bulks == before and path.startswith("/_bulk"):
                (target,) = (name for name in scene.es.indices.get(index=f"{scene.alias}*") if name != scene.index)
                scene.es.indices.delete(index=target)
            return "pass"

        proxy.decide = decide
        with pytest.raises(ReindexError, match="was deleted and made again"):
            reindex(es, scene.alias, text_fields=["title"], encoder=hashed, job="job", options=scene.options())
    assert bulks >= before
    assert scene.served() == {scene.index}


def test_rollback_is_one_step_and_the_new_index_is_kept(any_scene: Scene) -> None:
    scene = any_scene
    scene.load(100)
    scene.es.indices.put_alias(index=scene.index, name=scene.alias, is_write_index=True)
    reindex(scene.es, scene.alias, text_fields=["title"], encoder=hashed, job="job", options=scene.options())
    (target,) = scene.served()
    held = scene.es.indices.get_alias(name=scene.alias)[target]["aliases"][scene.alias]
    assert held == {"is_write_index": True}
    rollback(scene.es, "job", options=scene.options())
    assert scene.served() == {scene.index}
    assert scene.es.indices.exists(index=target)
    with pytest.raises(RequestError, match="is rolled back"):
        resume(scene.es, "job", encoder=hashed, options=scene.options())


def test_a_cancelled_job_leaves_the_old_index_alone_and_nothing_else(scene: Scene) -> None:
    scene.load(300)
    stop = threading.Event()
    with pytest.raises(ReindexError):
        reindex(
            scene.es,
            scene.alias,
            text_fields=["title"],
            encoder=OnceWhile(stop.set, 0),
            job="job",
            options=scene.options(stop=stop),
        )
    cancel(scene.es, "job", options=scene.options())
    assert list(scene.es.indices.get(index=f"{scene.alias}*")) == [scene.index]
    assert status("job", state=scene.state)[0].state == "cancelled"


def test_a_full_disk_stops_the_job_which_goes_on_when_there_is_room(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoint may have no more pages than it has, as SQLite's own limit, which fails as a full disk does."""
    scene.load()
    opened = checkpoints.Checkpoint.acknowledge
    calls = 0

    def full(self: checkpoints.Checkpoint, *arguments: Any) -> None:
        nonlocal calls
        calls += 1
        pages = self._database.execute("PRAGMA page_count").fetchone()[0]
        self._database.execute(f"PRAGMA max_page_count = {pages if calls == 1 else 2**30}")
        opened(self, *arguments)

    monkeypatch.setattr(checkpoints.Checkpoint, "acknowledge", full)
    with pytest.raises(CheckpointError, match=r"database or disk is full.*resume"):
        reindex(scene.es, scene.alias, text_fields=["title"], encoder=hashed, job="job", options=scene.options())
    assert scene.served() == {scene.index}
    (target,) = (name for name in scene.es.indices.get(index=f"{scene.alias}*") if name != scene.index)
    settings = scene.es.indices.get_settings(index=target)[target]["settings"]["index"]
    assert "refresh_interval" not in settings
    resume(scene.es, "job", encoder=hashed, options=scene.options())
    assert scene.faults(next(iter(scene.served()))) == []


def test_a_checkpoint_that_is_no_database_is_said_to_be_none(scene: Scene) -> None:
    folder = scene.state / "job"
    folder.mkdir(parents=True)
    (folder / "checkpoint.sqlite3").write_bytes(b"not a database, " * 512)
    with pytest.raises(CheckpointError, match=r"checkpoint\.sqlite3 can't be read"):
        status("job", state=scene.state)
    assert issubclass(sqlite3.DatabaseError, sqlite3.Error)


def test_text_is_not_encoded_again_by_the_next_job(scene: Scene) -> None:
    scene.load(200)
    options: JobOptions = scene.options()
    first = reindex(scene.es, scene.alias, text_fields=["title"], encoder=hashed, options=options)
    second = reindex(scene.es, scene.alias, text_fields=["title"], encoder=hashed, options=options)
    assert first.counters.encoded == len({hit["_source"].get("title") for hit in everything(scene.es, scene.index)}) - 1
    assert second.counters.encoded == 0
    assert second.target != first.target
    before, after = everything(scene.es, str(first.target)), everything(scene.es, str(second.target))
    assert faults_in_books(before, after, []) == []
