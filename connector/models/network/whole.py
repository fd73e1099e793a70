"""Checks what is only known once a model is loaded: weights that came from no file, positions, padding, vocabulary.

transformers replaces missing weights by random numbers and a missing tokenizer by one without words, and only logs it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from connector.errors import ModelError
from connector.models.network.inspection import weights_of

_NUMBER = re.compile(r"(?<![^.])\d+(?![^.])")
_UNLIMITED = 1_000_000
_UNSTATED_TOKENS = 512
_WORDS = 8
_SHOWN = 4


def check_weights(network: Any, folder: Path, compute: Callable[[], NDArray[np.float32]], who: str) -> None:
    """Check that every weight that affects the output came from the folder; set the others to 0, not to random numbers.

    Args:
        network: a transformers model, loaded from the folder.
        folder: where it was loaded from.
        compute: returns the network's current output for a sample.
        who: the model's name in errors.

    Raises:
        ModelError: weights are missing or under other names, or the folder holds more layers than are used.
    """
    missing, unexpected = _unmatched_keys(network, folder)
    prefix = f"{network.base_model_prefix}."  # a file's names may have it if the network's don't, and vice versa

    def kind(name: str) -> str:
        return _NUMBER.sub("*", name.removeprefix(prefix))

    kinds = set(map(kind, network.state_dict()))
    unread = [name for name in unexpected if kind(name) in kinds or "lora_" in name]
    if unread:
        raise ModelError(
            f"{who} in {folder}: its weights {_some(unread)} are not read, because config.json describes a smaller or "
            "different model; use the config.json that belongs to the weights"
        )
    if not missing:
        return
    in_layers = [name for name in missing if _NUMBER.search(name)]
    if in_layers or _affect_output(network, missing, compute):
        others = f"; it holds {_some(unexpected)} under names that {type(network).__name__} does not know"
        raise ModelError(
            f"{who} in {folder}: no weights for {_some(in_layers or missing)}{others if unexpected else ''}. They "
            "would be random: save the complete model again (save_pretrained), or download it again"
        )


def _unmatched_keys(network: Any, folder: Path) -> tuple[list[str], list[str]]:
    """Return the names that only the network has, and those that only the folder has, as transformers maps them.

    transformers itself loads them, from tensors of the right shapes that take no memory.
    """
    zero = torch.zeros(())
    state = {name: zero.expand(tensor.shape) for name, tensor in weights_of(folder).items()}
    logger = logging.getLogger("transformers.modeling_utils")
    logger.addFilter(_silent)  # what it would report is in our error, or does not matter
    try:
        _, report = type(network).from_pretrained(
            None, config=deepcopy(network.config), state_dict=state, output_loading_info=True
        )
    finally:
        logger.removeFilter(_silent)
    return sorted(report["missing_keys"]), sorted(report["unexpected_keys"])


def _silent(_record: logging.LogRecord) -> bool:
    return False


def _affect_output(network: nn.Module, names: Sequence[str], compute: Callable[[], NDArray[np.float32]]) -> bool:
    """True if the output changes with these weights; they are 0 afterwards."""
    state = network.state_dict()  # shares the weights' memory
    names = [name for name in names if state[name].is_floating_point()]
    generator = torch.Generator().manual_seed(0)
    before = compute()
    for name in names:
        state[name].copy_(torch.randn(state[name].shape, generator=generator))
    after = compute()
    for name in names:
        state[name].zero_()
    return not np.allclose(before, after, rtol=0, atol=1e-6)


def check_vocabulary(tokenizer: Any, network: Any, who: str) -> tuple[str, str]:
    """Return two different texts made of a tokenizer's own words, which the network can read.

    Raises:
        ModelError: the tokenizer has no words or does not know them, or the network lacks embeddings for its tokens.
    """
    remedy = "copy the same model's tokenizer files (tokenizer.json or its vocabulary) into the folder"
    texts = _sample_texts(tokenizer)
    if texts is None:
        raise ModelError(f"{who}: its tokenizer has no words, as if its files were missing; {remedy}")
    unknown = tokenizer.unk_token_id
    if set(tokenizer(" ".join(texts), add_special_tokens=False)["input_ids"]) <= {unknown}:
        raise ModelError(f"{who}: its tokenizer reads every word as {tokenizer.unk_token}; {remedy}")
    special = set(tokenizer.all_special_tokens)
    highest = max(place for token, place in tokenizer.get_vocab().items() if token not in special)
    rows = len(network.get_input_embeddings().weight)
    if highest >= rows:
        raise ModelError(
            f"{who}: its tokenizer has tokens up to {highest}, its weights embeddings for {rows} tokens: they do not "
            f"belong together; {remedy}"
        )
    return texts


def _sample_texts(tokenizer: Any) -> tuple[str, str] | None:
    special = set(tokenizer.all_special_tokens)
    words = sorted(token for token in tokenizer.get_vocab() if token not in special and any(map(str.isalpha, token)))
    if not words:
        return None
    places = np.linspace(0, len(words) - 1, min(2 * _WORDS, len(words))).astype(int)
    picked = [words[place] for place in places]
    first, second = (tokenizer.convert_tokens_to_string(picked[start::2]) for start in (0, 1))
    return first, second


def positions_of(network: Any) -> int | None:
    """Return how many positions a network has; None if it has no limit.

    RoBERTa and similar models start numbering after the padding token's position, so they have fewer positions than the
    table has rows.
    """
    stated = getattr(network.config, "max_position_embeddings", None)
    limits = [stated] if isinstance(stated, int) and stated > 0 else []
    for name, module in network.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            before = 0 if module.padding_idx is None else module.padding_idx + 1
            limits.append(module.num_embeddings - before)
    return min(limits, default=None)


def token_limit(*limits: object) -> int:
    """Return the smallest stated limit in tokens; 512 if none is stated."""
    stated = [int(limit) for limit in limits if isinstance(limit, int | float) and 0 < limit < _UNLIMITED]
    return min(stated, default=_UNSTATED_TOKENS)


def settle_padding(network: Any, tokenizer: Any, who: str) -> int:
    """Return the network's padding token; if it has none, the tokenizer's becomes it.

    A decoder finds a text's last token by it.

    Raises:
        ModelError: the token has no embedding.
    """
    config = network.config
    inner = config.get_text_config() if hasattr(config, "get_text_config") else config
    pad = tokenizer.pad_token_id if inner.pad_token_id is None else inner.pad_token_id
    rows = len(network.get_input_embeddings().weight)
    if pad is not None and not 0 <= pad < rows:
        raise ModelError(
            f"{who}: its padding token {pad} is not one of the {rows} tokens of its weights; set pad_token_id in "
            "config.json to a token that no text has"
        )
    config.pad_token_id = inner.pad_token_id = pad
    return int(pad or 0)


def _some(names: Collection[str]) -> str:
    shown = list(names)[:_SHOWN]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
