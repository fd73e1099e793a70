"""`connector reindex`: add vectors to an existing index, by a job that can be interrupted anywhere and resumed."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer
from rich.console import Console
from typer.core import TyperGroup

from connector.cli.connection import Connection, check_index
from connector.cli.connection_options import connects
from connector.cli.exit_codes import EXIT_FINDINGS, exit_codes_text
from connector.cli.job_session import job_session
from connector.cli.options import AsJson, EncoderName, Encoding, TextFields
from connector.cli.reindex_view import estimate_table, report_table, status_text
from connector.cli.text_fields import of_source
from connector.indexing.files import is_file_name


class _RunByDefault(TyperGroup):
    """Makes `run` the default command: `connector reindex articles` is `connector reindex run articles`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        return super().resolve_command(ctx, _with_run(args, self.commands))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        is_run = bool(args) and args[0].startswith("-") and args[0] != "--help"
        return super().parse_args(ctx, ["run", *args] if is_run else args)


def _with_run(args: list[str], commands: Collection[str]) -> list[str]:
    return ["run", *args] if args and args[0] not in commands else args


reindex = typer.Typer(
    cls=_RunByDefault,
    no_args_is_help=True,
    help="Add vectors to an existing index, or load a file, by a job that can be interrupted and resumed. "
    "`connector reindex SOURCE ...` is short for `connector reindex run SOURCE ...`.",
    epilog=exit_codes_text(),
)

Job: TypeAlias = Annotated[str, typer.Argument(help="The job's name, as `connector reindex status` lists it.")]
StateDirectory: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--state", envvar="CONNECTOR_STATE", help="The directory of the jobs' files; it must be on a persistent volume."
    ),
]
AsJsonLines: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print JSON lines: the progress, then the report.")
]

MetricsPort: TypeAlias = Annotated[
    int | None, typer.Option(help="Serve Prometheus metrics on this port while the job runs.")
]
RetryFor: TypeAlias = Annotated[
    float,
    typer.Option(min=0, help="The number of seconds to retry a failing call to the cluster before the job stops."),
]


@reindex.command()
@connects()
def run(
    source: Annotated[str, typer.Argument(help="An index, alias or data stream, or a .jsonl, .csv or .parquet file.")],
    connection: Connection,
    text_fields: TextFields = None,
    alias: Annotated[
        str | None,
        typer.Option(help="The alias of the new index. Without it, the source must be an alias, which is moved."),
    ] = None,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Write the vectors into the source index itself.")
    ] = False,
    vector_field: Annotated[
        str | None, typer.Option(help="The field to write the vectors to. The default is `vector`.")
    ] = None,
    passages: Annotated[
        bool, typer.Option("--passages", help="Split the last text field into passages, and give each a vector.")
    ] = False,
    id_field: Annotated[str, typer.Option(help="The field that holds a document's id, in a file.")] = "_id",
    encoding: Encoding = None,
    encoder: EncoderName = "bundled",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only estimate the time and space that the job needs.")
    ] = False,
    pipeline: Annotated[str, typer.Option(help="The ingest pipeline to pass the documents through.")] = "_none",
    verify: Annotated[bool, typer.Option(help="Verify the new index before switching the alias to it.")] = True,
    max_dead_share: Annotated[
        float,
        typer.Option(min=0, max=1, help="The greatest share of dead letters at which the alias is still switched."),
    ] = 0.1,
    allow_without_text: Annotated[
        bool,
        typer.Option(
            "--allow-without-text", help="Continue even if most documents have no text, and so get no vector."
        ),
    ] = False,
    readers: Annotated[int, typer.Option(min=1, max=16, help="The number of shards to read in parallel.")] = 2,
    keep_vectors: Annotated[
        bool, typer.Option(help="Cache vectors by text, so that no job encodes the same text twice.")
    ] = True,
    job: Annotated[str | None, typer.Option(help="The job's name. The default is derived from the arguments.")] = None,
    state: StateDirectory = None,
    as_json: AsJsonLines = False,
    metrics_port: MetricsPort = None,
    retry_for: RetryFor = 600.0,
) -> None:
    """Start a job, or resume it if the same command was interrupted."""
    from connector import reindexing as jobs

    arguments: dict[str, Any] = {
        "alias": alias,
        "in_place": in_place,
        "vector_field": vector_field,
        "passages": passages,
        "id_field": id_field,
        "encoding": encoding,
        "encoder": encoder,
        "allow_without_text": allow_without_text,
    }
    if dry_run:
        with connection.open() as client:
            names = _text_fields(text_fields, client, source, id_field, encoding)
            estimate = jobs.estimate(
                client, source, text_fields=names, **arguments, options=jobs.JobOptions(state=state)
            )
            _print(as_json, estimate.to_json(), lambda: estimate_table(estimate))
        return
    with job_session(connection, state, as_json, metrics_port, retry_for, keep_vectors=keep_vectors) as (
        client,
        options,
    ):
        more: dict[str, Any] = {
            "pipeline": pipeline,
            "verify": verify,
            "max_dead_share": max_dead_share,
            "readers": readers,
        }
        names = _text_fields(text_fields, client, source, id_field, encoding)
        report = jobs.reindex(client, source, text_fields=names, **arguments, **more, job=job, options=options)
    _finish(report, as_json)


