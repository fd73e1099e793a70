"""Options that several commands share, with the same name and meaning everywhere."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

TextFields: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--text-field",
        help="A text field to search; may be repeated, the most descriptive first. The default is title and body, "
        "if they exist.",
    ),
]
Encoding: TypeAlias = Annotated[
    str | None,
    typer.Option(help="The file's encoding, such as cp1252. The default is that of its byte order mark, or UTF-8."),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print the outcome, or the error, as JSON.")]
EncoderName: TypeAlias = Annotated[
    str, typer.Option(help="The bi-encoder: the name or path of a sentence-transformers model.")
]
RerankerName: TypeAlias = Annotated[
    str, typer.Option(help="The cross-encoder: the name or path of a sentence-transformers model.")
]
Judged: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        help="A folder in BEIR's layout (corpus.jsonl, queries.jsonl, qrels/test.tsv) to measure quality on; may be "
        "repeated. The default is the questions that ship with the package."
    ),
]
