"""Long texts cut into passages, with offsets, and which of them match a query's words. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator
from semantic_text_splitter import MarkdownSplitter, TextSplitter

from connector.documents.stretches import TERM, pieces
from connector.request.leaf_retrievers import Strict
from connector.request.readings import Lowered, Whole, whole

DEFAULT_WORDS = 120
"""About 160 tokens: room for a query beside it in a model that reads 256."""

_K1, _B = 1.2, 0.75


@dataclass(frozen=True)
class Chunk:
    """A part of a text, `text[start:end]`, without the blanks around it; offsets in characters."""

    start: int
    text: str

    @property
    def end(self) -> int:
        """Where it ends, the first character after it."""
        return self.start + len(self.text)


class ChunkingSettings(Strict):
    """How a text is cut, in Elasticsearch's words; sizes are in words.

    `sentence` and `recursive` keep paragraphs and sentences whole where they fit, `word` counts words alone, `none`
    leaves the text whole. A sentence that is longer than a quarter of a chunk is not repeated by `sentence_overlap`.
    """

    strategy: Annotated[Literal["sentence", "recursive", "word", "none"], Lowered] = "sentence"
    max_chunk_size: Annotated[Whole, Field(ge=10, le=10_000)] = DEFAULT_WORDS
    sentence_overlap: Annotated[Literal[0, 1] | None, BeforeValidator(whole)] = None
    overlap: Annotated[Whole, Field(ge=0)] | None = None
    separator_group: Annotated[Literal["plaintext", "markdown"] | None, Lowered] = None

    @model_validator(mode="after")
    def _is_whole(self) -> ChunkingSettings:
        owners = {"sentence_overlap": "sentence", "overlap": "word", "separator_group": "recursive"}
        for name, owner in owners.items():
            if getattr(self, name) is not None and self.strategy != owner:
                raise ValueError(f'{name} is for strategy "{owner}": leave it out, or name that strategy')
        if self.strategy == "sentence" and self.max_chunk_size < 20:
            raise ValueError("max_chunk_size must be at least 20 for sentences")
        if self.overlap is not None and self.overlap > self.max_chunk_size // 2:
            raise ValueError(f"overlap must be at most half of max_chunk_size ({self.max_chunk_size // 2})")
        return self

    def split(self, text: str) -> list[Chunk]:
        """Cut a text; [] where it is blank."""
        size = self.max_chunk_size
        if self.strategy == "none":
            return _trimmed([(0, text)])
        if self.strategy == "word":
            return word_windows(text, size, min(100, size // 2) if self.overlap is None else self.overlap)
        kind = MarkdownSplitter if self.separator_group == "markdown" else TextSplitter
        overlap = size // 4 if self.strategy == "sentence" and self.sentence_overlap != 0 else 0
        return chunks_of(kind.from_callback(count_words, size, overlap), text)


def chunks_of(splitter: TextSplitter | MarkdownSplitter, text: str) -> list[Chunk]:
    """Cut a text with a splitter, which reads half a surrogate pair, no text, as one question mark."""
    clean = text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
    return _trimmed(
        (first + start, text[first + start : first + start + len(part)])
        for first, piece in pieces(clean)
        for start, part in splitter.chunk_indices(piece)
    )


def word_windows(text: str, size: int, overlap: int) -> list[Chunk]:
    """Cut a text into windows of `size` words, each of which repeats the last `overlap` words of the one before."""
    starts_of = [match.start() for match in TERM.finditer(text)]
    bounds = [0, *starts_of[1:], len(text)] if starts_of else []
    starts = range(0, max(len(starts_of) - overlap, 1) if starts_of else 0, size - overlap)
    return _trimmed((bounds[at], text[bounds[at] : bounds[min(at + size, len(starts_of))]]) for at in starts)


def lexical_scores(query: str, texts: Sequence[str]) -> list[float]:
    """Score each text by the query's words, BM25 over these texts alone, as Elasticsearch's chunk_rescorer does.

    Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009.
    """
    counts = [Counter(_terms(text)) for text in texts]
    lengths = [count.total() for count in counts]
    average = sum(lengths) / max(len(lengths), 1) or 1.0
    scores = [0.0] * len(texts)
    for term in dict.fromkeys(_terms(query)):
        found = sum(term in count for count in counts)
        idf = math.log(1 + (len(texts) - found + 0.5) / (found + 0.5))
        for place, (count, length) in enumerate(zip(counts, lengths, strict=True)):
            frequency = count[term]
            scores[place] += (
                idf * frequency / (frequency + _K1 * (1 - _B + _B * length / average)) if frequency else 0.0
            )
    return scores


def best_first(scores: Sequence[float], count: int) -> list[int]:
    """Return the places of the `count` highest scores, best first, equal ones in their order."""
    return sorted(range(len(scores)), key=lambda place: (-scores[place], place))[:count]


def _trimmed(parts: Iterable[tuple[int, str]]) -> list[Chunk]:
    """Return parts, each with where it begins, without the blanks around them; those of blanks alone are none."""
    chunks = (Chunk(start + len(part) - len(part.lstrip()), part.strip()) for start, part in parts)
    return [chunk for chunk in chunks if chunk.text]


def count_words(text: str) -> int:
    """Count the words of a text, the characters of those scripts that put no blanks between words."""
    return len(TERM.findall(text))


def _terms(text: str) -> list[str]:
    return TERM.findall(text.casefold())
