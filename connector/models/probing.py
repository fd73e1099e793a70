"""The first texts that a model reads: two that differ, and one of full length. What fails here would fail a search."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from connector.errors import ModelError, RequestError
from connector.models.texts import unit_rows
from connector.models.tokenizing import TextTokenizer, TokenRow

_MOST_TOKENS = 1_024
_SAME = 1e-6
_APART = 1e-3
_LEAST_SCORE = 0.1


def probe_pairs(
    tokenizer: TextTokenizer,
    compute: Callable[[Sequence[TokenRow]], NDArray[np.float32]],
    texts: tuple[str, str],
    who: str,
) -> None:
    """Score two unequal pairs, alone and together, and one of full length.

    Args:
        tokenizer: makes the rows.
        compute: gives each row its score.
        texts: two texts that the tokenizer knows.
        who: what to call the model in errors.

    Raises:
        ModelError: it can't, or the scores can't be true.
    """
    first, second = texts
    try:
        rows = tokenizer.pairs(first, [f"{second} {second} {second}", first], who)
        count = len(tokenizer.rows([" ".join(texts)])[0]["input_ids"])
        long = tokenizer.pairs(first, [_long(texts, count, tokenizer.max_tokens)], who)
    except RequestError as error:
        raise ModelError(f"{who} reads {tokenizer.max_tokens} tokens, too few for a query and a passage") from error
    together = _computed(lambda: compute(rows), who)
    alone = _computed(lambda: np.concatenate([compute([row]) for row in rows]), who)
    if abs(float(together[0] - together[1])) <= _SAME * max(1.0, float(np.abs(together).max())):
        raise ModelError(
            f"{who} gives two unequal pairs the same score ({together[0]}): its weights are not a trained model's"
        )
    if np.abs(together - alone).max() > _APART * max(_LEAST_SCORE, float(np.abs(alone).max())):
        raise ModelError(
            f"{who} scores a pair {alone[1]:.4f} alone and {together[1]:.4f} beside a longer one: it reads padding as "
            "text; set pad_token_id in its config.json to a token that no text has"
        )
    _computed(lambda: compute(long), f"{who}, on {len(long[0]['input_ids'])} tokens,")


def probe_encoder(
    encode: Callable[[list[str]], NDArray[np.float32]],
    texts: tuple[str, str],
    tokens: int,
    max_tokens: int,
    who: str,
) -> None:
    """Encode two unequal texts, and one of full length.

    Args:
        encode: gives each text its vector.
        texts: two texts that the tokenizer knows.
        tokens: how many both have.
        max_tokens: how many the model reads of a text.
        who: what to call the model in errors.

    Raises:
        ModelError: it can't, or the vectors can't be true.
    """
    vectors = unit_rows(_computed(lambda: encode(list(texts)), who), 2, who)
    if float(vectors[0] @ vectors[1]) >= 1 - _SAME:
        raise ModelError(f"{who} gives two unequal texts the same vector: its weights are not a trained model's")
    _computed(lambda: encode([_long(texts, tokens, max_tokens)]), f"{who}, on a text of full length,")


def _long(texts: tuple[str, str], tokens: int, max_tokens: int) -> str:
    """Return a text of more tokens than a model reads; of one that reads more than 1,024, about so many."""
    return " ".join(texts * (min(max_tokens, _MOST_TOKENS) // max(tokens, 1) + 1))


def _computed(compute: Callable[[], NDArray[np.float32]], who: str) -> NDArray[np.float32]:
    try:
        found = compute()
    except Exception as error:  # whatever a library raises on a model that does not fit together
        raise ModelError(
            f"{who} fails on a probe ({type(error).__name__}: {error}): its config.json does not fit its weights and "
            "tokenizer (max_position_embeddings, pad_token_id, vocab_size)"
        ) from error
    if not np.isfinite(found).all():
        raise ModelError(f"{who} gives values that are not finite on a probe: its weights are damaged; fetch it again")
    return found
