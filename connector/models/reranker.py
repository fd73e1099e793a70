"""Cross-encoders: a query and its passages in, one raw logit a passage out. The search comes in here.

Importing this module loads neither torch nor sentence-transformers; `load_reranker` does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from connector.errors import ConnectorError, ModelError, RequestError
from connector.models.backends.agreement import SHIPPED, Agreement, Window, kept_agreement, measured, shipped_windows
from connector.models.backends.building import build, open_artefact
from connector.models.backends.choice import Choice, chosen, or_torch, remembered
from connector.models.backends.registry import AUTO, TORCH, check_backend, is_int8
from connector.models.batching import padded_rows
from connector.models.cascade import CascadeOptions, CascadeReranker
from connector.models.encoder import name_of
from connector.models.folders import BUNDLED, ModelFolder, bundled_reranker, find_model
from connector.models.lanes import Batcher
from connector.models.loading import shared
from connector.models.session import PAIRS, Arrays, Opened, Session
from connector.models.shares import shortened
from connector.models.states import TwoHalves
from connector.models.static_match import StaticMatch
from connector.models.texts import checked_scores, checked_text, checked_texts, each_once, own_errors
from connector.models.tokenizing import TextTokenizer, TokenRow

if TYPE_CHECKING:
    from connector.models.network.networks import Loaded

_ORGANIZATION = "cross-encoder"


@runtime_checkable
class Reranker(Protocol):
    """A cross-encoder. `source` is the folder of its weights, "" when there is none."""

    @property
    def name(self) -> str:
        """What it is called in responses and errors."""

    @property
    def source(self) -> str:
        """Where its weights lie."""

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return a raw logit for each passage, float32 (n,), higher is better."""


class CrossEncoderReranker:
    """A plain cross-encoder in any session; safe to use from many threads, which share batches."""

    def __init__(self, tokenizer: TextTokenizer, session: Session, *, name: str, source: str) -> None:
        self.name = name
        self.source = source
        self._tokenizer = tokenizer
        self._batcher: Batcher[TokenRow] = Batcher(session, _tokens, self._collate, _each)

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return a raw logit for each passage, float32 (n,), higher is better; (0,) for no passages.

        The query is read whole; a passage too long for the model at the window that best matches the query's terms.
        Equal passages have equal scores. An empty passage is scored like any other, blank characters count as none, a
        lone surrogate as U+FFFD.

        Raises:
            RequestError: no strings, or the query leaves no room for a passage.
            ModelError: the model failed.
        """
        query, texts = checked_text(query, "query"), checked_texts(passages, "passages")
        if not texts:
            return np.empty(0, dtype=np.float32)
        once, places = each_once(texts)
        with failures(self.name, len(once)):
            scores = self._logits(query, once)
        return checked_scores(scores, len(once), self.name)[places]

    def shorten(
        self, query: str, sources: Sequence[Mapping[str, Any]], fields: Sequence[str], shares: Mapping[str, float]
    ) -> list[dict[str, list[str]]]:
        """Cut fields' texts to their shares of the tokens that the query leaves: see `shares.shortened`."""
        room = self._tokenizer.room_beside(checked_text(query, "query"))
        return shortened(self._tokenizer.tokenizer, max(room, 0), sources, fields, shares)

    def _logits(self, query: str, texts: list[str]) -> ArrayLike:
        return self._batcher.run(self._tokenizer.pairs(query, texts, self.name))

    def _collate(self, rows: Sequence[TokenRow]) -> Arrays:
        return padded_rows(rows, self._tokenizer.pads)


class InteractionReranker(CrossEncoderReranker):
    """The bundled reranker's network in any session; as `CrossEncoderReranker`, and it keeps what it has read.

    Args:
        halves: its two networks.
        static: its tokens' embeddings alone, for a cascade's first look.
    """

    def __init__(
        self, tokenizer: TextTokenizer, halves: TwoHalves, static: StaticMatch, *, name: str, source: str
    ) -> None:
        self.name = name
        self.source = source
        self.static = static
        self._tokenizer = tokenizer
        self.halves = halves

    def _logits(self, query: str, texts: list[str]) -> ArrayLike:
        return self.halves.join(*self.halves.read(query, texts, self.name))

    def forget(self) -> None:
        """Forget what it has read."""
        self.halves.forget()


