"""What it means that a question shares no content word with its answer: no Porter stem outside the function words."""

import re
from functools import cache
from pathlib import Path

from nltk.stem.porter import PorterStemmer

from connector.cli.stdlib import StdlibDocument

FUNCTION_WORDS = frozenset((Path(__file__).parent / "function_words.txt").read_text("utf-8").split())
_WORD = re.compile(r"[a-z]+|[0-9]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@cache
def _stem(word: str) -> str:
    return PorterStemmer(mode=PorterStemmer.MARTIN_EXTENSIONS).stem(word) if len(word) > 2 else word


def content_stems(text: str) -> frozenset[str]:
    """Porter stems of the words that are not function words; names are split at dots, underscores and humps."""
    words = _WORD.findall(text.lower()) + _WORD.findall(_CAMEL.sub(" ", text).lower())
    return frozenset(_stem(word) for word in words if word not in FUNCTION_WORDS and (len(word) > 1 or word.isdigit()))


def document_stems(document: StdlibDocument) -> frozenset[str]:
    """Content stems of the whole docstring, the qualified name and the signature."""
    return content_stems(f"{document.id} {document.signature} {document.body}")
