"""What a rollback would hide or bring back is counted first; where there is any, it goes back only when told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from elasticsearch import AsyncElasticsearch
from numpy.typing import NDArray

from connector.cli import main
from connector.errors import AliasChangedError, ReindexError, RollbackRefusedError
from connector.reindexing import arollback, reindex, rollback, status
from tests.faults.reindex.accounts import hashed
from tests.faults.reindex.conftest import Scene
from tests.faults.reindex.proxy import proxied

Counts = tuple[int, int, int]
Act = Callable[[Scene], object]


def put(key: str, **document: Any) -> Act:
    return lambda scene: scene.es.index(index=scene.alias, id=key, document=document)


def delete(key: str) -> Act:
    return lambda scene: scene.es.delete(index=scene.alias, id=key)


def together(*acts: Act) -> Act:
    return lambda scene: [act(scene) for act in acts]


def counts(found: Any) -> Counts:
    return (found.written, found.deleted, found.changed)


def job(scene: Scene, source: Any = None, **asked: Any) -> Any:
    asked = {"text_fields": ["title"], "encoder": hashed, "job": "job", **asked}
    return reindex(scene.es, scene.alias if source is None else source, **asked, options=scene.options())


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        pytest.param(together(), (0, 0, 0), id="nothing"),
        pytest.param(put("order", title="new"), (1, 0, 0), id="written"),
        pytest.param(delete("d1"), (0, 1, 0), id="deleted"),
        pytest.param(put("d1", title="other", n=1), (0, 0, 1), id="changed"),
        pytest.param(together(put("order", title="new"), delete("order")), (0, 0, 0), id="written and deleted"),
        pytest.param(put("d11", n=11, tags=["a", "b"]), (0, 0, 0), id="written again as it was"),
        pytest.param(
            together(put("a", n=1), put("b", n=1), delete("d1"), delete("d2"), delete("d3"), put("d4", n=0)),
            (2, 3, 1),
            id="all of it",
        ),
    ],
)
def test_a_rollback_that_would_hide_or_bring_back_documents_says_how_many_and_asks(
    any_scene: Scene, act: Act, expected: Counts
) -> None:
    scene = any_scene
    scene.load(30)
    report = job(scene)
    act(scene)
    if any(expected):
        with pytest.raises(RollbackRefusedError, match=r"was not rolled back: \d documents .* --force") as refused:
            rollback(scene.es, "job", options=scene.options())
        assert counts(refused.value) == expected
        assert "{} written, {} deleted, {} changed".format(*expected) in str(refused.value)
        assert scene.served() == {report.target}
        assert status("job", state=scene.state)[0].state == "done"
    done = rollback(scene.es, "job", force=any(expected), options=scene.options())
    assert counts(done) == expected
    assert (done.alias, done.target, done.previous) == (scene.alias, report.target, scene.index)
    assert scene.served() == {scene.index}


def test_what_the_old_index_got_since_under_its_own_name_counts_too(scene: Scene) -> None:
    scene.load(30)
    job(scene)
    scene.es.index(index=scene.index, id="d1", document={"title": "other"})
    scene.es.index(index=scene.index, id="late", document={"title": "late"})
    scene.es.delete(index=scene.index, id="d2")
    with pytest.raises(RollbackRefusedError) as refused:
        rollback(scene.es, "job", options=scene.options())
    assert counts(refused.value) == (1, 1, 1)


def test_dead_letters_were_never_served_and_are_no_difference(scene: Scene) -> None:
    def encode(texts: list[str]) -> NDArray[np.float32]:
        vectors = hashed(texts)
        vectors[["title 7 " in text for text in texts]] = np.nan
        return vectors

    scene.load(30)
    assert job(scene, encoder=encode).dead_letters == 1
    assert counts(rollback(scene.es, "job", options=scene.options())) == (0, 0, 0)


def test_an_alias_that_was_not_there_before_is_compared_with_what_was_loaded(scene: Scene) -> None:
    documents = [{"_id": str(number), "title": f"title {number}"} for number in range(5)]
    job(scene, documents, alias=scene.alias)
    scene.es.delete(index=scene.alias, id="1")
    scene.es.index(index=scene.alias, id="2", document={"title": "other"})
    scene.es.index(index=scene.alias, id="9", document={"title": "new"})
    with pytest.raises(RollbackRefusedError, match="differ from what the job wrote") as refused:
        rollback(scene.es, "job", options=scene.options())
    assert counts(refused.value) == (1, 1, 1)
    assert rollback(scene.es, "job", force=True, options=scene.options()).previous is None
    assert scene.served() == set()


def test_an_index_loaded_from_a_file_is_compared_with_the_one_that_was_served_before(scene: Scene) -> None:
    scene.load(3)  # d0 and d1 and d2; d0 has a routing
    documents = [{"_id": "d1", "title": "another"}, {"_id": "new", "title": "new"}]
    job(scene, documents, alias=scene.alias)
    with pytest.raises(RollbackRefusedError) as refused:
        rollback(scene.es, "job", options=scene.options())
    assert counts(refused.value) == (1, 2, 1)


def test_documents_are_compared_without_the_right_to_see_shards_too(scene: Scene) -> None:
    scene.load(30)
    job(scene)
    scene.es.delete(index=scene.alias, id="d1")
    with proxied(scene.engine.url) as proxy, scene.at(proxy.url) as es:
        proxy.decide = lambda method, path: "403" if "/_stats" in path else "pass"
        with pytest.raises(RollbackRefusedError) as refused:
            rollback(es, "job", options=scene.options())
        assert proxy.count("403") > 0
    assert counts(refused.value) == (0, 1, 0)


def test_an_index_that_is_gone_and_an_alias_that_was_moved_are_said_before_anything_is_compared(scene: Scene) -> None:
    scene.load(3)
    report = job(scene)
    scene.es.indices.delete(index=scene.index)
    with pytest.raises(ReindexError, match=f"{scene.index}.*is gone"):
        rollback(scene.es, "job", force=True, options=scene.options())
    scene.es.indices.create(index=f"{scene.alias}-other", aliases={scene.alias: {}})
    scene.es.indices.delete_alias(index=report.target, name=scene.alias)
    with pytest.raises(AliasChangedError):
        rollback(scene.es, "job", force=True, options=scene.options())


async def test_the_async_twin_counts_and_asks_as_well(scene: Scene) -> None:
    scene.load(3)
    job(scene)
    scene.es.delete(index=scene.alias, id="d1")
    async with AsyncElasticsearch(scene.engine.url) as client:
        with pytest.raises(RollbackRefusedError) as refused:
            await arollback(client, "job", options=scene.options())
        assert counts(refused.value) == (0, 1, 0)
        assert counts(await arollback(client, "job", force=True, options=scene.options())) == (0, 1, 0)
    assert scene.served() == {scene.index}


def test_the_command_says_how_many_and_needs_force(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.load(3)
    job(scene)
    scene.es.delete(index=scene.alias, id="d1")
    command = ["reindex", "rollback", "job", "--url", scene.engine.url, "--state", str(scene.state)]
    for arguments, code, told in (
        (command, 4, "0 written, 1 deleted, 0 changed since"),
        ([*command, "--force"], 0, f"points to {scene.index} again"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert int(ended.value.code or 0) == code
        assert told in " ".join(capsys.readouterr().err.split())
    assert scene.served() == {scene.index}