@contextmanager
def failures(name: str, count: int) -> Iterator[None]:
    """Turn what a session raises into a ModelError that names the reranker."""
    try:
        yield
    except ConnectorError:
        raise
    except Exception as error:  # whatever a library raises on texts that it can't take
        raise ModelError(f"reranker {name!r} failed on {count} pairs: {error}") from error


class CallableReranker:
    """Any function (query, passages) -> scores as a reranker; the scores' count and finiteness are checked.

    It is given each different passage once.
    """

    def __init__(self, function: Callable[[str, list[str]], ArrayLike]) -> None:
        self.name = name_of(function)
        self.source = ""
        self._function = function

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return the function's scores as float32 (n,); no passages, no call. Raises: RequestError, ModelError."""
        query = checked_text(query, "query")
        texts = checked_texts(passages, "passages")
        if not texts:
            return np.empty(0, dtype=np.float32)
        once, places = each_once(texts)
        count = len(once)  # the function may change the list
        with own_errors(f"reranker {self.name!r}"):
            return checked_scores(self._function(query, once), count, self.name)[places]


def load_reranker(name: str = BUNDLED, *, backend: str | None = None, device: str | None = None) -> Reranker:
    """Return a cross-encoder, loaded once in this process for each model, backend and device.

    Args:
        name: "bundled" (ships with this package), a path, or a name on the Hugging Face hub; any sequence
            classification model that sentence-transformers' CrossEncoder loads, with one or two labels.
        backend: "torch", "onnx", "onnx-int8", "openvino" or "openvino-int8", which compute on the CPU and are exported
            on first use; "auto", the fastest of those installed, timed once on this machine, int8 only within the
            quality gate. None: what "auto" or `connector models build` has chosen before, else torch.
        device: as torch names it ("cpu", "cuda:1"); None takes an accelerator where there is one. Another than the CPU
            means torch.

    Raises:
        RequestError: an unknown backend, or one that is not for this device.
        ModelNotFoundError: the model is nowhere to be found.
        ModelError: it is no such model, or can't be loaded; the backend isn't installed.
    """
    check_backend(backend, device)
    found = find_reranker(name)
    taken = _backend_for(found, backend, device)

    def load(name: str) -> Reranker:
        return shared(("reranker", found, found.revision, name, device), lambda: _load(found, name, device))

    return load(taken) if backend is not None else or_torch(taken, load)


def load_cascade(
    name: str = BUNDLED,
    *,
    first: Reranker | str | None = None,
    options: CascadeOptions | None = None,
    backend: str | None = None,
    device: str | None = None,
) -> CascadeReranker:
    """Return a cascade: `first` scores the whole window, the model `name` those that may still reach the page.

    Args:
        first: a reranker, or a model's name or path. None: the token embeddings of the bundled reranker, or of the
            model itself where it is of that kind; they cost next to nothing.
        options: how many are read, and when it stops early.
        name, backend, device: as `load_reranker`, which says what is raised.
    """
    second = load_reranker(name, backend=backend, device=device)
    if isinstance(first, str):
        first = load_reranker(first, backend=backend, device=device)
    if first is None:
        own = second if isinstance(second, InteractionReranker) else load_reranker(backend=backend, device=device)
        assert isinstance(own, InteractionReranker)
        first = own.static
    return CascadeReranker(first, second, options)


def as_reranker(reranker: Reranker | str | Callable[[str, list[str]], ArrayLike]) -> Reranker:
    """Return a Reranker for a Reranker, a name or path, a CrossEncoder, or a function (query, passages) -> scores.

    Raises:
        RequestError: it is none of these.
        ModelNotFoundError, ModelError: as `load_reranker`.
    """
    if isinstance(reranker, str):
        return load_reranker(reranker)
    if isinstance(reranker, Reranker):
        return reranker
    library = sys.modules.get("sentence_transformers")
    if library is not None and isinstance(reranker, library.CrossEncoder):
        from connector.models.network.torch_session import opened, pair_model

        source = str(reranker.model.config._name_or_path)
        return made_of(opened(pair_model(reranker, source)), source, source)
    if callable(reranker):
        return CallableReranker(reranker)
    raise RequestError(
        "reranker", reranker, "must be a Reranker, a model's name or path, or a function (query, passages) -> scores"
    )


