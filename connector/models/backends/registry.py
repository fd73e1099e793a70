"""The backends by name, and what each needs to be installed. A new backend is one line here."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Protocol

from connector.errors import ModelError, RequestError, missing_text
from connector.models.session import Arrays, Session

TORCH, AUTO = "torch", "auto"
_EXPORTED = {
    "onnx": ("connector.models.backends.onnx", "OnnxBackend"),
    "onnx-int8": ("connector.models.backends.onnx", "OnnxInt8Backend"),
    "openvino": ("connector.models.backends.openvino", "OpenVinoBackend"),
    "openvino-int8": ("connector.models.backends.openvino", "OpenVinoInt8Backend"),
}
BACKENDS = (TORCH, *_EXPORTED)
"""The names of the backends."""


class Backend(Protocol):
    """Runs exported graphs. `requires` are the modules it needs, `suffix` is its files' extension."""

    requires: tuple[str, ...]
    suffix: str

    def prepare(self, graph: Path, target: Path, example: Arrays) -> None:
        """Convert an ONNX graph, float32 with free batch size and length, for `open`.

        Args:
            graph: the graph's file.
            target: where to write the result.
            example: inputs to try the result on, of another shape than the export's.
        """

    def open(self, path: Path) -> Session:
        """Return a session on what `prepare` wrote."""


def check_backend(name: str | None, device: str | None) -> None:
    """Check that a backend exists and runs on the device.

    Raises:
        RequestError: it doesn't.
    """
    if name is not None and name not in (*BACKENDS, AUTO):
        raise RequestError("backend", name, f"must be one of {', '.join(map(repr, (*BACKENDS, AUTO)))}")
    if name not in (None, TORCH) and device not in (None, "cpu"):
        raise RequestError("device", device, f"must be 'cpu' for backend {name!r}; only 'torch' runs on other devices")


def exported_backend(name: str) -> Backend:
    """Return one of the backends that run exported graphs.

    Raises:
        ModelError: what it needs isn't installed.
    """
    module, kind = _EXPORTED[name]
    backend: Backend = getattr(importlib.import_module(module), kind)()
    if missing := _missing(backend):
        needed = missing_text(", ".join(missing), extra=name.partition("-")[0])
        raise ModelError(f"backend {name!r}: {needed}, or use 'torch'")
    return backend


def installed() -> list[str]:
    """Return the names of the installed backends, torch first."""
    found = [TORCH]
    for name, (module, kind) in _EXPORTED.items():
        if not _missing(getattr(importlib.import_module(module), kind)):
            found.append(name)
    return found


def is_int8(name: str) -> bool:
    """True if a backend rounds weights, so that it must pass the quality gate."""
    return name.endswith("-int8")


def _missing(backend: Backend) -> list[str]:
    return [module for module in backend.requires if importlib.util.find_spec(module) is None]
