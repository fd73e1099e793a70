"""Searches over text, keywords, numbers, dates and booleans; all are POST _search."""

from __future__ import annotations

from typing import Any

Body = dict[str, Any]


def q(query: Body, **rest: Any) -> Body:
    return {"query": query, "size": 20, **rest}


def match(field: str, **options: Any) -> Body:
    return {"match": {field: options}}


def multi(text: str, fields: list[str], **options: Any) -> Body:
    return {"multi_match": {"query": text, "fields": fields, **options}}


def rescore(query: Body, window: int = 10, **options: Any) -> Body:
    return {"window_size": window, "query": {"rescore_query": query, **options}}


MATCH: dict[str, Body] = {
    "match, one word": q({"match": {"body": "fox"}}),
    "match, short form equals long form": q(match("body", query="fox")),
    "match stems under english": q({"match": {"title": "foxes running"}}),
    "match does not stem under standard": q({"match": {"body": "foxes running"}}),
    "match, several words, or": q({"match": {"body": "quick lazy dog"}}),
    "match, and": q(match("body", query="quick lazy dog", operator="and")),
    "match, AND in capitals": q(match("body", query="lazy dog", operator="AND")),
    "match, minimum_should_match 2": q(match("body", query="quick lazy dog fox", minimum_should_match=2)),
    "match, minimum_should_match 75%": q(match("body", query="quick lazy dog fox", minimum_should_match="75%")),
    "match, minimum_should_match -1": q(match("body", query="quick lazy dog fox", minimum_should_match="-1")),
    "match, minimum_should_match -25%": q(match("body", query="quick lazy dog fox", minimum_should_match="-25%")),
    "match, minimum_should_match 2<75%": q(match("body", query="quick lazy dog fox", minimum_should_match="2<75%")),
    "match, minimum_should_match above the words": q(match("body", query="quick dog", minimum_should_match=5)),
    "match, boost": q(match("body", query="lazy dog", boost=2.5)),
    "match, boost 0": q(match("body", query="lazy dog", boost=0)),
    "match, a word twice counts twice": q({"match": {"body": "dog dog fox"}}),
    "match, capitals": q({"match": {"body": "QUICK Brown"}}),
    "match, only stop words": q({"match": {"title": "the and of"}}),
    "match, only stop words, all": q(match("title", query="the and of", zero_terms_query="all")),
    "match, empty text": q({"match": {"body": ""}}),
    "match, stop words under standard are words": q({"match": {"body": "the"}}),
    "match, a field that no document has": q({"match": {"nowhere": "fox"}}),
    "match, a multi-field": q({"match": {"title.plain": "foxes"}}),
    "match, keyword field is exact": q({"match": {"kind": "story"}}),
    "match, keyword sub-field": q({"match": {"title.exact": "Lazy dogs"}}),
    "match, keyword field with an empty value": q({"match": {"kind": ""}}),
    "match, integer field": q({"match": {"year": 2001}}),
    "match, integer field, as text": q({"match": {"year": "2001"}}),
    "match, boolean field": q({"match": {"open": "true"}}),
    "match, date field": q({"match": {"published": "2001-12-31"}}),
    "match, object's field": q({"match": {"author.name": "smith"}}),
    "match, hyphens and apostrophes": q({"match": {"body": "state-of-the-art don't wi-fi"}}),
    "match, apostrophe under english": q({"match": {"title": "O'Neil e-mail naïve"}}),
    "match, numbers and abbreviations": q({"match": {"title": "3.14 U.S.A x2y"}}),
    "match, non-ASCII capitals": q({"match": {"body": "ångström"}}),
    "match, array of texts counts as one field": q({"match": {"title": "quick fox"}}),
    "match, another analyzer": q(match("body", query="Foxes", analyzer="keyword")),
    "match, a number as query on text": q({"match": {"title": 3.14}}),
    "match, lenient": q(match("year", query="not a number", lenient=True)),
}

