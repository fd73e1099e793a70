"""Turns titled sections into pairs: cleans and clips passages, drops repeats, makes cloze questions.

It works on text alone; `breadth` reads the sections from packages.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from training.judged import Collection

MIN_WORDS = 20
MAX_WORDS = 200
_MAX_QUESTION_WORDS = 24
_MAX_SHARED_TITLE = 3
_SHINGLE_WORDS = 8
_MAX_SEEN_SHINGLES = 0.5
_MAX_PARAGRAPH_REPEATS = 4
_MIN_CLOZE_SENTENCES = 4

_GENERIC_TITLES = frozenset(
    """
    about|acknowledgements|acknowledgments|additional information|appendix|arguments|author|authors|availability
    bibliography|bugs|caveats|changes|colophon|conclusion|contents|copying|copyright|credits|description|details
    diagnostics|documentation|environment|errors|example|examples|exit status|faq|features|files|footnotes|for example
    further reading|general|glossary|help|history|in this section|index|installation|introduction|keywords|legal notice
    legal notices|license|licence|licensing|limitations|links|list of figures|list of tables|main features|mailing lists
    methods|more information|name|navigation|next steps|note|notes|notes and references|options|other|outputs|overview
    parameters|preface|previous|reference|references|related articles|related information|related topics|remarks
    reporting bugs|requirements|result|results|return value|return values|revision history|search|see also|standards
    summary|support|synopsis|syntax|table of contents|target audience|tips|todo|usage|version|versions|warning|welcome
    what's new|caution|important|tip|answer|question|about this document|about this manual|conforming to
    versions and portability
    """.replace("\n", "|").split("|")
) | {""}
_LEGAL = re.compile(
    r"GNU (General|Free|Lesser)|Free Software Foundation|WITHOUT (ANY )?WARRANT|without any warrant|"
    r"all rights reserved|Copyright (©|\(c\))|permission is (hereby )?granted|Creative Commons Attribution",
    re.IGNORECASE,
)
_SMALL_WORDS = frozenset(("the", "of", "to", "and", "is", "for", "or", "by", "with", "that", "it", "which"))
_NUMBERING = re.compile(
    r"^\s*(?:\((?:FAQ )?[\d.]+\)|\[[A-Z]?[\d.]+\]|(?:chapter|section|appendix|part)\s+(?:[\dA-Z]+\b|[ivx]+\b)[.:]?\s*|"
    r"(?:[A-Z]\.)?\d+(?:[.-]\d+)*[.):]?\s+|"
    r"[A-Z](?:\.\d+)+[.):]?\s+|[A-Z][.)]\s+)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Section:
    """A title, the title above it ("" if none) and its paragraphs."""

    title: str
    parent: str
    paragraphs: tuple[str, ...]


def words(text: str) -> list[str]:
    """Return the words of a text in lower case."""
    return re.findall(r"\w+", text.lower())


def clean(text: str) -> str:
    """Return the text on one line, without pilcrows and zero-width marks."""
    text = re.sub(r"[\u00b6\u200b\u200c\u200d\ufeff\u00ad\uf0c1]", "", text)
    return re.sub(r"\s+", " ", text).strip()


def clean_title(title: str) -> str:
    """Return a heading without its number: "Fonts" for "5.3. Fonts:"."""
    return clean(_NUMBERING.sub("", clean(title))).rstrip(" .:-#")


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, split where a full stop, question or exclamation mark precedes a capital."""
    return [part for part in re.split(r"(?<=[.!?])\s+(?=[A-Z\"'“(])", text) if part]


def windows(paragraphs: Iterable[str], most: int) -> list[str]:
    """Return the first `most` passages of a text, each of whole sentences with at most MAX_WORDS words in all."""
    found: list[str] = []
    kept: list[str] = []
    left = MAX_WORDS
    for sentence in (sentence for paragraph in paragraphs for sentence in sentences(paragraph)):
        length = len(sentence.split())
        if length > left and kept:
            found.append(" ".join(kept))
            kept, left = [], MAX_WORDS
        if len(found) == most:
            return found
        if length <= MAX_WORDS:
            kept.append(sentence)
            left -= length
    return [*found, " ".join(kept)] if kept else found


def is_prose(text: str) -> bool:
    """True if a text is English prose: mostly letters, with function words, and not a licence."""
    terms = words(text)
    letters = sum(char.isalpha() or char.isspace() for char in text)
    ascii_letters = sum(char.isascii() and char.isalpha() for char in text)
    small = sum(word in _SMALL_WORDS for word in terms)
    is_text = letters >= 0.86 * len(text) and ascii_letters >= 0.7 * len(text) and small >= 0.08 * len(terms)
    return is_text and not _LEGAL.search(text)


