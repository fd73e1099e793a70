"""`connector index`: documents from a file into an index, with the vectors of their text."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from connector.cli.documents import read_documents
from connector.cli.options import DEFAULT_URL, EncoderName, Encoding, TextFields, Url
from connector.cli.progress import counted
from connector.cli.text_fields import of_documents


def index(
    file: Annotated[
        Path,
        typer.Argument(help="A file of JSON, CSV or Parquet; .gz and .zst are unpacked.", exists=True, dir_okay=False),
    ],
    name: Annotated[str, typer.Option("--index", help="The index; it is made when it is missing.")],
    url: Url = DEFAULT_URL,
    text_fields: TextFields = None,
    id_field: Annotated[str, typer.Option(help="The field of a document that holds its id.")] = "_id",
    encoding: Encoding = None,
    encoder: EncoderName = "bundled",
    passages: Annotated[
        bool, typer.Option("--passages", help="Split the last text field into passages, each with a vector.")
    ] = False,
) -> None:
    """Index a file of documents: text for BM25 and vectors for kNN."""
    from connector import Connector, connect

    console = Console(stderr=True)
    names = of_documents(text_fields, read_documents(file, encoding), id_field, file)
    with connect(url) as client:
        connector = Connector(client, name, text_fields=names, id_field=id_field, encoder=encoder, passages=passages)
        connector.create()
        report = connector.index(counted(read_documents(file, encoding), console, "indexing"))
    console.print(_told(report.indexed, report.without_text, name), highlight=False, markup=False)


def _told(indexed: int, without_text: int, name: str) -> str:
    told = f"{indexed} documents were indexed into {name}"
    return f"{told}; {without_text} of them hold no text, so only filters find them" if without_text else told
