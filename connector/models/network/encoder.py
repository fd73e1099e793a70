"""Bi-encoders of sentence-transformers in torch: loaded from a folder, checked, and prepared for export."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from connector.documents.stretches import most_characters
from connector.errors import ConnectorError, ModelError
from connector.models.compute_pool import Batcher
from connector.models.encoder import PROBE
from connector.models.fingerprint import Fingerprint
from connector.models.folders import ModelFolder, is_bundled_encoder, modules_of
from connector.models.network.device import exclusive_use, keep_torch_to_one_thread, token_budget
from connector.models.network.inspection import check_files
from connector.models.network.networks import Loaded, VectorNetwork
from connector.models.network.probing import probe_encoder
from connector.models.network.quiet import quiet_progress
from connector.models.network.whole import (
    check_vocabulary,
    check_weights,
    positions_of,
    settle_padding,
    token_limit,
)
from connector.models.once import ForkSafeLock
from connector.models.query_cache import QueryCache
from connector.models.session import TOKEN_INPUTS, VECTORS, Arrays
from connector.models.texts import checked_texts, each_once, unit_rows
from connector.models.tokenizing import text_tokenizer

_QUERY_PROMPTS = ("query",)
_PASSAGE_PROMPTS = ("passage", "document")

_Text = tuple[str, int]


class _SentenceSession:
    """A sentence-transformers model as a session whose input is the texts themselves; see `Session`."""

    def __init__(self, device: str, encode: Callable[..., Any], prompt: str | None, lock: AbstractContextManager[None]):
        self.token_budget = token_budget(device)
        self._encode = encode
        self._prompt = prompt
        self._lock = lock

    def run(self, inputs: Arrays) -> NDArray[np.float32]:
        """See `Session`."""
        texts = inputs["texts"].tolist()
        keep_torch_to_one_thread()
        with self._lock:
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
        self._tokenizer_lock = ForkSafeLock()
        self._query_prompt = _prompt_name(model, _QUERY_PROMPTS)
        self._passage_prompt = _prompt_name(model, _PASSAGE_PROMPTS)
        self._recent = QueryCache()
        self._device_lock = exclusive_use(str(model.device))  # shared by queries and passages
        self._queries = self._batcher(model.encode_query, self._query_prompt)
        self._passages = self._batcher(model.encode_document, self._passage_prompt)
        self._fingerprint = Fingerprint(
            name=name,
            revision=revision,
            dims=int(np.shape(model.encode([PROBE], show_progress_bar=False))[1]),
            pooling=_pooling(model),
            normalized=True,
            query_prefix=model.prompts.get(self._query_prompt or "") or "",
            passage_prefix=model.prompts.get(self._passage_prompt or "") or "",
        )

    @property
    def fingerprint(self) -> Fingerprint:
        """What tells its vectors from another encoder's."""
        return self._fingerprint

    @property
    def model(self) -> SentenceTransformer:
        """The sentence-transformers model."""
        return self._model

    @property
    def max_tokens(self) -> int | None:
        """How many tokens of a text it reads, without its passage prefix and the special tokens."""
        limit, tokenizer = self._model.max_seq_length, self._tokenizer
        if not limit or not callable(tokenizer):
            return None
        with self._tokenizer_lock:
            prefix = len(tokenizer(self._fingerprint.passage_prefix, add_special_tokens=False)["input_ids"])
        return int(limit) - int(tokenizer.num_special_tokens_to_add()) - prefix

    def tokenizer_json(self) -> str | None:
        """Return its tokenizer in the `tokenizers` library's JSON, without truncation; None if it has no fast form."""
        backend = getattr(self._tokenizer, "backend_tokenizer", None)
        if backend is None:
            return None
        with self._tokenizer_lock:
            copy = type(backend).from_str(backend.to_str())
        copy.no_truncation()
        copy.no_padding()
        return str(copy.to_str())

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the passages' vectors: float32 (n, dims), unit rows, (0, dims) for no passages.

        Raises:
            RequestError: `texts` is not a list of strings.
            ModelError: the model failed.
        """
        return self._encode(checked_texts(texts, "texts"), self._passages)

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the queries' vectors, as `encode`; they differ from passages' only if the model has prompts."""
        clean = checked_texts(texts, "texts")
        return self._recent.vectors(clean, lambda unknown: self._encode(unknown, self._queries))

    def _encode(self, clean: list[str], batcher: Batcher[_Text]) -> NDArray[np.float32]:
        limit = self._model.max_seq_length
        once, places = each_once([text[: most_characters(limit)] for text in clean] if limit else clean)
        rows = list(zip(once, self._token_lengths(once), strict=True))
        vectors = np.empty((len(once), self._fingerprint.dims), dtype=np.float32)
        try:
            for place, vector in enumerate(batcher.run(rows)):
                vectors[place] = vector
        except Exception as error:  # whatever a library raises on texts it can't handle
            raise ModelError(f"encoder {self._fingerprint.name!r} failed on {len(once)} texts: {error}") from error
        return unit_rows(vectors, len(once), self._fingerprint.name)[places]

    def _batcher(self, encode: Callable[..., Any], prompt: str | None) -> Batcher[_Text]:
        session = _SentenceSession(str(self._model.device), encode, prompt, self._device_lock)
        return Batcher(session, lambda row: row[1], _collate_texts)

    def _token_lengths(self, texts: list[str]) -> list[int]:
        tokenizer, limit = self._tokenizer, self._model.max_seq_length
        if len(texts) < 2 or not limit or not callable(tokenizer):
            return [len(text) for text in texts]
        with self._tokenizer_lock:
            return [len(ids) for ids in tokenizer(texts, truncation=True, max_length=limit)["input_ids"]]


