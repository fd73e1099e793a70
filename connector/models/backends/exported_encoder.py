"""Bi-encoders exported for ONNX Runtime or OpenVINO; `connector.models.encoder` opens them.

The gate before int8 is recall@100: the share of torch's own first hundred, in float32, that is still among its.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from connector.errors import ModelError
from connector.models.backends.artefacts import read_manifest
from connector.models.backends.building import build, open_artefact
from connector.models.batching import padded_rows
from connector.models.fingerprint import Fingerprint
from connector.models.folders import ModelFolder
from connector.models.lanes import Batcher
from connector.models.query_cache import QueryCache
from connector.models.session import TOKEN_INPUTS, VECTORS, Arrays, Opened
from connector.models.texts import checked_texts, each_once, unit_rows
from connector.models.tokenizing import TokenRow

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from connector.models.network.networks import Loaded

RECALL_DEPTH = 100


class ExportedEncoder:
    """A bi-encoder in any session; safe to use from many threads, which share batches.

    Its vectors carry the fingerprint of the model that it was exported from: they are searched together.
    """

    def __init__(self, opened: Opened, fingerprint: Fingerprint) -> None:
        self.fingerprint = fingerprint
        self._tokenizer = opened.tokenizer
        self._kept = QueryCache()
        self._batcher: Batcher[TokenRow] = Batcher(opened.sessions[VECTORS], _tokens, self._collate, _each)

    @property
    def max_tokens(self) -> int:
        """How many tokens of a text it reads, those it adds itself and its passage prefix left out."""
        tokenizer = self._tokenizer.tokenizer
        prefix = len(tokenizer.encode(self.fingerprint.passage_prefix, add_special_tokens=False))
        return self._tokenizer.max_tokens - int(tokenizer.num_special_tokens_to_add(False)) - prefix

    def tokenizer_json(self) -> str:
        """Return its tokenizer as the `tokenizers` library writes it, without truncation."""
        return str(self._tokenizer.tokenizer.to_str())

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the passages' vectors: float32 (n, dims), unit rows, (0, dims) for no passages.

        Raises:
            RequestError: `texts` is no list of strings.
            ModelError: the model failed.
        """
        return self._encode(checked_texts(texts, "texts"), self.fingerprint.passage_prefix)

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the queries' vectors, as `encode`; they differ from passages' only in models that have prompts."""
        clean = checked_texts(texts, "texts")
        return self._kept.vectors(clean, lambda unknown: self._encode(unknown, self.fingerprint.query_prefix))

    def _encode(self, texts: list[str], prefix: str) -> NDArray[np.float32]:
        once, places = each_once(texts)
        rows = self._tokenizer.rows([prefix + text for text in once]) if once else []
        vectors = np.empty((len(once), self.fingerprint.dims), dtype=np.float32)
        try:
            for place, vector in enumerate(self._batcher.run(rows)):
                vectors[place] = vector
        except Exception as error:  # whatever a library raises on texts that it can't take
            raise ModelError(f"encoder {self.fingerprint.name!r} failed on {len(once)} texts: {error}") from error
        return unit_rows(vectors, len(once), self.fingerprint.name)[places]

    def _collate(self, rows: Sequence[TokenRow]) -> Arrays:
        return padded_rows(rows, self._tokenizer.pads)


def open_encoder(found: ModelFolder, backend: str, load: Any) -> ExportedEncoder:
    """Return an encoder exported for a backend; see `building.build`.

    Args:
        load: gives the SentenceTransformer on the CPU and its fingerprint.
    """
    folder = build_encoder(found, backend, load)
    manifest = read_manifest(folder)
    if manifest is None or manifest.vectors is None:
        raise ModelError(f"{folder} is no exported encoder; delete it to export again")
    return ExportedEncoder(open_artefact(folder, backend), Fingerprint.from_meta(manifest.vectors))


def build_encoder(found: ModelFolder, backend: str, load: Any) -> Path:
    """Return the folder of an encoder exported for a backend; see `open_encoder`."""
    return build(found, backend, lambda: _loaded(*load()))


def _loaded(model: SentenceTransformer, fingerprint: Fingerprint) -> Loaded:
    from connector.models.network.networks import Loaded, VectorNetwork
    from connector.models.tokenizing import text_tokenizer
    from connector.models.whole import positions_of, settle_padding, token_limit

    if any(getattr(module, "include_prompt", True) is False for module in model):
        raise ModelError(f"encoder {fingerprint.name!r} leaves its prompt out of the pooling, which no export does")
    inputs = tuple(name for name in model.tokenizer.model_input_names if name in TOKEN_INPUTS)
    network: Any = model[0].auto_model
    limit = token_limit(model.max_seq_length, model.tokenizer.model_max_length, positions_of(network))
    pad = settle_padding(network, model.tokenizer, f"encoder {fingerprint.name!r}")
    tokenizer = text_tokenizer(model.tokenizer, inputs, limit, pad)
    return Loaded(tokenizer, {VECTORS: VectorNetwork(model, inputs)}, {VECTORS: inputs}, vectors=fingerprint.to_meta())


def recall(reference: NDArray[np.float32], found: NDArray[np.float32], depth: int = RECALL_DEPTH) -> float:
    """Return the mean share of each query's first `depth` passages by one similarity among those by the other.

    Of fewer than 400 passages the first quarter is compared, as all hundred would nearly be the whole.

    Args:
        reference, found: (queries, passages).
    """
    depth = min(depth, max(reference.shape[1] // 4, 1))
    tops = [np.argsort(-each, axis=1, kind="stable")[:, :depth] for each in (reference, found)]
    return float(np.mean([len(set(a) & set(b)) / depth for a, b in zip(*(top.tolist() for top in tops), strict=True)]))


def _tokens(row: TokenRow) -> int:
    return len(row["input_ids"])


def _each(output: NDArray[np.float32], rows: Sequence[TokenRow]) -> list[NDArray[np.float32]]:
    return [output[place] for place in range(len(rows))]
