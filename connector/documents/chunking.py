"""Long texts cut into chunks, with their offsets. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from semantic_text_splitter import MarkdownSplitter, TextSplitter

from connector.documents.stretches import pieces
from connector.documents.words import WORD


@dataclass(frozen=True)
class Chunk:
    """A part of a text without the blanks around it: `whole[start:end]`; offsets in characters."""

    start: int
    text: str

    @property
    def end(self) -> int:
        """The offset of the first character after it."""
        return self.start + len(self.text)


def split_with(splitter: TextSplitter | MarkdownSplitter, text: str) -> list[Chunk]:
    """Cut a text with a splitter; half a surrogate pair, which no splitter accepts, is read as a question mark."""
    clean = text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
    return trim(
        (first + start, text[first + start : first + start + len(part)])
        for first, piece in pieces(clean)
        for start, part in splitter.chunk_indices(piece)
    )


def word_windows(text: str, size: int, overlap: int) -> list[Chunk]:
    """Cut a text into windows of `size` words, each of which repeats the last `overlap` words of the one before."""
    starts_of = [match.start() for match in WORD.finditer(text)]
    bounds = [0, *starts_of[1:], len(text)] if starts_of else []
    starts = range(0, max(len(starts_of) - overlap, 1) if starts_of else 0, size - overlap)
    return trim((bounds[at], text[bounds[at] : bounds[min(at + size, len(starts_of))]]) for at in starts)


def trim(parts: Iterable[tuple[int, str]]) -> list[Chunk]:
    """Return parts (offset and text) as chunks without the blanks around them; drop those that are blank."""
    chunks = (Chunk(start + len(part) - len(part.lstrip()), part.strip()) for start, part in parts)
    return [chunk for chunk in chunks if chunk.text]
