"""`connector search`: one text against an index, with what each stage thought of each hit."""

import json
from typing import Annotated

import typer
from rich.console import Console

from connector.cli.hits import hits_table
from connector.cli.options import DEFAULT_URL, EncoderName, RerankerName, TextFields, Url
from connector.cli.text_fields import of_index


def search(
    index: Annotated[str, typer.Argument(help="The index to search.")],
    text: Annotated[str, typer.Argument(help="What to search for, in your own words.")],
    url: Url = DEFAULT_URL,
    text_fields: TextFields = None,
    size: Annotated[int, typer.Option(min=1, help="How many hits to show.")] = 10,
    depth: Annotated[int, typer.Option(min=1, help="How many hits the cross-encoder reads.")] = 50,
    blend: Annotated[
        float | None, typer.Option(min=0, max=1, help="The rerank score's share beside the fused rank's.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole response as JSON.")] = False,
    encoder: EncoderName = "bundled",
    reranker: RerankerName = "bundled",
) -> None:
    """Search: BM25 and kNN fused by RRF, the first hits reordered by a cross-encoder."""
    from connector import Connector, connect

    with connect(url) as client:
        names = of_index(text_fields, client, index)
        connector = Connector(client, index, text_fields=names, encoder=encoder, reranker=reranker)
        response = connector.search(text, size=size, depth=depth, blend=blend)
    if as_json:
        typer.echo(json.dumps(response.body, ensure_ascii=False))
    else:
        Console().print(hits_table(response.body, connector.text_fields))
