"""Opens models by name, each loaded once per process, in the backend that suits this machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

from numpy.typing import ArrayLike

from connector.errors import RequestError
from connector.models.backends.choice import Choice, backend_for, or_torch
from connector.models.backends.opening import open_encoder, open_once, open_reranker
from connector.models.backends.registry import AUTO, check_backend
from connector.models.backends.trial import choose_encoder_backend, choose_reranker_backend
from connector.models.cascade import CascadeOptions, CascadeReranker
from connector.models.encoder import CallableEncoder, Encoder
from connector.models.folders import BUNDLED, ModelFolder, bundled_encoder, bundled_reranker, find_model
from connector.models.reranker import CallableReranker, InteractionReranker, Reranker, reranker_from
from connector.models.state_match import StateMatch

STATES = "states"
"""The first stage of a cascade that compares states: see `load_cascade`."""

Model = TypeVar("Model")


def load_encoder(name: str = BUNDLED, *, backend: str | None = None, device: str | None = None) -> Encoder:
    """Return a sentence-transformers bi-encoder, loaded once in this process for each model, backend and device.

    Args:
        name: "bundled" (all-MiniLM-L6-v2, installed with this package), a path, or a name on the Hugging Face hub.
        backend: as for `load_reranker`; "auto" takes int8 only if it keeps 99 % of torch's first hundred hits.
        device: as for `load_reranker`.

    Raises:
        RequestError: the backend is unknown, or does not run on this device.
        ModelNotFoundError: the model was not found.
        ModelError: it can't be loaded, or the backend isn't installed.

    Examples:
        >>> from connector import load_encoder
        >>> encoder = load_encoder()
        >>> passages = encoder.encode(["Descaling a kettle", "Sharpening a knife"])
        >>> query = encoder.encode_queries(["remove limescale"])[0]
        >>> int((passages @ query).argmax())
        0
    """
    check_backend(backend, device)
    return _load(find_encoder(name), backend, device, open_encoder, choose_encoder_backend)


def load_reranker(name: str = BUNDLED, *, backend: str | None = None, device: str | None = None) -> Reranker:
    """Return a cross-encoder, loaded once in this process for each model, backend and device.

    Args:
        name: "bundled" (ships with this package), a path, or a name on the Hugging Face hub; any sequence
            classification model that sentence-transformers' CrossEncoder loads, with one or two labels.
        backend: "torch"; "onnx", "onnx-int8", "openvino" or "openvino-int8", which run on the CPU and are exported on
            first use; or "auto", the fastest of those installed, timed once on this machine, int8 only within the
            quality gate. None takes what "auto" or `connector models build` chose before; else "onnx" for a bundled
            model, whose graphs ship, unless there is a GPU of NVIDIA or AMD; else torch.
        device: as torch names it ("cpu", "cuda:1"); with None, torch takes an accelerator if there is one. Only torch
            runs on anything other than the CPU.

    Raises:
        RequestError: the backend is unknown, or does not run on this device.
        ModelNotFoundError: the model was not found.
        ModelError: it is not a cross-encoder, can't be loaded, or the backend isn't installed.

    Examples:
        >>> from connector import load_reranker
        >>> reranker = load_reranker()
        >>> scores = reranker.score("remove limescale", ["Descaling a kettle", "Sharpening a knife"])
        >>> int(scores.argmax())
        0
    """
    check_backend(backend, device)
    return _load(find_reranker(name), backend, device, open_reranker, choose_reranker_backend)


def load_cascade(
    name: str = BUNDLED,
    *,
    first: Reranker | str | None = None,
    options: CascadeOptions | None = None,
    backend: str | None = None,
    device: str | None = None,
) -> CascadeReranker:
    """Return a cascade: `first` scores the whole window, the model `name` the passages that may still reach the page.

    Args:
        name: as for `load_reranker`.
        first: a reranker, or a model's name or path. "states" compares both texts as the lower layers of a model of the
            bundled reranker's kind read them, which the second stage does not read again. None: that model's token
            embeddings, which cost next to nothing. The model is `name` if it is of that kind, else the bundled one.
        options: how many passages the model reads, and when it stops early.
        backend: as for `load_reranker`.
        device: as for `load_reranker`.

    Raises:
        ConnectorError: as `load_reranker`.

    Examples:
        >>> from connector.models import CascadeOptions, load_cascade
        >>> reranker = load_cascade(options=CascadeOptions(survivors=20))
        >>> scores = reranker.score("remove limescale", ["Descaling a kettle", "Sharpening a knife"])
        >>> int(scores.argmax())
        0
    """
    second = load_reranker(name, backend=backend, device=device)
    if first is None or first == STATES:
        own = second if isinstance(second, InteractionReranker) else load_reranker(backend=backend, device=device)
        assert isinstance(own, InteractionReranker)
        return CascadeReranker(own.static if first is None else StateMatch(own), second, options)
    if isinstance(first, str):
        first = load_reranker(first, backend=backend, device=device)
    return CascadeReranker(first, second, options)


def as_encoder(encoder: Encoder | str | Callable[[list[str]], ArrayLike]) -> Encoder:
    """Return an Encoder for an Encoder, a name or path, a SentenceTransformer, or a function texts -> (n, dims).

    Raises:
        RequestError: it is none of these.
        ModelNotFoundError: as `load_encoder`.
        ModelError: as `load_encoder`.

    Examples:
        >>> from connector.models import as_encoder
        >>> def count_letters(texts: list[str]) -> list[list[int]]:
        ...     return [[text.count("a"), text.count("b"), 1] for text in texts]
        >>> as_encoder(count_letters).encode(["abba"]).shape
        (1, 3)
    """
    if isinstance(encoder, str):
        return load_encoder(encoder)
    if isinstance(encoder, Encoder):
        return encoder
    library = sys.modules.get("sentence_transformers")
    if library is not None and isinstance(encoder, library.SentenceTransformer):
        from connector.models.network.encoder import wrap

        return wrap(encoder)
    if callable(encoder):
        return CallableEncoder(encoder)
    raise RequestError(
        "encoder", encoder, "must be an Encoder, a model's name or path, or a function texts -> array (n, dims)"
    )


def as_reranker(reranker: Reranker | str | Callable[[str, list[str]], ArrayLike]) -> Reranker:
    """Return a Reranker for a Reranker, a name or path, a CrossEncoder, or a function (query, passages) -> scores.

    Raises:
        RequestError: it is none of these.
        ModelNotFoundError: as `load_reranker`.
        ModelError: as `load_reranker`.

    Examples:
        >>> from connector.models import as_reranker
        >>> def count_query(query: str, passages: list[str]) -> list[int]:
        ...     return [passage.count(query) for passage in passages]
        >>> as_reranker(count_query).score("tea", ["coffee", "green tea"]).tolist()
        [0.0, 1.0]
    """
    if isinstance(reranker, str):
        return load_reranker(reranker)
    if isinstance(reranker, Reranker):
        return reranker
    library = sys.modules.get("sentence_transformers")
    if library is not None and isinstance(reranker, library.CrossEncoder):
        from connector.models.network.reranker import pair_model
        from connector.models.network.torch_session import open_sessions

        source = str(reranker.model.config._name_or_path)
        return reranker_from(open_sessions(pair_model(reranker, source)), name=source, source=source)
    if callable(reranker):
        return CallableReranker(reranker)
    raise RequestError(
        "reranker", reranker, "must be a Reranker, a model's name or path, or a function (query, passages) -> scores"
    )


def find_encoder(name: str) -> ModelFolder:
    """Return the folder of an encoder; raises as `load_encoder`."""
    return bundled_encoder() if name == BUNDLED else find_model(name, organization="sentence-transformers")


def find_reranker(name: str) -> ModelFolder:
    """Return the folder of a reranker; raises as `load_reranker`."""
    return bundled_reranker() if name == BUNDLED else find_model(name, organization="cross-encoder")


def _load(
    found: ModelFolder,
    backend: str | None,
    device: str | None,
    open_model: Callable[[ModelFolder, str, str | None], Model],
    choose: Callable[[ModelFolder], Choice],
) -> Model:
    def load(name: str) -> Model:
        return open_once(open_model, found, name, device)

    if backend == AUTO:
        backend = choose(found).backend
    name = backend_for(found, backend, device)
    return load(name) if backend is not None else or_torch(name, load)
