"""Measures and times a model in each backend, and so chooses what `backend="auto"` takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from connector.errors import ModelError
from connector.models.backends.agreement import LEAST_RECALL, SHIPPED, Agreement, Recall, Window, compare, recall
from connector.models.backends.building import artefact_folder
from connector.models.backends.choice import Choice, choose
from connector.models.backends.opening import open_encoder, open_once, open_reranker
from connector.models.backends.registry import TORCH, is_int8
from connector.models.backends.shipped_windows import shipped_windows
from connector.models.folders import ModelFolder
from connector.models.reranker import InteractionReranker

_PASSAGES = 32
_EXPORT_S, _EXPORT_S_PER_MB = 5, 0.35
"""Rough, for two cores: about 3 min were predicted for the bundled reranker in four backends, and 2.2 were taken."""


def choose_encoder_backend(found: ModelFolder, *, again: bool = False) -> Choice:
    """Return the backend that "auto" takes for an encoder; `again` times the backends even if it is remembered."""
    return choose(found, lambda backend: _encoder_attempt(found, backend), again=again)


def choose_reranker_backend(found: ModelFolder, *, again: bool = False) -> Choice:
    """Return the backend that "auto" takes for a reranker; `again` times the backends even if it is remembered."""
    return choose(found, lambda backend: _reranker_attempt(found, backend), again=again)


def estimate_s(found: ModelFolder, backends: Sequence[str], windows: Sequence[Window], *, is_encoder: bool) -> float:
    """Return about how many seconds it takes to export a model for backends and to measure each against torch.

    Args:
        found: the model.
        backends: the backends' names.
        windows: what is measured on; torch computes the first, to be timed.
        is_encoder: True for a bi-encoder, False for a reranker.
    """
    passages = windows[0].passages
    if is_encoder:
        encoder = open_once(open_encoder, found, TORCH, "cpu")
        seconds = _seconds(lambda: encoder.encode(passages))
    else:
        reranker = open_once(open_reranker, found, TORCH, "cpu")
        seconds = _seconds(lambda: reranker.score(windows[0].query, passages))
    per_passage = seconds / len(passages)
    megabytes = sum(path.stat().st_size for path in found.weights) / 1e6
    measuring = 2 * per_passage * sum(len(window.passages) for window in windows)
    return len(backends) * (_EXPORT_S + _EXPORT_S_PER_MB * megabytes + measuring)


def _seconds(compute: Callable[[], object]) -> float:
    start = time.perf_counter()
    compute()
    return time.perf_counter() - start


def measure_encoder(found: ModelFolder, backend: str, data: str, windows: Sequence[Window]) -> Recall:
    """Measure a backend's recall@100 against torch in float32 over all the windows' passages, and store it.

    Args:
        found: the encoder.
        backend: the backend to measure.
        data: the windows' name.
        windows: the queries and passages.
    """
    encoders = open_once(open_encoder, found, TORCH, "cpu"), open_encoder(found, backend, "cpu")
    queries = [window.query for window in windows]
    passages = list(dict.fromkeys(passage for window in windows for passage in window.passages))
    cosines = [each.encode_queries(queries) @ each.encode(passages).T for each in encoders]
    measured = Recall(data, len(queries), recall(*cosines))
    measured.write(artefact_folder(found, backend))
    return measured


def measure_reranker(found: ModelFolder, backend: str, data: str, windows: Sequence[Window]) -> Agreement:
    """Measure a backend's order against torch's in float32, and store the result.

    Args:
        found: the reranker.
        backend: the backend to measure.
        data: the windows' name.
        windows: the queries and passages.
    """
    reference = open_once(open_reranker, found, TORCH, "cpu")
    exported = open_reranker(found, backend, "cpu")
    measured = compare(data, windows, reference.score, exported.score)
    measured.write(artefact_folder(found, backend))
    return measured


def _encoder_attempt(found: ModelFolder, backend: str) -> Callable[[], int]:
    """Open an encoder, and return a function that encodes a sample; int8 beyond the gate is refused."""
    windows = shipped_windows()
    encoder = open_encoder(found, backend, "cpu")
    if is_int8(backend):
        measured = Recall.read(artefact_folder(found, backend)) or measure_encoder(found, backend, SHIPPED, windows)
        if not measured.is_within():
            raise ModelError(f"it keeps {measured.recall:.3f} of torch's first hundred, less than {LEAST_RECALL}")
    sample = [passage for window in windows for passage in window.passages][:_PASSAGES]
    return lambda: len(encoder.encode(sample))


def _reranker_attempt(found: ModelFolder, backend: str) -> Callable[[], int]:
    """Open a reranker, and return a function that scores a sample; int8 beyond the gate is refused."""
    windows = shipped_windows()
    reranker = open_reranker(found, backend, "cpu")
    if is_int8(backend):
        measured = Agreement.read(artefact_folder(found, backend)) or measure_reranker(found, backend, SHIPPED, windows)
        if not measured.is_within():
            raise ModelError(
                f"its order is beyond the quality gate: nDCG@10 {measured.ndcg_lost:+.4f} lost, tau "
                f"{measured.tau:.3f}, top-10 overlap {measured.overlap:.3f} on {measured.windows} windows "
                f"({measured.data})"
            )
    sample = [passage for window in windows[:2] for passage in window.passages]

    def run() -> int:
        if isinstance(reranker, InteractionReranker):
            reranker.forget()
        return len(reranker.score(windows[0].query, sample))

    return run
