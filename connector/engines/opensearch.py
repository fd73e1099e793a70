"""OpenSearch 2.x and 3.x: where it differs from Elasticsearch, of which it is a fork."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from connector.documents.paths import definitions_along
from connector.engines.elasticsearch import NOT_INDEXED, ElasticsearchDialect, is_not_indexed
from connector.engines.protocol import NativeFusion
from connector.errors import RequestError
from connector.request.base_types import QueryVector
from connector.request.encoded_vectors import decode_vector
from connector.request.leaf_retrievers import Knn
from connector.request.retrievers import Linear, Rrf

_SCORE_OF: dict[str | None, Callable[[float], float]] = {
    "cosinesimil": lambda similarity: (1 + similarity) / 2,
    "l2": lambda distance: 1 / (1 + distance**2),
    "innerproduct": lambda product: product + 1 if product >= 0 else 1 / (1 - product),
}

_MAX_QUERIES, _MAX_RANK_CONSTANT = 5, 10_000
"""The limits of the `hybrid` query and of its RRF."""
_TECHNIQUES: dict[str | None, str] = {"minmax": "min_max", "l2_norm": "l2"}


class OpenSearchDialect(ElasticsearchDialect):
    """The dialect of OpenSearch 2.x and 3.x: see `Dialect`.

    A `knn` query counts `k` on each shard, and its lucene engine returns everything that `ef_search` makes it visit.
    """

    name = "opensearch"
    has_retrievers = False
    counts_k_globally = False
    needs_mappings = True
    keeps_lengths = True
    dims_option = "dimension"
    search_options: Mapping[str, Any] = {"search_pipeline": "_none"}
    """An index's default pipeline is meant for whole searches: on each leg it would run too often."""

    def vector_body(
        self,
        leg: Knn,
        vector: QueryVector | None,
        filters: Sequence[dict[str, Any]],
        mappings: Mapping[str, Any],
        /,
    ) -> dict[str, Any]:
        """Write a vector leg as a `knn` query, inside `nested` if the field is; filters apply during the search.

        Raises:
            RequestError: OpenSearch has no counterpart to an option of the leg.
        """
        if leg.visit_percentage is not None:
            raise RequestError(
                "retriever...knn.visit_percentage", leg.visit_percentage, "OpenSearch has no such option; leave it out"
            )
        found = list(_fields(mappings, leg.field))
        options: dict[str, Any] = {"k": leg.k, **({} if leg.inner_hits is None else {"expand_nested_docs": True})}
        if filters:
            options["filter"] = filters[0] if len(filters) == 1 else {"bool": {"filter": list(filters)}}
        if vector is None and leg.query_vector_builder is not None:
            text = leg.query_vector_builder.text_embedding
            query: dict[str, Any] = {
                "neural": {leg.field: {"query_text": text.model_text, "model_id": text.model_id, **options}}
            }
        else:
            if leg.num_candidates is not None and found and all(_is_graph(field) for _, field in found):
                options["method_parameters"] = {"ef_search": leg.num_candidates}
            if leg.rescore_vector is not None:
                options["rescore"] = {"oversample_factor": leg.rescore_vector.get("oversample")}
            lengths = [length for _, field in found if (length := self.vector_length(field))]
            query = {"knn": {leg.field: {"vector": _numbers(vector, leg.field, lengths), **options}}}
        path = next((path for path, _ in found if path is not None), None)
        if leg.inner_hits is not None:
            query = _nested(path or leg.nested_path, query, inner_hits=leg.inner_hits)
        elif path is not None:
            query = _nested(path, query)
        least = [each for each in (leg.min_score, _least_score(leg, found)) if each is not None]
        return {"query": query, "min_score": max(least)} if least else {"query": query}

    def native_fusion(self, fusion: Rrf | Linear, legs: Sequence[Mapping[str, Any]], /) -> NativeFusion | None:
        """Write a `hybrid` query and the processor that fuses its parts.

        Its scores are a weighted mean, whereas Elastic's `linear` is a weighted sum, so they are scaled by the sum of
        the weights.
        An RRF with equal weights needs no weights, and is scaled by one of them.
        `min_max` gives the lowest hit of a leg 0.001, whereas Elastic's `minmax` gives 0.
        """
        weights = [leg.weight for leg in fusion.legs]
        if len(legs) > _MAX_QUERIES or any(leg.keys() != {"query"} for leg in legs) or not all(weights):
            return None
        total = sum(weights)
        shares = {"weights": [weight / total for weight in weights]}
        if isinstance(fusion, Rrf):
            if fusion.rank_constant > _MAX_RANK_CONSTANT:
                return None
            is_weighted = len(set(weights)) > 1
            kind, scale = ("rrf with weights", total) if is_weighted else ("rrf", weights[0])
            parameters = {"rank_constant": fusion.rank_constant, **(shares if is_weighted else {})}
            processor: dict[str, Any] = {
                "score-ranker-processor": {"combination": {"technique": "rrf", "parameters": parameters}}
            }
        else:
            how = {leg.normalizer for leg in fusion.legs}
            technique = _TECHNIQUES.get(how.pop()) if len(how) == 1 else None
            if technique is None:
                return None
            kind, scale = technique, total
            processor = {
                "normalization-processor": {
                    "normalization": {"technique": technique},
                    "combination": {"technique": "arithmetic_mean", "parameters": shares},
                }
            }
        queries = [leg["query"] for leg in legs]
        body = {
            "query": {"hybrid": {"queries": queries, "pagination_depth": fusion.rank_window_size}},
            "search_pipeline": {"phase_results_processors": [processor]},
        }
        return NativeFusion(kind, body, fusion.rank_window_size, scale)

    def vector_length(self, mapping: Mapping[str, Any]) -> int | None:
        """Return how many numbers a query vector has: the dims, of which a `binary` field packs 8 into one."""
        dims = self.vector_dims(dict(mapping))
        return dims // 8 if dims and _data_type(mapping) == "binary" else dims or None

    def vector_dims(self, mapping: dict[str, Any]) -> int | None:
        """Return a `knn_vector` field's dims; None for any other field."""
        return int(mapping.get("dimension", 0)) if mapping.get("type") == "knn_vector" else None

    def why_unsearchable(self, mapping: Mapping[str, Any]) -> str | None:
        """Return why floats can't search a `knn_vector` field: it is not indexed, or holds bytes or bits."""
        if is_not_indexed(mapping):
            return NOT_INDEXED
        kind = _data_type(mapping)
        return f"holds no floats (data_type: {kind})" if kind in ("byte", "binary") else None


