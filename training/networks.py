"""What can be trained: the bundled reranker's network, or any sequence-classification cross-encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from connector.models.folders import ModelFolder, bundled_encoder
from connector.models.load import find_reranker
from connector.models.network.interaction import InteractionModel
from connector.models.network.interaction_files import (
    is_interaction,
    load_interaction,
    save_interaction,
    start_interaction,
    trained_state,
)
from training.judged import Collection

BUNDLED_START = "bundled-start"
LEARNING_RATE, HEADS_RATE, RELATIONS_RATE, SCALES_RATE, WEIGHT_DECAY = 6e-5, 2e-4, 1e-3, 1e-2, 0.01
_LEAST_PASSAGES = 3_000


class Network(Protocol):
    """A network in training, so that the loop need not know about heads and files."""

    @property
    def module(self) -> nn.Module:
        """The torch module that is trained."""

    @property
    def tokenizer(self) -> Any:
        """Its transformers tokenizer."""

    def logits(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Return one logit per row of the tokenised pairs, (n,)."""

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return AdamW's groups, each with its peak learning rate under `peak`."""

    def state(self) -> dict[str, Tensor]:
        """Return the trained weights by name."""

    def note(self) -> str:
        """Return what to add to the log."""

    def save(self, folder: Path) -> None:
        """Write it so that `load_reranker(folder)` loads it."""


class InteractionNetwork:
    """The bundled reranker's network, which starts in the bi-encoder's own geometry."""

    def __init__(self, module: InteractionModel, tokenizer: Any) -> None:
        self.module = module
        self.tokenizer = tokenizer

    def logits(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """See `Network`."""
        names = ("input_ids", "attention_mask", "token_type_ids")
        found: Tensor = self.module(*(inputs[name] for name in names))
        return found

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return groups by learning rate: lowest for the joint layers, then heads, relations, gates and scales."""
        peaks: dict[float, list[nn.Parameter]] = {}
        for name, parameter in self.module.named_parameters():
            if parameter.requires_grad:
                peaks.setdefault(_peak_rate(name), []).append(parameter)
        return [
            {"params": parameters, "peak": peak, "weight_decay": 0.0 if peak == SCALES_RATE else WEIGHT_DECAY}
            for peak, parameters in peaks.items()
        ]

    def state(self) -> dict[str, Tensor]:
        """See `Network`."""
        return trained_state(self.module)

    def note(self) -> str:
        """Return the scale, how far each layer's gates are open, and the weight of the relations."""
        gates = " ".join(f"{gate:.1f}" for gate in self.module.gates.mean(dim=1).tolist())
        relations = self.module.relations.weight.mean().item()
        return f"scale {self.module.scale.item():.2f}, gates {gates}, relations {relations:.2f}"

    def save(self, folder: Path) -> None:
        """See `Network`."""
        save_interaction(self.module, folder)


class CrossEncoderNetwork:
    """A sequence-classification cross-encoder with one label: or a bi-encoder that gets a new head."""

    def __init__(self, module: Any, tokenizer: Any) -> None:
        self.module = module
        self.tokenizer = tokenizer

    def logits(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """See `Network`."""
        found: Tensor = self.module(**inputs).logits[:, 0]
        return found

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return two groups: the backbone, and everything else at a higher rate."""
        named = list(self.module.named_parameters())
        prefix = f"{self.module.base_model_prefix}."
        old = [parameter for name, parameter in named if name.startswith(prefix)]
        new = [parameter for name, parameter in named if not name.startswith(prefix)]
        peaks = ((old, LEARNING_RATE), (new, HEADS_RATE))
        return [{"params": each, "peak": peak, "weight_decay": WEIGHT_DECAY} for each, peak in peaks]

    def state(self) -> dict[str, Tensor]:
        """See `Network`."""
        state: dict[str, Tensor] = self.module.state_dict()
        return state

    def note(self) -> str:
        """Return nothing to add."""
        return ""

    def save(self, folder: Path) -> None:
        """See `Network`."""
        self.module.save_pretrained(folder, safe_serialization=True)
        self.tokenizer.save_pretrained(folder)


def _peak_rate(name: str) -> float:
    """Return the learning rate of a parameter of the interaction model."""
    if name in ("gates", "scale", "relations.distance_bias", "relations.weight", "relations.sharpness"):
        return SCALES_RATE
    if name.startswith("relations."):
        return RELATIONS_RATE
    return LEARNING_RATE if name.startswith("bert.") else HEADS_RATE


def token_idf(collections: Sequence[Collection], tokenizer: Any) -> Tensor:
    """Return each token's idf, (vocabulary,): log(1 + 1 / df), with df its mean share of a collection's passages."""
    shares = np.zeros(len(tokenizer))
    for collection in collections:
        counts = np.zeros(len(tokenizer))
        for ids in tokenizer(collection.passages, truncation=True, max_length=256)["input_ids"]:
            counts[np.unique(ids)] += 1
        shares += counts / len(collection.passages) / len(collections)
    return torch.from_numpy(np.log1p(1 / (shares + 1 / _LEAST_PASSAGES))).float()


def _untrained(collections: Sequence[Collection]) -> Network:
    backbone = bundled_encoder().folder
    tokenizer = AutoTokenizer.from_pretrained(backbone)
    model = start_interaction(backbone, name="bundled")
    with torch.no_grad():
        model.token_idf.copy_(token_idf(collections, tokenizer))
    return InteractionNetwork(model, tokenizer)


def _trained(found: ModelFolder) -> Network:
    if is_interaction(found):
        backbone = bundled_encoder().folder
        return InteractionNetwork(load_interaction(found.folder, backbone), AutoTokenizer.from_pretrained(backbone))
    classifier = AutoModelForSequenceClassification.from_pretrained(
        found.folder, num_labels=1, local_files_only=True, use_safetensors=True
    )
    return CrossEncoderNetwork(classifier, AutoTokenizer.from_pretrained(found.folder, local_files_only=True))


def start_network(name: str, collections: Sequence[Collection]) -> Network:
    """Return the network to train: "bundled-start", or what `load_reranker` loads, or a BERT-like encoder.

    Args:
        name: the network's name or path.
        collections: the training collections, for the tokens' idf of "bundled-start".

    Raises:
        ModelNotFoundError: it was not found.
    """
    network = _untrained(collections) if name == BUNDLED_START else _trained(find_reranker(name))
    for module in network.module.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return network
