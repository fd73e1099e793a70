"""The shipped suite of minimal pairs shares neither sentences nor content words with the lists that training sees."""

from __future__ import annotations

import re
from types import ModuleType

from benchmarks.binding import patterns as binding_patterns
from benchmarks.binding import words as binding_words
from benchmarks.binding.measure import make_suite
from tests.cli.overlap import content_stems
from training import pair_templates, sense_words, words
from training.minimal_pairs import FAMILIES, generate_family

_FIELD = re.compile(r"\{\w*\}")


def strings_of(module: ModuleType) -> str:
    """Return every constant of a module as one text, without the fields of its sentences."""
    named = {name: value for name, value in vars(module).items() if not name.startswith("__")}
    constants = [value for value in named.values() if isinstance(value, (tuple, dict))]
    return _FIELD.sub(" ", " ".join(map(repr, constants)).replace("\\'", "'"))


def skeleton(sentence: str) -> str:
    """Return a sentence as its words and the places of its fields, without their names and punctuation."""
    return " ".join(re.findall(r"[\w']+|_", _FIELD.sub(" _ ", sentence).lower()))


def content(text: str) -> frozenset[str]:
    return frozenset(stem for stem in content_stems(text) if not stem.isdigit())


def test_no_content_word_outside_the_function_words_is_shared() -> None:
    generated = " ".join(
        text
        for family in FAMILIES
        for seed in range(500)
        for made in (generate_family(family, seed, held_out=seed % 2 == 1),)
        for text in (made.question, *made.passages)
    )
    trained = content(generated).union(*(content(strings_of(each)) for each in (words, sense_words, pair_templates)))
    suite = " ".join(f"{pair.query} {pair.right}" for pair in make_suite())
    assert content(f"{suite} {strings_of(binding_words)}") & trained == frozenset()


def test_no_sentence_is_shared_but_those_of_fields_alone() -> None:
    trained = {skeleton(text) for kind in vars(pair_templates).values() if isinstance(kind, tuple) for text in kind}
    patterns = [pattern for family in binding_patterns.PATTERNS.values() for pattern in family]
    suite = {skeleton(text) for pattern in patterns for text in (pattern.passage, *pattern.questions)}
    assert {each for each in suite & trained if each.strip("_ ")} == set()
