"""Room: models. Bi-encoders: texts in, unit vectors out. The connector and the indexing pipeline come in here.

Importing this module loads neither torch nor sentence-transformers; `load_encoder` does.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from connector.errors import ModelError, RequestError
from connector.models.batching import token_budget, token_budget_batches
from connector.models.folders import BUNDLED, ModelFolder, bundled_encoder, find_model
from connector.models.loading import ForkSafeLock, Once, quiet_progress, shared, use_one_thread_after_fork
from connector.models.texts import checked_texts, unit_rows

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_ORGANIZATION = "sentence-transformers"
_QUERY_PROMPTS = ("query",)
_PASSAGE_PROMPTS = ("passage", "document")
_PROBE = "a"


@dataclass(frozen=True)
class Fingerprint:
    """What tells two encoders' vectors apart; it is kept in the `_meta` of an index's mapping.

    `revision` is the first 16 hex digits of the weights' SHA-256, or "" when the weights are unknown. The prefixes are
    the texts put before every query and every passage.
    """

    name: str
    revision: str
    dims: int
    pooling: str
    normalized: bool
    query_prefix: str
    passage_prefix: str

    def to_meta(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return dataclasses.asdict(self)

    @classmethod
    def from_meta(cls, meta: Mapping[str, Any]) -> Fingerprint:
        """Return what `to_meta` gave; keys that this version doesn't know are passed over.

        Raises: RequestError: a key is missing or its value has another type.
        """
        types = {"dims": int, "normalized": bool}
        values: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            wanted = types.get(field.name, str)
            value = meta.get(field.name)
            if type(value) is not wanted:
                raise RequestError(
                    f"_meta.{field.name}",
                    value,
                    f"must be of type {wanted.__name__}; was _meta written by another program?",
                )
            values[field.name] = value
        return cls(**values)

    def differences(self, other: Fingerprint) -> list[str]:
        """Return the names of the fields in which the vectors differ; [] means that they can be compared.

        Weights that are known decide; the name, which changes with the place they were loaded from, counts only where
        a revision is unknown.
        """
        both_known = bool(self.revision and other.revision)
        ignored = "name" if both_known else "revision"
        names = [field.name for field in dataclasses.fields(self) if field.name != ignored]
        return [name for name in names if getattr(self, name) != getattr(other, name)]


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


class SentenceTransformersEncoder:
    """A sentence-transformers model on one device; safe to use from many threads.

    Texts longer than the model's limit are truncated by the model. A lone surrogate in a text counts as U+FFFD.

    Args: model: the loaded model. name, revision: for the fingerprint.
    """

    def __init__(self, model: SentenceTransformer, *, name: str, revision: str) -> None:
        self._model = model
        self._lock = ForkSafeLock()
        self._token_budget = token_budget(str(model.device))
        self._query_prompt = _prompt_name(model, _QUERY_PROMPTS)
        self._passage_prompt = _prompt_name(model, _PASSAGE_PROMPTS)
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
    def max_tokens(self) -> int | None:
        """How many tokens of a text it reads, those it adds itself and its passage prefix left out."""
        limit, tokenizer = self._model.max_seq_length, self._model.tokenizer
        if not limit or not callable(tokenizer):
            return None
        prefix = len(tokenizer(self._fingerprint.passage_prefix, add_special_tokens=False)["input_ids"])
        return int(limit) - int(tokenizer.num_special_tokens_to_add()) - prefix

    def tokenizer_json(self) -> str | None:
        """Return its tokenizer as the `tokenizers` library writes it, without truncation; None when it has no such."""
        backend = getattr(self._model.tokenizer, "backend_tokenizer", None)
        if backend is None:
            return None
        with self._lock:
            copy = type(backend).from_str(backend.to_str())
        copy.no_truncation()
        copy.no_padding()
        return str(copy.to_str())

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the passages' vectors: float32 (n, dims), unit rows, (0, dims) for no passages.

        Raises: RequestError: `texts` is no list of strings. ModelError: the model failed.
        """
        return self._encode(texts, self._model.encode_document, self._passage_prompt)

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the queries' vectors, as `encode`; they differ from passages' only in models that have prompts."""
        return self._encode(texts, self._model.encode_query, self._query_prompt)

    def _encode(self, texts: Sequence[str], run: Callable[..., Any], prompt: str | None) -> NDArray[np.float32]:
        clean = checked_texts(texts, "texts")
        vectors = np.empty((len(clean), self._fingerprint.dims), dtype=np.float32)
        for positions in token_budget_batches(self._token_lengths(clean), self._token_budget):
            batch = [clean[position] for position in positions]
            try:
                with self._lock:
                    use_one_thread_after_fork()
                    vectors[positions] = run(batch, prompt_name=prompt, batch_size=len(batch), show_progress_bar=False)
            except (RuntimeError, ValueError) as error:
                raise ModelError(f"encoder {self._fingerprint.name!r} failed on {len(batch)} texts: {error}") from error
        return unit_rows(vectors, len(clean), self._fingerprint.name)

    def _token_lengths(self, texts: list[str]) -> list[int]:
        tokenizer, limit = self._model.tokenizer, self._model.max_seq_length
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
        self._dims = Once(lambda: unit_rows(function([_PROBE]), 1, self._name).shape[1])

    @property
    def fingerprint(self) -> Fingerprint:
        """What its vectors are. Raises: ModelError: the function gives something else than vectors."""
        return Fingerprint(self._name, "", self._dims.get(), "", True, "", "")

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the texts' vectors: float32 (n, dims), unit rows. Raises: RequestError, ModelError."""
        clean = checked_texts(texts, "texts")
        if not clean:
            return np.empty((0, self._dims.get()), dtype=np.float32)
        vectors = unit_rows(self._function(clean), len(clean), self._name)
        if vectors.shape[1] != self._dims.get():
            raise ModelError(f"encoder {self._name!r} gave {vectors.shape[1]} dims, and {self._dims.get()} before")
        return vectors

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the same as `encode`."""
        return self.encode(texts)


def load_encoder(name: str = BUNDLED, *, device: str | None = None) -> Encoder:
    """Return a sentence-transformers bi-encoder, loaded once in this process for each model and device.

    Args:
        name: "bundled" (the `offline` extra's all-MiniLM-L6-v2), a path, or a name on the Hugging Face hub.
        device: as torch names it ("cpu", "cuda:1"); None takes an accelerator where there is one.
    Raises: ModelNotFoundError: it is nowhere to be found. ModelError: it can't be loaded.
    """
    found = bundled_encoder() if name == BUNDLED else find_model(name, organization=_ORGANIZATION)
    return shared(("encoder", found, found.revision, device), lambda: _load(found, device))


def as_encoder(encoder: Encoder | str | Callable[[list[str]], ArrayLike]) -> Encoder:
    """Return an Encoder for an Encoder, a name or path, a SentenceTransformer, or a function texts -> (n, dims).

    Raises: RequestError: it is none of these. ModelNotFoundError, ModelError: as `load_encoder`.
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
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"


def _load(found: ModelFolder, device: str | None) -> SentenceTransformersEncoder:
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer

    try:
        with quiet_progress():
            model = SentenceTransformer(
                str(found.folder),
                device=device,
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
        return SentenceTransformersEncoder(model.float(), name=found.name, revision=found.revision)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, ImportError, SafetensorError) as error:
        raise ModelError(f"encoder {found.name!r} in {found.folder} can't be loaded: {error}") from error


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