def _data_type(mapping: Mapping[str, Any]) -> str:
    """Return the data type of a vector field in lower case: OpenSearch returns it in upper case."""
    return str(mapping.get("data_type", "float")).lower()


def _numbers(vector: QueryVector | None, field: str, lengths: Sequence[int]) -> Sequence[float] | None:
    """Return a vector as numbers: OpenSearch does not read text."""
    if not isinstance(vector, str):
        return vector
    read = next((numbers for length in lengths if (numbers := decode_vector(vector, length)) is not None), None)
    if read is None:
        raise RequestError(
            f"retriever...knn.query_vector for {field!r}",
            vector,
            "does not hold as many numbers as the field's vectors, or the field is unknown; pass the numbers",
        )
    return read


def _nested(path: str, query: Mapping[str, Any], **options: Any) -> dict[str, Any]:
    """Wrap a query for nested objects; a hit gets the score of its nearest object."""
    return {"nested": {"path": path, "query": query, "score_mode": "max", **options}}


def _fields(mappings: Mapping[str, Any], path: str) -> Iterator[tuple[str | None, Mapping[str, Any]]]:
    """Yield the mapping of a vector field in each index that has it, with the nested path around it."""
    for body in mappings.values():
        way = definitions_along(body["mappings"], path)
        if way and way[-1][0] == path and way[-1][1].get("type") == "knn_vector":
            nested = [reached for reached, definition in way if definition.get("type") == "nested"]
            yield nested[-1] if nested else None, way[-1][1]


def _is_graph(field: Mapping[str, Any]) -> bool:
    """True if the field's vectors are searched as an HNSW graph, which has `ef_search`."""
    return "model_id" not in field and field.get("method", {}).get("name", "hnsw") == "hnsw"


def _least_score(leg: Knn, found: Sequence[tuple[str | None, Mapping[str, Any]]]) -> float | None:
    """Return the score of the least similarity requested; it depends on the field's space."""
    if leg.similarity is None:
        return None
    spaces = {_space(field) for _, field in found}
    (space,) = spaces if len(spaces) == 1 else (None,)
    if space not in _SCORE_OF:
        raise RequestError(
            "retriever...knn.similarity",
            leg.similarity,
            f"can't be converted to a score: the space of {leg.field!r} is unknown, or is not cosinesimil, l2 or "
            "innerproduct under lucene or faiss; use min_score instead",
        )
    return _SCORE_OF[space](leg.similarity)


def _space(field: Mapping[str, Any]) -> str | None:
    """Return a field's space; None under nmslib, which scores differently."""
    method = field.get("method", {})
    return None if method.get("engine") == "nmslib" else method.get("space_type", field.get("space_type", "l2"))
