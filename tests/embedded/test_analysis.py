"""The embedded engine's analyzers against those of real nodes: live over thousands of strings, recorded over a few."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from connector.embedded.analysis.analysis import ANALYZERS, Token, analyze
from connector.embedded.analysis.tokenizer import words
from connector.embedded.analysis.word_break import CLASSES
from tests.embedded.analysis_strings import AWKWARD, generated, paragraphs

RECORDED = json.loads(Path(__file__).with_name("analysis_recorded.json").read_text(encoding="utf-8"))
BATCH = 40
SENTINEL = "qqq"


@pytest.fixture(params=[pytest.param(8, marks=pytest.mark.node), pytest.param(9, marks=pytest.mark.node)])
def node(request: pytest.FixtureRequest) -> Iterator[Elasticsearch]:
    """Elasticsearch 8 and 9, one after the other."""
    with Elasticsearch(request.getfixturevalue(f"elasticsearch{request.param}_url")) as client:
        yield client


def tokens_of_node(node: Elasticsearch, analyzer: str, texts: list[str]) -> Iterator[list[Token]]:
    """What a node's `_analyze` gives for each text.

    Many go in one request, a sentinel before and after each. Two sentinels first show the gap that this analyzer leaves
    between texts: 0 or 100.
    """
    for start in range(0, len(texts), BATCH):
        batch = texts[start : start + BATCH]
        interleaved = [SENTINEL, SENTINEL, *(piece for text in batch for piece in (text, SENTINEL))]
        answer = node.indices.analyze(analyzer=analyzer, text=interleaved)
        ends = [0]
        for piece in interleaved:
            ends.append(ends[-1] + len(piece.encode("utf-16-le")) // 2 + 1)
        pieces: list[list[Token]] = [[] for _ in interleaved]
        at = 0
        for token in answer["tokens"]:
            while token["start_offset"] >= ends[at + 1]:
                at += 1
            pieces[at].append(Token(token["token"], token["position"]))
        step = pieces[1][0].position - pieces[0][0].position
        for before, found in zip(pieces[1:-1:2], pieces[2::2], strict=True):
            yield [Token(token.term, token.position - before[0].position - step) for token in found]


@pytest.mark.parametrize("analyzer", sorted(ANALYZERS))
def test_tokens_of_thousands_of_strings_are_those_of_a_real_node(node: Elasticsearch, analyzer: str) -> None:
    texts = [*AWKWARD, *generated(1500), *paragraphs()]
    assert len(texts) >= 2000
    theirs = list(tokens_of_node(node, analyzer, texts))
    differing = [
        (text, ours, wanted)
        for text, wanted in zip(texts, theirs, strict=True)
        if (ours := analyze(analyzer, text)) != wanted
    ]
    assert differing == []


def test_every_range_of_a_word_break_class_ends_where_a_real_nodes_does(node: Elasticsearch) -> None:
    bounds = [int(bound, 16) for listed in CLASSES.values() for item in listed.split() for bound in item.split("-")]
    points = {point for bound in bounds for point in (bound - 1, bound, bound + 1) if not 0xD800 <= point < 0xE000}
    texts = [f"{c} a{c}b 1{c}2 ア{c}ア א{c}א _{c} ก{c} 😀\u200d{c}" for c in map(chr, sorted(points))]
    theirs = tokens_of_node(node, "standard", texts)
    assert [text for text, wanted in zip(texts, theirs, strict=True) if analyze("standard", text) != wanted] == []


@pytest.mark.parametrize("analyzer", sorted(ANALYZERS))
def test_tokens_of_awkward_strings_are_those_recorded_from_a_real_node(analyzer: str) -> None:
    assert {text: [list(token) for token in analyze(analyzer, text)] for text in AWKWARD} == RECORDED[analyzer]


def test_a_stop_word_leaves_a_gap_in_the_positions() -> None:
    assert analyze("english", "the war of the worlds") == [Token("war", 1), Token("world", 4)]


def test_a_word_is_cut_at_255_utf16_code_units() -> None:
    assert [len(word) for word in words("x" * 600)] == [255, 255, 90]
    assert [len(word) for word in words("𝐀" * 130)] == [127, 3]


def test_an_unknown_analyzer_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        analyze("french", "bonjour")
