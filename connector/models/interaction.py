"""Room: models. The bundled reranker's network; `connector.models.reranker` loads it, `training/` makes its weights.

Query and passage are encoded together, so every token sees the other side, and are then compared token by token as in
late interaction. It starts as the bi-encoder's own geometry; training only adds to it.
Importing this module imports torch and transformers, so the rest of the package imports it on first use only.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from connector.errors import ModelError, ModelNotFoundError

WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.json"
_ARCHITECTURE = "connector-interaction"
_EMBEDDINGS = "bert.embeddings."
_WORST_COSINE = -1.0
_BERT_SIZES = (
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
    "layer_norm_eps", "max_position_embeddings", "type_vocab_size", "pad_token_id",
)  # fmt: skip


@dataclass(frozen=True)
class InteractionConfig:
    """What `config.json` of an interaction reranker holds.

    `bert` are the arguments of `transformers.BertConfig`; `max_length` is in tokens, query, passage and special tokens
    together; `embeddings_sha256` names the frozen word embeddings that the weights were trained on.
    """

    bert: Mapping[str, Any]
    embeddings_sha256: str
    name: str = "interaction"
    max_length: int = 256
    cls_token_id: int = 101
    sep_token_id: int = 102


class InteractionModel(nn.Module):
    """Score (query, passage) pairs: scale x weighted mean of query tokens' best cosine matches, plus a [CLS] term."""

    def __init__(self, config: InteractionConfig) -> None:
        super().__init__()
        self.config = config
        self.bert = BertModel(BertConfig(**config.bert), add_pooling_layer=False)
        self.bert.embeddings.requires_grad_(False)
        width = self.bert.config.hidden_size
        self.token_weight = nn.Linear(width, 1, bias=False)
        self.cls_term = nn.Linear(width, 1)
        self.scale = nn.Parameter(torch.tensor(20.0))
        for head in (self.token_weight, self.cls_term):
            for parameter in head.parameters():
                nn.init.zeros_(parameter)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        """Return the raw logits, float32 of shape (n,), higher is better.

        Args: three integer tensors of shape (n, tokens) for `[CLS] query [SEP] passage [SEP]`; token types are 0 for
        the query's side and 1 for the passage's. A passage without tokens matches nothing: the worst cosine, -1, for
        every query token. A query without tokens has only the [CLS] term.
        """
        output = self.bert(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)
        states = output.last_hidden_state.float()
        is_content = attention_mask.bool()
        is_content &= (input_ids != self.config.cls_token_id) & (input_ids != self.config.sep_token_id)
        is_query = is_content & (token_type_ids == 0)
        is_passage = is_content & (token_type_ids == 1)
        unit = nn.functional.normalize(states, dim=-1)
        cosine = (unit @ unit.transpose(1, 2)).masked_fill(~is_passage[:, None, :], _WORST_COSINE)
        best_match = cosine.amax(dim=-1)
        importance = self.token_weight(states).squeeze(-1)
        importance = importance.masked_fill(~is_query, torch.finfo(importance.dtype).min).softmax(dim=-1) * is_query
        logits: Tensor = self.scale * (importance * best_match).sum(dim=-1) + self.cls_term(states[:, 0]).squeeze(-1)
        return logits


def start_interaction(backbone: str | Path, *, name: str = "interaction", max_length: int = 256) -> InteractionModel:
    """Return the untrained model on a bi-encoder's weights: pure late interaction on jointly encoded states.

    Args: backbone: a folder with a BERT bi-encoder's `config.json` and `model.safetensors`.
    Raises: ModelNotFoundError: a file is absent. ModelError: it is no BERT model.
    """
    folder = Path(backbone)
    weights_path = _existing(folder / WEIGHTS_FILE)
    bert = json.loads(_existing(folder / CONFIG_FILE).read_text(encoding="utf-8"))
    if bert.get("model_type") != "bert":
        raise ModelError(f"{folder}: model_type is {bert.get('model_type')!r}, the interaction reranker needs 'bert'")
    config = InteractionConfig(
        bert={key: bert[key] for key in _BERT_SIZES},
        embeddings_sha256=_embeddings_sha256(_read_embeddings(weights_path)),
        name=name,
        max_length=max_length,
    )
    model = InteractionModel(config)
    state = model.state_dict()
    weights = {f"bert.{key}": value.float() for key, value in load_file(weights_path).items()}
    model.load_state_dict(state | {key: value for key, value in weights.items() if key in state})
    return model.eval()


