"""Checks a model's files before anything is loaded, to refuse models that transformers would load wrongly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector.errors import ModelError
from connector.models.folders import ModelFolder, modules_of, read_json

_OWN_MODULES = "sentence_transformers."
_WHOLE, _INDEX = "model.safetensors", "model.safetensors.index.json"
_LENGTH_BYTES = 8
_LONGEST_HEADER = 100 * 2**20
_PLAIN = {"F64", "F32", "F16", "BF16", "I64", "I32", "I16", "BOOL"}
"""Types whose numbers are the weights themselves; those of 8 bits and fewer are quantised and need scales."""


@dataclass(frozen=True)
class Tensor:
    """A tensor in a safetensors file: its type, as safetensors names it, and its shape."""

    dtype: str
    shape: tuple[int, ...]


def check_files(found: ModelFolder) -> None:
    """Check that a model's files are complete, and that transformers' own classes load all of it.

    Raises:
        ModelError: it is an adapter, has code of its own or quantised weights, or a file is damaged or missing.
    """
    modules = modules_of(found.folder)
    for module in modules:
        if not module.kind.startswith(_OWN_MODULES):
            _refuse_code(found, found.folder / "modules.json", module.kind or "a module without a type")
    for folder in dict.fromkeys([found.folder, *(module.folder for module in modules)]):
        _check_folder(found, folder)


def weights_of(folder: Path) -> dict[str, Tensor]:
    """Return the tensors that transformers reads from a folder, by name.

    Raises:
        ModelError: a file is incomplete or missing.
    """
    if not (folder / _WHOLE).is_file() and (folder / _INDEX).is_file():
        listed = read_json(folder / _INDEX, dict).get("weight_map")
        names = sorted(set(map(str, listed.values()))) if isinstance(listed, dict) else []
        absent = [name for name in names if not (folder / name).is_file()]
        if absent or not names:
            lacks = f"lists {', '.join(absent)}, which the folder lacks" if absent else "lists no files"
            raise ModelError(f"{folder / _INDEX} {lacks}: the download was incomplete; download the model again")
        paths = [folder / name for name in names]
    else:
        paths = [folder / _WHOLE] if (folder / _WHOLE).is_file() else sorted(folder.glob("*.safetensors"))
    return {name: tensor for path in paths for name, tensor in read_header(path).items()}


def read_header(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file, by name.

    Raises:
        ModelError: it is incomplete, or not a safetensors file.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
            if length > min(size - _LENGTH_BYTES, _LONGEST_HEADER):
                raise ValueError(f"its header should have {length} bytes, the file has {size}")
            header: dict[str, Any] = json.loads(file.read(length))
        header.pop("__metadata__", None)
        whole = _LENGTH_BYTES + length + max((each["data_offsets"][1] for each in header.values()), default=0)
        if size != whole:
            raise ValueError(f"it should have {whole} bytes, and has {size}")
        return {name: Tensor(each["dtype"], tuple(each["shape"])) for name, each in header.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(
            f"{path} can't be loaded: it is not a complete safetensors file ({error}); download the model again"
        ) from error


def _check_folder(found: ModelFolder, folder: Path) -> None:
    adapter = folder / "adapter_config.json"
    if adapter.is_file():
        base = read_json(adapter, dict).get("base_model_name_or_path")
        raise ModelError(
            f"model {found.name!r}: {folder} holds a LoRA adapter for {base!r}, not a whole model; merge them (peft: "
            "AutoPeftModel...from_pretrained(FOLDER).merge_and_unload().save_pretrained(NEW)), save the tokenizer "
            "there too, and use the new folder"
        )
    for name in ("config.json", "tokenizer_config.json"):
        if (folder / name).is_file():
            _check_config(found, folder / name)
    for name, tensor in weights_of(folder).items():
        if tensor.dtype not in _PLAIN:
            raise ModelError(
                f"model {found.name!r}: {folder} holds quantised weights ({name} is {tensor.dtype}); use the model in "
                "float32, float16 or bfloat16, and let backend 'onnx-int8' or 'openvino-int8' quantise it"
            )


def _check_config(found: ModelFolder, path: Path) -> None:
    config = read_json(path, dict)
    own = config.get("auto_map")
    if isinstance(own, Mapping) and own:
        _refuse_code(found, path, ", ".join(f"{name}: {where}" for name, where in own.items()))
    if config.get("quantization_config"):
        raise ModelError(
            f"model {found.name!r}: {path} has a quantization_config; use the model in float32, float16 or bfloat16, "
            "and let backend 'onnx-int8' or 'openvino-int8' quantise it"
        )


def _refuse_code(found: ModelFolder, path: Path, code: str) -> None:
    raise ModelError(
        f"model {found.name!r}: {path} names code of its own ({code}), which is not run: it could do anything, and "
        "without it the model may compute something else. Use a model that transformers or sentence-transformers has a "
        "class for (if that class computes the same, save the model again with it), or pass a function that runs it"
    )
