"""A page of hits as a table, with each stage's ranks and scores."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text


def hits_table(response: Mapping[str, Any], text_fields: Sequence[str]) -> Table:
    """Return a table of a search's hits, with each leg's rank and score, the fused ones, and the rerank score."""
    hits = response["hits"]["hits"]
    legs = list(dict.fromkeys(leg for hit in hits for leg in hit["_hybrid"]["legs"]))
    table = Table(caption=_caption(response), caption_justify="left")
    table.add_column("", justify="right")
    table.add_column("id", overflow="fold", min_width=8)
    table.add_column(text_fields[0] if text_fields else "", max_width=60)
    for column in ("score", *legs, "fused", "rerank"):
        table.add_column(column, justify="right", no_wrap=True)
    for rank, hit in enumerate(hits, 1):
        hybrid = hit["_hybrid"]
        table.add_row(
            str(rank),
            Text(str(hit["_id"])),
            Text(title_of(hit, text_fields)),
            f"{hit['_score']:.3f}",
            *(_placed(hybrid["legs"].get(leg), "rank", "score") for leg in legs),
            _placed(hybrid, "fused_rank", "fused_score"),
            _number(hybrid.get("rerank_score")),
        )
    return table


def title_of(hit: Mapping[str, Any], text_fields: Sequence[str]) -> str:
    """Return the first text field of a hit that is not empty, on one line."""
    source = hit.get("_source") or {}
    return next((" ".join(str(source[field]).split()) for field in text_fields if source.get(field)), "")


def _placed(stage: Mapping[str, Any] | None, rank: str, score: str) -> str:
    if not stage or stage.get(rank) is None:
        return "-"
    return f"#{stage[rank]} {stage[score]:.4g}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _caption(response: Mapping[str, Any]) -> str:
    hybrid = response["_hybrid"]
    times = ", ".join(f"{stage} {took_ms:.0f} ms" for stage, took_ms in hybrid["took_ms"].items())
    parts = [times, f"{hybrid['depth']} pairs reranked by {hybrid['model'] or 'nothing'}"]
    if hybrid["degraded"]:
        parts.append(f"degraded: {hybrid['degraded']}")
    return "; ".join(part for part in parts if part)