def load(found: ModelFolder, device: str | None) -> SentenceTransformersEncoder:
    """Return the encoder in a folder, in float32 on a device; None takes an accelerator if there is one.

    Raises:
        ModelError: it can't be loaded, or its files are incomplete.
    """
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
    except Exception as error:  # whatever the libraries raise on an incomplete folder
        raise ModelError(f"encoder {found.name!r} in {found.folder} can't be loaded: {error}") from error


def wrap(model: SentenceTransformer) -> SentenceTransformersEncoder:
    """Return a model that the user has loaded as an encoder."""
    config = getattr(getattr(model[0], "auto_model", None), "config", None)
    name = str(getattr(config, "_name_or_path", "")) or type(model).__qualname__
    return SentenceTransformersEncoder(model, name=name, revision="")


def for_export(encoder: SentenceTransformersEncoder) -> Loaded:
    """Return an encoder's network and tokenizer, as `backends.building.build` exports them.

    Raises:
        ModelError: the encoder computes something that no export does.
    """
    model, fingerprint = encoder.model, encoder.fingerprint
    if any(getattr(module, "include_prompt", True) is False for module in model):
        raise ModelError(
            f"encoder {fingerprint.name!r} leaves its prompt out of the pooling, which exported models can't do"
        )
    inputs = tuple(name for name in model.tokenizer.model_input_names if name in TOKEN_INPUTS)
    network: Any = model[0].auto_model
    limit = token_limit(model.max_seq_length, model.tokenizer.model_max_length, positions_of(network))
    pad = settle_padding(network, model.tokenizer, f"encoder {fingerprint.name!r}")
    tokenizer = text_tokenizer(model.tokenizer, inputs, limit, pad)
    return Loaded(tokenizer, {VECTORS: VectorNetwork(model, inputs)}, {VECTORS: inputs}, vectors=fingerprint.to_meta())


def _check(found: ModelFolder, model: SentenceTransformer) -> None:
    """Check that a model is complete, and limit the tokens it reads to the positions it has.

    Raises:
        ModelError: it is not complete.
    """
    network = getattr(model[0], "auto_model", None)
    if network is None:
        return  # static embeddings and the like: their loader accepts only complete files
    who = f"encoder {found.name!r}"
    texts = check_vocabulary(model.tokenizer, network, who)

    def encode(read: list[str]) -> NDArray[np.float32]:
        return np.asarray(model.encode(read, show_progress_bar=False), dtype=np.float32)

    model.max_seq_length = token_limit(model.max_seq_length, positions_of(network))
    modules = modules_of(found.folder)
    check_weights(network, modules[0].folder if modules else found.folder, lambda: encode(list(texts)), who)
    tokens = len(model.tokenizer(" ".join(texts))["input_ids"])
    probe_encoder(encode, texts, tokens, model.max_seq_length, who)


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
