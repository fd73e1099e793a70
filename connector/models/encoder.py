"""Bi-encoders: texts in, unit vectors out.

Importing this module loads neither torch nor sentence-transformers; `connector.models.load` opens models.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from connector.errors import ModelError, ModelOutputError
from connector.models.batching import token_batcher
from connector.models.fingerprint import Fingerprint as Fingerprint
from connector.models.once import Once
from connector.models.query_cache import QueryCache
from connector.models.session import VECTORS, Opened
from connector.models.texts import checked_texts, each_once, own_errors, unit_rows

PROBE = "a"
"""The text that is encoded to learn an encoder's number of dimensions."""


@runtime_checkable
class Encoder(Protocol):
    """A bi-encoder: `encode` for passages, `encode_queries` for queries; both return float32 (n, dims), unit rows.

    Examples:
        >>> from connector import Encoder, load_encoder
        >>> encoder: Encoder = load_encoder()
        >>> encoder.encode(["Descaling a kettle", "Sharpening a knife"]).shape
        (2, 384)
    """

    @property
    def fingerprint(self) -> Fingerprint:
        """What tells its vectors from another encoder's."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the passages' vectors."""

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the queries' vectors."""


@runtime_checkable
class TokenizingEncoder(Encoder, Protocol):
    """An encoder whose tokens can be counted, so that texts can be split to the length it reads."""

    @property
    def max_tokens(self) -> int | None:
        """How many tokens of a text it reads, without those it adds itself; None if there is no limit."""

    def tokenizer_json(self) -> str | None:
        """Return its tokenizer in the `tokenizers` library's JSON, without truncation; None if it has none."""


class SessionEncoder:
    """A bi-encoder in any session; safe to use from many threads, which share batches.

    Its fingerprint is that of the model it was exported from, so vectors of both can be searched together.
    """

    def __init__(self, opened: Opened, fingerprint: Fingerprint) -> None:
        self.fingerprint = fingerprint
        self._tokenizer = opened.tokenizer
        self._recent = QueryCache()
        self._batcher = token_batcher(opened.sessions[VECTORS], opened.tokenizer)

    @property
    def max_tokens(self) -> int:
        """How many tokens of a text it reads, without its passage prefix and the special tokens."""
        tokenizer = self._tokenizer.tokenizer
        prefix = len(tokenizer.encode(self.fingerprint.passage_prefix, add_special_tokens=False))
        return self._tokenizer.max_tokens - int(tokenizer.num_special_tokens_to_add(False)) - prefix

    def tokenizer_json(self) -> str:
        """Return its tokenizer in the `tokenizers` library's JSON, without truncation."""
        return str(self._tokenizer.tokenizer.to_str())

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the passages' vectors: float32 (n, dims), unit rows, (0, dims) for no passages.

        Raises:
            RequestError: `texts` is not a list of strings.
            ModelError: the model failed.
        """
        return self._encode(checked_texts(texts, "texts"), self.fingerprint.passage_prefix)

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the queries' vectors, as `encode`; they differ from passages' only if the model has prompts."""
        clean = checked_texts(texts, "texts")
        return self._recent.vectors(clean, lambda unknown: self._encode(unknown, self.fingerprint.query_prefix))

    def _encode(self, texts: list[str], prefix: str) -> NDArray[np.float32]:
        once, places = each_once(texts)
        rows = self._tokenizer.rows([prefix + text for text in once]) if once else []
        vectors = np.empty((len(once), self.fingerprint.dims), dtype=np.float32)
        try:
            for place, vector in enumerate(self._batcher.run(rows)):
                vectors[place] = vector
        except Exception as error:  # whatever a library raises on texts it can't handle
            raise ModelError(f"encoder {self.fingerprint.name!r} failed on {len(once)} texts: {error}") from error
        return unit_rows(vectors, len(once), self.fingerprint.name)[places]


class CallableEncoder:
    """Any function from a list of texts to an array (n, dims), as an encoder; its rows are normalised here.

    The fingerprint has the function's name and no revision. `dims` comes from a first call with one short text.
    """

    def __init__(self, function: Callable[[list[str]], ArrayLike]) -> None:
        self._function = function
        self._name = name_of(function)
        self._dims = Once(lambda: self._vectors([PROBE]).shape[1])

    @property
    def fingerprint(self) -> Fingerprint:
        """What tells its vectors from another encoder's.

        Raises:
            ModelError: the function failed, or returned something other than vectors.
        """
        return Fingerprint(self._name, "", self._dims.get(), "", True, "", "")

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the texts' vectors: float32 (n, dims), unit rows.

        Raises:
            RequestError: `texts` is not a list of strings.
            ModelError: the function failed, or returned something other than vectors.
        """
        clean = checked_texts(texts, "texts")
        if not clean:
            return np.empty((0, self._dims.get()), dtype=np.float32)
        vectors = self._vectors(clean)
        if vectors.shape[1] != self._dims.get():
            raise ModelOutputError(
                f"encoder {self._name!r} returned vectors of {vectors.shape[1]} dims, and of {self._dims.get()} before"
            )
        return vectors

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the same as `encode`."""
        return self.encode(texts)

    def _vectors(self, texts: list[str]) -> NDArray[np.float32]:
        count = len(texts)  # the function may change the list
        with own_errors(f"encoder {self._name!r}"):
            return unit_rows(self._function(texts), count, self._name)


def name_of(function: object) -> str:
    """Return the name of a function or callable object, for errors and fingerprints."""
    try:
        return f"{function.__module__}.{function.__qualname__}"  # type: ignore[attr-defined]
    except Exception:  # an object may lack these names, or its class may raise anything when they are read
        return f"{type(function).__module__}.{type(function).__qualname__}"
