"""Others delete, change and add documents while a job is cut off again and again; it ends with what they left."""

from __future__ import annotations

import json
import random
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch, NotFoundError, helpers

from connector import Passages
from connector.reindexing import JobOptions, reindex
from tests.conftest import embedded_engine
from tests.faults.reindex.accounts import hashed
from tests.faults.reindex.conftest import IS_FULL, client_at, on
from tests.faults.reindex.interrupting import Cut, CutAt, Moment, watched

COUNT = 30
Way = str
WAYS: dict[Way, dict[str, Any]] = {
    "behind its alias": {},
    "one index to another": {},
    "in place": {"in_place": True},
    "in passages": {"passages": Passages(max_tokens=16, overlap=0)},
    "from a file": {"id_field": "id"},
}
ENGINES = ["embedded", *on("es8", "es9", "opensearch")] if IS_FULL else ["embedded", *on("es9")]


class World:
    """An index, people who write to it by the name that they know, and what they left there.

    What they know is the alias where there is one, else the index. From a file, they write once the alias is there.
    """

    def __init__(self, es: Elasticsearch, engine: str, way: Way, folder: Path) -> None:
        self.es, self.way, self.folder = es, way, folder
        self.name = f"deleted-{uuid.uuid4().hex[:10]}"
        self.index = f"{self.name}-0"
        self.is_embedded = engine == "embedded"
        self.left: dict[str, dict[str, Any]] = {f"d{n}": {"title": f"title {n}", "n": n} for n in range(COUNT)}
        self.left["bare"] = {"n": -1}
        self.own: set[str] = set()
        self.lock = threading.RLock()
        self.is_read = False
        self.has_alias = way == "behind its alias" or (way == "in passages" and not self.is_embedded)
        self.known_as = self.name if self.has_alias or way == "from a file" else self.index
        self._fill(engine)

    def _fill(self, engine: str) -> None:
        if self.way == "from a file":
            lines = (json.dumps({"id": key, **document}) for key, document in self.left.items())
            (self.folder / "documents.jsonl").write_text("\n".join(lines))
            self.left = {key: {"id": key, **document} for key, document in self.left.items()}
            return
        settings: dict[str, Any] = {} if self.is_embedded else {"number_of_shards": 2, "number_of_replicas": 0}
        settings |= {"knn": True} if engine == "opensearch" else {}
        mappings = {"properties": {"title": {"type": "text"}, "n": {"type": "integer"}}}
        aliases: dict[str, Any] = {self.name: {}} if self.has_alias else {}
        more: dict[str, Any] = {"aliases": aliases} if aliases else {}
        self.es.indices.create(index=self.index, mappings=mappings, settings=settings, **more)
        actions = (
            {"_index": self.index, "_id": key, **self._routed(key, "_routing"), **document}
            for key, document in self.left.items()
        )
        helpers.bulk(self.es, actions, refresh=True)

    def _routed(self, key: str, name: str = "routing") -> dict[str, Any]:
        """Some documents have a routing, where there is such a thing."""
        has_one = key[-1] in "048" and not self.is_embedded and self.way != "from a file"
        return {name: f"r{key[-1]}"} if has_one else {}

    def is_open(self) -> bool:
        """Whether people can write."""
        return self.way != "from a file" or (not self.is_embedded and self.is_switched())

    def is_switched(self) -> bool:
        """Whether the alias is on another index than at first."""
        if self.is_embedded:
            return False
        found = self.es.options(ignore_status=404).indices.get_alias(name=self.name)
        return found.meta.status == 200 and self.index not in found.body

    def put(self, key: str, title: str | None) -> None:
        """Somebody writes a document."""
        document = {"n": 7} if title is None else {"title": title, "n": 7}
        self._note(key)
        self.es.index(index=self.known_as, id=key, document=document, **self._routed(key))
        self.left[key] = document

    def delete(self, key: str) -> None:
        """Somebody deletes a document, whether the index has it or not."""
        self._note(key)
        try:
            self.es.delete(index=self.known_as, id=key, **self._routed(key))
        except NotFoundError:
            assert self.is_switched(), key
        self.left.pop(key, None)

    def _note(self, key: str) -> None:
        if (self.has_alias or self.way == "from a file") and self.is_switched():
            self.own.add(key)

    def some_of_all(self, turn: int) -> Callable[[], None]:
        """What people do in a turn: they delete, change, empty, add, and add and delete again."""

        def act() -> None:
            if not self.is_open():
                return
            first = 5 * turn
            self.delete(f"d{first}")
            self.put(f"d{first + 1}", f"changed {turn}")
            self.put(f"d{first + 2}", None)
            self.put(f"added {turn}", f"added {turn}")
            self.put(f"gone {turn}", "gone")
            self.delete(f"gone {turn}")
            if f"added {turn - 1}" in self.left:
                self.delete(f"added {turn - 1}")

        return act

    def run(self, *, verify: bool, on_request: Callable[[Moment, str, str], None] | None = None) -> Any:
        """Run the job, or go on with it; give None where it was cut off."""
        source: Any = self.folder / "documents.jsonl" if self.way == "from a file" else self.known_as
        asked = dict(WAYS[self.way])
        if self.way != "in place" and not self.has_alias:
            asked["alias"] = self.name
        client = self.es if on_request is None else watched(self.es, on_request)
        options = JobOptions(state=self.folder / "state", retry_for_s=60, on_progress=self._look)
        try:
            return reindex(
                client,
                source,
                text_fields=["title"],
                encoder=hashed,
                verify=verify,
                job="job",
                options=options,
                **asked,
            )
        except Cut:
            return None

    def is_too_late(self) -> bool:
        """Whether what is written to the source itself from now on is not for this run to see."""
        return self.is_read and self.known_as == self.index

    def _look(self, progress: Any) -> None:
        self.is_read |= progress.phase == "verifying"

    def faults(self) -> list[str]:
        """What is served and is not what people left, or has not its text's vector."""
        served = self.index if self.way == "in place" else self.name
        self.es.indices.refresh(index=served)
        body: dict[str, Any] = {"size": 1_000, "fields": ["vector"]} if not self.is_embedded else {"size": 1_000}
        hits = self.es.search(index=served, body=body)["hits"]["hits"]
        found = {hit["_id"]: hit for hit in hits}
        faults = [f"{key} is lost" for key in self.left.keys() - found.keys()]
        faults += [f"{key} is back" for key in found.keys() - self.left.keys()]
        for key in found.keys() & self.left.keys():
            source = dict(found[key]["_source"])
            vector = source.pop("vector", None) or (found[key].get("fields") or {}).get("vector")
            passages = source.pop("passages", None)
            if source != self.left[key]:
                faults.append(f"{key} is {source}, and should be {self.left[key]}")
            has_vector = bool(vector or passages)
            if has_vector != ("title" in source) and key not in self.own:
                faults.append(f"{key} has {'a' if has_vector else 'no'} vector: {source}")
            if vector and not np.allclose(vector, hashed([source["title"]])[0], atol=1e-4):
                faults.append(f"{key} has another text's vector")
        return faults


