"""The doctor says what works at a URL, what does not and what to do; what can't be told is no failure."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from connector import Connector, HybridElasticsearch
from connector.cli.app import main
from connector.cli.diagnosis import Report, examine
from connector.engines.checks import Check, ServerRequest, ServerResponse
from connector.search.needs import run
from tests.conftest import EngineUnderTest
from tests.models_by_hand import count_words
from tests.scripted_server import Script, serving

ELASTICSEARCH = {"version": {"number": "8.19.21", "build_flavor": "default"}}
OPENSEARCH = {"version": {"number": "2.19.1", "distribution": "opensearch"}}
REFUSED = ServerResponse(403, {"error": {"type": "security_exception"}})


def report_of(answers: dict[str, ServerResponse]) -> Report:
    """The report of a server that answers so, and whatever is not said with 400."""
    return run(examine("http://cluster"), lambda asked: answers.get(asked.path, ServerResponse(400, {})))


def check(report: Report, name: str) -> Check:
    (found,) = [each for each in report.checks if each.name == name]
    return found


def mapped(**properties: Any) -> ServerResponse:
    return ServerResponse(200, {"articles": {"mappings": {"properties": properties}}})


def test_a_licensed_elasticsearch_runs_fusions_itself() -> None:
    licence = ServerResponse(200, {"license": {"type": "enterprise", "status": "active"}})
    report = report_of({"/": ServerResponse(200, ELASTICSEARCH), "/_license": licence})
    assert (report.engine, report.version, report.licence) == ("elasticsearch", "8.19.21", "enterprise")
    assert "enterprise runs fusions itself" in check(report, "native fusion").said
    assert report.is_well


def test_an_opensearch_without_k_nn_says_which_plugin_to_install() -> None:
    report = report_of({"/": ServerResponse(200, OPENSEARCH)})
    assert check(report, "vectors").outcome == "fails"
    assert "opensearch-knn" in str(check(report, "vectors").remedy)
    assert "the connector runs fusions itself" in check(report, "native fusion").said
    assert not report.is_well


@pytest.mark.parametrize(("info", "number"), [(OPENSEARCH, "2.15.0"), (ELASTICSEARCH, "7.17.0")])
def test_a_cluster_that_is_too_old_is_to_be_upgraded(info: dict[str, Any], number: str) -> None:
    report = report_of({"/": ServerResponse(200, {"version": {**info["version"], "number": number}})})
    assert "upgrade the cluster" in str(check(report, "server").remedy)


def test_what_may_not_be_asked_is_unknown_and_no_failure() -> None:
    paths = ["/", "/_license", "/_cat/plugins?format=json", "/_mapping"]
    report = report_of(dict.fromkeys(paths, REFUSED))
    assert (report.engine, report.version, report.plugins) == (None, None, None)
    assert check(report, "server").outcome == "unknown"
    assert "view_index_metadata" in str(check(report, "indices").remedy)
    assert report.is_well


def test_a_server_that_asks_who_you_are_fails() -> None:
    assert check(report_of({"/": ServerResponse(401, {})}), "server").outcome == "fails"


def test_vectors_of_an_unnamed_encoder_are_unknown() -> None:
    field = {"type": "dense_vector", "dims": 3}
    report = report_of(
        {"/": ServerResponse(200, ELASTICSEARCH), "/_mapping": mapped(vector=field, title={"type": "text"})}
    )
    assert [(each.index, each.field, each.dims, each.encoder) for each in report.vectors] == [
        ("articles", "vector", 3, None)
    ]
    assert check(report, "articles: vector").outcome == "unknown"


def test_vectors_of_opensearch_are_its_own_kind() -> None:
    field = {"type": "knn_vector", "dimension": 3}
    report = report_of({"/": ServerResponse(200, OPENSEARCH), "/_mapping": mapped(vector=field)})
    assert [(each.field, each.dims) for each in report.vectors] == [("vector", 3)]


def test_every_engine_is_examined_and_nothing_is_changed(engine: EngineUnderTest) -> None:
    asked: list[ServerRequest] = []
    index = f"test-{uuid.uuid4().hex[:12]}"
    with engine.client(HybridElasticsearch, encoder=count_words) as client:
        Connector(client, index, text_fields=["body"]).create()

        def answered(need: ServerRequest) -> ServerResponse:
            asked.append(need)
            headers = {"accept": "application/json"}
            answer = client.transport.perform_request(need.method, need.path, headers=headers, body=need.body)
            return ServerResponse(answer.meta.status, answer.body)

        report = run(examine("http://cluster"), answered)
        client.indices.delete(index=index)
    assert report.engine == ("embedded" if engine.name == "embedded" else "elasticsearch")
    (found,) = [each for each in report.vectors if each.index == index]
    assert found.encoder is not None
    assert found.encoder["name"] == "tests.models_by_hand.count_words"
    assert report.is_well
    assert {need.method for need in asked} == {"GET"}


def run_doctor(*arguments: str, capsys: Any) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(["doctor", *arguments])
    return int(ended.value.code or 0), capsys.readouterr().out


@pytest.mark.node
def test_the_command_says_what_an_opensearch_can(opensearch_url: str, capsys: Any) -> None:
    code, out = run_doctor(opensearch_url, "--json", capsys=capsys)
    report = json.loads(out)
    assert (code, report["engine"], report["version"], report["is_well"]) == (0, "opensearch", "2.19.1", True)
    said = {each["name"]: each["said"] for each in report["checks"]}
    assert "the k-NN plugin answers" in said["vectors"]
    assert "hybrid query" in said["native fusion"]


def test_exit_codes_are_those_of_the_help(capsys: Any) -> None:
    assert run_doctor("embedded:", capsys=capsys)[0] == 0
    code, out = run_doctor("http://user:secret@127.0.0.1:9", capsys=capsys)
    assert code == 2
    assert "gives no answer" in out
    assert "secret" not in out
    with serving(Script(lambda method, path: (200, OPENSEARCH) if path == "/" else (400, {}))) as script:
        code, out = run_doctor(script.url, capsys=capsys)
    assert code == 1
    assert "-> install the plugin opensearch-knn" in out
    assert run_doctor("nowhere", capsys=capsys)[0] == 2


def test_a_client_of_a_later_major_than_the_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.cli.diagnosis.version", lambda package: "9.5.1")
    assert (
        check(report_of({"/": ServerResponse(200, ELASTICSEARCH)}), "server").remedy == "pip install 'elasticsearch<9'"
    )
