"""The table and the plot of `benchmarks.peers`."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from benchmarks.peer_outcome import Outcome
from benchmarks.peer_worker import PEERS
from benchmarks.results import machine, write_section

PICTURE = Path(__file__).parent / "peers.png"
_PACKAGES = (
    "elasticsearch",
    "langchain-elasticsearch",
    "elasticsearch-haystack",
    "haystack-ai",
    "llama-index-vector-stores-elasticsearch",
)
_COLUMNS = (
    "way", "p50 ms", "p95 ms", "beyond by hand, ms", "rerank: p50 ms", "p95 ms", "round trips", "KiB sent + received",
    "peak MiB", "nDCG@10; reranked", "lines", "lacks",
)  # fmt: skip


def p50(outcome: Outcome) -> float:
    """Return the median time of a search in ms."""
    return statistics.median(outcome.times_ms)


def p95(outcome: Outcome) -> float:
    """Return the time in ms that 19 of 20 searches stay within."""
    return statistics.quantiles(outcome.times_ms, n=20, method="inclusive")[18]


def beyond(outcome: Outcome, other: Outcome) -> float:
    """Return the median of the differences in ms, search by search."""
    pairs = zip(outcome.times_ms, other.times_ms, strict=True)
    return statistics.median(mine - theirs for mine, theirs in pairs)


def _row(name: str, plain: Mapping[str, Outcome], reranked: Mapping[str, Outcome]) -> str:
    peer, first = PEERS[name], plain[name]
    refusal = first.refusal or reranked[name].refusal
    if refusal is not None:
        reason = refusal.replace("|", "/").replace("\n", " ")
        return f"| {peer.title} | answered: `{reason[:160]}` | | | | | | | | | | {peer.lacks} |"
    second = reranked[name]
    cells = [
        peer.title,
        f"{p50(first):.1f}",
        f"{p95(first):.1f}",
        f"{beyond(first, plain['by-hand']):+.2f}",
        f"{p50(second):.0f}",
        f"{p95(second):.0f}",
        f"{statistics.mean(first.round_trips):g}",
        f"{statistics.mean(first.bytes_sent) / 1024:.1f} + {statistics.mean(first.bytes_received) / 1024:.1f}",
        f"{first.peak_mib:.0f}",
        f"{first.ndcg:.3f}; {second.ndcg:.3f}",
        str(peer.lines),
        peer.lacks,
    ]
    return f"| {' | '.join(cells)} |"


def table(plain: Mapping[str, Outcome], reranked: Mapping[str, Outcome]) -> str:
    """Return the table."""
    rows = "\n".join(_row(name, plain, reranked) for name in PEERS)
    return f"| {' | '.join(_COLUMNS)} |\n|{' --- |' * len(_COLUMNS)}\n{rows}\n"


def draw(plain: Mapping[str, Outcome], reranked: Mapping[str, Outcome]) -> None:
    """Plot p50 as bars and p95 as marks, without and with rerank, to peers.png."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    names = [name for name in reversed(list(reranked)) if reranked[name].refusal is None]
    titles = [PEERS[name].title for name in names]
    colours = ["tab:blue" if name.startswith("connector") else "0.6" for name in names]
    figure = Figure(figsize=(11, 4), layout="constrained")
    for axes, outcomes, title in zip(
        figure.subplots(1, 2, sharey=True),
        (plain, reranked),
        ("hybrid search", "hybrid search and rerank"),
        strict=True,
    ):
        axes.barh(titles, [p50(outcomes[name]) for name in names], color=colours, label="p50")
        axes.plot([p95(outcomes[name]) for name in names], titles, "|", color="black", markersize=12, label="p95")
        axes.set_title(title)
        axes.set_xlabel("ms per question")
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(PICTURE, dpi=110)


def write_report(
    plain: Mapping[str, Outcome], reranked: Mapping[str, Outcome], conditions: str, note: str, *, write: bool
) -> None:
    """Print the table; write it and the plot if requested."""
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    text = f"""`python -m benchmarks.peers --url ... --write` on {machine()}.{f" {note}" if note else ""}
{conditions}. {versions}.

{table(plain, reranked)}
Every way runs the same encoder and reranker; embedding the query is part of every time.
Each way has its own process and takes turns with the others, question by question; "beyond by hand" is the median of
the differences, search by search.
Peak MiB is the whole process, including PyTorch and the encoder, after the searches without rerank.
Lines are those of the function in `benchmarks/peer_searches.py`.
This client blends the rerank score with the fused rank (0.8); the others order by the score alone.
"""
    print(text)
    if write:
        draw(plain, reranked)
        write_section(
            "Compared with other frameworks", f"{text}\n![p50 and p95 of each way, without and with rerank](peers.png)"
        )
