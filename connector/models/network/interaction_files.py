"""Files of interaction rerankers: started from a bi-encoder, saved without the frozen weights, loaded again."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from connector.atomic_files import replacing
from connector.errors import ModelError, ModelNotFoundError
from connector.models.folders import ModelFolder, config_of
from connector.models.network.interaction import InteractionConfig, InteractionModel, is_frozen

WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.json"
_ARCHITECTURE = "connector-interaction"
_BERT_SIZES = (
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
    "layer_norm_eps", "max_position_embeddings", "type_vocab_size", "pad_token_id",
)  # fmt: skip


def start_interaction(
    backbone: str | Path, *, name: str = "interaction", max_length: int = 256, joint_layers: int = 3
) -> InteractionModel:
    """Return an untrained model on a bi-encoder's weights: late interaction of the two sides.

    Args:
        backbone: a folder with a BERT bi-encoder's `config.json` and `model.safetensors`.
        name: the model's name.
        max_length: in tokens, both sides and special ones together.
        joint_layers: how many layers see both sides.

    Raises:
        ModelNotFoundError: a file is missing.
        ModelError: it is not a BERT model.
    """
    folder = Path(backbone)
    weights_path = _existing(folder / WEIGHTS_FILE)
    bert = json.loads(_existing(folder / CONFIG_FILE).read_text(encoding="utf-8"))
    if bert.get("model_type") != "bert":
        raise ModelError(f"{folder}: model_type is {bert.get('model_type')!r}, the interaction reranker needs 'bert'")
    sizes = {key: bert[key] for key in _BERT_SIZES}
    config = InteractionConfig(sizes, "", joint_layers, name, max_length)
    weights = _read_backbone(weights_path)
    config = dataclasses.replace(config, frozen_sha256=frozen_sha256(weights, config))
    model = InteractionModel(config)
    model.load_state_dict(model.state_dict() | weights)
    return model.eval()


def load_interaction(folder: str | Path, backbone: str | Path) -> InteractionModel:
    """Return the trained model in float32 on the CPU, in evaluation mode.

    Args:
        folder: where `save_interaction` wrote it.
        backbone: the bi-encoder's folder, for the frozen weights.

    Raises:
        ModelNotFoundError: a file is missing.
        ModelError: the files don't belong together.
    """
    folder = Path(folder)
    weights_path = _existing(folder / WEIGHTS_FILE)
    config = read_config(folder)
    weights = _read_backbone(_existing(Path(backbone) / WEIGHTS_FILE))
    found = frozen_sha256(weights, config)
    if found != config.frozen_sha256:
        raise ModelError(
            f"{folder}: it was trained on frozen weights {config.frozen_sha256[:12]}, {backbone} holds {found[:12]}; "
            "pass the folder of the bi-encoder that it was trained from"
        )
    model = InteractionModel(config)
    frozen = {name: value for name, value in weights.items() if is_frozen(name, config)}
    try:
        model.load_state_dict({name: value.float() for name, value in load_file(weights_path).items()} | frozen)
    except RuntimeError as error:
        raise ModelError(f"{weights_path} does not fit {folder / CONFIG_FILE}: {error}") from error
    return model.eval()


def save_interaction(model: InteractionModel, folder: str | Path) -> None:
    """Write config.json and model.safetensors (fp16, without the frozen weights) into a folder, each atomically."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: value.to("cpu", torch.float16).contiguous() for name, value in trained_state(model).items()}
    with replacing(folder / WEIGHTS_FILE) as partial:
        save_file(state, partial, metadata={"format": "pt"})
        partial.chmod(0o644)
    config = {"architecture": _ARCHITECTURE, **dataclasses.asdict(model.config)}
    with replacing(folder / CONFIG_FILE) as partial:
        partial.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def trained_state(model: InteractionModel) -> dict[str, Tensor]:
    """Return the trained weights, those that are not the bi-encoder's own, by name."""
    return {name: value.detach() for name, value in model.state_dict().items() if not is_frozen(name, model.config)}


def is_interaction(found: ModelFolder) -> bool:
    """True if `load_interaction` loads this model.

    Raises:
        ModelError: it has no config.json.
    """
    return config_of(found).get("architecture") == _ARCHITECTURE


def read_config(folder: str | Path) -> InteractionConfig:
    """Return the configuration in a folder.

    Raises:
        ModelNotFoundError: there is none.
        ModelError: it is of another architecture.
    """
    path = _existing(Path(folder) / CONFIG_FILE)
    config = json.loads(path.read_text(encoding="utf-8"))
    if config.pop("architecture", None) != _ARCHITECTURE:
        raise ModelError(f"{path} describes another architecture; an interaction reranker has {_ARCHITECTURE!r}")
    return InteractionConfig(**config)


def _read_backbone(weights_path: Path) -> dict[str, Tensor]:
    weights = load_file(weights_path).items()
    return {
        f"bert.{name}": value.float()
        for name, value in weights
        if name.startswith(("embeddings.", "encoder.")) and not name.endswith("_ids")
    }


def frozen_sha256(weights: Mapping[str, Tensor], config: InteractionConfig) -> str:
    """Return the hash of the weights that stay the bi-encoder's own.

    Raises:
        ModelError: there are none.
    """
    frozen = sorted(name for name in weights if is_frozen(name, config))
    if not frozen:
        raise ModelError("the bi-encoder's weights contain no BERT embeddings (embeddings.*)")
    digest = hashlib.sha256()
    for name in frozen:
        digest.update(name.encode())
        digest.update(weights[name].contiguous().numpy().tobytes())
    return digest.hexdigest()


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise ModelNotFoundError(f"{path} is missing: pass a folder that contains {path.name}")
    return path
