"""Explanations of final scores, in the form of Elasticsearch's. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from connector.request.retrievers import Rrf
from connector.search.fusion import normalized
from connector.search.plan import DiversifyBy, Fuse, Leaf, Merge, Pin, Plan, RescoreBy
from connector.search.ranking import Key, Ranking

Explanation = dict[str, Any]


class Explainer:
    """Explains the hits of one search.

    Args:
        plan: its legs and merge tree.
        rankings: the ranking of each node of the merge tree, by the node's `id()`.
        of_legs: the cluster's explanation of each hit, by the leg's name.
    """

    def __init__(
        self, plan: Plan, rankings: Mapping[int, Ranking], of_legs: Mapping[str, Mapping[Key, Explanation]]
    ) -> None:
        self._plan = plan
        self._places = {
            node: {key: place for place, key in enumerate(ranking.keys)} for node, ranking in rankings.items()
        }
        self._rankings = rankings
        self._of_legs = of_legs

    def explain(self, key: Key) -> Explanation:
        """Return the explanation of one hit: a tree of `value`, `description` and `details`."""
        return self._node(self._plan.merge, key)

    def _node(self, merge: Merge, key: Key) -> Explanation:
        if isinstance(merge, Leaf):
            return self._of_legs[self._plan.legs[merge.leg].name].get(key) or _explained(
                0.0, "not explained by its leg"
            )
        score = float(self._rankings[id(merge)].scores[self._places[id(merge)][key]])
        if isinstance(merge, Fuse):
            return self._fused(merge, key, score)
        if isinstance(merge, Pin) and (found := self._of_legs[self._plan.legs[merge.leg].name].get(key)):
            return _explained(score, "pinned, found by:", [found])
        child = self._node(merge.part, key)
        if isinstance(merge, Pin):
            return child
        if isinstance(merge, DiversifyBy):
            return _explained(
                score, f"kept by [{merge.retriever.type}] on document field: [{merge.retriever.field}]", [child]
            )
        if isinstance(merge, RescoreBy):
            modes = ", ".join(step.query.score_mode for step in merge.retriever.rescore)
            return _explained(score, f"rescored by {modes} of the query's score:", [child])
        retriever = merge.retriever
        endpoint, fields = retriever.inference_id or "the client's own", ", ".join(retriever.field)
        text = f"text_similarity_reranker match using inference endpoint: [{endpoint}] on document field: [{fields}]"
        return _explained(score, f"{text} matching on the source query", [child])

    def _fused(self, merge: Fuse, key: Key, score: float) -> Explanation:
        retriever = merge.retriever
        parts = [self._rankings[id(part)].head(retriever.rank_window_size) for part in merge.parts]
        places = [self._places[id(part)].get(key) for part in merge.parts]
        found = [
            place if place is not None and place < len(part) else None
            for place, part in zip(places, parts, strict=True)
        ]
        if isinstance(retriever, Rrf):
            ranks = [0 if place is None else place + 1 for place in found]
            details = [
                self._of_rank(merge, at, key, rank, retriever.rank_constant, leg.weight)
                for at, (rank, leg) in enumerate(zip(ranks, retriever.legs, strict=True))
            ]
            text = f"rrf score: [{_number(score)}] computed for initial ranks {_numbers(ranks)} with rankConstant: "
            text += f"[{retriever.rank_constant}] as sum of [1 / (rank + rankConstant)] for each query"
            return _explained(score, text, details)
        how = [leg.normalizer or "none" for leg in retriever.legs]
        scores = [
            0.0 if place is None else float(np.float32(normalized(part.scores, name)[place]))
            for place, part, name in zip(found, parts, how, strict=True)
        ]
        weights = [leg.weight for leg in retriever.legs]
        details = [
            self._of_score(merge, at, key, found[at], scores[at], weights[at], how[at]) for at in range(len(parts))
        ]
        text = f"weighted linear combination score: [{_number(score)}] computed for normalized scores "
        text += f"{_numbers(scores)} and weights {_numbers(weights)} as sum of (weight[i] * score[i]) for each query."
        return _explained(score, text, details)

    def _of_rank(self, merge: Fuse, at: int, key: Key, rank: int, constant: int, weight: float) -> Explanation:
        where = self._where(merge, at)
        if not rank:
            return _explained(0.0, f"rrf score: [0], result not found in query {where}")
        share = _number(float(np.float32(weight / (rank + constant))))
        one = "1" if weight == 1 else _number(weight)
        text = f"rrf score: [{share}], for rank [{rank}] in query {where} computed as [{one} / ({rank} + {constant})]"
        return _explained(rank, f"{text}, for matching query with score", [self._node(merge.parts[at], key)])

    def _of_score(
        self, merge: Fuse, at: int, key: Key, place: int | None, score: float, weight: float, how: str
    ) -> Explanation:
        where = self._where(merge, at)
        if place is None:
            return _explained(0.0, f"weighted score: [0], result not found in query {where}")
        value = float(np.float32(weight * score))
        text = f"weighted score: [{_number(value)}] in query {where} computed as [{_number(weight)} * {_number(score)}]"
        text += f" using score normalizer [{how}] for original matching query with score:"
        return _explained(value, text, [self._node(merge.parts[at], key)])

    def _where(self, merge: Fuse, at: int) -> str:
        name = merge.retriever.legs[at].retriever.retriever.name
        return f"at index [{at}]" + ("" if name is None else f" [{name}]")


def _explained(value: float, description: str, details: Sequence[Explanation] = ()) -> Explanation:
    return {"value": value, "description": description, "details": list(details)}


def _number(value: float) -> str:
    return str(np.float32(value))


def _numbers(values: Sequence[float]) -> str:
    return f"[{', '.join(str(value) if isinstance(value, int) else _number(value) for value in values)}]"
