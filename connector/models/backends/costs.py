"""A reranker's cost on this machine, stored with its artefacts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from connector.errors import RequestError
from connector.models.backends.agreement import Window
from connector.models.backends.artefacts import model_folder
from connector.models.backends.choice import backend_for, this_machine
from connector.models.cost import Cost, fit_cost, read_cost, time_reranks, write_cost
from connector.models.folders import ModelFolder
from connector.models.reranker import InteractionReranker, Reranker, TokenizingReranker

_FILE = "cost.json"


def calibrate(found: ModelFolder, reranker: Reranker, windows: Sequence[Window]) -> tuple[Cost, float]:
    """Time a reranker for about a second, and store what it costs.

    Args:
        found: the model.
        reranker: the model, loaded.
        windows: texts of the kind that it will read.

    Returns:
        The cost, and how many tokens a pair of these windows has, mean.

    Raises:
        RequestError: the reranker is not a model.
    """
    if not isinstance(reranker, TokenizingReranker):
        raise RequestError("reranker", reranker.name, "must be a model that is loaded by name or path")

    def score(query: str, passages: list[str]) -> object:
        if isinstance(reranker, InteractionReranker):
            reranker.forget()
        return reranker.score(query, passages)

    query = windows[0].query
    passages = list(dict.fromkeys(passage for window in windows for passage in window.passages))
    cost = fit_cost(time_reranks(score, reranker.count_tokens, query, passages))
    write_cost(_path(found), _key(backend_for(found, None, None)), cost)
    counts = reranker.count_tokens(query, passages[:100])
    return cost, sum(counts) / len(counts)


def known_cost(found: ModelFolder, backend: str) -> Cost | None:
    """Return what a reranker was measured to cost on this machine; None if it was not measured."""
    return read_cost(_path(found), _key(backend))


def _path(found: ModelFolder) -> Path:
    return model_folder(found) / _FILE


def _key(backend: str) -> str:
    return f"{this_machine()}, {backend}"
