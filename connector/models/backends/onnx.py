"""ONNX Runtime: one-thread sessions in parallel, on the fused graph in float32 or int8."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connector.models.session import Arrays

REQUIRES = ("onnxruntime", "onnx")
_FLOAT_TOKEN_BUDGET, _INT8_TOKEN_BUDGET = 1_024, 512
_FEWEST_COLUMNS = 16
_LARGEST_DIFFERENCE = 1e-3
_DATA_FOLDER = "session.model_external_initializers_file_folder_path"


@dataclass(frozen=True)
class OutsideWeights:
    """The weights that are not in a graph's own file.

    Attributes:
        values: by name.
        folder: where the files are that the graph itself refers to; they are mapped into memory, not read.
    """

    values: Arrays
    folder: Path


class OnnxSession:
    """See `Session`; each run computes on the calling thread.

    Args:
        path: the graph.
        token_budget: see `Session`.
        outside: the weights that are not in the graph's file, if any.
    """

    def __init__(self, path: Path, token_budget: int, outside: OutsideWeights | None = None) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        if outside is not None:
            values = [onnxruntime.OrtValue.ortvalue_from_numpy(value) for value in outside.values.values()]
            options.add_external_initializers(list(outside.values), values)
            options.add_session_config_entry(_DATA_FOLDER, str(outside.folder))
        self.token_budget = token_budget
        graph = str(path) if outside is None else path.read_bytes()  # a folder of weights is only for graphs in memory
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self._inputs = [each.name for each in self._session.get_inputs()]

    def run(self, inputs: Arrays) -> NDArray[np.float32]:
        """See `Session`."""
        output: NDArray[np.float32] = self._session.run(None, {name: inputs[name] for name in self._inputs})[0]
        return output


class OnnxBackend:
    """Float32, on the graph that onnxruntime.transformers fused."""

    requires = REQUIRES
    suffix = ".onnx"

    def prepare(self, graph: Path, target: Path, example: Arrays) -> None:
        """Write the graph with those attention, normalisation and activation nodes fused that have a known form."""
        fuse(graph, target, example)

    def open(self, path: Path, outside: OutsideWeights | None = None) -> OnnxSession:
        """Return a session on what `prepare` wrote; `outside` are the weights that its file does not hold."""
        return OnnxSession(path, _FLOAT_TOKEN_BUDGET, outside)


class OnnxInt8Backend:
    """Weights in signed 8 bits, scaled per column; activations quantised to 8 bits as they are computed."""

    requires = REQUIRES
    suffix = ".onnx"

    def prepare(self, graph: Path, target: Path, example: Arrays) -> None:
        """Fuse and quantise.

        Weights get 7 bits, so that scores are the same on every processor: without VNNI instructions the sum of two
        products of 8 bits saturates 16 bits.
        A matrix of few columns stays in float32: it costs nothing, and the score depends on it.
        """
        from onnxruntime.quantization import QuantType, quantize_dynamic

        whole = target.with_name(f"{target.stem}.float.onnx")
        fuse(graph, whole, example)
        logging.root.addFilter(_is_not_advice)
        try:
            quantize_dynamic(
                whole,
                target,
                op_types_to_quantize=["MatMul", "Attention"],
                per_channel=True,
                reduce_range=True,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=_narrow(whole),
                extra_options={"MatMulConstBOnly": True, "DefaultTensorType": 1},
            )
        finally:
            logging.root.removeFilter(_is_not_advice)
            whole.unlink()

    def open(self, path: Path) -> OnnxSession:
        """Return a session on what `prepare` wrote."""
        return OnnxSession(path, _INT8_TOKEN_BUDGET)


def fuse(graph: Path, target: Path, example: Arrays) -> None:
    """Write the fused graph; if fusing changes what the graph computes, write the graph as it was."""
    import onnx
    from onnxruntime.transformers import optimizer

    before = OnnxSession(graph, 1).run(example)
    try:
        optimizer.optimize_model(str(graph), model_type="bert", opt_level=0).save_model_to_file(str(target))
        after = OnnxSession(target, 1).run(example)
        is_same = bool(np.allclose(before, after, atol=_LARGEST_DIFFERENCE * max(1.0, float(np.abs(before).max()))))
    except Exception:  # whatever is raised on a graph of unknown form
        is_same = False
    if not is_same:
        onnx.save(onnx.load(str(graph)), str(target))


def _is_not_advice(record: logging.LogRecord) -> bool:
    """False for what onnxruntime advises through the root logger, whose level other threads may need."""
    return record.levelno >= logging.ERROR or "onnxruntime" not in record.pathname


def _narrow(graph: Path) -> list[str]:
    """Return the names of matrix products with few columns; a product with a vector has one."""
    import onnx

    model: Any = onnx.load(str(graph)).graph
    sizes = {each.name: tuple(each.dims) for each in model.initializer}
    names = [
        node.name
        for node in model.node
        if any(_columns(node, sizes.get(each, ())) < _FEWEST_COLUMNS for each in node.input)
    ]
    return [*names, *(f"{name}_MatMul" for name in names)]  # the product of a Gemm is quantised under this name


def _columns(node: Any, size: tuple[int, ...]) -> int:
    """Return how many columns a weight of this size has for a node; many if it is no matrix."""
    if len(size) == 1 and node.op_type == "MatMul":
        return 1
    is_transposed = any(each.name == "transB" and each.i for each in node.attribute)
    return size[0 if is_transposed else 1] if len(size) == 2 else _FEWEST_COLUMNS
