from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from connector.errors import ModelError
from connector.models.backends.artefacts import (
    Manifest,
    build_once,
    cache_folder,
    is_intact,
    model_folder,
    read_manifest,
)
from connector.models.folders import find_model


def manifest() -> Manifest:
    return Manifest("name", "source", "onnx", {"pairs": ("input_ids",)}, {"input_ids": 0}, 64, {"onnx": "1"})


def write(folder: Path) -> Manifest:
    (folder / "pairs.onnx").write_bytes(b"graph")
    return manifest()


def test_what_is_made_is_whole_and_made_once(tmp_path: Path) -> None:
    calls: list[Path] = []

    def make(folder: Path) -> Manifest:
        calls.append(folder)
        return write(folder)

    with ThreadPoolExecutor(8) as threads:
        folders = set(threads.map(lambda _: build_once(tmp_path / "onnx", make), range(8)))
    assert folders == {tmp_path / "onnx"}
    assert len(calls) == 1
    found = read_manifest(tmp_path / "onnx")
    assert found is not None
    assert (found.networks, set(found.files or {})) == ({"pairs": ("input_ids",)}, {"pairs.onnx"})


@pytest.mark.parametrize("harm", ["changed", "cut", "missing", "manifest"])
def test_what_was_harmed_is_made_again(tmp_path: Path, harm: str) -> None:
    folder = build_once(tmp_path / "onnx", write)
    graph = folder / "pairs.onnx"
    if harm == "missing":
        graph.unlink()
    elif harm == "manifest":
        (folder / "manifest.json").write_text("{")
    else:
        graph.write_bytes({"changed": b"grapH", "cut": b"gra"}[harm])
    assert not is_intact(folder)
    assert is_intact(build_once(folder, write))
    assert graph.read_bytes() == b"graph"


def test_what_was_cut_off_half_way_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> Manifest:
        (folder / "pairs.onnx").write_bytes(b"gr")
        raise ModelError("no more room")

    with pytest.raises(ModelError, match="no more room"):
        build_once(tmp_path / "onnx", fail)
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".lock"]


def test_a_cache_that_can_not_be_written_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="name another folder in CONNECTOR_CACHE"):
        build_once(tmp_path / "file" / "onnx", write)


def test_other_weights_tokens_or_limits_are_another_folder(
    cross_encoder: Callable[[int], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONNECTOR_CACHE", str(tmp_path / "cache"))
    assert cache_folder() == tmp_path / "cache"
    source = shutil.copytree(cross_encoder(1), tmp_path / "model")
    folders = [model_folder(find_model(source, organization=""))]
    config = source / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "max_position_embeddings": 32}))
    folders.append(model_folder(find_model(source, organization="")))
    shutil.copy(cross_encoder(2) / "model.safetensors", source)
    folders.append(model_folder(find_model(source, organization="")))
    assert len(set(folders)) == 3
