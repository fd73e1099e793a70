"""Does what belongs together in the query do so in the passage? A part of the interaction model.

"small fast car" matches "the car is small, delivery is fast" word by word. What is wrong is a relation: fast goes with
another noun. So relations between tokens are read on each side by attention maps over one set of weights, the query's
tokens are aligned with the passage's, and the score is how much of the query's maps the passage's repeat.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_HEADS, _WIDTH = 8, 32
_LARGEST_DISTANCE = 12
_START_WEIGHT, _START_SHARPNESS = 1.0, 20.0
_DECAY, _OTHER_DIRECTION = -0.5, -3.0
_SHUT = -1e4


class RelationMatch(nn.Module):
    """How much of the query's relations the passage has.

    A head's relation of token i to token j is a softmax over j of (left x_i) . (right x_j) / sqrt(width) + a bias by
    their distance; heads start as "a few tokens later" and "a few tokens before" in turn. The query's tokens are
    aligned with the passage's by a softmax over their cosines.
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.left = nn.Linear(hidden_size, _HEADS * _WIDTH, bias=False)
        self.right = nn.Linear(hidden_size, _HEADS * _WIDTH, bias=False)
        for projection in (self.left, self.right):
            nn.init.normal_(projection.weight, std=0.05)
        distance = torch.arange(-_LARGEST_DISTANCE, _LARGEST_DISTANCE + 1).float()
        direction = torch.tensor([1.0, -1.0]).repeat(_HEADS // 2)[:, None]
        decay = _DECAY * (distance.abs() - 1)
        self.distance_bias = nn.Parameter(decay + (distance * direction <= 0) * _OTHER_DIRECTION)
        self.weight = nn.Parameter(torch.full((_HEADS,), _START_WEIGHT))
        self.sharpness = nn.Parameter(torch.tensor(_START_SHARPNESS))

    def forward(
        self, states: Tensor, cosine: Tensor, importance: Tensor, is_query: Tensor, is_passage: Tensor, position: Tensor
    ) -> Tensor:
        """Return what to add to the logits, (n,).

        Args:
            states: (n, tokens, width), of each side apart.
            cosine: (n, tokens, tokens), a token's likeness to the passage's tokens.
            importance: (n, tokens), the query tokens' weights.
            is_query, is_passage, position: (n, tokens), a token's side, padding and special tokens in neither, and its
                place on its side.
        """
        width = is_query.sum(dim=1).max() + 1  # the query's side comes first, after its [CLS]
        likeness, is_query = cosine[:, :width], is_query[:, :width]
        aligned = (self.sharpness * likeness).softmax(dim=-1) * is_passage[:, None]
        matched = likeness.amax(dim=-1).clamp(min=0) * is_query
        asked = self._relations(states[:, :width], is_query, position[:, :width])
        there = aligned[:, None] @ self._relations(states, is_passage, position) @ aligned.transpose(1, 2)[:, None]
        both_matched = (matched[:, :, None] * matched[:, None, :])[:, None]
        repeated = (asked * there * both_matched).sum(dim=-1)
        found: Tensor = (repeated * importance[:, None, :width]).sum(dim=-1) @ self.weight
        return found

    def _relations(self, states: Tensor, is_there: Tensor, position: Tensor) -> Tensor:
        """Return each token's relation to the others of its side, (n, heads, tokens, tokens); rows sum to 1 or 0."""
        left, right = (
            project(states).view(states.shape[0], -1, _HEADS, _WIDTH).transpose(1, 2)
            for project in (self.left, self.right)
        )
        distance = position[:, None, :] - position[:, :, None]
        within = distance.clamp(-_LARGEST_DISTANCE, _LARGEST_DISTANCE)
        bias = self.distance_bias[:, within + _LARGEST_DISTANCE].transpose(0, 1)
        is_other = (is_there[:, None, :] & (distance != 0))[:, None]
        logits = left @ right.transpose(2, 3) / _WIDTH**0.5 + bias
        relations: Tensor = logits.masked_fill(~is_other, _SHUT).softmax(dim=-1) * is_other
        return relations
