"""Settings of the new index: lowered while it is loaded, the old index's own afterwards."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from elasticsearch import helpers

from connector.errors import JobStoppedError
from connector.reindexing import reindex, resume
from tests.faults.reindex.accounts import hashed
from tests.faults.reindex.conftest import Scene


def settings_of(scene: Scene, index: str) -> dict[str, Any]:
    """An index's settings, flat."""
    flat = scene.es.indices.get_settings(index=index, flat_settings=True)[index]["settings"]
    return {name.removeprefix("index."): value for name, value in flat.items()}


def test_the_new_index_ends_with_the_old_ones_settings_also_after_a_stop(scene: Scene) -> None:
    """The default pipeline is not there, so that a document that went through it would be refused."""
    own = {"number_of_replicas": 1, "refresh_interval": "7s", "default_pipeline": "not-there", "number_of_shards": 1}
    scene.es.indices.create(index=scene.index, settings=own, aliases={scene.alias: {}})
    actions = ({"_index": scene.index, "_id": str(number), "title": f"title {number}"} for number in range(600))
    helpers.bulk(scene.es, actions, pipeline="_none", refresh=True)
    seen: list[dict[str, Any]] = []
    stop = threading.Event()

    def encode(texts: list[str]) -> Any:
        found = list(scene.es.indices.get(index=f"{scene.alias}-2*").body)
        if len(texts) > 1 and found:
            seen.append(settings_of(scene, found[0]))
            if len(seen) > 1:
                stop.set()
        return hashed(texts)

    with pytest.raises(JobStoppedError):
        reindex(
            scene.es,
            scene.alias,
            text_fields=["title"],
            encoder=encode,
            job="job",
            options=scene.options(stop=stop, keeps_vectors=False),
        )
    (target,) = (name for name in scene.es.indices.get(index=f"{scene.alias}-2*"))
    for name, value in own.items():
        assert settings_of(scene, target)[name] == str(value)
    resume(scene.es, "job", encoder=encode, options=scene.options(keeps_vectors=False))
    assert scene.served() == {target}
    for name, value in own.items():
        assert settings_of(scene, target)[name] == str(value)
    loading = seen[-1]
    assert (loading["refresh_interval"], loading["number_of_replicas"]) == ("-1", "0")
    assert "default_pipeline" not in loading or loading["default_pipeline"] == "not-there"
