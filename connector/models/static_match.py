"""The cheapest look at a window: the query's tokens among the passage's, by their embeddings alone.

No layer is run: a token's vector is what the bundled reranker's layers begin with, position left out. As a first stage
it keeps nearly all of what the reranker puts on the page (benchmarks/RESULTS.md).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from connector.documents.stretches import best_stretch
from connector.models.texts import checked_text, checked_texts, each_once
from connector.models.tokenizing import TextTokenizer

_NOTHING = -1.0


class StaticMatch:
    """Late interaction of token embeddings: the mean, by idf, of the query tokens' best cosines in the passage.

    Args:
        vectors: (vocabulary, width), unit rows.
        token_idf: (vocabulary,).

    Source: MaxSim from Khattab and Zaharia, SIGIR 2020.
    """

    def __init__(
        self, tokenizer: TextTokenizer, vectors: NDArray[np.float16], token_idf: NDArray[np.float32], *, name: str
    ) -> None:
        self.name = f"{name}, static"
        self.source = ""
        self._tokenizer = tokenizer.tokenizer
        self._most_characters = tokenizer.most_characters
        self._vectors = vectors
        self._log_idf = np.log(token_idf)

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return a score for each passage, float32 (n,), from -1 to 1; all are 0 for a query without tokens."""
        query, texts = checked_text(query, "query"), checked_texts(passages, "passages")
        most = self._most_characters
        asked = np.array(self._tokenizer.encode(query[:most], add_special_tokens=False).ids, dtype=np.intp)
        if not len(asked) or not texts:
            return np.zeros(len(texts), dtype=np.float32)
        texts, places = each_once([best_stretch(query, text, most) for text in texts])
        read = [each.ids for each in self._tokenizer.encode_batch(texts, add_special_tokens=False)]
        tokens, columns = np.unique(np.concatenate([np.array(ids, dtype=np.intp) for ids in read]), return_inverse=True)
        cosines = self._vectors[asked].astype(np.float32) @ self._vectors[tokens].astype(np.float32).T
        ends = np.cumsum([len(ids) for ids in read])[:-1]
        best = [cosines[:, each].max(axis=1, initial=_NOTHING) for each in np.split(columns, ends)]
        scores: NDArray[np.float32] = (np.stack(best) @ self.weights(asked)).astype(np.float32)
        return scores[places]

    def weights(self, ids: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return what each of a query's tokens counts, (tokens,), 1 together: in proportion to their idf."""
        idf = np.exp(self._log_idf[ids] - self._log_idf[ids].max())
        shares: NDArray[np.float32] = idf / idf.sum()
        return shares
