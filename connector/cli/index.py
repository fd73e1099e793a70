"""`connector index`: index the documents of a file, with the vectors of their text."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from connector.cli.connection import Connection
from connector.cli.connection_options import connects
from connector.cli.documents import read_documents
from connector.cli.options import AsJson, EncoderName, Encoding, TextFields
from connector.cli.progress import counted
from connector.cli.text_fields import of_documents


@connects()
def index(
    file: Annotated[
        Path,
        typer.Argument(
            help="A JSON, CSV or Parquet file; .gz and .zst files are decompressed.", exists=True, dir_okay=False
        ),
    ],
    name: Annotated[str, typer.Option("--index", help="The name of the index, which is created if it does not exist.")],
    connection: Connection,
    text_fields: TextFields = None,
    id_field: Annotated[str, typer.Option(help="The field that holds a document's id.")] = "_id",
    encoding: Encoding = None,
    encoder: EncoderName = "bundled",
    passages: Annotated[
        bool, typer.Option("--passages", help="Split the last text field into passages, and give each a vector.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Index a file of documents, with their text for BM25 and vectors for kNN."""
    from connector import Connector

    console = Console(stderr=True)
    names = of_documents(text_fields, read_documents(file, encoding), id_field, file)
    with connection.open() as client:
        client.indices.exists(index=name)  # a user who may not ask is told so before a model loads
        connector = Connector(client, name, text_fields=names, id_field=id_field, encoder=encoder, passages=passages)
        connector.create()
        report = connector.index(counted(read_documents(file, encoding), console, "indexing"))
    if as_json:
        typer.echo(json.dumps({"index": name, **asdict(report)}))
    else:
        console.print(_summary(report.indexed, report.without_text, name), highlight=False, markup=False)


def _summary(indexed: int, without_text: int, name: str) -> str:
    summary = f"{indexed} documents were indexed into {name}"
    return f"{summary}; {without_text} of them have no text, so only filters find them" if without_text else summary
