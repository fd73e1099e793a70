"""The steps of Elastic's `rescorer`: other queries, and how their scores are combined with a hit's own. Pure."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from connector.request.base_types import Strict, WindowSize
from connector.request.lenient_values import Lowered, Number

ScoreMode: TypeAlias = Literal["total", "multiply", "avg", "max", "min"]


class RescoreQuery(Strict):
    """A query whose score is combined with the hit's own, each times its weight, by `score_mode`."""

    rescore_query: dict[str, Any]
    query_weight: Number = Field(1.0, allow_inf_nan=False)
    rescore_query_weight: Number = Field(1.0, allow_inf_nan=False)
    score_mode: Annotated[ScoreMode, Lowered] = "total"


class Rescore(Strict):
    """One step of a `rescorer`; on a leaf, `window_size` counts the hits of each shard."""

    window_size: WindowSize = 10
    query: RescoreQuery
