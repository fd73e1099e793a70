"""Provenance: how a response came about, stage by stage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from connector.search.degradations import DEGRADATIONS, Degradation
from connector.search.ranking import Key, Ranking


@dataclass
class Provenance:
    """How each stage ranked each hit; filled while a search runs.

    Attributes:
        legs: each leg's ranking by its name.
        merged: the ranking of each node of the merge tree, by the node's `id()`.
        explanations: the cluster's explanation of each hit by the leg's name, if requested.
        fused: the outermost fusion's ranking; None without one.
        reranked: the outermost reranker's raw scores; without the hits that it did not read.
        passages: which passage gave a hit its rerank score, if it is a part of the hit.
        depth: the number of pairs that the rerankers read.
        model: the outermost reranker's name; None without one.
        degradations: why the response is less than was requested.
        took_ms: milliseconds by stage.
    """

    legs: dict[str, Ranking] = field(default_factory=dict)
    merged: dict[int, Ranking] = field(default_factory=dict)
    explanations: dict[str, dict[Key, dict[str, Any]]] = field(default_factory=dict)
    fused: Ranking | None = None
    reranked: dict[Key, float] = field(default_factory=dict)
    passages: dict[Key, dict[str, Any]] = field(default_factory=dict)
    depth: int = 0
    model: str | None = None
    degradations: list[Degradation] = field(default_factory=list)
    took_ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time of the block to that of a stage."""
        start = perf_counter()
        yield
        self.took_ms[stage] = self.took_ms.get(stage, 0.0) + 1000 * (perf_counter() - start)

    def degrade(self, degradation: Degradation) -> None:
        """Add a reason why the response is less than was requested; it is logged and counted, whoever reads this."""
        self.degradations.append(degradation)
        DEGRADATIONS.record(degradation)