@reindex.command()
@connects()
def resume(
    job: Job,
    connection: Connection,
    encoder: EncoderName = "bundled",
    state: StateDirectory = None,
    as_json: AsJsonLines = False,
    metrics_port: MetricsPort = None,
    retry_for: RetryFor = 600.0,
) -> None:
    """Resume a job that was interrupted."""
    from connector import reindexing as jobs

    with job_session(connection, state, as_json, metrics_port, retry_for) as (client, options):
        report = jobs.resume(client, job, encoder=encoder, options=options)
    _finish(report, as_json)


@reindex.command()
def status(
    job: Annotated[str | None, typer.Argument(help="The job's name. The default is to list all jobs.")] = None,
    state: StateDirectory = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON per job.")] = False,
) -> None:
    """Show the state of jobs, without a call to the cluster."""
    from connector import reindexing as jobs

    found = jobs.status(job, state=state)
    if as_json:
        for each in found:
            typer.echo(json.dumps(vars(each)))
    else:
        typer.echo(status_text(found))


@reindex.command()
@connects()
def cancel(job: Job, connection: Connection, state: StateDirectory = None, as_json: AsJson = False) -> None:
    """Cancel a job: its process stops, and its new index is deleted unless the alias was switched to it."""
    from connector import reindexing as jobs

    with connection.open() as client:
        jobs.cancel(client, job, options=jobs.JobOptions(state=state))
    if as_json:
        typer.echo(json.dumps({"job": job, "state": "cancelled"}))
    else:
        Console(stderr=True).print(f"job {job} is cancelled", highlight=False, markup=False)


@reindex.command()
@connects()
def rollback(
    job: Job,
    connection: Connection,
    force: Annotated[
        bool,
        typer.Option("--force", help="Roll back even if documents were written, deleted or changed since the switch."),
    ] = False,
    state: StateDirectory = None,
    as_json: AsJson = False,
) -> None:
    """Switch the alias back to the old index, in one step, and keep the new index.

    The documents of both indices are compared first. If any differ, the command reports how many, and moves the alias
    only with --force.
    """
    from connector import reindexing as jobs

    with connection.open() as client:
        report = jobs.rollback(client, job, force=force, options=jobs.JobOptions(state=state))
    if as_json:
        typer.echo(json.dumps(asdict(report)))
        return
    summary = f"{report.alias} points to {report.previous or 'nothing'} again; {report.target} is kept"
    if report.written or report.deleted or report.changed:
        counts = f"{report.written:,} written, {report.deleted:,} deleted, {report.changed:,} changed since"
        summary += f"; documents that differ are no longer visible: {counts}"
    Console(stderr=True).print(summary, highlight=False, markup=False)


@reindex.command()
@connects()
def retry_dead_letters(
    job: Job,
    connection: Connection,
    encoder: EncoderName = "bundled",
    state: StateDirectory = None,
    as_json: AsJson = False,
) -> None:
    """Retry the documents that failed, as they now are in the source or in the file of dead letters."""
    from connector import reindexing as jobs

    with connection.open() as client:
        report = jobs.retry_dead_letters(client, job, encoder=encoder, options=jobs.JobOptions(state=state))
    summary = f"{report.written} written, {report.dead} still dead letters, {report.gone} gone from the source"
    _print(as_json, vars(report), lambda: summary)
    if report.dead:
        raise typer.Exit(EXIT_FINDINGS)


def _text_fields(names: list[str] | None, client: Any, source: str, id_field: str, encoding: str | None) -> list[str]:
    """Return the text fields of a source that exists."""
    if not is_file_name(source):
        check_index(client, source)
    return of_source(names, client, source, id_field, encoding)


def _finish(report: Any, as_json: bool) -> None:
    _print(as_json, {"event": "report", **report.to_json()}, lambda: report_table(report))
    if report.dead_letters:
        raise typer.Exit(EXIT_FINDINGS)


def _print(as_json: bool, value: dict[str, Any], renderable: Callable[[], Any]) -> None:
    if as_json:
        typer.echo(json.dumps(value))
    else:
        Console().print(renderable())
