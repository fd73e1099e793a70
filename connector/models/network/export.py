"""Exports a model in torch to ONNX graphs with free batch size and length."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from connector.errors import ModelError
from connector.models.network.networks import Loaded
from connector.models.network.quiet import quiet_export
from connector.models.session import APART

_OPSET = 17
_ROWS, _TOKENS, _QUERY_TOKENS = 3, 11, 4
_PER_ROW = ("query_length", "length")


def write_graphs(loaded: Loaded, folder: Path) -> dict[str, Path]:
    """Write each network as `NAME.onnx` into a folder, and return the paths by network.

    Raises:
        ModelError: torch can't export it.
    """
    paths = {}
    for name, network in loaded.networks.items():
        inputs = loaded.inputs[name]
        example = example_inputs(inputs, width_of(network))
        axes = {each: {0: "rows"} if each in _PER_ROW else {0: "rows", 1: "tokens"} for each in inputs}
        axes["output"] = {0: "rows", 1: "tokens"} if name == APART else {0: "rows"}
        paths[name] = folder / f"{name}.onnx"
        try:
            with quiet_export(), torch.inference_mode():
                torch.onnx.export(
                    network.eval(),
                    tuple(example[each] for each in inputs),
                    str(paths[name]),
                    input_names=list(inputs),
                    output_names=["output"],
                    dynamic_axes=axes,
                    opset_version=_OPSET,
                    dynamo=False,
                )
        except (RuntimeError, ValueError, TypeError, ImportError) as error:
            raise ModelError(f"the network {name!r} can't be exported to ONNX: {error}") from error
    return paths


def example_inputs(inputs: tuple[str, ...], width: int, rows: int = _ROWS, tokens: int = _TOKENS) -> dict[str, Tensor]:
    """Return a network's inputs, the same each time, with some rows shorter than others."""
    generator = torch.Generator().manual_seed(0)
    length = torch.tensor([tokens - 2 * row % (tokens // 2) for row in range(rows)])
    mask = (torch.arange(tokens)[None] < length[:, None]).long()
    examples: dict[str, Any] = {
        "input_ids": torch.randint(5, 90, (rows, tokens), generator=generator) * mask,
        "attention_mask": mask,
        "token_type_ids": (torch.arange(tokens)[None] >= _QUERY_TOKENS).long() * mask,
        "states": torch.randn(rows, tokens, width, generator=generator) * mask[..., None],
        "query_length": _QUERY_TOKENS - torch.arange(rows) % 2,
        "length": length,
    }
    return {name: examples[name] for name in inputs}


def width_of(network: nn.Module) -> int:
    """Return the width of the states that a network takes; 1 if it takes none."""
    config: Any = getattr(getattr(network, "model", None), "config", None)
    sizes = getattr(config, "bert", None)
    return int(sizes["hidden_size"]) if sizes else 1
