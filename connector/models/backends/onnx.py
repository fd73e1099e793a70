"""ONNX Runtime: one-thread sessions in parallel, on the fused graph in float32 or int8."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connector.models.backends.processor import has_vnni
from connector.models.session import Arrays

REQUIRES = ("onnxruntime", "onnx")
_FLOAT_TOKEN_BUDGET, _INT8_TOKEN_BUDGET = 1_024, 512
_FEWEST_COLUMNS = 16
_LARGEST_DIFFERENCE = 1e-3


class OnnxSession:
    """See `Session`; each run computes on the calling thread."""

    def __init__(self, path: Path, token_budget: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.token_budget = token_budget
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
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

    def open(self, path: Path) -> OnnxSession:
        """Return a session on what `prepare` wrote."""
        return OnnxSession(path, _FLOAT_TOKEN_BUDGET)


class OnnxInt8Backend:
    """Weights in signed 8 bits, scaled per column; activations quantised to 8 bits as they are computed."""

    requires = REQUIRES
    suffix = ".onnx"

    def prepare(self, graph: Path, target: Path, example: Arrays) -> None:
        """Fuse and quantise.

        Without VNNI instructions the sum of two products of 8 bits saturates 16 bits, so weights get 7 bits there.
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
                reduce_range=not has_vnni(),
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

    def columns(node: Any, name: str) -> int:
        size = sizes.get(name, ())
        if len(size) == 1 and node.op_type == "MatMul":
            return 1
        return size[-1] if len(size) == 2 else _FEWEST_COLUMNS

    return [node.name for node in model.node if any(columns(node, each) < _FEWEST_COLUMNS for each in node.input)]
