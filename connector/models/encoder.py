"""Bi-encoders: texts in, unit vectors out. The connector and the indexing pipeline come in here.

Importing this module loads neither torch nor sentence-transformers; `load_encoder` does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from connector.documents.stretches import most_characters
from connector.errors import ConnectorError, ModelError, ModelOutputError, RequestError
from connector.models.backends.agreement import LEAST_RECALL, SHIPPED, Recall, Window, kept_recall, shipped_windows
from connector.models.backends.building import artefact_folder
from connector.models.backends.choice import Choice, chosen, or_torch, remembered
from connector.models.backends.exported_encoder import open_encoder, recall
from connector.models.backends.registry import AUTO, TORCH, check_backend, is_int8
from connector.models.batching import token_budget
from connector.models.fingerprint import Fingerprint as Fingerprint
from connector.models.folders import BUNDLED, ModelFolder, bundled_encoder, find_model, is_bundled_encoder, modules_of
from connector.models.inspection import check_files
from connector.models.lanes import Batcher, keep_torch_to_one_thread
from connector.models.loading import ForkSafeLock, Once, quiet_progress, shared, turn_on
from connector.models.query_cache import QueryCache
from connector.models.session import Arrays
from connector.models.texts import checked_texts, each_once, own_errors, unit_rows

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_ORGANIZATION = "sentence-transformers"
_QUERY_PROMPTS = ("query",)
_PASSAGE_PROMPTS = ("passage", "document")
_PROBE = "a"


@runtime_checkable
class Encoder(Protocol):
    """A bi-encoder. `encode` is for passages, `encode_queries` for queries; both give float32 (n, dims), unit rows."""

    @property
    def fingerprint(self) -> Fingerprint:
        """What its vectors are."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the passages' vectors."""

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the queries' vectors."""


@runtime_checkable
class TokenizingEncoder(Encoder, Protocol):
    """An encoder whose tokens can be counted, so that texts can be split to its measure."""

    @property
    def max_tokens(self) -> int | None:
        """How many tokens of a text it reads, those it adds itself left out; None: as many as there are."""

    def tokenizer_json(self) -> str | None:
        """Return its tokenizer as the `tokenizers` library writes it, without truncation; None when it has none."""


_Text = tuple[str, int]


class _SentenceSession:
    """A sentence-transformers model as a session whose input is the texts themselves; see `Session`."""

    def __init__(self, device: str, encode: Callable[..., Any], prompt: str | None, turn: AbstractContextManager[None]):
        self.token_budget = token_budget(device)
        self._encode = encode
        self._prompt = prompt
        self._turn = turn

    def run(self, inputs: Arrays) -> NDArray[np.float32]:
        """See `Session`."""
        texts = inputs["texts"].tolist()
        keep_torch_to_one_thread()
        with self._turn:
            vectors: NDArray[np.float32] = self._encode(
                texts, prompt_name=self._prompt, batch_size=len(texts), show_progress_bar=False
            )
        return vectors


def _collate_texts(rows: Sequence[_Text]) -> Arrays:
    return {"texts": np.array([text for text, _ in rows], dtype=object)}


