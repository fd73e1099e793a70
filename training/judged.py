"""Reads the judged collections and computes each question's candidates: BM25 and the bi-encoder, fused.

Embeddings are cached in a work folder outside the repository.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from nltk.stem.porter import PorterStemmer
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from connector.atomic_files import replacing
from connector.evaluation.judgments import read_qrels, read_queries

NQ_HELD_OUT = 300
_FIELDS = {"msrd_movies": ("year", "genres", "director", "actors", "characters", "tags")}
_DEPTH = 100
_LUCENE_STOP_WORDS = (
    "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this"
    " to was will with"
)


@dataclass(frozen=True)
class Collection:
    """Passages, questions and which passages answer each question (positions in `passages`)."""

    name: str
    passages: list[str]
    passage_ids: list[str]
    questions: list[str]
    question_ids: list[str]
    positives: list[tuple[int, ...]]

    def only(self, rows: Sequence[int]) -> Collection:
        """Return the same passages with some of the questions."""
        return replace(
            self,
            questions=[self.questions[row] for row in rows],
            question_ids=[self.question_ids[row] for row in rows],
            positives=[self.positives[row] for row in rows],
        )


def thinned(collection: Collection, passages: int, seed: int = 0) -> Collection:
    """Return a collection; of a larger one, random questions with their right passages, at most `passages` of them."""
    if len(collection.passages) <= passages:
        return collection
    kept: dict[int, int] = {}
    rows = []
    for row in np.random.default_rng(seed).permutation(len(collection.questions)).tolist():
        new = [position for position in collection.positives[row] if position not in kept]
        if len(kept) + len(new) <= passages:
            kept.update(zip(new, range(len(kept), passages), strict=False))
            rows.append(row)
    thin = collection.only(sorted(rows))
    return replace(
        thin,
        passages=[collection.passages[position] for position in kept],
        passage_ids=[collection.passage_ids[position] for position in kept],
        positives=[tuple(kept[position] for position in positives) for positives in thin.positives],
    )


@dataclass(frozen=True)
class Candidates:
    """Each question's fused candidates, best first, with the unit vectors and BM25 scores they came from."""

    collection: Collection
    passage_vectors: NDArray[np.float32]
    question_vectors: NDArray[np.float32]
    lexical: csr_matrix
    fused: list[NDArray[np.int64]]


