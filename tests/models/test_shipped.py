from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from connector.models import load_encoder, load_reranker
from connector.models.backends import choice
from connector.models.backends.agreement import compare
from connector.models.backends.artefacts import is_intact, read_manifest
from connector.models.backends.choice import backend_for
from connector.models.backends.shipped import GRAPHS, Weight, open_shipped, shipped_folder
from connector.models.backends.shipped_windows import shipped_windows
from connector.models.encoder import TokenizingEncoder
from connector.models.folders import ModelFolder, bundled_encoder, bundled_reranker, find_model
from connector.models.reranker import InteractionReranker

TEXTS = ["The dog barks.", "", "Rain falls in summer. " * 200, "A small engine", "\ud800 alone", "naïve ÉCOLE 東京 ﬁ"]


@pytest.fixture(params=["encoder", "reranker"])
def found(request: pytest.FixtureRequest) -> ModelFolder:
    return bundled_encoder() if request.param == "encoder" else bundled_reranker()


@pytest.mark.parametrize("kind", ["encoder", "reranker"])
def test_the_graphs_are_as_they_were_written(kind: str) -> None:
    assert is_intact(GRAPHS / kind)


def test_the_graphs_were_made_from_the_weights_that_ship(found: ModelFolder) -> None:
    assert shipped_folder(found) is not None


def test_the_first_search_needs_no_torch() -> None:
    code = """
import sys
from connector import load_encoder, load_reranker
assert load_encoder().encode(["a dog"]).shape == (1, 384)
assert load_reranker().score("a dog", ["it barks", "it rains"]).shape == (2,)
slow = {"torch", "transformers", "sentence_transformers", "onnx", "scipy", "nltk"}
sys.exit(", ".join(slow & set(sys.modules)) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_vectors_are_torchs() -> None:
    ours, torchs = load_encoder(backend="onnx"), load_encoder(backend="torch", device="cpu")
    assert ours.fingerprint == torchs.fingerprint
    np.testing.assert_allclose(ours.encode(TEXTS), torchs.encode(TEXTS), atol=1e-5)
    np.testing.assert_allclose(ours.encode_queries(TEXTS), torchs.encode_queries(TEXTS), atol=1e-5)


def test_texts_are_split_into_torchs_tokens() -> None:
    encoders = [load_encoder(backend="onnx"), load_encoder(backend="torch", device="cpu")]
    assert all(isinstance(each, TokenizingEncoder) for each in encoders)
    ours, torchs = (each for each in encoders if isinstance(each, TokenizingEncoder))
    assert ours.max_tokens == torchs.max_tokens
    texts = [text.encode("utf-8", "replace").decode() for text in TEXTS]
    ids = [
        [read.ids for read in Tokenizer.from_str(str(each.tokenizer_json())).encode_batch(texts)]
        for each in (ours, torchs)
    ]
    assert ids[0] == ids[1]
    assert all(ids[0])


def test_scores_and_their_order_are_torchs() -> None:
    ours, torchs = load_reranker(backend="onnx"), load_reranker(backend="torch", device="cpu")
    for window in shipped_windows(4):
        np.testing.assert_allclose(
            ours.score(window.query, window.passages), torchs.score(window.query, window.passages), atol=1e-3
        )
    measured = compare("shipped", shipped_windows(4), torchs.score, ours.score)
    assert (measured.tau, measured.overlap, measured.ndcg_lost) == (1, 1, 0)


def test_a_cascades_first_stage_is_torchs() -> None:
    ours, torchs = load_reranker(backend="onnx"), load_reranker(backend="torch", device="cpu")
    assert isinstance(ours, InteractionReranker)
    assert isinstance(torchs, InteractionReranker)
    np.testing.assert_allclose(
        ours.static.score("a small engine", TEXTS), torchs.static.score("a small engine", TEXTS), atol=1e-3
    )


def test_the_default_is_what_ships_unless_there_is_a_gpu(
    found: ModelFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CONNECTOR_CACHE", str(tmp_path))
    monkeypatch.setattr(choice, "has_gpu", lambda: False)
    assert backend_for(found, None, None) == "onnx"
    monkeypatch.setattr(choice, "has_gpu", lambda: True)
    assert backend_for(found, None, None) == "torch"
    assert backend_for(found, None, "cpu") == "onnx"
    assert backend_for(found, None, "cuda") == "torch"


def test_a_gpu_is_of_no_use_without_torch(found: ModelFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CONNECTOR_CACHE", str(tmp_path))
    monkeypatch.setattr(choice, "has_gpu", lambda: True)
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    assert backend_for(found, None, None) == "onnx"


def test_a_copy_is_a_model_of_its_own(found: ModelFolder, tmp_path: Path) -> None:
    copied = find_model(shutil.copytree(found.folder, tmp_path / "copy"), organization="")
    assert shipped_folder(copied) is None
    assert backend_for(copied, None, "cpu") == "torch"


def test_other_weights_in_the_bundled_folder_are_not_run_on_its_graphs(tmp_path: Path) -> None:
    weights = shutil.copy(bundled_reranker().weights[0], tmp_path)
    with Path(weights).open("ab") as file:
        file.write(b"\0")
    changed = ModelFolder("bundled", bundled_reranker().folder, (Path(weights),))
    assert shipped_folder(changed) is None


def test_every_network_of_a_graph_opens(found: ModelFolder) -> None:
    folder = shipped_folder(found)
    assert folder is not None
    manifest = read_manifest(folder)
    assert manifest is not None
    assert set(open_shipped(found, folder).sessions) == set(manifest.networks)


def test_a_weight_is_joined_and_transposed_by_hand() -> None:
    tensors = {"a": np.array([[1.0, 2.0], [3.0, 4.0]], np.float16), "b": np.array([[0.5, -8.0]], np.float16)}
    whole = Weight(("a", "b"), True).value(tensors.__getitem__)
    np.testing.assert_array_equal(whole, np.array([[1, 3, 0.5], [2, 4, -8]], np.float32))
    assert whole.dtype == np.float32
