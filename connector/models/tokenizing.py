"""Tokenises texts for every backend: a query is never truncated, a long passage is read at one window.

It needs only the `tokenizers` library, so an exported model can be read without torch and transformers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from connector.documents.stretches import best_stretch, most_characters
from connector.errors import ModelError, RequestError

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

TokenRow = Mapping[str, Sequence[int]]
"""One text or pair: a network's inputs by name, each as long as the row."""


def row_length(row: TokenRow) -> int:
    """Return how many tokens a row has."""
    return len(row["input_ids"])


@dataclass(frozen=True)
class TextTokenizer:
    """A tokenizer, its network's inputs, and how many tokens the network reads, special ones included.

    `inputs` are some of input_ids, attention_mask and token_type_ids; `pads` is each one's padding value.
    """

    tokenizer: Tokenizer
    inputs: tuple[str, ...]
    pads: Mapping[str, int]
    max_tokens: int

    @property
    def most_characters(self) -> int:
        """How many characters of a text are tokenised at most."""
        return most_characters(self.max_tokens)

    def rows(self, texts: Sequence[str]) -> list[TokenRow]:
        """Return a row for each text with its special tokens; a text that is too long loses its end."""
        room = self.max_tokens - self.tokenizer.num_special_tokens_to_add(False)
        rows = []
        read = [text[: self.most_characters] for text in texts]
        for encoding in self.tokenizer.encode_batch(read, add_special_tokens=False):
            encoding.truncate(room)
            rows.append(self._row(self.tokenizer.post_process(encoding)))
        return rows

    def room_for_passage(self, query: str) -> int:
        """Return how many tokens of a passage the network reads with this query; below 1 if none."""
        encoded = self.tokenizer.encode(query[: self.most_characters], add_special_tokens=False)
        return self.max_tokens - int(self.tokenizer.num_special_tokens_to_add(True)) - len(encoded)

    def pairs(self, query: str, passages: Sequence[str], name: str) -> list[TokenRow]:
        """Return a row for each pair of the query and a passage.

        Args:
            query: the query.
            passages: the passages.
            name: the reranker's name, for the error.

        Raises:
            RequestError: the query leaves no room for a passage.
        """
        encoded, windows = self._encoded_sides(query, passages, name)
        return [self._row(self.tokenizer.post_process(encoded, window)) for window in windows]

    def sides(self, query: str, passages: Sequence[str], name: str) -> tuple[TokenRow, list[TokenRow]]:
        """Return the query's row and one for each passage, cut so that a pair of them fits; raises as `pairs`."""
        encoded, windows = self._encoded_sides(query, passages, name)
        return self._row(self.tokenizer.post_process(encoded)), [
            self._row(self.tokenizer.post_process(window)) for window in windows
        ]

    def _encoded_sides(self, query: str, passages: Sequence[str], name: str) -> tuple[Encoding, list[Encoding]]:
        most = self.most_characters
        encoded = self.tokenizer.encode(query[:most], add_special_tokens=False)
        room = self.max_tokens - self.tokenizer.num_special_tokens_to_add(True)
        if len(encoded) >= room or len(query) > most:
            more = "more than " if len(query) > most else ""
            raise RequestError(
                "query",
                query,
                f"has {more}{len(encoded)} tokens; reranker {name!r} reads {self.max_tokens}, passage included: "
                f"shorten the query to at most {room - 1} tokens (queries are never truncated, passages are)",
            )
        read = [best_stretch(query, passage, most) for passage in passages]
        encodings = self.tokenizer.encode_batch(read, add_special_tokens=False)
        return encoded, best_windows(encoded.ids, encodings, room - len(encoded))

    def _row(self, encoding: Encoding) -> TokenRow:
        values = {
            "input_ids": encoding.ids,
            "attention_mask": encoding.attention_mask,
            "token_type_ids": encoding.type_ids,
        }
        return {name: values[name] for name in self.inputs}


def best_windows(query_ids: Sequence[int], passages: Sequence[Encoding], room: int) -> list[Encoding]:
    """Return the passages, each of more than `room` tokens cut to the window that best matches the query's terms.

    Windows overlap by half.
    A window's score is the sum over the query's distinct tokens of idf x tf / (tf + 1), with the idf over these
    passages; of windows with equal scores the first is taken.
    """
    if all(len(passage) <= room for passage in passages):
        return list(passages)
    terms = set(query_ids)
    frequency = Counter(term for passage in passages for term in terms.intersection(passage.ids))
    idf = {term: np.log1p(len(passages) / count) for term, count in frequency.items()}
    windows = []
    for passage in passages:
        if len(passage) > room:
            passage.truncate(room, stride=room // 2)
        windows.append(max([passage, *passage.overflowing], key=lambda window: _match(window.ids, idf)))
    return windows


def _match(ids: Sequence[int], idf: Mapping[int, float]) -> float:
    counts = Counter(token for token in ids if token in idf)
    return sum(idf[term] * count / (count + 1) for term, count in counts.items())


def text_tokenizer(tokenizer: Any, inputs: Sequence[str], max_tokens: int, pad: int) -> TextTokenizer:
    """Return a TextTokenizer made from a transformers tokenizer.

    Args:
        tokenizer: the transformers tokenizer.
        inputs: the network's inputs.
        max_tokens: how many tokens the network reads, special ones included.
        pad: the token that the network treats as padding.

    Raises:
        ModelError: the tokenizer has no fast form.
    """
    from tokenizers import Tokenizer

    fast = getattr(tokenizer, "backend_tokenizer", None)
    if fast is None:
        raise ModelError(
            f"{tokenizer.name_or_path}: its tokenizer {type(tokenizer).__name__} has no fast form (tokenizer.json); "
            "convert it with transformers, or pass a function (query, passages) -> scores"
        )
    copy = Tokenizer.from_str(fast.to_str())
    copy.no_truncation()
    copy.no_padding()
    pads = {"input_ids": pad, "token_type_ids": tokenizer.pad_token_type_id or 0}
    return TextTokenizer(copy, tuple(inputs), {name: pads.get(name, 0) for name in inputs}, max_tokens)
