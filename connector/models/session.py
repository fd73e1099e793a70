"""The seam between what is computed and what computes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from connector.models.tokenizing import TextTokenizer

PAIRS, APART, JOINT, VECTORS = "pairs", "apart", "joint", "vectors"
"""Networks: a pair of texts to its logit; one side to its states; the states of both to a logit; a text to a vector."""
TOKEN_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
APART_INPUTS = ("input_ids", "attention_mask")
JOINT_INPUTS = ("states", "input_ids", "query_length", "length")

Arrays = Mapping[str, NDArray[Any]]


class Session(Protocol):
    """One network, ready to run: torch, ONNX Runtime or OpenVINO behind the same call.

    `token_budget` is how many tokens, padding included, a batch holds at best. Several run side by side, each on a
    core.
    """

    token_budget: int

    def run(self, inputs: Arrays) -> NDArray[np.float32]:
        """Return the network's one output, a row for each row of the padded inputs; safe from many threads.

        Raises:
            RuntimeError, ValueError: it could not be computed.
        """


@dataclass(frozen=True)
class Opened:
    """A model that a backend has opened: a session for each of its networks.

    `token_idf`, (vocabulary,), and `token_vectors`, (vocabulary, width) in float16 and unit rows, are of the bundled
    reranker's kind only.
    """

    tokenizer: TextTokenizer
    sessions: Mapping[str, Session]
    token_idf: NDArray[np.float32] | None = None
    token_vectors: NDArray[np.float16] | None = None