class SentenceTransformersEncoder:
    """A sentence-transformers model on one device; safe to use from many threads.

    Texts longer than the model's limit are truncated by the model. A lone surrogate in a text counts as U+FFFD.

    Args:
        model: the loaded model.
        name, revision: for the fingerprint.
    """

    def __init__(self, model: SentenceTransformer, *, name: str, revision: str) -> None:
        self._model = model
        self._tokenizer = deepcopy(model.tokenizer)  # the model's own must keep its settings while it encodes
        self._lock = ForkSafeLock()
        self._query_prompt = _prompt_name(model, _QUERY_PROMPTS)
        self._passage_prompt = _prompt_name(model, _PASSAGE_PROMPTS)
        self._kept = QueryCache()
        self._turn = turn_on(str(model.device))  # queries' and passages' alike
        self._queries = self._batcher(model.encode_query, self._query_prompt)
        self._passages = self._batcher(model.encode_document, self._passage_prompt)
        self._fingerprint = Fingerprint(
            name=name,
            revision=revision,
            dims=int(np.shape(model.encode([_PROBE], show_progress_bar=False))[1]),
            pooling=_pooling(model),
            normalized=True,
            query_prefix=model.prompts.get(self._query_prompt or "") or "",
            passage_prefix=model.prompts.get(self._passage_prompt or "") or "",
        )

    @property
    def fingerprint(self) -> Fingerprint:
        """What its vectors are."""
        return self._fingerprint

    @property
    def model(self) -> SentenceTransformer:
        """The model of sentence-transformers."""
        return self._model

    @property
    def max_tokens(self) -> int | None:
        """How many tokens of a text it reads, those it adds itself and its passage prefix left out."""
        limit, tokenizer = self._model.max_seq_length, self._tokenizer
        if not limit or not callable(tokenizer):
            return None
        with self._lock:
            prefix = len(tokenizer(self._fingerprint.passage_prefix, add_special_tokens=False)["input_ids"])
        return int(limit) - int(tokenizer.num_special_tokens_to_add()) - prefix

    def tokenizer_json(self) -> str | None:
        """Return its tokenizer as the `tokenizers` library writes it, without truncation; None when it has no such."""
        backend = getattr(self._tokenizer, "backend_tokenizer", None)
        if backend is None:
            return None
        with self._lock:
            copy = type(backend).from_str(backend.to_str())
        copy.no_truncation()
        copy.no_padding()
        return str(copy.to_str())

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the passages' vectors: float32 (n, dims), unit rows, (0, dims) for no passages.

        Raises:
            RequestError: `texts` is no list of strings.
            ModelError: the model failed.
        """
        return self._encode(checked_texts(texts, "texts"), self._passages)

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the queries' vectors, as `encode`; they differ from passages' only in models that have prompts."""
        clean = checked_texts(texts, "texts")
        return self._kept.vectors(clean, lambda unknown: self._encode(unknown, self._queries))

    def _encode(self, clean: list[str], batcher: Batcher[_Text]) -> NDArray[np.float32]:
        limit = self._model.max_seq_length
        once, places = each_once([text[: most_characters(limit)] for text in clean] if limit else clean)
        rows = list(zip(once, self._token_lengths(once), strict=True))
        vectors = np.empty((len(once), self._fingerprint.dims), dtype=np.float32)
        try:
            for place, vector in enumerate(batcher.run(rows)):
                vectors[place] = vector
        except Exception as error:  # whatever a library raises on texts that it can't take
            raise ModelError(f"encoder {self._fingerprint.name!r} failed on {len(once)} texts: {error}") from error
        return unit_rows(vectors, len(once), self._fingerprint.name)[places]

    def _batcher(self, encode: Callable[..., Any], prompt: str | None) -> Batcher[_Text]:
        session = _SentenceSession(str(self._model.device), encode, prompt, self._turn)
        return Batcher(session, lambda row: row[1], _collate_texts, lambda output, _: list(output))

    def _token_lengths(self, texts: list[str]) -> list[int]:
        tokenizer, limit = self._tokenizer, self._model.max_seq_length
        if len(texts) < 2 or not limit or not callable(tokenizer):
            return [len(text) for text in texts]
        with self._lock:
            return [len(ids) for ids in tokenizer(texts, truncation=True, max_length=limit)["input_ids"]]


