"""The bundled encoder and reranker as every framework's own classes, so that only the code around them differs."""

from __future__ import annotations

from typing import Any

from connector import load_encoder, load_reranker


def embed(text: str) -> list[float]:
    vector: list[float] = load_encoder().encode_queries([text])[0].tolist()
    return vector


class Pairs:
    """A CrossEncoder with the methods that LangChain, Haystack and LlamaIndex call."""

    def predict(self, pairs: list[Any]) -> list[float]:
        scores: list[float] = load_reranker().score(pairs[0][0], [passage for _, passage in pairs]).tolist()
        return scores

    def rank(self, query: str, documents: list[str], **_: Any) -> list[dict[str, Any]]:
        scores = self.predict([(query, document) for document in documents])
        order = sorted(range(len(documents)), key=lambda place: -scores[place])
        return [{"corpus_id": place, "score": scores[place]} for place in order]


def langchain_embeddings() -> Any:
    from langchain_core.embeddings import Embeddings

    class Bundled(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [embed(text) for text in texts]

        def embed_query(self, text: str) -> list[float]:
            return embed(text)

    return Bundled()


def langchain_cross_encoder() -> Any:
    from langchain_classic.retrievers.document_compressors.cross_encoder import BaseCrossEncoder

    class Bundled(BaseCrossEncoder):
        def score(self, text_pairs: list[tuple[str, str]]) -> list[float]:
            return Pairs().predict(text_pairs)

    return Bundled()


def haystack_embedder() -> Any:
    from haystack import component

    @component
    class BundledTextEmbedder:
        @component.output_types(embedding=list[float])
        def run(self, text: str) -> dict[str, Any]:
            return {"embedding": embed(text)}

    return BundledTextEmbedder()


def haystack_ranker(top_k: int) -> Any:
    from haystack_integrations.components.rankers.sentence_transformers import SentenceTransformersSimilarityRanker

    ranker: Any = SentenceTransformersSimilarityRanker(model="bundled", top_k=top_k, token=None)
    ranker._cross_encoder = Pairs()
    return ranker


def llama_embeddings() -> Any:
    from llama_index.core.embeddings import BaseEmbedding

    class Bundled(BaseEmbedding):
        def _get_query_embedding(self, query: str) -> list[float]:
            return embed(query)

        def _get_text_embedding(self, text: str) -> list[float]:
            return embed(text)

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return embed(query)

    return Bundled(model_name="bundled")


def llama_reranker(top_n: int) -> Any:
    from llama_index.core.postprocessor import SentenceTransformerRerank

    reranker = SentenceTransformerRerank.model_construct(
        top_n=top_n, model="bundled", device="cpu", keep_retrieval_score=False, trust_remote_code=False
    )
    reranker._model = Pairs()
    return reranker