MULTI_MATCH: dict[str, Body] = {
    "multi_match, best fields by default": q(multi("quick fox", ["title", "body"])),
    "multi_match, best_fields named": q(multi("quick fox", ["title", "body"], type="best_fields")),
    "multi_match, most_fields": q(multi("quick fox", ["title", "body"], type="most_fields")),
    "multi_match, boosted field": q(multi("quick fox", ["title^3", "body"])),
    "multi_match, fractional boost": q(multi("quick fox", ["title^0.5", "body^2.25"], type="most_fields")),
    "multi_match, tie_breaker": q(multi("quick fox", ["title", "body", "title.plain"], tie_breaker=0.3)),
    "multi_match, tie_breaker under most_fields": q(
        multi("quick fox", ["title", "body"], type="most_fields", tie_breaker=0.5)
    ),
    "multi_match, and": q(multi("lazy dogs", ["title", "body"], operator="and")),
    "multi_match, minimum_should_match": q(multi("lazy dog sleeps", ["title", "body"], minimum_should_match="67%")),
    "multi_match, boost": q(multi("lazy dogs", ["title", "body"], boost=3)),
    "multi_match, one field": q(multi("lazy dogs", ["title"])),
    "multi_match, an unknown field among them": q(multi("lazy dogs", ["title", "nowhere"])),
    "multi_match, only an unknown field": q(multi("lazy dogs", ["nowhere"])),
    "multi_match, text and keyword": q(multi("story", ["title", "kind"])),
    "multi_match, text and number, lenient": q(multi("fox", ["title", "year"], lenient=True)),
    "multi_match, only stop words in one field": q(multi("the", ["title", "body"])),
    "multi_match, one field as a string": q({"multi_match": {"query": "fox", "fields": "body"}}),
}

TERMS: dict[str, Body] = {
    "term, keyword": q({"term": {"kind": "story"}}),
    "term, keyword, long form with boost": q({"term": {"kind": {"value": "story", "boost": 2.0}}}),
    "term, keyword array": q({"term": {"tags": "animals"}}),
    "term, capitals matter": q({"term": {"kind": "Story"}}),
    "term, empty string": q({"term": {"kind": ""}}),
    "term, text field takes the stored word": q({"term": {"body": "fox"}}),
    "term, text field, word not analysed": q({"term": {"body": "Fox"}}),
    "term, integer": q({"term": {"year": 2001}}),
    "term, integer as text": q({"term": {"year": "2001"}}),
    "term, integer out of its range": q({"term": {"year": 99999999999}}),
    "term, integer with a fraction": q({"term": {"year": 2001.5}}),
    "term, one of an integer array": q({"term": {"year": 2005}}),
    "term, long": q({"term": {"views": 12345678901}}),
    "term, float": q({"term": {"rating": 3.9}}),
    "term, double": q({"term": {"price": 0.1}}),
    "term, double zero and minus zero": q({"term": {"price": 0.0}}),
    "term, boolean": q({"term": {"open": True}}),
    "term, boolean as text": q({"term": {"open": "false"}}),
    "term, date": q({"term": {"published": "2020-01-01"}}),
    "term, date in milliseconds": q({"term": {"published": 1577836800000}}),
    "term, id of an object in an array": q({"term": {"author.id": "a1"}}),
    "term, unmapped field": q({"term": {"nowhere": "x"}}),
    "term, _id": q({"term": {"_id": "ten"}}),
    "terms, keyword": q({"terms": {"kind": ["story", "tiny", "none"]}}),
    "terms, with boost": q({"terms": {"kind": ["story", "tiny"], "boost": 1.5}}),
    "terms, integers": q({"terms": {"year": [2001, "2015", 1999]}}),
    "terms, booleans": q({"terms": {"open": [True]}}),
    "terms, dates": q({"terms": {"published": ["1990-05-01", "2020-01-01"]}}),
    "terms, empty list": q({"terms": {"kind": []}}),
    "terms, text field": q({"terms": {"body": ["fox", "dog"]}}),
    "ids": q({"ids": {"values": ["3", "1", "nobody", "ten"]}}),
    "ids, none": q({"ids": {"values": []}}),
    "ids, boost": q({"ids": {"values": ["3"], "boost": 4}}),
    "exists, text": q({"exists": {"field": "title"}}),
    "exists, empty text counts": q({"exists": {"field": "body"}}),
    "exists, keyword": q({"exists": {"field": "kind"}}),
    "exists, array with null": q({"exists": {"field": "tags"}}),
    "exists, number": q({"exists": {"field": "rating"}}),
    "exists, boolean": q({"exists": {"field": "open"}}),
    "exists, object": q({"exists": {"field": "author"}}),
    "exists, vector": q({"exists": {"field": "vector"}}),
    "exists, keyword past ignore_above": q({"exists": {"field": "title.exact"}}),
    "exists, unmapped": q({"exists": {"field": "nowhere"}}),
    "exists, boost": q({"exists": {"field": "title", "boost": 0.25}}),
}

