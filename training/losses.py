"""Losses over lists of one right passage, which comes first, and seven wrong ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from training.lists import TrainingList

Loss = Literal["pull", "softmax", "margin", "distil"]
LOSSES: tuple[Loss, ...] = get_args(Loss)
TEACHER_WEIGHT, MARGIN = 0.3, 1.0


def list_loss(logits: Tensor, lists: Sequence[TrainingList], loss: Loss = "pull") -> Tensor:
    """Return the mean loss of a batch.

    softmax: cross-entropy with the first passage right.
    pull: softmax + 0.3 x KL to the teacher, for lists that have one.
    margin: how much each wrong logit lacks to be 1 below the right one.
    distil: KL to the teacher alone, and cross-entropy for lists without one.

    Args:
        logits: (lists, passages).
        lists: the lists they belong to.
        loss: which loss.
    """
    if loss == "margin":
        return torch.relu(MARGIN - logits[:, :1] + logits[:, 1:]).mean()
    taught = [row for row, each in enumerate(lists) if each.teacher is not None]
    judged = [row for row, each in enumerate(lists) if loss != "distil" or each.teacher is None]
    found = logits.new_zeros(())
    if judged:
        found = torch.nn.functional.cross_entropy(logits[judged], torch.zeros_like(logits[judged, 0], dtype=torch.long))
    if not taught or loss == "softmax":
        return found
    given = np.stack([each.teacher for each in lists if each.teacher is not None])
    teacher = torch.from_numpy(given).to(logits).log_softmax(dim=-1)
    student = logits[taught].log_softmax(dim=-1)
    divergence = torch.nn.functional.kl_div(student, teacher, log_target=True, reduction="batchmean")
    return found + (1.0 if loss == "distil" else TEACHER_WEIGHT) * divergence
