"""A cluster that turns requests away, cuts connections, or goes away for a while."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from connector.errors import JobStoppedError, ReindexError
from connector.reindexing import JobOptions, reindex, resume, status
from tests import nodes
from tests.conftest import EngineUnderTest
from tests.faults.reindex.accounts import hashed
from tests.faults.reindex.conftest import COUNT, IS_FULL, Scene
from tests.faults.reindex.proxy import Verdict, proxied
from tests.nodes.maven import MavenNode


def storm(seed: int, share: float, *verdicts: Verdict) -> Callable[[str, str], Verdict]:
    """Give one of the verdicts to a share of all requests, at random, and to the first bulk request in any case."""
    draw = random.Random(seed)
    bulks = 0

    def decide(method: str, path: str) -> Verdict:
        nonlocal bulks
        bulks += "_bulk" in path
        is_first_bulk = "_bulk" in path and bulks == 1
        return draw.choice(verdicts) if is_first_bulk or draw.random() < share else "pass"

    return decide


@pytest.mark.parametrize("in_place", [False, True], ids=["new index", "in place"])
@pytest.mark.parametrize(
    "verdicts",
    [("429", "503"), ("cut before", "cut after"), ("part 429",)],
    ids=["429 storm", "cut connections", "parts of a bulk refused"],
)
def test_a_storm_is_sat_out(scene: Scene, verdicts: tuple[Verdict, ...], in_place: bool) -> None:
    scene.load()
    with proxied(scene.engine.url) as proxy, scene.at(proxy.url) as es:
        es.info()
        proxy.decide = storm(7, 0.25, *verdicts)
        source = scene.index if in_place else scene.alias
        report = reindex(
            es, source, text_fields=["title"], encoder=hashed, in_place=in_place, job="job", options=scene.options()
        )
    assert sum(map(proxy.count, verdicts)) > 0
    assert report.counters.retries > 0
    assert scene.faults(scene.index if in_place else next(iter(scene.served()))) == []


def test_bulk_requests_shrink_while_the_cluster_says_429(scene: Scene) -> None:
    scene.load()
    seen = []
    with proxied(scene.engine.url) as proxy, scene.at(proxy.url) as es:
        refusals = iter(range(4))
        proxy.decide = lambda method, path: (
            "429" if path.startswith("/_bulk") and next(refusals, None) is not None else "pass"
        )
        options = scene.options(on_progress=lambda progress: seen.append(progress.bulk_count))
        reindex(es, scene.alias, text_fields=["title"], encoder=hashed, job="job", options=options)
    assert seen[0] == 500
    assert min(seen) <= 500 // 2**4 * 1.25**8
    assert min(seen) < 100
    assert scene.faults(next(iter(scene.served()))) == []


def test_an_alias_is_moved_once_when_the_answer_to_its_move_is_lost(any_scene: Scene) -> None:
    scene = any_scene
    scene.load(100)
    with proxied(scene.engine.url) as proxy, scene.at(proxy.url) as es:
        moves = iter(range(1))
        proxy.decide = lambda method, path: (
            "cut after"
            if method == "POST" and path.startswith("/_aliases") and next(moves, None) is not None
            else "pass"
        )
        report = reindex(es, scene.alias, text_fields=["title"], encoder=hashed, job="job", options=scene.options())
    assert proxy.count("cut after") == 1
    assert scene.served() == {report.target}


def test_a_cluster_that_stays_away_stops_the_job_which_then_goes_on(scene: Scene) -> None:
    scene.load(400)
    with proxied(scene.engine.url) as proxy, scene.at(proxy.url) as es:
        is_away = False

        def decide(method: str, path: str) -> Verdict:
            nonlocal is_away
            is_away |= path.startswith("/_bulk")
            return "cut before" if is_away else "pass"

        proxy.decide = decide
        with pytest.raises(ReindexError, match=r"does not answer as it should.*resume"):
            reindex(
                es, scene.alias, text_fields=["title"], encoder=hashed, job="job", options=scene.options(retry_for_s=1)
            )
        assert scene.served() == {scene.index}
        (told,) = status(state=scene.state)
        assert (told.state, told.is_running) == ("loading", False)
        assert told.last_error is not None
        proxy.decide = lambda method, path: "pass"
        resume(es, "job", encoder=hashed, options=scene.options())
    (target,) = scene.served()
    assert scene.faults(target) == []
    assert "refresh_interval" not in scene.es.indices.get_settings(index=target)[target]["settings"]["index"]


def test_a_lapsed_point_in_time_loses_nothing(any_scene: Scene) -> None:
    """Without the right to see shards' checkpoints a point in time is read, and here it is gone again and again."""
    scene = any_scene
    scene.load()
    lapses = {4, 9, 15}
    searches = 0

    def decide(method: str, path: str) -> Verdict:
        nonlocal searches
        if "/_stats" in path:
            return "403"
        if path.startswith("/_search?"):
            searches += 1
            return "404" if searches in lapses else "pass"
        return "pass"

    with proxied(scene.engine.url) as proxy, scene.at(proxy.url) as es:
        proxy.decide = decide
        reindex(es, scene.alias, text_fields=["title"], encoder=hashed, job="job", options=scene.options())
    assert any("/_pit" in path or "/point_in_time" in path for _, path, _ in proxy.verdicts)
    assert proxy.count("404") == len(lapses)
    assert scene.faults(next(iter(scene.served()))) == []


