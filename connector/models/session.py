"""The interface between a model and the library that runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from connector.models.tokenizing import TextTokenizer

PAIRS, APART, JOINT, VECTORS = "pairs", "apart", "joint", "vectors"
"""Networks: a pair of texts to its logit; one side to its states; both sides' states to a logit; a text to a vector."""
TOKEN_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
APART_INPUTS = ("input_ids", "attention_mask")
JOINT_INPUTS = ("states", "input_ids", "query_length", "length")

Arrays = Mapping[str, NDArray[Any]]
TokenTables = tuple[NDArray[np.float32], NDArray[np.float16]]
"""Each token's idf, (vocabulary,), and its embedding as a unit vector, (vocabulary, width)."""


class Session(Protocol):
    """One network, ready to run in torch, ONNX Runtime or OpenVINO.

    `token_budget` is the best number of tokens per batch, padding included.
    Several batches run at the same time, each on one core.
    """

    token_budget: int

    def run(self, inputs: Arrays) -> NDArray[np.float32]:
        """Return the network's output, one row per row of the padded inputs; safe to call from many threads.

        Raises:
            RuntimeError: it could not be computed.
            ValueError: it could not be computed.
        """


@dataclass(frozen=True)
class Opened:
    """A model opened by a backend: a session for each of its networks.

    Only models of the bundled reranker's kind have `token_tables`, which returns what a cascade's first stage needs.
    Only exported encoders have `vectors`, their fingerprint as `Fingerprint.to_meta` writes it.
    """

    tokenizer: TextTokenizer
    sessions: Mapping[str, Session]
    token_tables: Callable[[], TokenTables] | None = None
    vectors: Mapping[str, Any] | None = None
