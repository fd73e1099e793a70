from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from connector.models import Encoder, load_encoder
from connector.models.backends.agreement import Recall, Window, recall
from connector.models.backends.building import artefact_folder
from connector.models.backends.registry import installed
from connector.models.backends.trial import measure_encoder
from connector.models.load import find_encoder

TEXTS = ["The dog barks.", "", "Rain falls in summer. " * 200, "A small engine", "\ud800 alone"]


@pytest.fixture(scope="module")
def in_torch() -> Encoder:
    return load_encoder(backend="torch", device="cpu")


@pytest.fixture(params=["onnx", "onnx-int8", "openvino"])
def backend(request: pytest.FixtureRequest) -> str:
    if request.param not in installed():
        pytest.skip(f"{request.param} is not installed")
    return str(request.param)


def test_vectors_are_torchs_and_searched_with_them(backend: str, in_torch: Encoder) -> None:
    exported = load_encoder(backend=backend)
    assert exported.fingerprint.differences(in_torch.fingerprint) == []
    least = 0.97 if backend == "onnx-int8" else 0.99999
    for found, expected in (
        (exported.encode(TEXTS), in_torch.encode(TEXTS)),
        (exported.encode_queries(TEXTS), in_torch.encode_queries(TEXTS)),
    ):
        assert found.dtype == np.float32
        assert ((found * expected).sum(axis=1) > least).all()
    assert exported.encode([]).shape == exported.encode_queries([]).shape == (0, 384)


def test_int8_is_measured_by_what_torch_would_have_found() -> None:
    if "onnx-int8" not in installed():
        pytest.skip("onnxruntime is not installed")
    found = find_encoder("bundled")
    words = ["dog", "rain", "engine", "sea", "bread", "kettle", "lamp", "stone", "bird", "ship", "snow", "tree"]
    window = Window("which animal barks", [f"The {one} and the {other}" for one in words for other in words], [])
    measured = measure_encoder(found, "onnx-int8", "made", [window])
    assert 0.8 < measured.recall <= 1
    assert Recall.read(artefact_folder(found, "onnx-int8")) == measured


def test_recall_by_hand() -> None:
    # Eight passages: the first quarter, two, is compared. They share one of two for the first query, both for the next.
    reference = np.array([[8, 7, 6, 5, 4, 3, 2, 1], [8, 7, 6, 5, 4, 3, 2, 1]], dtype=np.float32)
    found = np.array([[8, 1, 7, 5, 4, 3, 2, 6], [7, 8, 1, 1, 1, 1, 1, 1]], dtype=np.float32)
    assert recall(reference, found) == pytest.approx(0.75)


def test_the_gate_is_a_hundredth_of_the_first_hundred(tmp_path: Path) -> None:
    assert Recall("made", 1, 0.99).is_within()
    assert not Recall("made", 1, 0.989).is_within()
    assert Recall.read(tmp_path) is None
