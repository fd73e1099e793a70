"""SIGKILL at random points: the next process goes on, and the books are right."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from connector import load_encoder
from tests.faults.reindex.accounts import everything
from tests.faults.reindex.conftest import COUNT, IS_FULL, ROUNDS, Scene

ROOT = Path(__file__).parents[3]


def run_until(scene: Scene, way: str, is_time: Callable[[int, str], bool]) -> tuple[bool, int]:
    """Run a worker and kill it when it is time; give whether it came to its end, and how many lines it wrote."""
    source = scene.index if way == "in place" else scene.alias
    where = [scene.engine.name, scene.engine.url, source, str(scene.state), way]
    command = [sys.executable, "-m", "tests.faults.reindex.worker", *where]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as worker:
        assert worker.stdout is not None
        count, is_done = 0, False
        for line in worker.stdout:
            count += 1
            is_done |= line.startswith("done")
            if is_time(count, line):
                worker.send_signal(signal.SIGKILL)
                break
        worker.stdout.read()
    return is_done, count


@pytest.mark.parametrize("way", ["new index", "in place"])
def test_a_job_killed_again_and_again_loses_and_doubles_nothing(any_scene: Scene, way: str) -> None:
    scene = any_scene
    scene.load()
    draw = random.Random(20)
    served = [scene.served()]

    def is_time(count: int, line: str) -> bool:
        return count >= stop_at

    is_done, killed = False, 0
    while not is_done and killed < ROUNDS:
        stop_at = draw.randint(1, 40)
        is_done, _ = run_until(scene, way, is_time)
        killed += not is_done
        served.append(scene.served())
    while not is_done:
        is_done, _ = run_until(scene, way, lambda count, line: False)
    target = scene.index if way == "in place" else next(iter(scene.served()))
    assert scene.faults(target) == []
    assert killed == ROUNDS
    assert all(each in ({scene.index}, {target}) for each in served)


def test_a_job_with_the_real_encoder_is_killed_and_goes_on(scene: Scene) -> None:
    scene.load(COUNT if IS_FULL else 60)
    bulks = 0

    def is_second_bulk(count: int, line: str) -> bool:
        nonlocal bulks
        bulks += line.startswith("< POST /_bulk")
        return bulks == (2 if IS_FULL else 1)

    run_until(scene, "real encoder", is_second_bulk)
    is_done, _ = run_until(scene, "real encoder", lambda count, line: False)
    assert is_done
    hits = everything(scene.es, next(iter(scene.served())))
    texts = sorted({str(hit["_source"]["title"]).strip() for hit in hits if "title" in hit["_source"]})
    vectors = dict(zip(texts, load_encoder().encode(texts), strict=True))
    assert scene.faults(next(iter(scene.served())), lambda asked: np.stack([vectors[text] for text in asked])) == []


@pytest.mark.parametrize(
    "line", ["> POST /_bulk", "< POST /_bulk", "> PUT /", "< PUT /", "> POST /_aliases", "< POST /_aliases"]
)
def test_a_job_killed_at_its_most_delicate_moments_goes_on(scene: Scene, line: str) -> None:
    """Somebody deletes, changes and adds documents, by the alias, before the next process goes on."""
    scene.load(200)
    run_until(scene, "new index", lambda count, said: said.startswith(line))
    (before,) = scene.served()
    for number in (1, 2, 3):
        scene.es.delete(index=scene.alias, id=f"d{number}")
    scene.es.index(index=scene.alias, id="d4", document={"title": "changed", "n": 4})
    scene.es.index(index=scene.alias, id="added", document={"title": "added", "n": 5})
    is_done, _ = run_until(scene, "new index", lambda count, said: False)
    assert is_done
    (target,) = scene.served()
    assert target != scene.index
    if before == scene.index:
        assert scene.faults(target) == []
    found = {hit["_id"]: hit["_source"].get("title") for hit in everything(scene.es, target)}
    assert len(found) == 200 - 3 + 1
    assert (found["d4"], found["added"]) == ("changed", "added")
    assert found.keys().isdisjoint({"d1", "d2", "d3"})
    assert len(scene.es.indices.get(index=f"{scene.alias}*")) == 2
    settings = scene.es.indices.get_settings(index=target, flat_settings=True)[target]["settings"]
    assert "index.refresh_interval" not in settings
