"""OpenVINO: one stream per core, in float32 or with weights in int8."""

from __future__ import annotations

import ctypes
import logging
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connector.models.compute_pool import cores
from connector.models.once import ForkSafe
from connector.models.session import Arrays

_TOKEN_BUDGET = 1_024


class OpenVinoSession(ForkSafe):
    """See `Session`; each thread has its own request. A forked child compiles again, because streams don't survive.

    With one stream, each thread has its own copy of the compiled model: OpenVINO prepares streams at the same time, and
    those of int8 weights share what is not whole yet, so their scores are wrong at random (openvino#36328).

    The child must not free the parent's requests either: freeing one waits for threads that exist in the parent only.
    So all are referenced here, and a child never frees them.

    Args:
        path: the model.
        streams: how many threads share a compiled model.
    """

    token_budget = _TOKEN_BUDGET

    def __init__(self, path: Path, streams: int) -> None:
        self._path = path
        self._streams = streams
        self._alive: list[Any] = []
        super().__init__()
        self._compiled: Any = self._compile()

    def after_fork_in_child(self) -> None:
        """Forget the parent's streams, without freeing them."""
        for item in self._alive:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(item))
        self._alive = []
        self._compiled = None
        self._lock = threading.Lock()
        self._requests = threading.local()

    def _compile(self) -> Any:
        import openvino

        threads = str(self._streams)
        options = {"NUM_STREAMS": threads, "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
        compiled = openvino.Core().compile_model(str(self._path), "CPU", options)
        self._alive.append(compiled)
        return compiled

    def _request(self) -> Any:
        with self._lock:
            compiled = self._compiled or self._compile()
            self._compiled = compiled if self._streams > 1 else None
        request = compiled.create_infer_request()
        self._alive.append(request)
        return request

    def run(self, inputs: Arrays) -> NDArray[np.float32]:
        """See `Session`."""
        request = getattr(self._requests, "own", None)
        if request is None:
            request = self._requests.own = self._request()
        request.infer({name: np.ascontiguousarray(values) for name, values in inputs.items()}, share_inputs=True)
        output: NDArray[np.float32] = request.get_output_tensor(0).data.copy()
        return output


class OpenVinoBackend:
    """Float32."""

    requires: tuple[str, ...] = ("openvino", "onnx")
    suffix = ".xml"

    def prepare(self, graph: Path, target: Path, example: Arrays) -> None:  # noqa: ARG002
        """Write the graph in OpenVINO's format."""
        import openvino

        openvino.save_model(self._converted(graph), str(target), compress_to_fp16=False)

    def open(self, path: Path) -> OpenVinoSession:
        """Return a session on what `prepare` wrote."""
        return OpenVinoSession(path, streams=cores())

    def _converted(self, graph: Path) -> Any:
        import openvino

        return openvino.Core().read_model(str(graph))


class OpenVinoInt8Backend(OpenVinoBackend):
    """Weights in int8; OpenVINO multiplies in int8 if the processor has instructions for it."""

    requires = ("openvino", "onnx", "nncf")

    def open(self, path: Path) -> OpenVinoSession:
        """Return a session on what `prepare` wrote."""
        return OpenVinoSession(path, streams=1)

    def _converted(self, graph: Path) -> Any:
        os.environ.setdefault("NNCF_CI", "1")  # otherwise it sends usage data to its makers
        import nncf

        logging.getLogger("nncf").setLevel(logging.ERROR)  # its own function sets the level of shared handlers too
        embeddings = nncf.IgnoredScope(types=["Gather"])
        return nncf.compress_weights(
            super()._converted(graph), mode=nncf.CompressWeightsMode.INT8_ASYM, ignored_scope=embeddings
        )
