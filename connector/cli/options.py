"""Options that several commands share, so that they are called and mean the same everywhere."""

from typing import Annotated, TypeAlias

import typer

DEFAULT_URL = "http://127.0.0.1:9200"
USUAL_TEXT_FIELDS = ["title", "body"]

Url: TypeAlias = Annotated[
    str,
    typer.Option(
        envvar="ELASTICSEARCH_URL",
        help="The cluster: http(s)://... ; or embedded:DIR, an engine in this process that keeps its data in DIR.",
    ),
]
TextFields: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--text-field",
        help="A field that holds text; repeat it, the most telling first. Left out: those of title and body that "
        "there are.",
    ),
]
Encoding: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="The file's encoding, as cp1252; left out, a byte order mark tells it, and without one it is UTF-8."
    ),
]
EncoderName: TypeAlias = Annotated[str, typer.Option(help="The bi-encoder: a sentence-transformers name or path.")]
RerankerName: TypeAlias = Annotated[str, typer.Option(help="The cross-encoder: a sentence-transformers name or path.")]
