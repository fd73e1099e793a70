"""A reranker of fewer layers, cut from a trained one as the starting point of distillation."""

from __future__ import annotations

import dataclasses

import numpy as np

from connector.models.network.interaction import LAYERS, InteractionModel
from connector.models.network.interaction_files import frozen_sha256


def start_student(
    teacher: InteractionModel, layers: int, *, joint_layers: int = 1, name: str = "student", max_length: int = 128
) -> InteractionModel:
    """Return a model of fewer layers with a trained one's weights, as the starting point of distillation.

    Args:
        teacher: the trained model.
        layers: how many layers it has, `joint_layers` included: the first of those that read sides separately, which
            are the bi-encoder's, and joint ones evenly spaced up to the last.
        joint_layers: how many layers see both sides.
        name: the model's name.
        max_length: in tokens, both sides and special ones together.

    Raises:
        ValueError: the teacher has fewer layers.
    """
    sizes, deep = teacher.config.bert, teacher.config.joint_layers
    total = int(sizes["num_hidden_layers"])
    separate = layers - joint_layers
    if not (1 <= joint_layers <= deep and 0 <= separate <= total - deep):
        raise ValueError(
            f"layers {layers} with joint_layers {joint_layers}: the teacher has {total - deep} separate and {deep} "
            "joint layers"
        )
    joint = np.linspace(total - 1, total - deep, joint_layers).round().astype(int)[::-1].tolist()
    config = dataclasses.replace(
        teacher.config,
        bert={**sizes, "num_hidden_layers": layers},
        joint_layers=joint_layers,
        name=name,
        max_length=max_length,
    )
    state = teacher.state_dict()
    weights = {key: value for key, value in state.items() if not key.startswith(LAYERS)}
    weights["gates"] = state["gates"][[layer - (total - deep) for layer in joint]]
    for place, layer in enumerate([*range(separate), *joint]):
        before = f"{LAYERS}{layer}."
        weights |= {f"{LAYERS}{place}.{key[len(before) :]}": state[key] for key in state if key.startswith(before)}
    student = InteractionModel(dataclasses.replace(config, frozen_sha256=frozen_sha256(weights, config)))
    student.load_state_dict(weights)
    return student.eval()
