"""`connector demo`: index this Python's own documentation, search it, and show what each stage is worth."""

import json
from collections.abc import Sequence
from statistics import median
from time import perf_counter
from typing import Annotated, Any

import typer
from rich.console import Console

from connector.cli.connection import Connection
from connector.cli.connection_options import connects
from connector.cli.demo_report import (
    print_cases,
    print_introduction,
    print_next_steps,
    print_side_by_side,
    print_worth,
)
from connector.cli.options import AsJson
from connector.cli.progress import Shown
from connector.cli.questions import Questions, questions_for
from connector.cli.stdlib import StdlibDocument, stdlib_documents
from connector.evaluation.report import Stage

INDEX = "hybrid-demo-stdlib"
DEPTH = 20
BODY_LENGTH = 180
TEXT_FIELDS = ["title", "body"]


@connects("embedded:")
def demo(
    connection: Connection,
    depth: Annotated[
        int, typer.Option(min=10, max=1_000, help="The number of hits that the cross-encoder reranks.")
    ] = DEPTH,
    as_json: AsJson = False,
) -> None:
    """Index this Python's documentation, search it with questions, and show how well each stage answers them.

    On a cluster, the demo replaces the index hybrid-demo-stdlib and touches no other.
    """
    with connection.open() as client:
        documents = stdlib_documents()
        questions = questions_for({document.id for document in documents})
        stages = run_demo(client, documents, questions, depth, Console(quiet=as_json))
    if as_json:
        found = {stage.name: {**stage.evaluation.means(), "p50_ms": median(stage.took_ms)} for stage in stages}
        typer.echo(json.dumps({"documents": len(documents), "questions": len(questions.texts), "stages": found}))


def run_demo(
    client: Any, documents: Sequence[StdlibDocument], questions: Questions, depth: int, console: Console
) -> list[Stage]:
    """Run the demo: index the documents, search with the questions in four stages, and print the results.

    Returns:
        The stages with their measures.

    Raises:
        ConnectorError, elasticsearch.ApiError, elastic_transport.TransportError: the cluster or a model failed.
    """
    from connector.cli.stages import measured, run_stages
    from connector.facade.connector import Connector

    started = perf_counter()
    print_introduction(console, len(documents), questions)
    connector = Connector(client, INDEX, text_fields=TEXT_FIELDS)
    client.indices.delete(index=INDEX, ignore_unavailable=True)
    connector.create()
    with Shown(console) as shown:
        connector.index(
            (document.to_source(BODY_LENGTH) for document in documents),
            on_progress=lambda done: shown.show("indexing, with vectors", done, len(documents)),
        )
        answers = run_stages(
            connector,
            questions.texts,
            depth,
            lambda done: shown.show("searching, in four stages", done, len(questions.texts)),
        )
    print_worth(console, questions, answers, depth)
    print_side_by_side(console, questions, answers, depth)
    print_cases(console)
    print_next_steps(console)
    console.print(f"The demo took {perf_counter() - started:.0f} s.", highlight=False)
    return measured(questions.qrels, answers, depth)
