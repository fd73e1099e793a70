"""Elastic's `chunk_rescorer` and its `chunking_settings`: which parts of a long text the reranker reads. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator
from semantic_text_splitter import MarkdownSplitter, TextSplitter

from connector.documents.chunking import Chunk, split_with, trim, word_windows
from connector.documents.words import count_words
from connector.request.base_types import Strict
from connector.request.lenient_values import Lowered, Whole, read_whole

DEFAULT_WORDS = 120
"""About 160 tokens, which leaves room for the query in a model that reads 256."""

MAX_CHUNKS = 100
"""The greatest number of chunks of one hit that a reranker can be asked to read."""


class ChunkingSettings(Strict):
    """How a text is cut into chunks, in Elasticsearch's terms; sizes are in words.

    `sentence` and `recursive` keep paragraphs and sentences whole if they fit, `word` only counts words, `none` leaves
    the text whole. `sentence_overlap` does not repeat a sentence longer than a quarter of a chunk.
    """

    strategy: Annotated[Literal["sentence", "recursive", "word", "none"], Lowered] = "sentence"
    max_chunk_size: Annotated[Whole, Field(ge=10, le=10_000)] = DEFAULT_WORDS
    sentence_overlap: Annotated[Literal[0, 1] | None, BeforeValidator(read_whole)] = None
    overlap: Annotated[Whole, Field(ge=0)] | None = None
    separator_group: Annotated[Literal["plaintext", "markdown"] | None, Lowered] = None

    @model_validator(mode="after")
    def _check(self) -> ChunkingSettings:
        owners = {"sentence_overlap": "sentence", "overlap": "word", "separator_group": "recursive"}
        for name, owner in owners.items():
            if getattr(self, name) is not None and self.strategy != owner:
                raise ValueError(f'{name} is for strategy "{owner}": leave it out, or use that strategy')
        if self.strategy == "sentence" and self.max_chunk_size < 20:
            raise ValueError("max_chunk_size must be at least 20 for sentences")
        if self.overlap is not None and self.overlap > self.max_chunk_size // 2:
            raise ValueError(f"overlap must be at most half of max_chunk_size ({self.max_chunk_size // 2})")
        return self

    def split(self, text: str) -> list[Chunk]:
        """Cut a text into chunks; [] if it is blank."""
        size = self.max_chunk_size
        if self.strategy == "none":
            return trim([(0, text)])
        if self.strategy == "word":
            return word_windows(text, size, min(100, size // 2) if self.overlap is None else self.overlap)
        kind = MarkdownSplitter if self.separator_group == "markdown" else TextSplitter
        overlap = size // 4 if self.strategy == "sentence" and self.sentence_overlap != 0 else 0
        return split_with(kind.from_callback(count_words, size, overlap), text)


class ChunkRescorer(Strict):
    """Which chunks of a long text the reranker reads: the `size` that match its query best.

    Extension of Elastic's syntax: `score_mode` "sum" adds up the scores of all chunks read; "max" takes the best.
    """

    size: Annotated[Whole, Field(ge=1, le=MAX_CHUNKS)] = 1
    chunking_settings: ChunkingSettings = ChunkingSettings()
    score_mode: Annotated[Literal["max", "sum"], Lowered] = "max"
