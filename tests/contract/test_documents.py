"""Writing, reading, counting and index administration answer alike on a real node and on the embedded engine."""

from __future__ import annotations

import pytest

from tests.contract.conftest import Pair
from tests.contract.document_plays import BULK, DOCUMENTS, REFUSED
from tests.contract.harness import Call
from tests.contract.index_plays import INDICES, MSEARCH

ROOMS = {"documents": DOCUMENTS, "bulk": BULK, "refused": REFUSED, "indices": INDICES, "msearch": MSEARCH}
PLAYS = {f"{room}: {name}": calls for room, plays in ROOMS.items() for name, calls in plays.items()}


@pytest.mark.parametrize("calls", PLAYS.values(), ids=PLAYS.keys())
def test_a_sequence_of_calls_gives_the_same_answers(pair: Pair, calls: list[Call]) -> None:
    assert pair.compare_play(calls) == []
