"""Writes the graphs of the bundled models that ship in the wheel, without their weights.

Run it after training, and commit what changes:

    python -m training.export_graphs
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from safetensors.numpy import load_file

from connector.models.backends.artefacts import read_manifest, write_manifest
from connector.models.backends.opening import build_encoder, build_reranker
from connector.models.backends.shipped import (
    GRAPHS,
    SHIPPED_BACKEND,
    Weight,
    weight_files,
    write_weights,
)
from connector.models.folders import ModelFolder, bundled_encoder, bundled_reranker

_PREFIXES = ("model.0.model.", "model.")
_LARGEST_CONSTANT = 256
_LEAST_MAPPED = 2**20
_HEADER_LENGTH = 8


def main() -> None:
    """Write the graphs of the bundled encoder and of the bundled reranker, in float32."""
    with tempfile.TemporaryDirectory() as cache:
        os.environ["CONNECTOR_CACHE"] = cache
        export_graphs(bundled_encoder(), build_encoder(bundled_encoder(), SHIPPED_BACKEND), GRAPHS / "encoder")
        export_graphs(bundled_reranker(), build_reranker(bundled_reranker(), SHIPPED_BACKEND), GRAPHS / "reranker")


def export_graphs(found: ModelFolder, exported: Path, target: Path) -> None:
    """Write an exported model's graphs without their weights, and how these are made from the model's files.

    Args:
        found: the model.
        exported: the folder of the exported model.
        target: the folder to write to.

    Raises:
        ValueError: a weight is not made from the model's tensors in any way known here.
    """
    manifest = read_manifest(exported)
    assert manifest is not None
    files = weight_files(found)
    origins = Origins({name: tensor for path in files.weights for name, tensor in load_file(path).items()})
    target.mkdir(parents=True, exist_ok=True)
    weights = {}
    for network in manifest.networks:
        model = onnx.load(str(exported / f"{network}.onnx"))
        weights[network] = _take_weights(model, origins)
        (target / f"{network}.onnx").write_bytes(model.SerializeToString())
    write_weights(target, weights)
    write_manifest(target, replace(manifest, source=files.revision))


class Origins:
    """Finds the tensors of a model's files that an array is made from."""

    def __init__(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        self._tensors = {name: each.astype(np.float32) for name, each in tensors.items() if each.dtype.kind == "f"}
        self._by_content = {_content(each): name for name, each in self._tensors.items()}

    def of(self, name: str, array: NDArray[Any]) -> Weight | None:
        """Return how an array is made, told by its name or its content; None if it is none of the model's tensors."""
        own = next((name.removeprefix(each) for each in _PREFIXES if name.startswith(each)), name)
        if own in self._tensors and np.array_equal(self._tensors[own], array):
            return Weight((own,), False)
        if array.dtype != np.float32 or array.size == 1:
            return None
        for parts in ([array], np.split(array, 3, axis=-1) if array.shape[-1] % 3 == 0 else []):
            for is_transposed in (False, True):
                found = [self._by_content.get(_content(part.T if is_transposed else part)) for part in parts]
                if found and None not in found:
                    return Weight(tuple(filter(None, found)), is_transposed)
        return None


def _take_weights(model: Any, origins: Origins) -> dict[str, Weight]:
    """Empty a graph's weights, and return how those are made that the graph does not map from the encoder's file."""
    taken = {}
    for each in model.graph.initializer:
        held = numpy_helper.to_array(each)
        weight = origins.of(each.name, held)
        if weight is None and held.size > _LARGEST_CONSTANT:
            raise ValueError(f"{each.name}: no tensors of the model make this weight")
        if weight is None:
            continue
        for field in ("raw_data", "float_data", "int32_data"):
            each.ClearField(field)
        each.data_location = onnx.TensorProto.EXTERNAL
        if held.nbytes >= _LEAST_MAPPED and not weight.is_transposed and len(weight.tensors) == 1:
            place = _place_in_encoder(weight.tensors[0])
        else:
            place = {"location": "given", "offset": "0", "length": str(held.nbytes)}
            taken[each.name] = weight
        for key, value in place.items():
            each.external_data.add(key=key, value=value)
    return taken


def _place_in_encoder(tensor: str) -> dict[str, str]:
    """Return where a tensor is in the encoder's file."""
    path = bundled_encoder().weights[0]
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_HEADER_LENGTH), "little")
        start, end = json.loads(file.read(length))[tensor]["data_offsets"]
    return {"location": path.name, "offset": str(_HEADER_LENGTH + length + start), "length": str(end - start)}


def _content(array: NDArray[Any]) -> tuple[tuple[int, ...], bytes]:
    return array.shape, array.tobytes()


if __name__ == "__main__":
    main()