RANGES: dict[str, Body] = {
    "range, integer, gte and lt": q({"range": {"year": {"gte": 2001, "lt": 2015}}}),
    "range, integer, gt": q({"range": {"year": {"gt": 2001}}}),
    "range, integer with fractions": q({"range": {"year": {"gte": 2000.5, "lte": 2001.5}}}),
    "range, integer as text": q({"range": {"year": {"lte": "1999"}}}),
    "range, open on both sides": q({"range": {"year": {}}}),
    "range, null bound": q({"range": {"year": {"gte": None, "lte": 2001}}}),
    "range, boost": q({"range": {"year": {"gte": 2015, "boost": 3.0}}}),
    "range, float": q({"range": {"rating": {"gte": 3.9, "lt": 4.5}}}),
    "range, negative": q({"range": {"rating": {"lt": 0}}}),
    "range, keyword": q({"range": {"kind": {"gte": "s", "lt": "t"}}}),
    "range, date": q({"range": {"published": {"gte": "2001-01-01", "lt": "2015-07-04"}}}),
    "range, date, upper day is rounded up": q({"range": {"published": {"lte": "2001-12-31"}}}),
    "range, date, a month": q({"range": {"published": {"gte": "2001-02", "lte": "2001-02"}}}),
    "range, date in milliseconds": q({"range": {"published": {"gte": 1577836800000}}}),
    "range, date with offset": q({"range": {"published": {"gt": "2001-02-28T10:15:30+01:00", "lt": "2002"}}}),
    "range, empty interval": q({"range": {"year": {"gt": 2001, "lt": 2001}}}),
    "range, unmapped": q({"range": {"nowhere": {"gte": 1}}}),
    "range, boolean": q({"range": {"open": {"gte": True}}}),
}

FOX, DOG, LAZY = {"match": {"body": "fox"}}, {"match": {"body": "dog"}}, {"match": {"body": "lazy"}}
STORY, OLD = {"term": {"kind": "story"}}, {"range": {"year": {"lt": 2001}}}

BOOL: dict[str, Body] = {
    "bool, must": q({"bool": {"must": [DOG, LAZY]}}),
    "bool, must as one object": q({"bool": {"must": DOG}}),
    "bool, should": q({"bool": {"should": [FOX, DOG, LAZY]}}),
    "bool, should with minimum": q({"bool": {"should": [FOX, DOG, LAZY], "minimum_should_match": 2}}),
    "bool, should with percentage": q({"bool": {"should": [FOX, DOG, LAZY], "minimum_should_match": "70%"}}),
    "bool, should beside must is optional": q({"bool": {"must": [DOG], "should": [LAZY]}}),
    "bool, should beside filter is optional": q({"bool": {"filter": [STORY], "should": [LAZY]}}),
    "bool, should beside filter with minimum": q(
        {"bool": {"filter": [STORY], "should": [LAZY], "minimum_should_match": 1}}
    ),
    "bool, filter alone scores nothing": q({"bool": {"filter": [STORY]}}),
    "bool, filter does not score": q({"bool": {"must": [DOG], "filter": [STORY]}}),
    "bool, must_not alone": q({"bool": {"must_not": [STORY]}}),
    "bool, must and must_not": q({"bool": {"must": [DOG], "must_not": [STORY, OLD]}}),
    "bool, empty": q({"bool": {}}),
    "bool, boost": q({"bool": {"must": [DOG], "should": [LAZY], "boost": 2.0}}),
    "bool, nested": q(
        {"bool": {"must": [{"bool": {"should": [FOX, LAZY]}}], "filter": [{"bool": {"must_not": [OLD]}}]}}
    ),
    "bool, nested boosts multiply": q({"bool": {"boost": 3, "must": [{"bool": {"boost": 0.5, "must": [DOG]}}]}}),
    "bool, filter only in a scored clause": q({"bool": {"must": [DOG, {"bool": {"filter": [STORY]}}]}}),
    "bool, same clause twice": q({"bool": {"should": [DOG, DOG]}}),
    "bool, must match_all adds one": q({"bool": {"must": [{"match_all": {}}, DOG]}}),
    "bool, scored term and range": q({"bool": {"should": [STORY, OLD, DOG]}}),
    "bool, must match_none": q({"bool": {"must": [{"match_none": {}}], "should": [DOG]}}),
    "match_all": q({"match_all": {}}),
    "match_all, boost": q({"match_all": {"boost": 1.5}}),
    "match_none": q({"match_none": {}}),
    "constant_score": q({"constant_score": {"filter": STORY, "boost": 1.2}}),
    "dis_max": q({"dis_max": {"queries": [FOX, DOG], "tie_breaker": 0.4}}),
}

