"""Texts into tokens, for every backend alike: a query is never cut, a long passage is read at one window.

Works on the `tokenizers` library alone, so that an exported model needs neither torch nor transformers to be read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from connector.documents.stretches import best_stretch, most_characters
from connector.errors import ModelError, RequestError

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer
    from transformers import PreTrainedTokenizerBase

TokenRow = Mapping[str, Sequence[int]]
"""One text or pair: a network's inputs by name, each as long as the row."""


@dataclass(frozen=True)
class TextTokenizer:
    """A tokenizer, what its network takes, and how many tokens it reads, special ones included.

    `inputs` are some of input_ids, attention_mask and token_type_ids; `pads` is what fills each up.
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
        """Return a row for each text with its special tokens; what is too long loses its end."""
        room = self.max_tokens - self.tokenizer.num_special_tokens_to_add(False)
        rows = []
        read = [text[: self.most_characters] for text in texts]
        for encoding in self.tokenizer.encode_batch(read, add_special_tokens=False):
            encoding.truncate(room)
            rows.append(self._row(self.tokenizer.post_process(encoding)))
        return rows

    def room_beside(self, query: str) -> int:
        """Return how many tokens of a passage fit beside a query; below 1 where none does."""
        asked = self.tokenizer.encode(query[: self.most_characters], add_special_tokens=False)
        return self.max_tokens - int(self.tokenizer.num_special_tokens_to_add(True)) - len(asked)

    def pairs(self, query: str, passages: Sequence[str], name: str) -> list[TokenRow]:
        """Return a row for each pair.

        Raises:
            RequestError: the query leaves no room for a passage of the reranker `name`.
        """
        asked, read = self._sides(query, passages, name)
        return [self._row(self.tokenizer.post_process(asked, passage)) for passage in read]

    def sides(self, query: str, passages: Sequence[str], name: str) -> tuple[TokenRow, list[TokenRow]]:
        """Return the query's row and one for each passage, so long that a pair of them fits; raises as `pairs`."""
        asked, read = self._sides(query, passages, name)
        return self._row(self.tokenizer.post_process(asked)), [
            self._row(self.tokenizer.post_process(passage)) for passage in read
        ]

    def _sides(self, query: str, passages: Sequence[str], name: str) -> tuple[Encoding, list[Encoding]]:
        most = self.most_characters
        asked = self.tokenizer.encode(query[:most], add_special_tokens=False)
        room = self.max_tokens - self.tokenizer.num_special_tokens_to_add(True)
        if len(asked) >= room or len(query) > most:
            more = "more than " if len(query) > most else ""
            raise RequestError(
                "query",
                query,
                f"has {more}{len(asked)} tokens; reranker {name!r} reads {self.max_tokens} with the passage: give a "
                f"query of at most {room - 1} tokens (it is never truncated, passages are)",
            )
        read = [best_stretch(query, passage, most) for passage in passages]
        encodings = self.tokenizer.encode_batch(read, add_special_tokens=False)
        return asked, best_windows(asked.ids, encodings, room - len(asked))

    def _row(self, encoding: Encoding) -> TokenRow:
        values = {
            "input_ids": encoding.ids,
            "attention_mask": encoding.attention_mask,
            "token_type_ids": encoding.type_ids,
        }
        return {name: values[name] for name in self.inputs}


def best_windows(query_ids: Sequence[int], passages: Sequence[Encoding], room: int) -> list[Encoding]:
    """Return the passages; of one longer than `room` tokens, the window that best matches the query's terms.

    Windows overlap by half. One's score is the sum over the query's distinct tokens of idf x tf / (tf + 1), the idf
    over the passages given; with equal scores the first one is read.
    """
    if all(len(passage) <= room for passage in passages):
        return list(passages)
    terms = set(query_ids)
    held = Counter(term for passage in passages for term in terms.intersection(passage.ids))
    idf = {term: np.log1p(len(passages) / count) for term, count in held.items()}
    windows = []
    for passage in passages:
        if len(passage) > room:
            passage.truncate(room, stride=room // 2)
        windows.append(max([passage, *passage.overflowing], key=lambda window: _match(window.ids, idf)))
    return windows


def _match(ids: Sequence[int], idf: Mapping[int, float]) -> float:
    counts = Counter(token for token in ids if token in idf)
    return sum(idf[term] * count / (count + 1) for term, count in counts.items())


def text_tokenizer(
    tokenizer: PreTrainedTokenizerBase, inputs: Sequence[str], max_tokens: int, pad: int
) -> TextTokenizer:
    """Return a tokenizer of transformers as ours.

    Args:
        tokenizer: the tokenizer.
        inputs: what the network takes.
        max_tokens: how many tokens the network reads, special ones included.
        pad: the token that the network takes as padding.

    Raises:
        ModelError: it has no fast form.
    """
    from tokenizers import Tokenizer

    fast = getattr(tokenizer, "backend_tokenizer", None)
    if fast is None:
        raise ModelError(
            f"{tokenizer.name_or_path}: its tokenizer {type(tokenizer).__name__} has no fast form (tokenizer.json); "
            "convert it with transformers, or give a function (query, passages) -> scores"
        )
    own = Tokenizer.from_str(fast.to_str())
    own.no_truncation()
    own.no_padding()
    pads = {"input_ids": pad, "token_type_ids": tokenizer.pad_token_type_id or 0}
    return TextTokenizer(own, tuple(inputs), {name: pads.get(name, 0) for name in inputs}, max_tokens)
