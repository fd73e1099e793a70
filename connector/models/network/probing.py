"""Runs a newly loaded model on two different texts and one of full length: what fails here would fail a search."""

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
    """Score two unequal pairs, separately and in one batch, and one of full length.

    Args:
        tokenizer: makes the rows.
        compute: returns a score for each row.
        texts: two texts of words that the tokenizer knows.
        who: the model's name in errors.

    Raises:
        ModelError: the model fails, or its scores can't be right.
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
            f"{who} scores a pair {alone[1]:.4f} alone and {together[1]:.4f} next to a longer one: it reads padding as "
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
        encode: returns a vector for each text.
        texts: two texts of words that the tokenizer knows.
        tokens: how many tokens both have together.
        max_tokens: how many tokens of a text the model reads.
        who: the model's name in errors.

    Raises:
        ModelError: the model fails, or its vectors can't be right.
    """
    vectors = unit_rows(_computed(lambda: encode(list(texts)), who), 2, who)
    if float(vectors[0] @ vectors[1]) >= 1 - _SAME:
        raise ModelError(f"{who} gives two unequal texts the same vector: its weights are not a trained model's")
    _computed(lambda: encode([_long(texts, tokens, max_tokens)]), f"{who}, on a text of full length,")


def _long(texts: tuple[str, str], tokens: int, max_tokens: int) -> str:
    """Return a text of more tokens than a model reads, or of about 1,024 if it reads more than that."""
    return " ".join(texts * (min(max_tokens, _MOST_TOKENS) // max(tokens, 1) + 1))


def _computed(compute: Callable[[], NDArray[np.float32]], who: str) -> NDArray[np.float32]:
    try:
        found = compute()
    except Exception as error:  # whatever a library raises on a model whose parts do not fit
        raise ModelError(
            f"{who} fails on a probe ({type(error).__name__}: {error}): its config.json does not fit its weights and "
            "tokenizer (max_position_embeddings, pad_token_id, vocab_size)"
        ) from error
    if not np.isfinite(found).all():
        raise ModelError(
            f"{who} returns values that are not finite on a probe: its weights are damaged; download it again"
        )
    return found
