"""Networks run by torch in float32, on a CPU or an accelerator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from connector.models.network.device import exclusive_use, keep_torch_to_one_thread, token_budget
from connector.models.network.networks import Loaded
from connector.models.session import Arrays, Opened


class TorchSession:
    """A network in torch, float32; on an accelerator one run at a time."""

    def __init__(self, network: torch.nn.Module, inputs: Sequence[str]) -> None:
        self._network = network.float().eval()
        self._inputs = tuple(inputs)
        self._device = next(network.parameters()).device
        self.token_budget = token_budget(str(self._device))
        self._lock = exclusive_use(str(self._device))

    @torch.inference_mode()
    def run(self, inputs: Arrays) -> NDArray[np.float32]:
        """See `Session`."""
        keep_torch_to_one_thread()
        with self._lock:
            tensors = [torch.from_numpy(inputs[name]).to(self._device) for name in self._inputs]
            output: NDArray[np.float32] = self._network(*tensors).float().cpu().numpy()
        return output


def open_sessions(loaded: Loaded) -> Opened:
    """Return a loaded model with a session for each of its networks."""
    sessions = {name: TorchSession(network, loaded.inputs[name]) for name, network in loaded.networks.items()}
    tables = loaded.token_tables
    return Opened(loaded.tokenizer, sessions, None if tables is None else lambda: tables)