class OwnNode:
    """A node of a test's own, which it may kill."""

    def __init__(self) -> None:
        self._way = MavenNode()
        self._node = self._way.start(nodes.VERSIONS[9], "session")

    @property
    def url(self) -> str:
        """Where it answers now."""
        return self._node.url

    def kill_and_start_again(self) -> None:
        """Kill it, and start it with the data that it had."""
        self._way.kill(self._node)
        self._node = self._way.start_again(self._node)

    def stop(self) -> None:
        """End it."""
        self._way.stop(self._node)


@pytest.fixture
def own_node() -> Iterator[OwnNode]:
    """A node that the test may kill."""
    try:
        node = OwnNode()
    except nodes.NodeUnavailableError as reason:
        pytest.skip(str(reason).splitlines()[0])
    yield node
    node.stop()


@pytest.mark.node
@pytest.mark.parametrize("in_place", [False, True] if IS_FULL else [False], ids=str)
def test_a_node_that_is_killed_and_started_with_its_data_is_waited_for(
    own_node: OwnNode, tmp_path: Path, in_place: bool
) -> None:
    with proxied(own_node.url) as proxy, Elasticsearch(proxy.url, request_timeout=120) as es:
        scene = Scene(es, EngineUnderTest("own", proxy.url), "faults-0", "faults", tmp_path)
        scene.load(COUNT)
        bulks = 0

        def decide(method: str, path: str) -> Verdict:
            nonlocal bulks
            bulks += path.startswith("/_bulk")
            if bulks == 2 and path.startswith("/_bulk"):
                own_node.kill_and_start_again()
                proxy.upstream = own_node.url
                return "cut before"
            return "pass"

        proxy.decide = decide
        source = scene.index if in_place else scene.alias
        reindex(
            es,
            source,
            text_fields=["title"],
            encoder=hashed,
            in_place=in_place,
            job="job",
            options=JobOptions(state=tmp_path, retry_for_s=300),
        )
        assert bulks > 2
        assert scene.faults(scene.index if in_place else next(iter(scene.served()))) == []


def test_a_stop_leaves_a_clean_checkpoint(scene: Scene) -> None:
    scene.load()
    stop = threading.Event()

    def encode(texts: list[str]) -> object:
        if len(texts) > 10:
            stop.set()
        return hashed(texts)

    with pytest.raises(JobStoppedError, match="resume job"):
        reindex(
            scene.es,
            scene.alias,
            text_fields=["title"],
            encoder=encode,
            job="job",
            options=scene.options(stop=stop),
        )
    assert scene.served() == {scene.index}
    resume(scene.es, "job", encoder=encode, options=scene.options())
    assert scene.faults(next(iter(scene.served()))) == []
