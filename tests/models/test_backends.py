"""What all backends have in common, for plain cross-encoders and for the bundled reranker."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from connector.errors import ModelError, RequestError
from connector.models import Reranker, load_reranker
from connector.models.backends.artefacts import list_artefacts
from connector.models.backends.registry import BACKENDS, exported_backend, is_int8
from connector.models.folders import bundled_reranker
from tests.forking import holds_in_forked_child, needs_fork

QUERY = "which animal barks"
WORDS = ["the", "dog", "barks", "at", "a", "cat", "while", "small", "engines", "turn", "in", "warm", "summer", "rain"]
MIXED = [" ".join(WORDS[(position * 5 + count) % 14] for position in range(4 * count)) for count in range(12)]
KINDS = ("two labels", "bundled")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of this module's exports, shared by its tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def in_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONNECTOR_CACHE", str(cache))


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    try:
        if name != "torch":
            exported_backend(name)
    except ModelError as error:
        pytest.skip(str(error))
    return name


@pytest.fixture(params=KINDS)
def model(request: pytest.FixtureRequest, cross_encoder: Callable[[int], Path]) -> str:
    return "bundled" if request.param == "bundled" else str(cross_encoder(2))


@pytest.fixture
def reranker(model: str, backend: str) -> Reranker:
    return load_reranker(model, backend=backend, device="cpu")


@pytest.fixture
def expected(model: str) -> NDArray[np.float32]:
    return load_reranker(model, backend="torch", device="cpu").score(QUERY, MIXED)


def test_scores_are_torchs_or_within_what_8_bits_cost(
    reranker: Reranker, expected: NDArray[np.float32], backend: str
) -> None:
    scores = reranker.score(QUERY, MIXED)
    assert scores.dtype == np.float32
    if is_int8(backend):
        assert np.corrcoef(scores, expected)[0, 1] > 0.9  # weights at random are the worst case
    else:
        np.testing.assert_allclose(scores, expected, atol=5e-3)


def test_a_score_does_not_depend_on_the_other_passages(reranker: Reranker, backend: str) -> None:
    together, backwards = reranker.score(QUERY, MIXED), reranker.score(QUERY, MIXED[::-1])[::-1]
    tolerance = 0.5 if is_int8(backend) else 5e-3  # 8 bits are spread over the widest activation of a batch
    np.testing.assert_allclose(backwards, together, atol=tolerance * max(1.0, float(np.ptp(together))))
    alone = np.concatenate([reranker.score(QUERY, [passage]) for passage in MIXED])
    np.testing.assert_allclose(alone, together, atol=tolerance * max(1.0, float(np.ptp(together))))


def test_empty_windows_queries_and_odd_texts(reranker: Reranker) -> None:
    assert reranker.score(QUERY, []).shape == (0,)
    assert np.isfinite(reranker.score("", MIXED)).all()
    assert np.isfinite(reranker.score(QUERY, ["", " \n", "🦊" * 30, "\ud800", "x" * 5_000, "\x00"])).all()


def test_threads_share_a_model_and_get_the_same_scores(reranker: Reranker, backend: str) -> None:
    queries = [QUERY, "warm rain", "small engines turn"]
    single = [reranker.score(query, MIXED) for query in queries]
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda place: reranker.score(queries[place % 3], MIXED), range(12)))
    for place, scores in enumerate(answers):
        tolerance = 0.5 * max(1.0, float(np.ptp(scores))) if is_int8(backend) else 5e-3
        np.testing.assert_allclose(scores, single[place % 3], atol=tolerance)


def test_a_query_too_long_is_an_error_in_every_backend(reranker: Reranker) -> None:
    with pytest.raises(RequestError, match="never truncated"):
        reranker.score("dog " * 600, MIXED)


def test_a_long_passage_is_read_where_it_answers(reranker: Reranker) -> None:
    filler = "engines turn in warm summer rain " * 80
    answer = "the dog barks at a cat. " * 20
    buried, plain = reranker.score(QUERY, [filler + answer, filler])
    assert buried != pytest.approx(plain, abs=1e-3)


def test_an_export_is_kept_and_opened_again(model: str, backend: str, reranker: Reranker) -> None:
    if backend != "torch":
        name = "bundled" if model == "bundled" else Path(model).name
        kept = {(manifest.name, manifest.backend) for _, manifest in list_artefacts()} | {("bundled", "onnx")}  # ships
        assert (name, backend) in kept
        assert load_reranker(model, backend=backend) is load_reranker(model, backend=backend)


def test_an_exported_backend_computes_on_the_cpu_only() -> None:
    with pytest.raises(RequestError, match="device: 'cuda': must be 'cpu' for backend 'onnx'"):
        load_reranker(backend="onnx", device="cuda")


def test_passages_read_before_score_the_same_from_memory() -> None:
    from connector.models.reranker import InteractionReranker

    bundled = load_reranker(str(bundled_reranker().folder), backend="torch", device="cpu")
    assert isinstance(bundled, InteractionReranker)
    bundled.forget()
    fresh = bundled.score(QUERY, MIXED)
    np.testing.assert_allclose(bundled.score(QUERY, MIXED), fresh, atol=1e-4)
    bundled.forget()
    np.testing.assert_allclose(bundled.score(QUERY, MIXED), fresh, atol=1e-4)


@needs_fork
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_scores(reranker: Reranker) -> None:
    expected = reranker.score(QUERY, MIXED)
    assert holds_in_forked_child(lambda: np.allclose(reranker.score(QUERY, MIXED), expected, atol=1e-2))
