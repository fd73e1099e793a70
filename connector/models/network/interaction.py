"""The bundled reranker's network; `training/` makes its weights.

The lower layers read query and passage separately, as the bi-encoder they come from does.
The upper layers let each side attend to the other, through gates that start half closed.
Then both sides are compared token by token, and relation by relation (`relations.py`).
So it starts as late interaction in the bi-encoder's own geometry, and training improves on that.

Source: MaxSim from Khattab and Zaharia, SIGIR 2020; layers that join late from MacAvaney et al., SIGIR 2020 (PreTTR).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from connector.models.network.relations import RelationMatch

_WORST_COSINE = -1.0
_SHUT = -1e4
_START_GATE = -1.0
LAYERS = "bert.encoder.layer."


@dataclass(frozen=True)
class InteractionConfig:
    """The content of an interaction reranker's `config.json`.

    `bert` holds the arguments of `transformers.BertConfig`; the last `joint_layers` of its layers see both sides.
    The other layers and the embeddings are the bi-encoder's own, frozen, and identified by `frozen_sha256`.
    `max_length` is in tokens: query, passage and special tokens together.
    """

    bert: Mapping[str, Any]
    frozen_sha256: str
    joint_layers: int = 3
    name: str = "interaction"
    max_length: int = 256
    cls_token_id: int = 101
    sep_token_id: int = 102


class InteractionModel(nn.Module):
    """Score (query, passage) pairs by their tokens' best matches.

    logit = scale x (weighted mean over the query's tokens of their best cosine among the passage's tokens
    + vector_share x cosine of the two sides' mean states) + a linear term on both [CLS] + the matching relations.
    A token's weight is its idf x e^(a linear layer on its state).
    """

    def __init__(self, config: InteractionConfig) -> None:
        super().__init__()
        self.config = config
        sizes = BertConfig(**config.bert, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
        self.bert = BertModel(sizes, add_pooling_layer=False)
        self.token_idf = nn.Parameter(torch.ones(sizes.vocab_size), requires_grad=False)
        self.gates = nn.Parameter(torch.full((config.joint_layers, sizes.num_attention_heads), _START_GATE))
        self.token_weight = nn.Linear(sizes.hidden_size, 1, bias=False)
        self.cls_term = nn.Linear(2 * sizes.hidden_size, 1)
        self.scale = nn.Parameter(torch.tensor(20.0))
        self.vector_share = nn.Parameter(torch.tensor(0.5))
        self.relations = RelationMatch(sizes.hidden_size)
        for head in (self.token_weight, self.cls_term):
            for parameter in head.parameters():
                nn.init.zeros_(parameter)
        for name, parameter in self.named_parameters():
            if is_frozen(name, config):
                parameter.requires_grad_(False)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        """Return the raw logits, float32 (n,), higher is better.

        The arguments are integer tensors (n, tokens) for `[CLS] query [SEP] passage [SEP]`, padded on the right; token
        types are 0 for the query's side and 1 for the passage's.
        A passage without tokens matches nothing: the worst cosine, -1, for every query token.
        A query without tokens has only its side's vector and [CLS].
        """
        ids, mask, is_passage_side, position = self._two_sides(input_ids, attention_mask, token_type_ids)
        lower, states = self._states(ids, mask, is_passage_side, position)
        return self._compared(lower, states, ids, mask, is_passage_side, position)

    def read_apart(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the lower layers' states of single sides, `[CLS] text [SEP]`, (n, tokens, width).

        A side's states depend only on its own tokens, so a passage's are valid for every query.
        """
        position = torch.arange(input_ids.shape[1], device=input_ids.device)[None]
        return self._lower(input_ids, position, self._padding(attention_mask))

    def join(self, states: Tensor, input_ids: Tensor, query_length: Tensor, length: Tensor) -> Tensor:
        """Return the raw logits, (n,), of pairs whose sides were read separately.

        Args:
            states: (n, tokens, width), the query's and then the passage's, each with [CLS] and [SEP], padded on the
                right.
            input_ids: (n, tokens), in the same order.
            query_length: (n,), the number of tokens of the query's side.
            length: (n,), the number of tokens of both sides.
        """
        column = torch.arange(input_ids.shape[1], device=input_ids.device)[None]
        mask = column < length[:, None]
        is_passage_side = column >= query_length[:, None]
        position = column - is_passage_side * query_length[:, None]
        joined = self._upper(states, mask, is_passage_side)
        return self._compared(states, joined, input_ids, mask, is_passage_side, position)

    def _compared(
        self, lower: Tensor, states: Tensor, ids: Tensor, mask: Tensor, is_passage_side: Tensor, position: Tensor
    ) -> Tensor:
        """Return the logits from the lower layers' states and the last ones, both (n, tokens, width)."""
        sides = torch.stack([mask & ~is_passage_side, mask & is_passage_side], dim=1)
        is_content = mask & (ids != self.config.cls_token_id) & (ids != self.config.sep_token_id)
        is_query, is_passage = (is_content & sides[:, side] for side in (0, 1))
        unit = nn.functional.normalize(states, dim=-1)
        cosine = (unit @ unit.transpose(1, 2)).masked_fill(~is_passage[:, None, :], _WORST_COSINE)
        importance = self.token_weight(states).squeeze(-1) + self.token_idf[ids].log()
        importance = importance.masked_fill(~is_query, _SHUT).softmax(dim=-1) * is_query
        mean = (sides.to(states.dtype) @ states) / sides.sum(dim=-1, keepdim=True)
        vectors = nn.functional.cosine_similarity(mean[:, 0], mean[:, 1], dim=-1)
        passage_cls = (is_passage_side & (position == 0)).to(states.dtype)[:, None] @ states
        both_cls = torch.cat([states[:, 0], passage_cls[:, 0]], dim=-1)
        likeness = (importance * cosine.amax(dim=-1)).sum(dim=-1) + self.vector_share * vectors
        related = self.relations(lower, cosine, importance, is_query, is_passage, position)
        logits: Tensor = self.scale * likeness + self.cls_term(both_cls).squeeze(-1) + related
        return logits

    def _two_sides(self, ids: Tensor, attention_mask: Tensor, types: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Insert a [CLS] before the passage, position 0; return ids, mask, side and position, (n, tokens + 1)."""
        query_length = ((types == 0) & attention_mask.bool()).sum(dim=1, keepdim=True)
        column = torch.arange(ids.shape[1] + 1, device=ids.device).expand(len(ids), -1)
        is_passage_side = column >= query_length
        source = (column - (column > query_length).long()).clamp(max=ids.shape[1] - 1)
        ids = ids.gather(1, source).masked_fill(column == query_length, self.config.cls_token_id)
        mask = column < attention_mask.sum(dim=1, keepdim=True) + 1
        return ids, mask, is_passage_side, column - is_passage_side * query_length

    def _states(self, ids: Tensor, mask: Tensor, is_passage_side: Tensor, position: Tensor) -> tuple[Tensor, Tensor]:
        """Return the lower layers' states and the last ones, both (n, tokens, width)."""
        is_other = (is_passage_side[:, :, None] != is_passage_side[:, None, :])[:, None]
        lower = self._lower(ids, position, self._padding(mask).masked_fill(is_other, _SHUT))
        return lower, self._upper(lower, mask, is_passage_side)

    def _padding(self, mask: Tensor) -> Tensor:
        """Return the attention bias that masks padding, (n, 1, 1, tokens)."""
        return (1.0 - mask[:, None, None, :].to(self.gates.dtype)) * _SHUT

    def _lower(self, ids: Tensor, position: Tensor, bias: Tensor) -> Tensor:
        with torch.no_grad():
            states: Tensor = self.bert.embeddings(
                input_ids=ids, token_type_ids=torch.zeros_like(ids), position_ids=position
            )
            for layer in self._layers()[0]:
                states = _layer(layer, states, bias)
        return states

    def _layers(self) -> tuple[Any, Any]:
        """Return the layers that read the sides separately, and those that join them."""
        layers = self.bert.encoder.layer
        first_joint = len(layers) - self.config.joint_layers
        return layers[:first_joint], layers[first_joint:]

    def _upper(self, states: Tensor, mask: Tensor, is_passage_side: Tensor) -> Tensor:
        is_other = (is_passage_side[:, :, None] != is_passage_side[:, None, :])[:, None]
        padding = self._padding(mask)
        for layer, gate in zip(self._layers()[1], self.gates, strict=True):
            states = _layer(layer, states, padding + is_other * gate[None, :, None, None])
        return states


def _layer(layer: Any, states: Tensor, bias: Tensor) -> Tensor:
    """Run one BERT layer with an additive attention bias that broadcasts to (n, heads, tokens, tokens)."""
    attention = layer.attention.self
    rows, heads, width = states.shape[0], attention.num_attention_heads, attention.attention_head_size
    query, key, value = (
        project(states).view(rows, -1, heads, width).transpose(1, 2)
        for project in (attention.query, attention.key, attention.value)
    )
    read = _attend(query, key, value, bias).transpose(1, 2).reshape(rows, -1, heads * width)
    states = layer.attention.output(read, states)
    output: Tensor = layer.output(layer.intermediate(states), states)
    return output


def _attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
    if not torch.onnx.is_in_onnx_export():
        return nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
    scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5 + bias  # the form that graph optimizers know
    read: Tensor = scores.softmax(dim=-1) @ value
    return read


def is_frozen(name: str, config: InteractionConfig) -> bool:
    """True if a parameter of `bert` is the bi-encoder's own."""
    if name.startswith("bert.embeddings."):
        return True
    layer = name.removeprefix(LAYERS).split(".")[0]
    return layer.isdigit() and int(layer) < config.bert["num_hidden_layers"] - config.joint_layers
