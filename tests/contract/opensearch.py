"""OpenSearch's clients, called as elasticsearch-py's are, so that the same table of cases runs on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from elastic_transport import ObjectApiResponse
from opensearchpy import OpenSearch, TransportError

from connector.clients.opensearch.translation import as_api_error, response
from tests.contract.harness import Corpus

_SPACES = {"cosine": "cosinesimil", "dot_product": "innerproduct", "l2_norm": "l2", "max_inner_product": "innerproduct"}
_RENAMED = {"from_": "from", "source": "_source"}
_OF_THE_URL = frozenset(
    {
        "filter_path",
        "include_named_queries_score",
        "typed_keys",
        "rest_total_hits_as_int",
        "preference",
        "search_type",
        "ignore_unavailable",
        "routing",
    }
)


class LikeElasticsearch:
    """An OpenSearch client that takes elasticsearch-py's keywords, answers as it does and raises its errors."""

    def __init__(self, client: OpenSearch) -> None:
        self.own = client
        self.indices = client.indices
        self.close = client.close

    def search(self, *, index: str | None = None, **request: Any) -> ObjectApiResponse[Any]:
        params = {name: request.pop(name) for name in _OF_THE_URL & request.keys()}
        body = {_RENAMED.get(name, name): value for name, value in request.items()}
        try:
            return response(self.own.search(index=index, body=body, **params))
        except TransportError as error:
            raise as_api_error(error) from error

    def index(self, *, index: str, id: str, document: Any, refresh: bool = False) -> None:
        self.own.index(index=index, id=id, body=document, refresh=refresh)

    def delete(self, *, index: str, id: str, refresh: bool = False) -> None:
        self.own.delete(index=index, id=id, refresh=refresh)

    def open_point_in_time(self, *, index: str, keep_alive: str) -> dict[str, str]:
        return {"id": self.own.create_pit(index=index, keep_alive=keep_alive)["pit_id"]}

    def close_point_in_time(self, *, id: str) -> None:
        self.own.delete_pit(body={"pit_id": [id]})


def load(client: OpenSearch, index: str, corpus: Corpus, shards: int = 1) -> None:
    """Create the corpus's index, its vectors under the lucene engine."""
    settings = {"index": {"knn": True, "number_of_shards": shards}}
    client.indices.create(index=index, body={"settings": settings, "mappings": mapped(corpus.mappings)})
    operations: list[dict[str, Any]] = []
    for identifier, source in corpus.documents:
        operations += [{"index": {"_id": identifier}}, source]
    answer = client.bulk(index=index, body=operations, refresh=True)
    assert not answer["errors"], answer["items"]


def mapped(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping in which each `dense_vector` is a `knn_vector`."""
    if mapping.get("type") == "dense_vector":
        space = _SPACES[mapping["similarity"]]
        method = {"name": "hnsw", "engine": "lucene", "space_type": space}
        return {"type": "knn_vector", "dimension": mapping["dims"], "method": method}
    return {name: mapped(value) if isinstance(value, Mapping) else value for name, value in mapping.items()}