def _paragraphs_without_boilerplate(sections: Sequence[Section]) -> list[list[str]]:
    cleaned = [[clean(paragraph) for paragraph in section.paragraphs] for section in sections]
    repeats = Counter(paragraph for paragraphs in cleaned for paragraph in set(paragraphs))
    return [[part for part in parts if part and repeats[part] <= _MAX_PARAGRAPH_REPEATS] for parts in cleaned]


def _is_new(passage: str, seen: set[int]) -> bool:
    terms = words(passage)
    shingles = {hash(tuple(terms[at : at + _SHINGLE_WORDS])) for at in range(len(terms) - _SHINGLE_WORDS + 1)}
    known = len(shingles & seen)
    seen |= shingles
    return known <= _MAX_SEEN_SHINGLES * len(shingles)


def _without_title(passage: str, title: str) -> str:
    if passage.lower().startswith(title.lower()) and len(passage) > len(title) and not passage[len(title)].isalnum():
        rest = passage[len(title) :].lstrip(" .:,;-–—")
        return rest if rest[:1].isupper() else passage
    return passage


def _is_question(title: str) -> bool:
    plain = sum(char.isalpha() or char.isspace() for char in title)
    has_word = re.search("[A-Za-z]{2}", title) is not None
    return has_word and plain >= 0.8 * len(title) and "_" not in title and len(words(title)) <= _MAX_QUESTION_WORDS


def titled_passages(sections: Sequence[Section], *, max_windows: int = 1) -> list[tuple[str, str]]:
    """Return (title, passage), without generic titles, repeated paragraphs, near-identical passages and non-prose.

    A long section yields its first `max_windows` passages.
    A title of several sections gets its parent's title prepended; one that more than three still share is dropped.
    """
    seen: set[int] = set()
    titles = [clean_title(section.title) for section in sections]
    counts = Counter(title.casefold() for title in titles)
    shared: Counter[str] = Counter()
    found: list[tuple[str, str]] = []
    for section, title, paragraphs in zip(sections, titles, _paragraphs_without_boilerplate(sections), strict=True):
        if title.casefold() in _GENERIC_TITLES:
            continue
        parent = clean_title(section.parent)
        if counts[title.casefold()] > 1 and parent and parent.casefold() not in _GENERIC_TITLES | {title.casefold()}:
            title = f"{parent}: {title}"
        passages = [_without_title(passage, title) for passage in windows(paragraphs, max_windows)]
        fit = [passage for passage in passages if len(passage.split()) >= MIN_WORDS and is_prose(passage)]
        new = [passage for passage in fit if _is_new(passage, seen)] if _is_question(title) else []
        shared[title.casefold()] += bool(new)
        found += [(title, passage) for passage in new]
    return [(title, passage) for title, passage in found if shared[title.casefold()] <= _MAX_SHARED_TITLE]


def cloze(passage: str, rng: random.Random) -> tuple[str, str] | None:
    """Return (a sentence of the passage, the rest), or None if the passage is too short for that."""
    parts = sentences(passage)
    fit = [row for row, part in enumerate(parts) if 6 <= len(part.split()) <= 30 and is_prose(part)]
    if len(parts) < _MIN_CLOZE_SENTENCES or not fit:
        return None
    row = rng.choice(fit)
    rest = " ".join(parts[:row] + parts[row + 1 :])
    return (parts[row], rest) if len(rest.split()) >= MIN_WORDS and parts[row] not in rest else None


def make_collection(
    name: str,
    titled: Sequence[tuple[str, str]],
    *,
    max_passages: int,
    cloze_share: float,
    templates: Sequence[str] = ("{}",),
    seed: int = 0,
) -> Collection:
    """Return a sample of the passages, each with its title as a question, some also with a sentence taken out of it.

    A question's id begins with its kind: "title-..." or "cloze-...".
    A title shared by passages is one question.
    A template such as "what is {}" is drawn for each title.
    """
    rng = random.Random(f"{name} {seed}")
    rows = sorted(rng.sample(range(len(titled)), min(max_passages, len(titled))))
    passages: list[str] = []
    answers: dict[str, list[int]] = {}
    taken_out: list[tuple[str, int]] = []
    for place, row in enumerate(rows):
        title, passage = titled[row]
        split = cloze(passage, rng) if rng.random() < cloze_share else None
        if split:
            taken_out.append((split[0], place))
        passages.append(split[1] if split else passage)
        answers.setdefault(title, []).append(place)
    questions = [(rng.choice(templates).format(title), tuple(places)) for title, places in answers.items()]
    questions += [(sentence, (place,)) for sentence, place in taken_out]
    kinds = ["title"] * len(answers) + ["cloze"] * len(taken_out)
    return Collection(
        name=name,
        passages=passages,
        passage_ids=[f"{name}-{place}" for place in range(len(passages))],
        questions=[question for question, _ in questions],
        question_ids=[f"{kind}-{name}-{number}" for number, kind in enumerate(kinds)],
        positives=[places for _, places in questions],
    )