class CallableEncoder:
    """Any function from a list of texts to an array (n, dims), as an encoder; its rows are normalised here.

    The fingerprint carries the function's name and no revision. `dims` comes from a first call with one short text.
    """

    def __init__(self, function: Callable[[list[str]], ArrayLike]) -> None:
        self._function = function
        self._name = name_of(function)
        self._dims = Once(lambda: self._vectors([_PROBE]).shape[1])

    @property
    def fingerprint(self) -> Fingerprint:
        """What its vectors are. Raises: ModelError: the function gives something else than vectors."""
        return Fingerprint(self._name, "", self._dims.get(), "", True, "", "")

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the texts' vectors: float32 (n, dims), unit rows. Raises: RequestError, ModelError."""
        clean = checked_texts(texts, "texts")
        if not clean:
            return np.empty((0, self._dims.get()), dtype=np.float32)
        vectors = self._vectors(clean)
        if vectors.shape[1] != self._dims.get():
            raise ModelOutputError(
                f"encoder {self._name!r} gave {vectors.shape[1]} dims, and {self._dims.get()} before"
            )
        return vectors

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the same as `encode`."""
        return self.encode(texts)

    def _vectors(self, texts: list[str]) -> NDArray[np.float32]:
        count = len(texts)  # the function may change the list
        with own_errors(f"encoder {self._name!r}"):
            return unit_rows(self._function(texts), count, self._name)


def load_encoder(name: str = BUNDLED, *, backend: str | None = None, device: str | None = None) -> Encoder:
    """Return a sentence-transformers bi-encoder, loaded once in this process for each model, backend and device.

    Args:
        name: "bundled" (the `offline` extra's all-MiniLM-L6-v2), a path, or a name on the Hugging Face hub.
        backend: as `load_reranker`; int8 is taken by "auto" where it keeps 99 % of torch's first hundred.
        device: as torch names it ("cpu", "cuda:1"); None takes an accelerator where there is one.

    Raises:
        RequestError: an unknown backend, or one that is not for this device.
        ModelNotFoundError: it is nowhere to be found.
        ModelError: it can't be loaded; the backend isn't installed.
    """
    check_backend(backend, device)
    found = find_encoder(name)
    if backend == AUTO:
        backend = choose_encoder_backend(found).backend
    known = remembered(found) if backend is None and device in (None, "cpu") else None
    taken = backend or (known.backend if known is not None else TORCH)

    def load(name: str) -> Encoder:
        return shared(("encoder", found, found.revision, name, device), lambda: _opened(found, name, device))

    return load(taken) if backend is not None else or_torch(taken, load)


def find_encoder(name: str) -> ModelFolder:
    """Return where an encoder lies: see `load_encoder`, which says what is raised."""
    return bundled_encoder() if name == BUNDLED else find_model(name, organization=_ORGANIZATION)


def choose_encoder_backend(found: ModelFolder, *, again: bool = False) -> Choice:
    """Return the backend that "auto" takes, timed now where that isn't remembered, or is to be timed again."""
    windows = shipped_windows()
    passages = [passage for window in windows for passage in window.passages]

    def attempt(backend: str) -> Callable[[], int]:
        encoder = _opened(found, backend, "cpu")
        if is_int8(backend):
            kept = kept_recall(artefact_folder(found, backend)) or measure_encoder(found, backend, SHIPPED, windows)
            if not kept.is_within():
                raise ModelError(f"it keeps {kept.recall:.3f} of torch's first hundred, less than {LEAST_RECALL}")
        return lambda: len(encoder.encode(passages[:32]))

    return chosen(found, attempt, again=again)


def measure_encoder(found: ModelFolder, backend: str, data: str, windows: Sequence[Window]) -> Recall:
    """Measure recall@100 of a backend against torch in float32 over all the windows' passages; write it down."""
    torch, exported = (_opened(found, name, "cpu") for name in (TORCH, backend))
    queries = [window.query for window in windows]
    passages = list(dict.fromkeys(passage for window in windows for passage in window.passages))
    cosines = [each.encode_queries(queries) @ each.encode(passages).T for each in (torch, exported)]
    measured = Recall(data, len(queries), recall(*cosines))
    measured.keep(artefact_folder(found, backend))
    return measured


def _opened(found: ModelFolder, backend: str, device: str | None) -> Encoder:
    if backend == TORCH:
        return _load(found, device)

    def load() -> tuple[SentenceTransformer, Fingerprint]:
        encoder = _load(found, "cpu")
        return encoder.model, encoder.fingerprint

    return open_encoder(found, backend, load)


def as_encoder(encoder: Encoder | str | Callable[[list[str]], ArrayLike]) -> Encoder:
    """Return an Encoder for an Encoder, a name or path, a SentenceTransformer, or a function texts -> (n, dims).

    Raises:
        RequestError: it is none of these.
        ModelNotFoundError, ModelError: as `load_encoder`.
    """
    if isinstance(encoder, str):
        return load_encoder(encoder)
    if isinstance(encoder, Encoder):
        return encoder
    library = sys.modules.get("sentence_transformers")
    if library is not None and isinstance(encoder, library.SentenceTransformer):
        return SentenceTransformersEncoder(encoder, name=_name_of_loaded(encoder), revision="")
    if callable(encoder):
        return CallableEncoder(encoder)
    raise RequestError(
        "encoder", encoder, "must be an Encoder, a model's name or path, or a function texts -> array (n, dims)"
    )


def name_of(function: object) -> str:
    """Return what to call a function, or an object that can be called, in errors and fingerprints."""
    try:
        return f"{function.__module__}.{function.__qualname__}"  # type: ignore[attr-defined]
    except Exception:  # an object has no such name, or its class raises what it likes when asked
        return f"{type(function).__module__}.{type(function).__qualname__}"


def _load(found: ModelFolder, device: str | None) -> SentenceTransformersEncoder:
    from sentence_transformers import SentenceTransformer

    is_checked = is_bundled_encoder(found)
    if not is_checked:
        check_files(found)
    try:
        with quiet_progress():
            model = SentenceTransformer(
                str(found.folder),
                device=device,
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            ).float()
            if not is_checked:
                _check(found, model)
        return SentenceTransformersEncoder(model, name=found.name, revision=found.revision)
    except ConnectorError:
        raise
    except Exception as error:  # whatever the libraries raise on a folder that isn't whole
        raise ModelError(f"encoder {found.name!r} in {found.folder} can't be loaded: {error}") from error


def _check(found: ModelFolder, model: SentenceTransformer) -> None:
    """Check that a model is whole, and let it read no more than it has positions for. Raises: ModelError: it isn't."""
    from connector.models.probing import probe_encoder
    from connector.models.whole import check_vocabulary, check_weights, positions_of, token_limit

    network = getattr(model[0], "auto_model", None)
    if network is None:
        return  # static embeddings and the like: their loader takes nothing but whole files
    who = f"encoder {found.name!r}"
    texts = check_vocabulary(model.tokenizer, network, who)

    def encode(read: list[str]) -> NDArray[np.float32]:
        return np.asarray(model.encode(read, show_progress_bar=False), dtype=np.float32)

    model.max_seq_length = token_limit(model.max_seq_length, positions_of(network))
    modules = modules_of(found.folder)
    check_weights(network, modules[0].folder if modules else found.folder, lambda: encode(list(texts)), who)
    tokens = len(model.tokenizer(" ".join(texts))["input_ids"])
    probe_encoder(encode, texts, tokens, model.max_seq_length, who)


def _name_of_loaded(model: SentenceTransformer) -> str:
    config = getattr(getattr(model[0], "auto_model", None), "config", None)
    return str(getattr(config, "_name_or_path", "")) or type(model).__qualname__


def _prompt_name(model: SentenceTransformer, names: Sequence[str]) -> str | None:
    candidates = (*names, model.default_prompt_name or "")
    return next((name for name in candidates if model.prompts.get(name)), None)


def _pooling(model: SentenceTransformer) -> str:
    for module in model:
        mode = getattr(module, "pooling_mode", None)
        if mode is not None:
            return mode if isinstance(mode, str) else "+".join(mode)
        legacy = getattr(module, "get_pooling_mode_str", None)
        if callable(legacy):
            return str(legacy())
    return ""
