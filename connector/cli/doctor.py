"""`connector doctor`: examine what is at a URL and print the report."""

import json
from contextlib import closing
from dataclasses import replace
from typing import Annotated, Any

import typer
from elastic_transport import HttpHeaders, SerializationError, TransportError
from elastic_transport.client_utils import url_to_node_config
from elasticsearch import Elasticsearch
from rich.console import Console
from rich.markup import escape

from connector.cli.cluster_problems import cluster_sentence, not_a_cluster_sentence
from connector.cli.connection import Connection
from connector.cli.connection_options import connects
from connector.cli.exit_codes import EXIT_ERROR, EXIT_FINDINGS
from connector.cli.options import EncoderName, RerankerName
from connector.cli.problem import Where

_TIMEOUT_S = 10
_COLOURS = {"works": "green", "unknown": "yellow", "fails": "red"}


@connects(url_is_argument=True)
def doctor(
    connection: Connection,
    encoder: EncoderName = "bundled",
    reranker: RerankerName = "bundled",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Report what is at a URL, what works there, and what to do about the rest; load both models and run them once.

    The exit code is 0 if nothing fails (a check with an unknown outcome has not failed), 1 if something fails, and 2
    if there is no cluster at the URL that this user can search; then no model is loaded.
    """
    from connector.cli.diagnosis import examine
    from connector.cli.model_trials import Choice, try_encoder, try_reranker
    from connector.search.needs import run

    where = connection.where
    chosen = Choice(encoder, reranker)
    with closing(_client(connection)) as client:
        flow = examine(connection.url, has_credentials=where.has_credentials, models=chosen)
        report = run(flow, lambda request: _send(client, request, where))
    if report.models:
        report.add_trial("encoder", *try_encoder(encoder, report.models["encoder"]))
        report.add_trial("reranker", *try_reranker(reranker, report.models["reranker"]))
    if as_json:
        typer.echo(json.dumps(report.to_json(), ensure_ascii=False))
    else:
        _print(report)
    if not report.is_well:
        raise typer.Exit(EXIT_FINDINGS if report.models else EXIT_ERROR)


def _client(connection: Connection) -> Elasticsearch:
    """Return a client whose transport can talk to any engine."""
    if not connection.url.startswith(("http://", "https://")):
        return connection.open()  # type: ignore[return-value]
    node = url_to_node_config(connection.url, use_default_ports_for_scheme=True)
    node = replace(node, headers=HttpHeaders(connection.request_headers()))
    return Elasticsearch([node], **connection.tls_options())


def _send(client: Elasticsearch, request: Any, where: Where) -> Any:
    from connector.engines.checks import ServerResponse

    headers = {"accept": "application/json", **({"content-type": "application/json"} if request.body else {})}
    try:
        response = client.transport.perform_request(
            request.method,
            request.path,
            headers=headers,
            body=request.body,
            max_retries=0,
            request_timeout=_TIMEOUT_S,
        )
    except (SerializationError, RecursionError):
        sentence = not_a_cluster_sentence("", where)
        return ServerResponse(None, f"{sentence.message}: its response is not readable JSON", sentence.remedy)
    except TransportError as error:
        problem = cluster_sentence(error, where)
        assert problem is not None  # it has a sentence about every TransportError
        return ServerResponse(None, f"gives no answer: {problem.message}", problem.remedy)
    return ServerResponse(response.meta.status, response.body)


def _print(report: Any) -> None:
    console = Console()
    facts = {
        "version": " ".join(filter(None, (report.engine, report.version, report.flavour))) or "unknown",
        "licence": report.licence or "unknown",
        "plugins": "unknown" if report.plugins is None else ", ".join(report.plugins) or "none",
        "clients": ", ".join(f"{name} {version or 'not installed'}" for name, version in report.clients.items()),
    }
    console.print(report.url, highlight=False, markup=False)
    for name, value in facts.items():
        console.print(f"  {name}: {value}", highlight=False, markup=False, soft_wrap=True)
    for check in report.checks:
        mark = f"[{_COLOURS[check.outcome]}]{check.outcome:8}[/]"
        console.print(f"  {mark} {escape(check.name)}: {escape(check.said)}", highlight=False, soft_wrap=True)
        if check.remedy is not None:
            console.print(f"           -> {check.remedy}", highlight=False, markup=False, soft_wrap=True)
