"""The bundled models' own graphs, which run without torch, without an export, and from the first search on.

A graph ships without weights: they are read from the models' safetensors as a session opens, and the word embeddings,
half of them, are mapped into memory.
`training/export_graphs.py` writes the graphs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connector.models.backends.artefacts import TOKENIZER, read_manifest, read_tokenizer
from connector.models.backends.onnx import OnnxBackend, OutsideWeights
from connector.models.folders import ModelFolder, bundled_encoder, bundled_kind
from connector.models.session import Opened, TokenTables
from connector.models.static_match import unit_vectors

GRAPHS = Path(__file__).parent.parent / "bundled" / "graphs"
"""One folder per model: `encoder`, `reranker`."""
SHIPPED_BACKEND = "onnx"
"""The backend that the graphs are for."""
WEIGHTS = "weights.json"
_LAYER_NORM_EPSILON = 1e-12

Tensors = Callable[[str], NDArray[Any]]
"""Returns a tensor of the models' files by name."""


@dataclass(frozen=True)
class Weight:
    """How a graph's weight is made from the models' files.

    Attributes:
        tensors: one tensor's name, or several that are joined along their last axis.
        is_transposed: True if each of them is transposed first.
    """

    tensors: tuple[str, ...]
    is_transposed: bool

    def value(self, tensors: Tensors) -> NDArray[np.float32]:
        """Return the weight."""
        parts = [tensors(name).astype(np.float32, copy=False) for name in self.tensors]
        if self.is_transposed:
            parts = [part.T for part in parts]
        return np.asarray(parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1), order="C")


def shipped_folder(found: ModelFolder) -> Path | None:
    """Return the folder of a model's shipped graphs; None unless it is bundled and unchanged."""
    kind = bundled_kind(found)
    manifest = None if kind is None else read_manifest(GRAPHS / kind)
    if kind is None or manifest is None or manifest.source != weight_files(found).revision:
        return None
    return GRAPHS / kind


def open_shipped(found: ModelFolder, folder: Path) -> Opened:
    """Return a bundled model with a session for each of its shipped graphs.

    Raises:
        OSError: a file is missing.
        RuntimeError: this version of ONNX Runtime can't run the graphs.
        ValueError: a file is damaged.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise ValueError("its manifest can't be read")
    weights, encoder = read_weights(folder), bundled_encoder().folder
    backend = OnnxBackend()
    with tensors_of(weight_files(found)) as tensors:
        sessions = {
            name: backend.open(
                folder / f"{name}{backend.suffix}",
                OutsideWeights({each: weight.value(tensors) for each, weight in weights[name].items()}, encoder),
            )
            for name in manifest.networks
        }
    tables = (lambda: _token_tables(found)) if bundled_kind(found) == "reranker" else None
    return Opened(read_tokenizer(encoder / TOKENIZER, manifest), sessions, tables, manifest.vectors)


def weight_files(found: ModelFolder) -> ModelFolder:
    """Return a bundled model with all files that its weights are in: the reranker's frozen ones are the encoder's."""
    if bundled_kind(found) == "reranker":
        return ModelFolder(found.name, found.folder, (*found.weights, *bundled_encoder().weights))
    return found


def read_weights(folder: Path) -> dict[str, dict[str, Weight]]:
    """Return how the weights of a folder's graphs are made, by network and name."""
    stored = json.loads((folder / WEIGHTS).read_text(encoding="utf-8"))
    return {
        network: {name: Weight(tuple(tensors), is_transposed) for name, (tensors, is_transposed) in weights.items()}
        for network, weights in stored.items()
    }


def write_weights(folder: Path, weights: Mapping[str, Mapping[str, Weight]]) -> None:
    """Write what `read_weights` reads, one weight a line."""
    networks = [
        f"{json.dumps(network)}: {{\n"
        + ",\n".join(
            f"{json.dumps(name)}: {json.dumps([each.tensors, each.is_transposed])}" for name, each in of_network.items()
        )
        + "\n}"
        for network, of_network in weights.items()
    ]
    (folder / WEIGHTS).write_text("{" + ",\n".join(networks) + "}\n", encoding="utf-8")


@contextmanager
def tensors_of(found: ModelFolder) -> Iterator[Tensors]:
    """Provide the tensors of a model's files by name, each read when it is asked for."""
    from safetensors import safe_open

    with ExitStack() as stack:
        files = [stack.enter_context(safe_open(path, framework="numpy")) for path in found.weights]
        homes = {name: file for file in files for name in file.keys()}  # noqa: SIM118
        yield lambda name: homes[name].get_tensor(name)


def _token_tables(found: ModelFolder) -> TokenTables:
    """Return each token's idf, and its embedding without a position, as a unit vector."""
    with tensors_of(weight_files(found)) as tensors:
        words = tensors("embeddings.word_embeddings.weight") + tensors("embeddings.token_type_embeddings.weight")[0]
        scale, shift = tensors("embeddings.LayerNorm.weight"), tensors("embeddings.LayerNorm.bias")
        vectors = unit_vectors(words, scale, shift, _LAYER_NORM_EPSILON)
        return tensors("token_idf").astype(np.float32), vectors
