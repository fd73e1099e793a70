"""`connector models`: export models for this machine's backends, measure their quality and speed, and list them."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from connector.cli.cost import cost
from connector.cli.options import AsJson, Judged, RerankerName
from connector.errors import ModelError

models = typer.Typer(
    help="Build and list models that are exported for faster backends, and measure what reranking costs.",
    no_args_is_help=True,
)
models.command("cost")(cost)


@models.command("build")
def build(
    reranker: RerankerName = "bundled",
    encoder: Annotated[str | None, typer.Option(help="Build this bi-encoder instead of the reranker.")] = None,
    backend: Annotated[
        list[str] | None,
        typer.Option(help="A backend to build for; may be repeated. The default is every installed backend."),
    ] = None,
    judged: Judged = None,
    queries: Annotated[int, typer.Option(min=1, help="The number of questions to take from each folder.")] = 25,
    depth: Annotated[int, typer.Option(min=1, help="The number of passages per question.")] = 30,
    as_json: AsJson = False,
) -> None:
    """Export a model, compare each backend with torch in float32, and choose the fastest.

    Searches on this machine use that backend from then on. An int8 backend is chosen only if its quality is within
    the limits.
    """
    from connector.evaluation.windows import read_windows
    from connector.models.backends.agreement import SHIPPED
    from connector.models.backends.choice import backends_for
    from connector.models.backends.registry import TORCH, check_backend
    from connector.models.backends.shipped_windows import shipped_windows
    from connector.models.backends.trial import (
        choose_encoder_backend,
        choose_reranker_backend,
        estimate_s,
        measure_encoder,
        measure_reranker,
    )
    from connector.models.load import find_encoder, find_reranker

    console = Console(soft_wrap=True, highlight=False, quiet=as_json)
    for name in backend or []:
        check_backend(name, None)
    found = find_reranker(reranker) if encoder is None else find_encoder(encoder)
    windows = [window for folder in judged or [] for window in read_windows(folder, queries, depth)]
    windows = windows or shipped_windows()
    data = ", ".join(folder.name for folder in judged) if judged else SHIPPED
    tried = [name for name in backends_for(found) if name != TORCH]
    seconds = estimate_s(found, tried, windows, is_encoder=encoder is not None)
    console.print(f"exporting, measuring and timing {', '.join(tried)}: about {seconds / 60:.0f} min")
    for name in backend or tried:
        if name == TORCH:
            continue
        try:
            if encoder is None:
                agreement = measure_reranker(found, name, data, windows)
                console.print(f"{name}: nDCG@10 {agreement.ndcg:.3f}, torch's {agreement.ndcg_torch:.3f}")
            else:
                recalled = measure_encoder(found, name, data, windows)
                console.print(f"{name}: recall@100 {recalled.recall:.3f}")
        except ModelError as error:
            if backend:
                raise
            console.print(f"{name}: {error}")
    choice = (
        choose_reranker_backend(found, again=True) if encoder is None else choose_encoder_backend(found, again=True)
    )
    for name, timed in choice.tried.items():
        console.print(f"{name}: {timed.refused or f'{timed.rate:.1f} per second'}")
    console.print(f"{found.name} now runs on {choice.backend}")
    if as_json:
        rates = {name: asdict(timed) for name, timed in choice.tried.items()}
        typer.echo(json.dumps({"model": found.name, "backend": choice.backend, "tried": rates}))


@models.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List the exported models, their folder, and their measured quality."""
    from connector.models.backends.agreement import Agreement, Recall
    from connector.models.backends.artefacts import cache_folder, list_artefacts

    if as_json:
        found = [
            {
                "model": manifest.name,
                "backend": manifest.backend,
                "folder": str(folder),
                "bytes": _size_bytes(folder),
                "measured": _as_dict(Agreement.read(folder) or Recall.read(folder)),
            }
            for folder, manifest in list_artefacts()
        ]
        typer.echo(json.dumps(found))
        return
    table = Table("model", "backend", "MB", "nDCG@10", "torch's", "tau", "top-10 overlap", "measured on", "gate")
    for folder, manifest in list_artefacts():
        agreed = Agreement.read(folder)
        figures = ["-"] * 6
        if agreed is not None:
            values = [f"{value:.3f}" for value in (agreed.ndcg, agreed.ndcg_torch, agreed.tau, agreed.overlap)]
            gate = "within" if agreed.is_within() else "beyond"
            figures = [*values, f"{agreed.windows} windows ({agreed.data})", gate]
        elif (recalled := Recall.read(folder)) is not None:
            gate = "within" if recalled.is_within() else "beyond"
            figures = [*["-"] * 3, f"recall@100 {recalled.recall:.3f}", f"{recalled.queries} ({recalled.data})", gate]
        table.add_row(manifest.name, manifest.backend, f"{_size_bytes(folder) / 1e6:.0f}", *figures)
    console = Console()
    console.print(table)
    console.print(f"in {cache_folder()}", soft_wrap=True, highlight=False)


def _size_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _as_dict(measured: Any) -> dict[str, Any] | None:
    return None if measured is None else {**asdict(measured), "is_within": measured.is_within()}
