"""`connector models cost`: what reranking costs on this machine, and with judgments what each depth is worth."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from connector.cli.options import AsJson, Judged, RerankerName
from connector.errors import MissingExtraError, RequestError
from connector.evaluation.depths import Depth, best_depth, depth_curve
from connector.models.cost import Cost

_DEPTHS = (0, 5, 10, 20, 30, 50, 75, 100, 150, 200)
_COMPARISONS = 100_000


def cost(
    reranker: RerankerName = "bundled",
    tokens: Annotated[
        int | None, typer.Option(min=1, help="Tokens per pair. The default is that of the passages measured.")
    ] = None,
    budget_ms: Annotated[
        float | None, typer.Option(min=1, help="Say how deep a search of this time may rerank.")
    ] = None,
    corpus: Annotated[
        int | None, typer.Option(min=1, help="Compare with encoding, and with cross-encoding, this many documents.")
    ] = None,
    judged: Judged = None,
    queries: Annotated[int, typer.Option(min=1, help="The number of questions to take from each folder.")] = 25,
    depth: Annotated[int, typer.Option(min=1, help="The number of passages per question.")] = 50,
    plot: Annotated[Path | None, typer.Option(help="Write the curve to this .svg, .png or .pdf file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Time the reranker for a second, and show the milliseconds of each depth.

    The result is stored, so that the first search with a budget knows how deep it may read. With --judged, recall,
    the best nDCG@10 possible and the reranker's nDCG@10 are shown for each depth; a question's passages are ordered by
    the rare words that they share with it.
    """
    from connector.evaluation.windows import read_windows
    from connector.models.backends.costs import calibrate
    from connector.models.backends.shipped_windows import shipped_windows
    from connector.models.load import find_reranker, load_reranker

    console = Console(soft_wrap=True, highlight=False, quiet=as_json)
    found, model = find_reranker(reranker), load_reranker(reranker)
    windows = [each.in_lexical_order() for folder in judged or [] for each in read_windows(folder, queries, depth)]
    measured, tokens_measured = calibrate(found, model, windows or shipped_windows())
    tokens_per_pair = tokens or tokens_measured
    depths = [each for each in _DEPTHS if not windows or each <= depth]
    curve = depth_curve(depths, measured, tokens_per_pair, windows, model.score)
    chosen = None if budget_ms is None else best_depth(curve, budget_ms)
    compared = {} if corpus is None else _corpus_seconds(corpus, measured, tokens_per_pair)
    if plot is not None:
        _plot(curve, plot, found.name)
    if as_json:
        report = {
            "model": found.name,
            "cost": asdict(measured),
            "tokens_per_pair": tokens_per_pair,
            "depths": [asdict(each) for each in curve],
            "depth_within_budget": None if chosen is None else chosen.depth,
            "corpus_seconds": compared,
        }
        typer.echo(json.dumps(report))
        return
    console.print(_cost_line(found.name, measured, tokens_per_pair))
    console.print(_curve_table(curve))
    if budget_ms is not None:
        told = "nothing can be reranked" if chosen is None or not chosen.depth else f"rerank {chosen.depth} hits"
        console.print(f"within {budget_ms:g} ms: {told}")
    for what, seconds in compared.items():
        console.print(f"{what}: {_duration(seconds)}")


def _cost_line(name: str, measured: Cost, tokens_per_pair: float) -> str:
    return (
        f"{name}: {measured.fixed_ms:.1f} ms + {measured.pair_ms:.2f} ms a pair + {1000 * measured.token_ms:.1f} ms "
        f"per 1,000 tokens, from {measured.samples} reranks; pairs of {tokens_per_pair:.0f} tokens:"
    )


def _curve_table(curve: Sequence[Depth]) -> Table:
    table = Table("depth", "ms", "recall", "best possible nDCG@10", "nDCG@10")
    for each in curve:
        worth = ["-" if value is None else f"{value:.3f}" for value in (each.recall, each.oracle, each.ndcg)]
        table.add_row(str(each.depth), f"{each.ms:.0f}", *worth)
    return table


def _corpus_seconds(documents: int, measured: Cost, tokens_per_pair: float) -> dict[str, float]:
    """Return what it would take to encode, to compare and to cross-encode a whole collection, in seconds."""
    from time import perf_counter

    import numpy as np

    from connector.models import load_encoder
    from connector.models.backends.shipped_windows import shipped_windows

    encoder = load_encoder()
    texts = [passage for window in shipped_windows() for passage in window.passages][:64]
    encoder.encode(texts[:4])
    began = perf_counter()
    vectors = encoder.encode(texts)
    encode_s = (perf_counter() - began) / len(texts)
    matrix = np.resize(vectors, (_COMPARISONS, vectors.shape[1]))
    began = perf_counter()
    _ = matrix @ vectors[0]
    compare_s = (perf_counter() - began) / len(matrix)
    pair_s, all_s, window_s = (measured.predict_ms(n, n * tokens_per_pair) / 1000 for n in (1, documents, 50))
    per_pair = f"{pair_s / compare_s:,.0f} comparisons of vectors take as long as one pair"
    return {
        f"encode {documents:,} documents, once": documents * encode_s,
        f"compare a query with {documents:,} vectors ({per_pair})": documents * compare_s,
        f"cross-encode {documents:,} documents for one query": all_s,
        "cross-encode the first 50 for one query": window_s,
    }


def _plot(curve: Sequence[Depth], path: Path, name: str) -> None:
    """Draw milliseconds, and with judgments what each depth is worth.

    Raises:
        MissingExtraError: matplotlib is not installed.
        RequestError: the file can't be written, or has an unknown ending.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("matplotlib", "plot") from error
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    depths = [each.depth for each in curve]
    axes.plot(depths, [each.ms for each in curve], color="tab:gray", marker="o", label="ms")
    axes.set(xlabel="depth", ylabel="ms", title=f"Reranking by {name} on this machine")
    if all(each.ndcg is not None for each in curve):
        worth = axes.twinx()
        for label in ("recall", "oracle", "ndcg"):
            worth.plot(depths, [getattr(each, label) for each in curve], marker=".", label=label)
        worth.set(ylabel="recall, nDCG@10", ylim=(0, 1))
        worth.legend(loc="lower right")
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        remedy = f"can't be written ({error}); name a .svg, .png or .pdf file"
        raise RequestError("--plot", str(path), remedy) from error


def _duration(seconds: float) -> str:
    from connector.cli.reindex_view import duration

    return f"{1000 * seconds:.1f} ms" if seconds < 1 else duration(seconds)
