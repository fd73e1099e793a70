"""The documents that the contract's searches run over, small enough to reason about by hand."""

from __future__ import annotations

import random
from typing import Any

from tests.contract.harness import Corpus

TEXT = {"type": "text"}
ENGLISH = {"type": "text", "analyzer": "english"}
KEYWORD = {"type": "keyword"}


def vector(dims: int, similarity: str = "cosine", kind: str = "hnsw") -> dict[str, Any]:
    """A dense_vector field with its index_options named: the servers' defaults differ."""
    options = {"type": kind}
    return {"type": "dense_vector", "dims": dims, "index": True, "similarity": similarity, "index_options": options}


ARTICLES = Corpus(
    "articles",
    {
        "properties": {
            "title": {**ENGLISH, "fields": {"exact": {"type": "keyword", "ignore_above": 60}, "plain": TEXT}},
            "body": TEXT,
            "kind": KEYWORD,
            "tags": KEYWORD,
            "year": {"type": "integer"},
            "views": {"type": "long"},
            "rating": {"type": "float"},
            "price": {"type": "double"},
            "open": {"type": "boolean"},
            "published": {"type": "date"},
            "author": {"properties": {"name": TEXT, "id": KEYWORD}},
            "vector": vector(4),
        }
    },
    [
        (
            "1",
            {
                "title": "The quick brown fox",
                "body": "A quick brown fox jumps over the lazy dog. The dog sleeps.",
                "kind": "story",
                "tags": ["animals", "classic"],
                "year": 1990,
                "views": 12345678901,
                "rating": 4.5,
                "price": 10.0,
                "open": True,
                "published": "1990-05-01",
                "author": {"name": "Ann Smith", "id": "a1"},
                "vector": [1.0, 0.0, 0.0, 0.0],
            },
        ),
        (
            "2",
            {
                "title": "Running foxes and their dens",
                "body": "Foxes run. A fox den is a burrow; foxes raise cubs in the den in spring.",
                "kind": "science",
                "tags": ["animals"],
                "year": 2001,
                "views": 20,
                "rating": 3.9,
                "price": 0.1,
                "open": False,
                "published": "2001-02-28T10:15:30Z",
                "author": [{"name": "Bob Jones", "id": "b2"}, {"name": "Ann Smith", "id": "a1"}],
                "vector": [0.9, 0.1, 0.0, 0.0],
            },
        ),
        (
            "3",
            {
                "title": "Lazy dogs",
                "body": "The dog sleeps all day; lazy dogs sleep more than foxes do.",
                "kind": "story",
                "tags": [],
                "year": 2001,
                "rating": 4.5,
                "open": True,
                "published": "2001-12-31",
                "vector": [0.0, 1.0, 0.0, 0.0],
            },
        ),
        (
            "4",
            {
                "body": "No title here, only a body about global warming and climate change.",
                "kind": "science",
                "tags": "climate",
                "year": 2015,
                "published": "2015-07-04T00:00:00.000Z",
                "vector": [0.0, 0.0, 1.0, 0.0],
            },
        ),
        (
            "5",
            {
                "title": "Climate change: effects on animals",
                "body": "",
                "kind": "science",
                "tags": ["climate", "animals", None],
                "year": 2020,
                "rating": 0.0,
                "price": 99.99,
                "open": False,
                "published": "2020-01-01",
                "vector": [0.0, 0.0, 0.8, 0.6],
            },
        ),
        (
            "6",
            {
                "title": ["Two titles", "A second title about a quick fox"],
                "body": ["first paragraph about foxes", "second paragraph about dogs"],
                "kind": "Story",
                "year": [1999, 2005],
                "published": 1577836800000,
                "vector": [0.5, 0.5, 0.5, 0.5],
            },
        ),
        ("7", {"title": "", "body": "The the the and of", "kind": "", "year": -3, "rating": -1.5, "open": "true"}),
        ("8", {"title": None, "kind": None, "year": None}),
        (
            "9",
            {
                "title": "Quick quick quick",
                "body": "quick " * 40 + "brown",
                "kind": "story",
                "year": "2003",
                "rating": 2,
                "vector": [-1.0, 0.0, 0.0, 0.0],
            },
        ),
        (
            "ten",
            {
                "title": "O'Neil's e-mail: naïve café, 3.14 and U.S.A. x2y",
                "body": "wi-fi don't state-of-the-art foo_bar user@example.com http://example.com/a?b=1 ÅNGSTRÖM",
                "kind": "misc",
                "year": 2010,
                "price": -0.0,
                "vector": [0.1, -0.2, 0.3, -0.4],
            },
        ),
        ("11", {"title": "Dog", "body": "dog", "kind": "tiny", "year": 2001, "vector": [0.0, 2.0, 0.0, 0.0]}),
        ("12", {"title": "Dog", "body": "dog", "kind": "tiny", "year": 2001, "vector": [0.0, 3.0, 0.0, 0.0]}),
    ],
)

VOCABULARY = [
    *["apple", "banana", "cherry", "date", "elder", "fig", "grape", "hazel", "ivy", "jasmine"],
    *["kiwi", "lemon", "mango", "nettle", "olive", "peach", "quince", "rose", "sage", "thyme"],
]


def generated(count: int, seed: int) -> Corpus:
    """Return documents of long-tailed random words, some without a field; a seed gives the same ones each time."""
    chance = random.Random(seed)
    weights = [1 / (rank + 1) for rank in range(len(VOCABULARY))]
    documents: list[tuple[str, dict[str, Any]]] = []
    for number in range(count):
        source: dict[str, Any] = {"number": number, "kind": chance.choice(["red", "green", "blue"])}
        if chance.random() < 0.7:
            source["title"] = " ".join(chance.choices(VOCABULARY, weights, k=chance.randint(1, 5)))
        if chance.random() < 0.9:
            source["body"] = " ".join(chance.choices(VOCABULARY, weights, k=chance.randint(3, 120)))
        if chance.random() < 0.8:
            source["year"] = chance.randint(1990, 2010)
        if chance.random() < 0.5:
            source["flag"] = chance.random() < 0.5
        if chance.random() < 0.85:
            source["vector"] = [round(chance.gauss(0, 1), 4) for _ in range(8)]
        documents.append((f"d{number}", source))
    properties = {
        "title": ENGLISH,
        "body": TEXT,
        "kind": KEYWORD,
        "number": {"type": "integer"},
        "year": {"type": "integer"},
        "flag": {"type": "boolean"},
        "vector": vector(8),
    }
    return Corpus("generated", {"properties": properties}, documents)


GENERATED = generated(300, seed=11)
UNTYPED = Corpus(
    "untyped",
    {},
    [
        ("a", {"name": "Ada Lovelace", "born": "1815-12-10", "notes": 3, "share": 0.5, "alive": False}),
        ("b", {"name": "Alan Turing", "born": "1912-06-23", "notes": 7, "share": 2.5, "machine": {"name": "bombe"}}),
        ("c", {"name": "Grace Hopper", "ranks": ["commodore", "rear admiral"], "notes": 7, "alive": False}),
        ("d", {"name": "x" * 300, "empty": [], "nothing": None, "born": "1906-12-09"}),
    ],
)