def data_folder() -> Path:
    """Return $CONNECTOR_DATA, or ../shared/data next to the project.

    Raises:
        FileNotFoundError: neither exists.
    """
    folder = Path(os.environ.get("CONNECTOR_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder: set CONNECTOR_DATA to the folder of the judged collections")
    return folder


def is_held_out(question_id: str, of: int, keep: int) -> bool:
    """True if a question of a collection without splits belongs to the part kept for evaluation, by its hash."""
    return int(hashlib.sha256(question_id.encode()).hexdigest(), 16) % of < keep


def read_collection(name: str, split: str) -> Collection:
    """Read one collection's passages and one split's questions (train, dev, test; for nq_qed: train, held_out).

    In train and dev, `feedbackqa` lacks all passages and questions from the UK; `feedbackqa_uk` has only the UK's
    questions.
    `squad_dev` passages are text only, all others title and text; those of `msrd_movies`, whose questions name actors,
    characters and years, also have the other fields.
    """
    whole = read_folder(
        data_folder() / name.removesuffix("_uk"),
        "test" if name == "nq_qed" else split,
        name=name,
        with_title=name != "squad_dev",
        fields=_FIELDS.get(name, ()),
    )
    if name == "feedbackqa" and split != "test":
        return _kept(whole, lambda key: not key.startswith("UK-"), lambda key: not key.startswith("UK-"))
    if name == "feedbackqa_uk":
        return _kept(whole, lambda key: key.startswith("UK-"))
    if name == "nq_qed":
        of, wanted = len(whole.questions), split == "held_out"
        return _kept(whole, lambda key: is_held_out(key, of, NQ_HELD_OUT) == wanted)
    return whole


def read_folder(
    folder: Path, split: str, *, name: str | None = None, with_title: bool = True, fields: Sequence[str] = ()
) -> Collection:
    """Read a folder in BEIR's layout: corpus.jsonl and queries.jsonl (or .gz), and the judgments of one split.

    Questions without a right passage are left out.

    Args:
        folder: the folder.
        split: the judgments' split.
        name: the collection's name; by default the folder's.
        with_title: prepend the title to each passage.
        fields: fields of a document's `metadata` that follow the text, one per line.

    Raises:
        OSError: a file is missing.
        ValueError: it can't be read.
    """
    corpus = _packed_or_plain(folder / "corpus.jsonl")
    with (
        gzip.open(corpus, "rt", encoding="utf-8") if corpus.suffix == ".gz" else corpus.open(encoding="utf-8") as lines
    ):
        documents = [json.loads(line) for line in lines]
    texts = read_queries(_packed_or_plain(folder / "queries.jsonl"))
    place = {document["_id"]: row for row, document in enumerate(documents)}
    positives = {
        key: tuple(place[value] for value, grade in grades.items() if grade > 0 and value in place)
        for key, grades in read_qrels(folder / "qrels" / f"{split}.tsv").items()
    }
    question_ids = sorted(key for key, places in positives.items() if places)
    return Collection(
        name=name or folder.name,
        passages=[_passage(document, with_title, fields) for document in documents],
        passage_ids=[document["_id"] for document in documents],
        questions=[texts[key] for key in question_ids],
        question_ids=question_ids,
        positives=[positives[key] for key in question_ids],
    )


def _packed_or_plain(path: Path) -> Path:
    packed = path.with_name(f"{path.name}.gz")
    return packed if packed.is_file() else path


def _kept(
    collection: Collection, has_question: Callable[[str], bool], has_passage: Callable[[str], bool] = lambda _: True
) -> Collection:
    """Return the collection with those questions and passages whose ids pass."""
    kept = [row for row, key in enumerate(collection.passage_ids) if has_passage(key)]
    place = {row: new for new, row in enumerate(kept)}
    thin = collection.only([row for row, key in enumerate(collection.question_ids) if has_question(key)])
    return replace(
        thin,
        passages=[collection.passages[row] for row in kept],
        passage_ids=[collection.passage_ids[row] for row in kept],
        positives=[tuple(place[row] for row in positives if row in place) for positives in thin.positives],
    )


def _passage(document: dict[str, Any], with_title: bool, fields: Sequence[str]) -> str:
    lines = [document.get("title") or ""] if with_title else []
    lines.append(str(document["text"]))
    for field in fields:
        value = document.get("metadata", {}).get(field)
        if value:
            lines.append(f"{field}: {', '.join(value) if isinstance(value, list) else value}")
    return "\n".join(lines).strip()


def encode(texts: Sequence[str], backbone: Path, *, max_length: int = 256, batch: int = 32) -> NDArray[np.float32]:
    """Return the bi-encoder's unit vectors, (n, dims): mean pooling over all-MiniLM-L6-v2's last states."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = AutoTokenizer.from_pretrained(backbone)
    bert = AutoModel.from_pretrained(backbone).eval().to(device)
    rows = np.empty((len(texts), bert.config.hidden_size), dtype=np.float32)
    order = np.argsort([len(text) for text in texts], kind="stable")
    with torch.inference_mode():
        for start in range(0, len(texts), batch):
            part = order[start : start + batch]
            inputs = tokenizer([texts[row] for row in part], padding=True, truncation=True, max_length=max_length)
            inputs = inputs.convert_to_tensors("pt").to(device)
            mask = inputs["attention_mask"][:, :, None]
            states = bert(**inputs).last_hidden_state * mask
            pooled = states.sum(dim=1) / mask.sum(dim=1)
            rows[part] = torch.nn.functional.normalize(pooled, dim=-1).cpu().numpy()
    return rows


@cache
def _terms_of_word(word: str) -> str:
    return str(PorterStemmer().stem(word))


def _terms(text: str) -> list[str]:
    stop = frozenset(_LUCENE_STOP_WORDS.split())
    return [_terms_of_word(word) for word in re.findall(r"\w+", text.lower()) if word not in stop]


def bm25_scores(passages: Sequence[str], questions: Sequence[str], *, k1: float = 1.2, b: float = 0.75) -> csr_matrix:
    """Return BM25 scores, sparse (questions, passages), stemmed, with Lucene's idf."""
    vocabulary: dict[str, int] = {}
    counts = _count_matrix(passages, vocabulary, grow=True)
    n, lengths = counts.shape[0], np.asarray(counts.sum(axis=1)).ravel()
    frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    idf = np.log1p((n - frequency + 0.5) / (frequency + 0.5))
    norm = k1 * (1 - b + b * lengths / max(lengths.mean(), 1e-9))
    rows = np.repeat(np.arange(n), np.diff(counts.indptr))
    counts.data = idf[counts.indices] * counts.data * (k1 + 1) / (counts.data + norm[rows])
    return csr_matrix(_count_matrix(questions, vocabulary, grow=False) @ counts.T)


def _count_matrix(texts: Sequence[str], vocabulary: dict[str, int], *, grow: bool) -> csr_matrix:
    rows: list[int] = []
    columns: list[int] = []
    for row, text in enumerate(texts):
        for term in _terms(text):
            column = vocabulary.setdefault(term, len(vocabulary)) if grow else vocabulary.get(term, -1)
            if column >= 0:
                rows.append(row)
                columns.append(column)
    matrix = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(texts), len(vocabulary)))
    matrix.sum_duplicates()
    return matrix


def fuse(legs: Sequence[NDArray[np.int64]], *, rank_constant: int = 60) -> NDArray[np.int64]:
    """Return the union of rankings of positions by Reciprocal Rank Fusion; ties are broken by position."""
    scores: dict[int, float] = {}
    for leg in legs:
        for rank, position in enumerate(leg.tolist(), start=1):
            scores[position] = scores.get(position, 0.0) + 1.0 / (rank_constant + rank)
    return np.array(sorted(scores, key=lambda position: (-scores[position], position)), dtype=np.int64)


def make_candidates(collection: Collection, backbone: Path, work: Path | None = None) -> Candidates:
    """Return the fused top 100 of BM25 and kNN for each question; vectors are cached in the work folder, if given."""
    passages = _cached_vectors(collection.passages, backbone, work)
    questions = _cached_vectors(collection.questions, backbone, work)
    lexical = bm25_scores(collection.passages, collection.questions)
    depth = min(_DEPTH, len(collection.passages))
    fused = []
    for row in range(len(collection.questions)):
        start, end = lexical.indptr[row : row + 2]
        found = lexical.indices[start:end][np.argsort(-lexical.data[start:end], kind="stable")][:depth]
        nearest = np.argsort(-(passages @ questions[row]), kind="stable")[:depth]
        fused.append(fuse([found.astype(np.int64), nearest.astype(np.int64)]))
    return Candidates(collection, passages, questions, lexical, fused)


def _cached_vectors(texts: Sequence[str], backbone: Path, work: Path | None) -> NDArray[np.float32]:
    if work is None:
        return encode(texts, backbone)
    key = hashlib.sha256("\0".join(texts).encode()).hexdigest()[:24]
    path = work / "vectors" / f"{key}.npy"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            np.save(partial, encode(texts, backbone))
    vectors: NDArray[np.float32] = np.load(path)
    return vectors