def find_reranker(name: str) -> ModelFolder:
    """Return where a reranker lies: see `load_reranker`, which says what is raised."""
    return bundled_reranker() if name == BUNDLED else find_model(name, organization=_ORGANIZATION)


def choose_backend(found: ModelFolder, *, again: bool = False) -> Choice:
    """Return the backend that "auto" takes, timed now where that isn't remembered, or is to be timed again."""
    return chosen(found, lambda each: _attempt(found, each), again=again)


def _backend_for(found: ModelFolder, backend: str | None, device: str | None) -> str:
    """Return the name of the backend that computes a model."""
    if backend == AUTO:
        return choose_backend(found).backend
    if backend is not None:
        return backend
    known = remembered(found) if device in (None, "cpu") else None
    return known.backend if known is not None else TORCH


def _load(found: ModelFolder, backend: str, device: str | None) -> Reranker:
    if backend == TORCH:
        from connector.models.network.torch_session import load, opened

        return made_of(opened(load(found, device)), found.name, str(found.folder))
    return made_of(open_artefact(build_reranker(found, backend), backend), found.name, str(found.folder))


def build_reranker(found: ModelFolder, backend: str) -> Path:
    """Return the folder of a reranker exported for a backend; see `building.build`."""

    def load_in_torch() -> Loaded:
        from connector.models.network.torch_session import load

        return load(found, "cpu")

    return build(found, backend, load_in_torch)


def measure_reranker(found: ModelFolder, backend: str, data: str, windows: Sequence[Window]) -> Agreement:
    """Measure a backend against torch in float32, and write it beside the artefact."""
    folder = build_reranker(found, backend)
    reference, exported = (load_reranker(str(found.folder), backend=name, device="cpu") for name in (TORCH, backend))
    agreement = measured(data, windows, reference.score, exported.score)
    agreement.keep(folder)
    return agreement


def _attempt(found: ModelFolder, backend: str) -> Callable[[], int]:
    """Open a model in a backend, and return what scores a sample once; refuse int8 beyond the gate."""
    windows = shipped_windows()
    if is_int8(backend):
        folder = build_reranker(found, backend)
        agreement = kept_agreement(folder) or measure_reranker(found, backend, SHIPPED, windows)
        if not agreement.is_within():
            raise ModelError(
                f"its order is beyond the quality gate: nDCG@10 {agreement.ndcg_lost:+.4f} lost, tau "
                f"{agreement.tau:.3f}, top-10 overlap {agreement.overlap:.3f} on {agreement.windows} windows "
                f"({agreement.data})"
            )
    reranker = _load(found, backend, "cpu")
    passages = [passage for window in windows[:2] for passage in window.passages]

    def run() -> int:
        if isinstance(reranker, InteractionReranker):
            reranker.forget()
        return len(reranker.score(windows[0].query, passages))

    return run


def made_of(opened: Opened, name: str, source: str) -> Reranker:
    """Return a reranker of what a backend has opened."""
    if opened.token_idf is not None and opened.token_vectors is not None:
        static = StaticMatch(opened.tokenizer, opened.token_vectors, opened.token_idf, name=name)
        halves = TwoHalves(opened.tokenizer, opened.sessions)
        return InteractionReranker(opened.tokenizer, halves, static, name=name, source=source)
    return CrossEncoderReranker(opened.tokenizer, opened.sessions[PAIRS], name=name, source=source)


def _tokens(row: TokenRow) -> int:
    return len(row["input_ids"])


def _each(output: NDArray[np.float32], rows: Sequence[TokenRow]) -> list[float]:
    return [float(output[place]) for place in range(len(rows))]
