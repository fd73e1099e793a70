"""Splits a long document into passages: parts of its text with one vector each. Pure.

For a passage the encoder reads the other texts of the document, such as its title, cut short, and then the passage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from semantic_text_splitter import TextSplitter

from connector.documents.chunking import Chunk, split_with
from connector.documents.passages import passage_of, text_at
from connector.documents.stretches import pieces
from connector.documents.words import count_words
from connector.errors import RequestError
from connector.models.encoder import Encoder, TokenizingEncoder

DEFAULT_TOKENS, DEFAULT_OVERLAP = 128, 16
_CONTEXT_SHARE = 4
_WORDS_PER_TOKEN = 0.75


@dataclass(frozen=True)
class Passages:
    """How long fields are split, and where their passages are stored.

    Attributes:
        path: the nested field that holds them: objects with `field`, `start` and `end` (character offsets in the text
            of that field; if it has several texts, in these joined by blank lines), `text` and `vector`.
        fields: the text fields to split; by default the last one. The others are prepended to each passage.
        max_tokens: the maximum length of a passage, in tokens of the encoder, or in words if it has no tokenizer.
        overlap: the most tokens that a passage repeats from the one before it, as whole sentences if they fit.

    Raises:
        RequestError: a number or a name is wrong.

    Examples:
        >>> from connector import Connector, Passages, connect
        >>> split = Passages(max_tokens=16, overlap=0)
        >>> notes = Connector(connect("embedded:"), "notes", text_fields=["body"], passages=split)
        >>> notes.create()
        >>> body = "Fill the kettle with vinegar and water. Boil it. Rinse it well. Then make tea as usual."
        >>> notes.index([{"_id": "1", "body": body}]).indexed
        1
        >>> passage = notes.search("tea")["hits"]["hits"][0]["_hybrid"]["passage"]
        >>> body[passage["start"] : passage["end"]]
        'Then make tea as usual.'
    """

    path: str = "passages"
    fields: tuple[str, ...] = ()
    max_tokens: int = DEFAULT_TOKENS
    overlap: int = DEFAULT_OVERLAP

    def __post_init__(self) -> None:
        if not isinstance(self.path, str) or not all(self.path.split(".")):
            raise RequestError("passages.path", self.path, 'must name a field, such as "passages"')
        fields = self.fields
        if not isinstance(fields, list | tuple) or not all(isinstance(field, str) and field for field in fields):
            raise RequestError("passages.fields", fields, 'must be field names, such as ("body",)')
        object.__setattr__(self, "fields", tuple(dict.fromkeys(fields)))
        for name, least in (("max_tokens", 8), ("overlap", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise RequestError(f"passages.{name}", value, f"must be a whole number of at least {least}")
        if self.overlap > self.max_tokens // 2:
            raise RequestError(
                "passages.overlap", self.overlap, f"must be at most half of max_tokens ({self.max_tokens})"
            )

    def over(self, text_fields: Sequence[str]) -> Passages:
        """Return the passages with the fields to split chosen from these text fields.

        Raises:
            RequestError: a field is not among them, or the passages would be stored where one of them is.
        """
        for field in self.fields:
            if field not in text_fields:
                raise RequestError("passages.fields", field, f"must be one of text_fields: {', '.join(text_fields)}")
        for field in text_fields:
            if f"{field}.".startswith(f"{self.path}.") or f"{self.path}.".startswith(f"{field}."):
                raise RequestError("passages.path", self.path, f"must not be, hold or lie in the text field {field!r}")
        return replace(self, fields=self.fields or tuple(text_fields[-1:]))

    @property
    def vector_field(self) -> str:
        """The path of the passages' vectors."""
        return f"{self.path}.vector"

    @property
    def text_field(self) -> str:
        """The path of the passages' texts."""
        return f"{self.path}.text"

    def to_meta(self) -> dict[str, Any]:
        """Return it as a mapping's `_meta` stores it."""
        return {**asdict(self), "fields": list(self.fields)}

    @classmethod
    def from_meta(cls, meta: Mapping[str, Any]) -> Passages:
        """Read what `to_meta` returned."""
        return cls(meta["path"], tuple(meta["fields"]), meta["max_tokens"], meta["overlap"])


