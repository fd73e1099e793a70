"""Provenance: how a response came about, stage by stage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from time import perf_counter
from typing import Any

from connector.models.stopping import Stop
from connector.search.degradations import DEGRADATIONS, Degradation
from connector.search.needs import Scored
from connector.search.observers import SEARCH, Searched, observed_stage
from connector.search.ranking import Key, Ranking


@dataclass(frozen=True)
class Reranked:
    """How much a reranker was to read, and has read, in pairs.

    Attributes:
        wanted: how many pairs there were.
        read: how many of them were read.
        budget_ms: how many milliseconds the search might take; None: any time.
        predicted_ms: how many the reading of all pairs was predicted to take; None if nobody could say.
        took_ms: how many the reading took.
        stopped_by: the code of what ended the reading early; None if nothing did.
        cache_hits: how many of the scores were known already.
        stages: how many pairs each stage of a cascade has read, by its name.
    """

    wanted: int
    read: int
    budget_ms: float | None = None
    predicted_ms: float | None = None
    took_ms: float = 0.0
    stopped_by: str | None = None
    cache_hits: int = 0
    stages: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the part of `_hybrid` that tells it."""
        shown = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            name: round(value, 3) if isinstance(value, float) else dict(value) if name == "stages" else value
            for name, value in shown.items()
            if name != "stages" or value
        }


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
        rerank: what the outermost reranker was to read and has read, and what stopped it.
        stopped: the deadline that the outermost reranker had reached; None if it was done before.
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
    rerank: Reranked | None = None
    stopped: Stop | None = None
    model: str | None = None
    degradations: list[Degradation] = field(default_factory=list)
    took_ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time of the block to that of a stage."""
        start = perf_counter()
        with observed_stage(stage):
            yield
        self.took_ms[stage] = self.took_ms.get(stage, 0.0) + 1000 * (perf_counter() - start)

    def note_rerank(self, scored: Scored, reranked: Reranked, stop: Stop) -> None:
        """Note what a reranker has read.

        Args:
            scored: what came back.
            reranked: how much was to be read, and was.
            stop: when it had to stop.
        """
        self.model = scored.model
        self.depth += scored.stages.get("second", reranked.read)
        is_cut = reranked.read < reranked.wanted
        self.stopped = stop if is_cut else None
        self.rerank = replace(
            reranked,
            predicted_ms=scored.predicted_ms,
            took_ms=scored.took_ms,
            stopped_by="deadline" if is_cut else None,
            cache_hits=scored.cache_hits,
            stages=scored.stages,
        )

    def searched(self, took_s: float) -> Searched:
        """Return what observers are told about the search, which took so many seconds."""
        stages = {stage: took_ms / 1000 for stage, took_ms in self.took_ms.items()}
        rerank = self.rerank or Reranked(0, 0)
        codes = [each.code.value for each in self.degradations]
        return Searched({**stages, SEARCH: took_s}, rerank.wanted, rerank.read, rerank.cache_hits, codes)

    def degrade(self, degradation: Degradation) -> None:
        """Add a reason why the response is less than was requested; it is logged and counted, whoever reads this."""
        self.degradations.append(degradation)
        DEGRADATIONS.record(degradation)
