"""Query trees drawn at random from a fixed seed, over the generated corpus."""

from __future__ import annotations

import random
from typing import Any

from tests.contract.corpora import VOCABULARY

Body = dict[str, Any]


def random_search(chance: random.Random) -> Body:
    """A search whose query is a tree of at most three levels; one in four searches by vector, too."""
    body: Body = {"query": random_query(chance, 3), "size": chance.choice([5, 20, 300]), "_source": False}
    if chance.random() < 0.25:
        body["knn"] = random_knn(chance)
        if chance.random() < 0.4:
            body["knn"]["boost"] = chance.choice([0.3, 2.0])
        if chance.random() < 0.3:
            del body["query"]
    return body


def random_query(chance: random.Random, depth: int) -> Body:
    """A query that is a tree of at most this many levels of `bool`."""
    if depth > 0 and chance.random() < 0.65:
        return _bool(chance, depth - 1)
    return chance.choice([_match, _match, _multi_match, _term, _terms, _range, _exists, _ids, _all])(chance)


def _bool(chance: random.Random, depth: int) -> Body:
    clauses: Body = {}
    for name, most in (("must", 2), ("should", 4), ("filter", 2), ("must_not", 1)):
        count = chance.randint(0, most) if chance.random() < 0.6 else 0
        if count:
            clauses[name] = [random_query(chance, depth) for _ in range(count)]
    if "should" in clauses and chance.random() < 0.4:
        clauses["minimum_should_match"] = chance.choice([0, 1, 2, "50%", "-1", "-30%"])
    if chance.random() < 0.3:
        clauses["boost"] = chance.choice([0.5, 2.0, 3.3])
    return {"bool": clauses}


def _words(chance: random.Random, most: int = 4) -> str:
    return " ".join(chance.choices(VOCABULARY, k=chance.randint(1, most)))


def _match(chance: random.Random) -> Body:
    options: Body = {"query": _words(chance)}
    if chance.random() < 0.3:
        options["operator"] = "and"
    elif chance.random() < 0.3:
        options["minimum_should_match"] = chance.choice([2, "60%", "-1"])
    if chance.random() < 0.3:
        options["boost"] = chance.choice([0.1, 1.7, 4])
    return {"match": {chance.choice(["title", "body"]): options}}


def _multi_match(chance: random.Random) -> Body:
    fields = chance.choice([["title", "body"], ["title^2.5", "body"], ["body^0.3", "title", "kind"]])
    options: Body = {"query": _words(chance), "fields": fields, "type": chance.choice(["best_fields", "most_fields"])}
    if chance.random() < 0.4:
        options["tie_breaker"] = chance.choice([0.0, 0.3, 1.0])
    if chance.random() < 0.3:
        options["operator"] = "and"
    return {"multi_match": options}


def _term(chance: random.Random) -> Body:
    return {
        "term": chance.choice(
            [
                {"kind": chance.choice(["red", "green", "none"])},
                {"kind": {"value": "blue", "boost": 2.0}},
                {"year": chance.randint(1990, 2010)},
                {"flag": chance.random() < 0.5},
                {"body": chance.choice(VOCABULARY)},
            ]
        )
    }


def _terms(chance: random.Random) -> Body:
    return {"terms": chance.choice([{"kind": ["red", "blue"]}, {"year": [1995, 2000, 2005]}, {"number": [1, 2, 250]}])}


def _range(chance: random.Random) -> Body:
    low = chance.randint(1985, 2010)
    return {
        "range": {"year": {chance.choice(["gt", "gte"]): low, chance.choice(["lt", "lte"]): low + chance.randint(0, 9)}}
    }


def _exists(chance: random.Random) -> Body:
    return {"exists": {"field": chance.choice(["title", "body", "year", "flag", "vector"])}}


def _ids(chance: random.Random) -> Body:
    return {"ids": {"values": [f"d{chance.randint(0, 320)}" for _ in range(chance.randint(1, 8))]}}


def _all(chance: random.Random) -> Body:
    return chance.choice([{"match_all": {}}, {"match_none": {}}, {"match_all": {"boost": 0.5}}])


def random_knn(chance: random.Random) -> Body:
    """A kNN search over the generated corpus's vectors, filtered half of the time."""
    vector = [round(chance.gauss(0, 1), 4) for _ in range(8)]
    body: Body = {"field": "vector", "query_vector": vector, "k": chance.randint(1, 30), "num_candidates": 300}
    if chance.random() < 0.5:
        body["filter"] = random_query(chance, 1)
    return body
