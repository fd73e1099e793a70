"""`connector index`: index the documents of a file, with the vectors of their text."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from connector.cli.connection import Connection
from connector.cli.connection_options import connects
from connector.cli.documents import STANDARD_INPUT, document_file, read_documents, with_ids
from connector.cli.options import AsJson, EncoderName, Encoding, TextFields
from connector.cli.problem import INTERRUPTED, CommandError, Problem
from connector.cli.progress import Shown
from connector.cli.text_fields import of_documents
from connector.documents.text_fields import parse_text_fields
from connector.errors import RequestError
from connector.indexing.files import (
    ColumnType,
    file_records,
    fit_to_mapping,
    infer_types,
    is_table,
    parse_types,
    typed_row,
)

if TYPE_CHECKING:
    from connector import Connector
    from connector.indexing import IndexReport

_OWN = ("_id", "_routing")


@connects()
def index(
    file: Annotated[
        str,
        typer.Argument(
            help="A .jsonl, .ndjson, .json, .csv, .tsv or .parquet file; .gz and .zst are decompressed. - is standard "
            "input, whose kind its content tells."
        ),
    ],
    name: Annotated[str, typer.Option("--index", help="The name of the index, which is created if it does not exist.")],
    connection: Connection,
    text_fields: TextFields = None,
    id_field: Annotated[str, typer.Option(help="The field that holds a document's id.")] = "_id",
    column_types: Annotated[
        list[str] | None,
        typer.Option("--type", help="The type of a CSV or TSV column, as price=double; may be repeated."),
    ] = None,
    types: Annotated[
        bool,
        typer.Option(
            "--types/--no-types", help="Tell numbers, dates and booleans from text in the columns of CSV and TSV."
        ),
    ] = True,
    encoding: Encoding = None,
    encoder: EncoderName = "bundled",
    passages: Annotated[
        bool, typer.Option("--passages", help="Split the last text field into passages, and give each a vector.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Index a file of documents, with their text for BM25 and vectors for kNN.

    A document without an id gets one made from its place and content, so the same command can be run again: it
    overwrites what it wrote.
    """
    connection.refuse_memory()
    named = parse_types(column_types or [])
    if file != STANDARD_INPUT:
        file_records(Path(file), encoding)  # a file that can't be read is told before the cluster is asked
    console = Console(stderr=True)
    with connection.open() as client, document_file(file) as path:
        exists = client.indices.exists(index=name)  # a user who may not ask is told so before a model loads
        names = of_documents(text_fields, read_documents(path, encoding), id_field, path)
        as_text = {*_OWN, id_field, *(each.name for each in parse_text_fields(names))}
        found = _types(path, encoding, named, as_text, only_named=not types)
        for mapping in client.read_mappings(name).values() if exists else ():
            found = fit_to_mapping(found, mapping)
        if found and not as_json:
            console.print(_types_line(found), highlight=False, markup=False, soft_wrap=True)
        from connector import Connector

        connector = Connector(client, name, text_fields=names, id_field=id_field, encoder=encoder, passages=passages)
        connector.create({column: each.definition for column, each in found.items()})
        documents = with_ids((typed_row(row, found) for row in read_documents(path, encoding)), id_field)
        report = _index(connector, documents, console, file)
    if as_json:
        told = {column: each.name for column, each in found.items()}
        typer.echo(json.dumps({"index": name, **asdict(report), "types": told}))
    else:
        console.print(_summary(report.indexed, report.without_text, name), highlight=False, markup=False)


def _types(
    path: Path, encoding: str | None, named: Mapping[str, str], as_text: Collection[str], *, only_named: bool
) -> dict[str, ColumnType]:
    """Return the types of a table's columns; other files have their own."""
    if not is_table(path):
        if named:
            raise RequestError("--type", ", ".join(named), "is for CSV and TSV; the values of other files have types")
        return {}
    if only_named and not named:
        return {}
    rows = read_documents(path, encoding)
    if only_named:
        rows = ({column: row[column] for column in named if column in row} for row in rows)
    return infer_types(rows, named, as_text)


def _types_line(types: Mapping[str, ColumnType]) -> str:
    """Return what each column was taken for, with how to say otherwise."""
    columns = ", ".join(f"{column} {each.name}" for column, each in types.items())
    return f"columns: {columns} (--type COLUMN=TYPE names another, --no-types keeps all as text)"


def _index(
    connector: "Connector", documents: Iterable[Mapping[str, Any]], console: Console, file: str
) -> "IndexReport":
    """Index documents and show the progress; an interruption says what was written, and how to go on."""
    written = 0
    with Shown(console) as shown:

        def show(done: int) -> None:
            nonlocal written
            written = done
            shown.show("indexing", done)

        try:
            return connector.index(documents, on_progress=show)
        except KeyboardInterrupt as error:
            message = f"interrupted; {written:,} documents were written to {connector.index_name}"
            again = "run the same command again, which overwrites them"
            resumable = f"; `connector reindex {file} --alias NAME` can be resumed where it stopped"
            remedy = again if file == STANDARD_INPUT else f"{again}{resumable}"
            raise CommandError(Problem(INTERRUPTED, message, remedy)) from error


def _summary(indexed: int, without_text: int, name: str) -> str:
    summary = f"{indexed:,} documents were indexed into {name}"
    return f"{summary}; {without_text:,} of them have no text, so only filters find them" if without_text else summary
