"""The cheapest score of a window: how well the query's tokens match the passage's, by their embeddings alone.

No layer is run: a token's vector is the input of the bundled reranker's first layer, without a position.
As a first stage it keeps nearly everything that the reranker puts on the page (benchmarks/RESULTS.md).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from connector.documents.stretches import best_stretch
from connector.models.texts import checked_text, checked_texts, each_once
from connector.models.tokenizing import TextTokenizer

_NOTHING = -1.0
_SHORTEST = np.float32(1e-12)


def unit_vectors(
    embeddings: NDArray[np.float32], scale: NDArray[np.float32], shift: NDArray[np.float32], epsilon: float
) -> NDArray[np.float16]:
    """Return token embeddings, normalised as a layer normalisation does and then to length 1, (vocabulary, width).

    Args:
        embeddings: the sums of word and type embeddings, (vocabulary, width).
        scale: the layer normalisation's weight, (width,).
        shift: the layer normalisation's bias, (width,).
        epsilon: what the layer normalisation adds to the variance.
    """
    vectors = embeddings - embeddings.mean(axis=1, keepdims=True)
    vectors /= np.sqrt(np.square(vectors).mean(axis=1, keepdims=True) + np.float32(epsilon))
    vectors *= scale
    vectors += shift
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), _SHORTEST)
    unit: NDArray[np.float16] = vectors.astype(np.float16)
    return unit


class StaticMatch:
    """Late interaction of token embeddings: the mean, by idf, of the query tokens' best cosines in the passage.

    Args:
        tokenizer: the reranker's.
        token_idf: each token's idf, (vocabulary,).
        vectors: the token embeddings, (vocabulary, width), unit rows.
        name: the reranker's name.

    Source: MaxSim from Khattab and Zaharia, SIGIR 2020.
    """

    def __init__(
        self, tokenizer: TextTokenizer, token_idf: NDArray[np.float32], vectors: NDArray[np.float16], *, name: str
    ) -> None:
        self.name = f"{name}, static"
        self.source = ""
        self._tokenizer = tokenizer.tokenizer
        self._most_characters = tokenizer.most_characters
        self._vectors = vectors
        self._log_idf = np.log(token_idf)

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return a score for each passage, float32 (n,), from -1 to 1; all 0 for a query without tokens."""
        query, texts = checked_text(query, "query"), checked_texts(passages, "passages")
        most = self._most_characters
        query_ids = np.array(self._tokenizer.encode(query[:most], add_special_tokens=False).ids, dtype=np.intp)
        if not len(query_ids) or not texts:
            return np.zeros(len(texts), dtype=np.float32)
        texts, places = each_once([best_stretch(query, text, most) for text in texts])
        read = [each.ids for each in self._tokenizer.encode_batch(texts, add_special_tokens=False)]
        tokens, columns = np.unique(np.concatenate([np.array(ids, dtype=np.intp) for ids in read]), return_inverse=True)
        cosines = self._vectors[query_ids].astype(np.float32) @ self._vectors[tokens].astype(np.float32).T
        ends = np.cumsum([len(ids) for ids in read])[:-1]
        best = [cosines[:, each].max(axis=1, initial=_NOTHING) for each in np.split(columns, ends)]
        scores: NDArray[np.float32] = (np.stack(best) @ self.weights(query_ids)).astype(np.float32)
        return scores[places]

    def weights(self, ids: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the weight of each of a query's tokens, (tokens,): proportional to its idf, 1 in total."""
        idf = np.exp(self._log_idf[ids] - self._log_idf[ids].max())
        weights: NDArray[np.float32] = idf / idf.sum()
        return weights
