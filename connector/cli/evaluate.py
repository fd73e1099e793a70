"""`connector eval`: what every stage of a search is worth and costs, on judged questions."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from connector.cli.connection import Connection, check_index
from connector.cli.connection_options import connects
from connector.cli.exit_codes import EXIT_FINDINGS
from connector.cli.options import AsJson, EncoderName, RerankerName, TextFields
from connector.cli.progress import Shown
from connector.errors import RequestError

_MEASURES = {"ndcg@10": "nDCG@10", "mrr@10": "RR@10"}


@connects()
def evaluate(
    index: Annotated[str, typer.Argument(help="The index to search.")],
    queries: Annotated[Path, typer.Option(help="The questions: JSON lines with _id and text, or id, tab, text.")],
    qrels: Annotated[Path, typer.Option(help="The judgments, in BEIR's or TREC's format.")],
    connection: Connection,
    text_fields: TextFields = None,
    depth: Annotated[
        int, typer.Option(min=10, max=1_000, help="The number of hits that the cross-encoder reranks.")
    ] = 50,
    limit: Annotated[int | None, typer.Option(min=1, help="Ask no more than this many judged questions.")] = None,
    fail_below: Annotated[
        str | None, typer.Option(help="End with exit code 1 if the reranked order is below this, as ndcg@10=0.62.")
    ] = None,
    runs: Annotated[Path | None, typer.Option(help="Write each stage's run to this folder, in TREC's format.")] = None,
    encoder: EncoderName = "bundled",
    reranker: RerankerName = "bundled",
    as_json: AsJson = False,
) -> None:
    """Ask judged questions by BM25, by kNN, by their fusion and reranked, and compare the stages.

    The differences come with 95 % intervals and with p-values corrected for all comparisons.
    """
    from connector import Connector
    from connector.cli.stages import BM25, KNN, RERANKED, RRF, measured, run_stages
    from connector.cli.text_fields import of_index
    from connector.evaluation.comparing import compare, warnings_about
    from connector.evaluation.measure import NDCG_AT_10, recall_at
    from connector.evaluation.report import stage_table

    bound = None if fail_below is None else _bound(fail_below)
    judgments, texts = _judged(queries, qrels, limit)
    console = Console(stderr=False, quiet=as_json)
    with connection.open() as client:
        check_index(client, index)
        names = of_index(text_fields, client, index)
        connector = Connector(client, index, text_fields=names, encoder=encoder, reranker=reranker)
        with Shown(Console(stderr=True, quiet=as_json)) as shown:
            answers = run_stages(
                connector, texts, depth, lambda done: shown.show("asking, in four stages", done, len(texts))
            )
    stages = measured(judgments, answers, depth)
    by_name = {stage.name: stage.evaluation for stage in stages}
    legs = [name for name in (BM25, KNN) if name in by_name]
    best_leg = max(legs, key=lambda name: by_name[name].mean(NDCG_AT_10))
    compared = compare(by_name, [(RRF, best_leg), (RERANKED, RRF), (RERANKED, best_leg)])
    warned = warnings_about(by_name, legs, RRF, RERANKED, recall_at(depth))
    if runs is not None:
        _write_runs(runs, {stage.name: answers[stage.name].hits for stage in stages})
    if as_json:
        found = {stage.name: {**stage.evaluation.means(), "p50_ms": answers[stage.name].p50_ms} for stage in stages}
        comparisons = [{**asdict(each), "is_significant": each.is_significant} for each in compared]
        report = {"questions": len(texts), "stages": found, "comparisons": comparisons, "warnings": warned}
        typer.echo(json.dumps(report))
    else:
        console.print(stage_table(stages, depth, f"{len(texts)} questions on {index}"))
        for line in (*(each.sentence() for each in compared), *(f"note: {each}" for each in warned)):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    if bound is not None:
        measure, least = bound
        value = by_name[RERANKED].mean(measure)
        if value < least:
            console.print(f"{measure} is {value:.3f}, below {least:g}", highlight=False)
            raise typer.Exit(EXIT_FINDINGS)


def _bound(text: str) -> tuple[str, float]:
    """Return a measure and the least value that is allowed.

    Raises:
        RequestError: the text is not of this form.
    """
    match = re.fullmatch(r"(ndcg@10|mrr@10)=(0?\.\d+|[01])", text.lower())
    if match is None:
        raise RequestError("--fail-below", text, "must be ndcg@10= or mrr@10= with a number from 0 to 1")
    return _MEASURES[match[1]], float(match[2])


def _judged(queries: Path, qrels: Path, limit: int | None) -> tuple[dict[str, dict[str, int]], dict[str, str]]:
    """Return the judgments and the texts of the questions that have a relevant document.

    Raises:
        RequestError: a file can't be read, or no question has one.
    """
    from connector.evaluation.judgments import read_qrels, read_queries

    try:
        judgments, texts = read_qrels(qrels), read_queries(queries)
    except (OSError, ValueError, EOFError) as error:
        raise RequestError("--queries, --qrels", [str(queries), str(qrels)], f"can't be read: {error}") from error
    answered = [
        key for key, grades in judgments.items() if key in texts and any(grade > 0 for grade in grades.values())
    ]
    asked = list(islice(answered, limit))
    if not asked:
        remedy = "have no question in common that has a relevant document; do their ids agree?"
        raise RequestError("--queries, --qrels", [str(queries), str(qrels)], remedy)
    return {key: judgments[key] for key in asked}, {key: texts[key] for key in asked}


def _write_runs(folder: Path, stages: Mapping[str, Mapping[str, Any]]) -> None:
    """Write each stage's hits: query id, Q0, document id, rank, score, stage."""
    folder.mkdir(parents=True, exist_ok=True)
    for stage, hits in stages.items():
        tag = re.sub(r"\W+", "-", stage).lower()
        lines = [
            f"{query} Q0 {hit['_id']} {rank} {hit['_score']} {tag}"
            for query, found in hits.items()
            for rank, hit in enumerate(found, 1)
        ]
        (folder / f"{tag}.run").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