def load_interaction(folder: str | Path, embeddings_from: str | Path) -> InteractionModel:
    """Return the trained model in float32 on the CPU, in evaluation mode.

    Args: folder: what `save_interaction` wrote. embeddings_from: the bi-encoder's folder, for the frozen embeddings.
    Raises: ModelNotFoundError: a file is absent. ModelError: the files don't belong together.
    """
    folder = Path(folder)
    weights_path = _existing(folder / WEIGHTS_FILE)
    config = read_config(folder)
    embeddings = _read_embeddings(_existing(Path(embeddings_from) / WEIGHTS_FILE))
    found = _embeddings_sha256(embeddings)
    if found != config.embeddings_sha256:
        raise ModelError(
            f"{folder}: its weights were trained on word embeddings {config.embeddings_sha256[:12]}, {embeddings_from} "
            f"holds {found[:12]}; name the folder of the bi-encoder that it was trained from"
        )
    model = InteractionModel(config)
    try:
        model.load_state_dict({key: value.float() for key, value in load_file(weights_path).items()} | embeddings)
    except RuntimeError as error:
        raise ModelError(f"{weights_path} does not fit {folder / CONFIG_FILE}: {error}") from error
    return model.eval()


def save_interaction(model: InteractionModel, folder: str | Path) -> None:
    """Write config.json and model.safetensors (fp16, without the frozen embeddings) into a folder, each atomically."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    state = {
        key: value.detach().to("cpu", torch.float16).contiguous()
        for key, value in model.state_dict().items()
        if not key.startswith(_EMBEDDINGS)
    }
    partial = folder / f"{WEIGHTS_FILE}.partial"
    save_file(state, partial, metadata={"format": "pt"})
    partial.chmod(0o644)
    partial.replace(folder / WEIGHTS_FILE)
    config = {"architecture": _ARCHITECTURE, **dataclasses.asdict(model.config)}
    partial = folder / f"{CONFIG_FILE}.partial"
    partial.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    partial.replace(folder / CONFIG_FILE)


def read_config(folder: str | Path) -> InteractionConfig:
    """Return the configuration in a folder. Raises: ModelNotFoundError: none. ModelError: of another architecture."""
    path = _existing(Path(folder) / CONFIG_FILE)
    config = json.loads(path.read_text(encoding="utf-8"))
    if config.pop("architecture", None) != _ARCHITECTURE:
        raise ModelError(f"{path} describes another architecture; an interaction reranker says {_ARCHITECTURE!r}")
    return InteractionConfig(**config)


def _read_embeddings(weights_path: Path) -> dict[str, Tensor]:
    with safe_open(weights_path, framework="pt") as file:
        keys = [key for key in file.keys() if key.startswith("embeddings.") and not key.endswith("_ids")]  # noqa: SIM118
        return {f"bert.{key}": file.get_tensor(key).float() for key in keys}


def _embeddings_sha256(embeddings: Mapping[str, Tensor]) -> str:
    words = embeddings.get(f"{_EMBEDDINGS}word_embeddings.weight")
    if words is None:
        raise ModelError("the weights hold no BERT word embeddings (embeddings.word_embeddings.weight)")
    return hashlib.sha256(words.contiguous().numpy().tobytes()).hexdigest()


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise ModelNotFoundError(f"{path} is not there: name a folder that holds {path.name}")
    return path
