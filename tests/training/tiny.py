"""A tiny interaction model, trained for a few steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from connector.models.network.interaction import InteractionModel
from connector.models.network.interaction_files import (
    start_interaction,
)
from training.lists import TrainingList
from training.loop import (
    make_optimizer,
    train_step,
)
from training.minimal_pairs import generate_list
from training.networks import InteractionNetwork


def tokens(tokenizer: Any, queries: list[str], passages: list[str]) -> dict[str, torch.Tensor]:
    return dict(tokenizer(queries, passages, padding=True, return_tensors="pt"))


def trained(backbone: Path, tokenizer: Any, steps: int) -> tuple[InteractionModel, list[float]]:
    model = start_interaction(backbone, joint_layers=1)
    network = InteractionNetwork(model, tokenizer)
    optimizer = make_optimizer(network)
    for group in optimizer.param_groups:
        group["peak"] = 1e-2
    made = [generate_list(seed) for seed in range(3)]
    lists = [TrainingList(each.question, each.passages) for each in made]
    return model, [train_step(network, optimizer, lists, 1.0)[0] for _ in range(steps)]
