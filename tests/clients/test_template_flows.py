"""Search templates that hold retrievers, driven by hand."""

from __future__ import annotations

from typing import Any

import pytest
from elasticsearch import ApiError

from connector.clients.call_flows import (
    CallNeed,
    OwnSearch,
    Pass,
    RenderTemplate,
    multi_template_flow,
    search_template_flow,
)
from connector.errors import (
    RequestError,
)
from connector.search.needs import run
from tests.clients.call_answers import OURS, PLAIN, answered, is_ours, refused, response


@pytest.mark.parametrize(
    "error",
    [refused(403, "security_exception", "non-compliant"), refused(400, "parsing_exception", "unknown retriever [rrf]")],
)
def test_a_template_whose_retriever_is_refused_is_filled_in_and_run_here(error: ApiError) -> None:
    asked: list[CallNeed] = []
    body = {"id": "mine", "params": {"text": "car"}, "explain": True}
    perform = answered(asked, error, response(template_output=OURS), response(hits="ours"))
    assert run(search_template_flow(body, {"preference": "x"}, "articles", is_ours), perform).body == {"hits": "ours"}
    template = {"id": "mine", "params": {"text": "car"}}
    assert asked == [Pass(body), RenderTemplate(template), OwnSearch(OURS, {"preference": "x"}, "articles")]


def test_a_template_that_the_cluster_runs_passes() -> None:
    asked: list[CallNeed] = []
    run(search_template_flow({"id": "mine"}, {}, "articles", is_ours), answered(asked, response(hits="theirs")))
    assert asked == [Pass({"id": "mine"})]


def test_another_error_of_a_template_is_raised_as_it_is() -> None:
    error = refused(404, "resource_not_found_exception")
    with pytest.raises(ApiError) as caught:
        run(search_template_flow({"id": "mine"}, {}, "articles", is_ours), answered([], error))
    assert caught.value is error


def test_a_refused_template_that_is_not_ours_stays_refused() -> None:
    error = refused(403, "security_exception")
    with pytest.raises(ApiError) as caught:
        run(search_template_flow({"id": "m"}, {}, "a", is_ours), answered([], error, response(template_output=PLAIN)))
    assert caught.value is error


def refused_line(reason: str = "unknown retriever [rrf]") -> dict[str, Any]:
    return {"error": {"type": "parsing_exception", "reason": reason}, "status": 400}


def test_templates_of_an_msearch_whose_retriever_is_refused_are_filled_in_and_run_here() -> None:
    asked: list[CallNeed] = []
    ours = {"id": "mine", "params": {"text": "car"}}
    body = [{"index": "a"}, {"id": "plain"}, {"index": ["b"], "preference": "x"}, ours, {}, {"id": "late"}]
    passed = response(took=3, responses=["first", refused_line(), "last"])
    perform = answered(asked, passed, response(template_output=OURS), response(took=5, hits="ours"))
    found = run(multi_template_flow(body, "d", is_ours), perform)
    assert asked == [Pass(body), RenderTemplate(ours), OwnSearch(OURS, {"preference": "x"}, "b")]
    assert found.body == {"took": 3, "responses": ["first", {"took": 5, "hits": "ours", "status": 200}, "last"]}


def test_templates_of_an_msearch_that_were_written_already_are_read() -> None:
    asked: list[CallNeed] = []
    body = ['{"index": "a"}', b'{"source": "{}", "params": {}}']
    perform = answered(
        asked, response(responses=[refused_line()]), response(template_output=OURS), response(hits="ours")
    )
    run(multi_template_flow(body, None, is_ours), perform)
    assert asked[1:] == [RenderTemplate({"source": "{}", "params": {}}), OwnSearch(OURS, {}, "a")]


@pytest.mark.parametrize(
    ("rendered", "asked_count"),
    [(refused(403, "security_exception"), 2), (response(template_output=PLAIN), 2)],
    ids=["may not be rendered", "is not ours"],
)
def test_a_template_of_an_msearch_that_can_not_be_run_here_stays_refused(rendered: Any, asked_count: int) -> None:
    asked: list[CallNeed] = []
    perform = answered(asked, response(responses=[refused_line()]), rendered)
    found = run(multi_template_flow([{}, {"id": "mine"}], "a", is_ours), perform)
    assert found.body["responses"] == [refused_line()]
    assert len(asked) == asked_count


def test_another_error_of_a_templates_line_stays() -> None:
    line = refused_line("unknown query [macth]")
    found = run(multi_template_flow([{}, {"id": "m"}], "a", is_ours), answered([], response(responses=[line])))
    assert found.body["responses"] == [line]


def test_a_template_that_is_filled_in_wrongly_has_its_error_in_its_own_line() -> None:
    passed = response(responses=[refused_line(), refused_line()])
    wrong = RequestError("size", -1, "must be at least 0")
    perform = answered(
        [], passed, response(template_output=OURS), wrong, response(template_output=OURS), response(hits="ours")
    )
    first, second = run(multi_template_flow([{}, {"id": "m"}] * 2, "a", is_ours), perform).body["responses"]
    assert (first["status"], second["hits"]) == (400, "ours")
    assert "must be at least 0" in first["error"]["reason"]
