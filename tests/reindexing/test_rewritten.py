from __future__ import annotations

import pytest

from connector.exact_json import loads
from connector.reindexing.writing.rewritten import is_spelled_otherwise, loses_digits

# What Elasticsearch 8.19 and 9.5 and OpenSearch 2.19 returned after a partial update of {"n": ...}.
UPDATED = {
    "0.12345678901234567890123": "0.12345678901234568",
    "1e400": '"Infinity"',
    "12345678901234567890123": "12345678901234567890123",
    "-0.0": "-0.0",
    "-0": "0",
    "1.0": "1.0",
    "1": "1",
    "1E5": "100000.0",
    "100000000.0": "1.0E8",
    "1.0E8": "1.0E8",
    "1e-7": "1.0E-7",
    "1.0E-7": "1.0E-7",
    "1.10": "1.1",
    "1700000000.25": "1.70000000025E9",
    "-1.70000000025E9": "-1.70000000025E9",
    "0.001": "0.001",
}
LOST = {"0.12345678901234567890123", "1e400"}


@pytest.mark.parametrize("number", UPDATED)
def test_what_a_cluster_makes_of_a_number_is_foreseen(number: str) -> None:
    source = loads(f'{{"title": "one", "deep": [{{"n": {number}}}]}}')
    assert is_spelled_otherwise(source) == (UPDATED[number] != number)
    assert loses_digits(source) == (number in LOST)
