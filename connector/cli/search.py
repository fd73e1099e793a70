"""`connector search`: search an index, and show each stage's score of each hit."""

import json
from concurrent.futures import wait
from typing import Annotated

import typer
from rich.console import Console

from connector.cli.connection import Connection, check_index
from connector.cli.connection_options import connects
from connector.cli.hits import hits_table
from connector.cli.options import EncoderName, RerankerName, TextFields


@connects()
def search(
    index: Annotated[str, typer.Argument(help="The index to search.")],
    text: Annotated[str, typer.Argument(help="The text to search for.")],
    connection: Connection,
    text_fields: TextFields = None,
    size: Annotated[int, typer.Option(min=1, help="The number of hits to show.")] = 10,
    depth: Annotated[int, typer.Option(min=1, help="The number of hits that the cross-encoder reranks.")] = 50,
    blend: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="The weight of the rerank score against the fused rank, from 0 to 1."),
    ] = None,
    budget_ms: Annotated[
        float | None,
        typer.Option(min=1, help="How many milliseconds the search may take; hits not read in time stay as they were."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole response as JSON.")] = False,
    encoder: EncoderName = "bundled",
    reranker: RerankerName = "bundled",
) -> None:
    """Search an index by BM25 and kNN, fused by RRF, and rerank the first hits with a cross-encoder."""
    with connection.open() as client:
        check_index(client, index)
        from connector import Connector  # only now: it is no part of the wait for an error above
        from connector.cli.text_fields import of_index
        from connector.models.load import find_encoder, find_reranker

        names = of_index(text_fields, client, index)
        find_encoder(encoder)
        find_reranker(reranker)
        connector = Connector(client, index, text_fields=names, encoder=encoder, reranker=reranker)
        loading = connector.client.hybrid.models.preload()
        if budget_ms is not None:
            wait(loading)  # the budget is for the search, not for the start of the process
        response = connector.search(text, size=size, depth=depth, blend=blend, budget_ms=budget_ms)
    if as_json:
        typer.echo(json.dumps(response.body, ensure_ascii=False))
    else:
        Console().print(hits_table(response.body, connector.text_fields))
