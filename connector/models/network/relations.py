"""The part of the interaction model that checks whether words related in the query are also related in the passage.

"small fast car" matches "the car is small, delivery is fast" word by word, but a relation is wrong: "fast" belongs to
another noun.
So attention maps with one set of weights read the relations between the tokens of each side, the query's tokens are
aligned with the passage's, and the score is how much of the query's maps the passage's repeat.
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
    """How many of the query's relations the passage has.

    A head's relation of token i to token j is a softmax over j of (left x_i) . (right x_j) / sqrt(width) + a bias by
    their distance; heads start alternately as "a few tokens later" and "a few tokens before".
    The query's tokens are aligned with the passage's by a softmax over their cosines.
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
            states: (n, tokens, width), of each side read separately.
            cosine: (n, tokens, tokens), a token's similarity to the passage's tokens.
            importance: (n, tokens), the query tokens' weights.
            is_query: (n, tokens), true for tokens of the query, without padding and special tokens.
            is_passage: (n, tokens), the same for the passage.
            position: (n, tokens), a token's position on its side.
        """
        width = is_query.sum(dim=1).max() + 1  # the query's side comes first, after its [CLS]
        similarity, is_query = cosine[:, :width], is_query[:, :width]
        aligned = (self.sharpness * similarity).softmax(dim=-1) * is_passage[:, None]
        matched = similarity.amax(dim=-1).clamp(min=0) * is_query
        in_query = self._relations(states[:, :width], is_query, position[:, :width])
        in_passage = aligned[:, None] @ self._relations(states, is_passage, position) @ aligned.transpose(1, 2)[:, None]
        both_matched = (matched[:, :, None] * matched[:, None, :])[:, None]
        repeated = (in_query * in_passage * both_matched).sum(dim=-1)
        score: Tensor = (repeated * importance[:, None, :width]).sum(dim=-1) @ self.weight
        return score

    def _relations(self, states: Tensor, is_side: Tensor, position: Tensor) -> Tensor:
        """Return each token's relation to the others of its side, (n, heads, tokens, tokens); rows sum to 1 or 0."""
        left, right = (
            project(states).view(states.shape[0], -1, _HEADS, _WIDTH).transpose(1, 2)
            for project in (self.left, self.right)
        )
        distance = position[:, None, :] - position[:, :, None]
        within = distance.clamp(-_LARGEST_DISTANCE, _LARGEST_DISTANCE)
        bias = self.distance_bias[:, within + _LARGEST_DISTANCE].transpose(0, 1)
        is_other = (is_side[:, None, :] & (distance != 0))[:, None]
        logits = left @ right.transpose(2, 3) / _WIDTH**0.5 + bias
        relations: Tensor = logits.masked_fill(~is_other, _SHUT).softmax(dim=-1) * is_other
        return relations
