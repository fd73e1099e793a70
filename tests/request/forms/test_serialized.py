"""Bodies and lines of an msearch that are JSON already."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.request.forms.conftest import STANDARD, rrf

pytestmark = pytest.mark.filterwarnings("ignore:index .* does not say which encoder:UserWarning")
LINES = [{}, {"retriever": rrf(STANDARD)}, {}, {"query": {"match": {"t": "red"}}}]


@pytest.mark.parametrize(
    "written",
    [
        LINES,
        tuple(LINES),
        [json.dumps(line) for line in LINES],
        [json.dumps(line).encode() for line in LINES],
        "".join(f"{json.dumps(line)}\n" for line in LINES),
        "".join(f"{json.dumps(line)}\n" for line in LINES).encode(),
    ],
    ids=["list", "tuple", "texts", "bytes", "one text", "one bytes"],
)
def test_lines_of_an_msearch_may_be_written_already(kites: Any, written: Any) -> None:
    answers = kites.client.msearch(index=kites.index, searches=written)["responses"]
    # "kite" alone is the shortest of the three passages.
    assert [[hit["_id"] for hit in each["hits"]["hits"]] for each in answers] == [["c", "a", "b"], ["a"]]


def test_lines_of_an_msearch_may_come_from_an_iterator(kites: Any) -> None:
    answers = kites.client.msearch(index=kites.index, searches=iter(LINES))["responses"]
    assert [len(each["hits"]["hits"]) for each in answers] == [3, 1]


@pytest.mark.parametrize("write", [json.dumps, lambda body: json.dumps(body).encode()], ids=["text", "bytes"])
def test_a_body_may_be_written_already(kites: Any, write: Any) -> None:
    assert kites(body=write({"retriever": rrf(STANDARD)})) == kites(retriever=rrf(STANDARD))