def as_passages(passages: Passages | bool, vector_field: str | None, text_fields: Sequence[str]) -> Passages | None:
    """Return the passages requested by `passages`, where True is `Passages()`; None for one vector per document.

    Args:
        passages: what the user passed.
        vector_field: the vector field that the user named, if any.
        text_fields: the text fields.

    Raises:
        RequestError: it is something else, the vectors would be stored elsewhere, or a field is not a text field.
    """
    if not isinstance(passages, Passages | bool):
        raise RequestError("passages", passages, "must be Passages(...), True or False")
    split = Passages() if passages is True else passages or None
    if split and vector_field not in (None, split.vector_field):
        raise RequestError("vector_field", vector_field, f"must be left out, or {split.vector_field!r}, with passages")
    return split and split.over(text_fields)


@dataclass(frozen=True)
class Passage:
    """A part of a field's text, and what the encoder reads for it."""

    field: str
    chunk: Chunk
    read: str

    def to_source(self) -> dict[str, Any]:
        """Return the nested object that holds it, without its vector."""
        return {"field": self.field, "start": self.chunk.start, "end": self.chunk.end, "text": self.chunk.text}


class PassageMaker:
    """Splits documents for one encoder.

    Args:
        passages: how.
        text_fields: the document's text fields.
        encoder: counts the tokens.

    Raises:
        RequestError: a passage would be longer than the encoder can read, or a field is not a text field.
    """

    def __init__(self, passages: Passages, text_fields: Sequence[str], encoder: Encoder) -> None:
        self._long = passages.over(text_fields).fields
        self._short = [field for field in text_fields if field not in self._long]
        context = passages.max_tokens // _CONTEXT_SHARE if self._short else 0
        limit = encoder.max_tokens if isinstance(encoder, TokenizingEncoder) else None
        if limit is not None and passages.max_tokens + context > limit:
            most = limit * _CONTEXT_SHARE // (_CONTEXT_SHARE + 1) if self._short else limit
            reads = (
                f"encoder {encoder.fingerprint.name!r} reads {limit} tokens, a quarter of a passage for other fields"
            )
            raise RequestError("passages.max_tokens", passages.max_tokens, f"must be at most {most}: {reads}")
        self._splitter = _splitter(encoder, passages.max_tokens, passages.overlap)
        self._context = _splitter(encoder, max(context, 1), 0)

    def split(self, document: Mapping[str, Any]) -> list[Passage]:
        """Return a document's passages in order; those of the other fields if the fields to split have no text."""
        head = self._head(passage_of(document, self._short))
        made = [passage for field in self._long for passage in self._of_field(document, field, head)]
        return made or [passage for field in self._short for passage in self._of_field(document, field, "")]

    def _of_field(self, document: Mapping[str, Any], field: str, head: str) -> list[Passage]:
        chunks = split_with(self._splitter, text_at(document, field))
        return [Passage(field, chunk, f"{head}\n\n{chunk.text}" if head else chunk.text) for chunk in chunks]

    def _head(self, text: str) -> str:
        chunks = split_with(self._context, next(pieces(text))[1])
        return chunks[0].text if chunks else ""


def _splitter(encoder: Encoder, size: int, overlap: int) -> TextSplitter:
    if isinstance(encoder, TokenizingEncoder) and (tokenizer := encoder.tokenizer_json()) is not None:
        return TextSplitter.from_huggingface_tokenizer_str(tokenizer, size, overlap)
    words, repeated = max(int(size * _WORDS_PER_TOKEN), 1), int(overlap * _WORDS_PER_TOKEN)
    return TextSplitter.from_callback(count_words, words, min(repeated, words - 1))