@contextmanager
def world_on(request: pytest.FixtureRequest, engine: str, way: Way, folder: Path) -> Iterator[World]:
    """A world on an engine; what it made is gone afterwards."""
    if engine == "embedded":
        with embedded_engine().client(Elasticsearch) as es:
            yield World(es, engine, way, folder)
        return
    fixture = "opensearch_url" if engine == "opensearch" else f"elasticsearch{engine.removeprefix('es')}_url"
    with client_at(engine, request.getfixturevalue(fixture)) as es:
        world = World(es, engine, way, folder)
        try:
            yield world
        finally:
            for index in es.indices.get(index=f"{world.name}*", expand_wildcards="all").body:
                es.indices.delete(index=index)


def ways_of(engine: str) -> list[Way]:
    return [way for way in WAYS if way != "behind its alias" or engine != "embedded"]


CASES = [
    pytest.param(name, way, marks=getattr(engine, "marks", ()), id=f"{name}-{way}")
    for engine in ENGINES
    for name in [engine if isinstance(engine, str) else str(engine.values[0])]
    for way in ways_of(name)
]
MOMENTS: list[tuple[Moment, str, int]] = [
    ("before", "POST /_bulk", 1),
    ("after", "POST /_bulk", 1),
    ("after", "POST /_bulk", 2),
    ("before", "POST /_aliases", 1),
    ("after", "POST /_aliases", 1),
]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("verify", [True, False], ids=["verified", "unverified"])
@pytest.mark.parametrize(("engine", "way"), CASES)
def test_a_job_cut_off_at_each_of_its_moments_ends_with_what_people_left(
    request: pytest.FixtureRequest, tmp_path: Path, engine: str, way: Way, verify: bool
) -> None:
    """One job is cut off at one moment after the other; at each, and after each, people write."""
    with world_on(request, engine, way, tmp_path) as world:
        for turn, moment in enumerate(MOMENTS):
            cut = CutAt(*moment, act=world.some_of_all(turn))
            report = world.run(verify=verify, on_request=cut)
            if report is not None:
                break
            if world.is_open():
                world.delete(f"d{5 * turn + 3}")
                world.put(f"d{5 * turn + 4}", "changed again")
        report = report or world.run(verify=verify)
        assert world.faults() == []
        assert report.dead_letters == 0


class Storm:
    """At random requests somebody writes, and at some the job is cut off; the seed says which."""

    def __init__(self, world: World, draw: random.Random) -> None:
        self._world = world
        self._draw = draw
        self.is_cut = False

    def __call__(self, moment: Moment, method: str, target: str) -> None:
        with self._world.lock:  # a job sends from several threads
            if self.is_cut and method != "GET":
                raise Cut
            if self._draw.random() < 0.3:
                self.write()
            if self._draw.random() < 0.1 or self._world.is_too_late():
                self.is_cut = True
                raise Cut

    def write(self) -> None:
        """Somebody writes or deletes something, which may be there or not."""
        world, key = self._world, f"d{self._draw.randrange(COUNT + 10)}"
        if not world.is_open() or (world.known_as == world.index and world.is_switched()):
            return
        if self._draw.random() < 0.4:
            if key in world.left or world.is_switched():
                world.delete(key)
        else:
            world.put(key, self._draw.choice([None, f"text {self._draw.randrange(5)}"]))


def storms(world: World, seed: int) -> None:
    """Run a job through cuts and writes, and then to its end."""
    draw = random.Random(seed)
    for _ in range(6):
        if world.run(verify=draw.random() < 0.5, on_request=Storm(world, draw)) is not None:
            break
        world.is_read = False
        for _ in range(draw.randrange(4)):
            Storm(world, draw).write()
    else:
        world.run(verify=True)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("seed", range(20 if IS_FULL else 3))
@pytest.mark.parametrize(("engine", "way"), CASES)
def test_random_cuts_among_random_writes_and_deletes_end_with_what_people_left(
    request: pytest.FixtureRequest, tmp_path: Path, engine: str, way: Way, seed: int
) -> None:
    with world_on(request, engine, way, tmp_path) as world:
        storms(world, seed)
        assert world.faults() == []
