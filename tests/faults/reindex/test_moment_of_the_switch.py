"""What is written in the moment in which the alias moves, and what is done to it in the new index after that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from elasticsearch import Elasticsearch, NotFoundError

from connector.reindexing import reindex, retry_dead_letters
from connector.reindexing.checkpoint import Checkpoint
from connector.reindexing.plan import DELETES_KEPT_S
from tests.faults.reindex.accounts import dead_letters, hashed
from tests.faults.reindex.conftest import Scene
from tests.faults.reindex.interrupting import Cut, CutAt, Moment, watched

Document = dict[str, Any]
LATE, NEWER = {"title": "late", "n": 1}, {"title": "newer", "n": 2}


class Around:
    """Acts before the alias moves, and after it has moved."""

    def __init__(self, before: Callable[[], object], after: Callable[[], object]) -> None:
        self._acts = {"before": before, "after": after}

    def __call__(self, moment: Moment, method: str, target: str) -> None:
        if (method, target) == ("POST", "/_aliases"):
            self._acts.pop(moment, lambda: None)()


def run(scene: Scene, es: Elasticsearch) -> Any:
    return reindex(es, scene.alias, text_fields=["title"], encoder=hashed, job="job", options=scene.options())


def served(scene: Scene, key: str) -> Document | None:
    found = scene.es.options(ignore_status=404).get(index=scene.alias, id=key)
    source = found.get("_source")
    return None if source is None else {name: value for name, value in source.items() if name != "vector"}


def act(scene: Scene, key: str, what: Document | str | None) -> None:
    """Write a document through the alias, delete it, or write and delete it."""
    if what in ("delete", "write and delete"):
        if what == "write and delete":
            scene.es.index(index=scene.alias, id=key, document=NEWER)
        try:
            scene.es.delete(index=scene.alias, id=key)
        except NotFoundError:
            return
    elif isinstance(what, dict):
        scene.es.index(index=scene.alias, id=key, document=what)


@pytest.mark.parametrize("is_cut", [False, True], ids=["in one run", "resumed"])
def test_what_people_did_last_is_what_is_served(any_scene: Scene, is_cut: bool) -> None:
    """For a document that was there and for a new one: what is done before the switch, after it, and what is served."""
    scene = any_scene
    scene.load(40)
    there: list[tuple[Any, Any, Document | None]] = [
        (LATE, None, LATE),
        (LATE, "delete", None),
        (LATE, NEWER, NEWER),
        (LATE, "write and delete", None),
        ("delete", None, None),
        ("delete", NEWER, NEWER),
        (None, "delete", None),
        (None, NEWER, NEWER),
    ]
    new = [*there[:4], ("write and delete", None, None), ("write and delete", NEWER, NEWER)]
    keys = [key for key in range(1, 40) if key % 5]  # those without a routing
    cases = {f"d{key}": case for key, case in zip(keys, there, strict=False)}
    cases |= {f"new{number}": case for number, case in enumerate(new)}

    def before() -> None:
        for key, (what, _, _) in cases.items():
            act(scene, key, what)

    def after() -> None:
        for key, (_, what, _) in cases.items():
            act(scene, key, what)
        if is_cut:
            raise Cut

    es = watched(scene.es, Around(before, after))
    if is_cut:
        with pytest.raises(Cut):
            run(scene, es)
    report = run(scene, scene.es if is_cut else es)
    assert {key: served(scene, key) for key in cases} == {key: expected for key, (_, _, expected) in cases.items()}
    assert report.dead_letters == 0
    assert any("what was done to the new one counts" in note for note in report.notes)
    settings = scene.es.indices.get_settings(index=report.target, flat_settings=True)[report.target]["settings"]
    assert "index.gc_deletes" not in settings


def test_what_was_brought_over_and_deleted_while_the_job_was_dead_stays_deleted(any_scene: Scene) -> None:
    """It is cut off after the late documents were written to the new index and before that was acknowledged."""
    scene = any_scene
    scene.load(20)
    keys = ["d1", "d2", "new1", "new2", "new3"]

    def before() -> None:
        for key in keys:
            act(scene, key, LATE)

    cut = CutAt("after", "POST /_bulk", 2)
    around = Around(before, lambda: None)

    def on(moment: Moment, method: str, target: str) -> None:
        around(moment, method, target)
        cut(moment, method, target)

    with pytest.raises(Cut):
        run(scene, watched(scene.es, on))
    assert served(scene, "new1") == LATE
    act(scene, "new1", "delete")
    act(scene, "d1", "delete")
    act(scene, "new2", NEWER)
    run(scene, scene.es)
    found = {key: served(scene, key) for key in keys}
    assert found == {"d1": None, "d2": LATE, "new1": None, "new2": NEWER, "new3": LATE}


def test_a_job_that_is_resumed_too_late_to_know_of_deletes_brings_no_new_document_over_unasked(scene: Scene) -> None:
    scene.load(20)

    def before() -> None:
        for key in ("d1", "new", "kept"):
            act(scene, key, LATE)

    def after() -> None:
        act(scene, "kept", NEWER)
        raise Cut

    with pytest.raises(Cut):
        run(scene, watched(scene.es, Around(before, after)))
    checkpoint = Checkpoint(scene.state / "job")
    checkpoint.put(switching_at=checkpoint.get("switching_at") - DELETES_KEPT_S)
    checkpoint.close()
    report = run(scene, scene.es)
    assert report.dead_letters == 1
    (letter,) = dead_letters(scene.state / "job")
    assert letter["id"] == "new"
    assert "too late to know whether it was deleted" in letter["reason"]
    assert [served(scene, key) for key in ("d1", "new", "kept")] == [LATE, None, NEWER]
    retried = retry_dead_letters(scene.es, "job", encoder=hashed, options=scene.options())
    assert (retried.written, retried.dead) == (1, 0)
    assert served(scene, "new") == LATE


def test_what_is_deleted_during_the_verification_is_never_served(scene: Scene) -> None:
    scene.load(20)
    phases: list[str] = []

    def on_progress(progress: Any) -> None:
        if progress.phase == "verifying" and "verifying" not in phases:
            scene.es.delete(index=scene.alias, id="d1")
            scene.es.index(index=scene.alias, id="new", document=LATE)
        phases.append(progress.phase)

    seen: list[Document | None] = []
    around = Around(lambda: None, lambda: seen.extend([served(scene, "d1"), served(scene, "new")]))
    options = scene.options(on_progress=on_progress)
    reindex(watched(scene.es, around), scene.alias, text_fields=["title"], encoder=hashed, job="job", options=options)
    assert seen == [None, LATE]
    assert [served(scene, "d1"), served(scene, "new")] == [None, LATE]


def test_a_document_whose_new_version_can_not_be_brought_over_is_not_served_as_it_was(scene: Scene) -> None:
    """It is brought over, then changed into one that the encoder fails on: a dead letter, and no stale document."""

    def encode(texts: list[str]) -> Any:
        vectors = hashed(texts)
        vectors[["poison" in text for text in texts]] = float("nan")
        return vectors

    scene.load(20)
    poisoned = {"title": "poison", "n": 1}
    cut = CutAt("after", "POST /_bulk", 1, act=lambda: act(scene, "d1", poisoned))
    asked: dict[str, Any] = {"text_fields": ["title"], "encoder": encode, "job": "job", "options": scene.options()}
    with pytest.raises(Cut):
        reindex(watched(scene.es, cut), scene.alias, **asked)
    report = reindex(scene.es, scene.alias, **asked)
    assert (report.dead_letters, report.written + report.without_text) == (1, 19)
    assert served(scene, "d1") is None
