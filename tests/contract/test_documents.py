"""Writing, reading, counting and index administration answer alike on a real node and on the embedded engine."""

from __future__ import annotations

import pytest

from tests.contract.conftest import Pair
from tests.contract.document_plays import BULK, CREATE, DOCUMENTS, REFRESH, REFUSED, bulk, put, search
from tests.contract.harness import Call, differences
from tests.contract.index_plays import INDICES, MSEARCH
from tests.contract.limit_plays import LIMITS, SENSELESS

ROOMS = {
    "documents": DOCUMENTS,
    "bulk": BULK,
    "refused": REFUSED,
    "limits": LIMITS,
    "senseless": SENSELESS,
    "indices": INDICES,
    "msearch": MSEARCH,
}
PLAYS = {f"{room}: {name}": calls for room, plays in ROOMS.items() for name, calls in plays.items()}


@pytest.mark.parametrize("calls", PLAYS.values(), ids=PLAYS.keys())
def test_a_sequence_of_calls_gives_the_same_answers(pair: Pair, calls: list[Call]) -> None:
    assert pair.compare_play(calls) == []


def test_after_changes_scores_are_those_of_an_index_that_never_had_them(pair: Pair) -> None:
    """A real node counts replaced and deleted documents until their segment is merged away; the embedded one never."""
    query = search({"bool": {"should": [{"match": {"title": "red fox"}}, {"term": {"kind": "a"}}]}})
    kept = [
        ({"index": {"_id": "3"}}, {"title": "a red, red fox", "kind": "a"}),
        ({"index": {"_id": "1"}}, {"title": "fox"}),
    ]
    changed = [
        CREATE,
        put("1", {"title": "one red fox", "kind": "a"}),
        put("2", {"title": "two red dogs", "kind": "a"}),
        put("3", {"title": "a red, red fox", "kind": "a"}, **REFRESH),
        Call("DELETE", "/{index}/_doc/2"),
        put("1", {"title": "fox"}, **REFRESH),
        query,
    ]
    fresh = [CREATE, bulk(*(line for lines in kept for line in lines), refresh="true"), query]
    assert differences(pair.real.play(fresh)[-1], pair.embedded.play(changed)[-1]) == []