REQUEST: dict[str, Body] = {
    "no body at all": {},
    "size by default is ten": {"query": {"match_all": {}}},
    "size 0": {"query": DOG, "size": 0},
    "from and size": {"query": {"match_all": {}}, "from": 3, "size": 4},
    "from past the end": {"query": DOG, "from": 100, "size": 10},
    "min_score": q({"match": {"body": "lazy dog fox"}}, min_score=1.0),
    "track_total_hits false": q(DOG, track_total_hits=False),
    "track_total_hits true": q(DOG, track_total_hits=True),
    "track_total_hits 2": q({"match_all": {}}, track_total_hits=2),
    "track_total_hits above the number": q({"match_all": {}}, track_total_hits=50),
    "_source false": q(DOG, _source=False),
    "_source, one field": q(DOG, _source="title"),
    "_source, list": q(DOG, _source=["title", "year"]),
    "_source, wildcard": q(DOG, _source=["t*", "author.*"]),
    "_source, nested path": q({"match_all": {}}, _source=["author.name"]),
    "_source, object name": q({"match_all": {}}, _source=["author"]),
    "_source, includes and excludes": q(
        {"match_all": {}}, _source={"includes": ["t*", "author"], "excludes": ["*.id"]}
    ),
    "_source, excludes only": q({"match_all": {}}, _source={"excludes": ["vector", "body", "tags"]}),
    "_source, nothing fits": q(DOG, _source=["nowhere"]),
    "timeout is accepted": q(DOG, timeout="5s"),
    "post_filter keeps scores": q(DOG, post_filter=STORY),
    "fields of a vector": q({"match_all": {}}, fields=["vector"], _source=False),
    "rescore": q(DOG, rescore=rescore({"match": {"title": "fox"}})),
    "rescore, a small window": q(DOG, rescore=rescore({"match": {"body": "lazy"}}, window=1), size=2),
    "rescore, modes and weights": q(
        DOG,
        rescore=[
            rescore({"match": {"title": "fox"}}, score_mode="multiply", query_weight=0.5),
            rescore(STORY, score_mode="max", rescore_query_weight=0.25),
            rescore({"match": {"body": "lazy"}}, score_mode="avg"),
            rescore({"match": {"body": "quick"}}, score_mode="min"),
        ],
    ),
    "rescore after post_filter and min_score": q(
        DOG, post_filter=STORY, min_score=0.1, rescore=rescore({"match": {"title": "fox"}})
    ),
    "rescorer retriever": {
        "retriever": {"rescorer": {"retriever": {"standard": {"query": DOG}}, "rescore": rescore(STORY, window=4)}}
    },
    "rescorer retriever, filters": {
        "retriever": {
            "rescorer": {
                "retriever": {"standard": {"query": DOG, "filter": STORY}},
                "filter": {"exists": {"field": "title"}},
                "rescore": [rescore({"match": {"title": "fox"}})],
            }
        }
    },
    "collapse by a keyword": q(DOG, collapse={"field": "kind"}),
    "collapse by a number, a page": {"query": {"match_all": {}}, "collapse": {"field": "rating"}, "from": 1, "size": 3},
    "collapse counts all and aggregates over all": q(
        DOG, collapse={"field": "kind"}, aggs={"kinds": {"terms": {"field": "kind"}}}
    ),
    "collapse, nothing matches": q({"match_none": {}}, collapse={"field": "kind"}),
    "collapse under a post_filter": q(DOG, collapse={"field": "kind"}, post_filter=STORY),
    "standard retriever, collapse": {"retriever": {"standard": {"query": DOG, "collapse": {"field": "kind"}}}},
    "docvalue_fields": q({"match_all": {}}, docvalue_fields=["kind", "tags", "year", "nowhere"], _source=False),
    "version": q(DOG, version=True, _source=False),
    "seq_no_primary_term": q(DOG, seq_no_primary_term=True, _source=False),
}

UNTYPED: dict[str, Body] = {
    "dynamic text": q({"match": {"name": "turing"}}),
    "dynamic keyword sub-field": q({"term": {"name.keyword": "Alan Turing"}}),
    "dynamic keyword sub-field, ignore_above 256": q({"exists": {"field": "name.keyword"}}),
    "dynamic date is detected": q({"range": {"born": {"gte": "1900-01-01"}}}),
    "dynamic long": q({"term": {"notes": 7}}),
    "dynamic float": q({"range": {"share": {"gt": 1}}}),
    "dynamic boolean": q({"term": {"alive": False}}),
    "dynamic object": q({"match": {"machine.name": "bombe"}}),
    "dynamic array": q({"match": {"ranks": "admiral"}}),
    "dynamic, empty array makes no field": q({"exists": {"field": "empty"}}),
}
