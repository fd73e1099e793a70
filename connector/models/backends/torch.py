"""Room: models. Cross-encoders in torch, float32, on a CPU or an accelerator; `connector.models.reranker` calls it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError

from connector.errors import ModelError
from connector.models.batching import token_budget
from connector.models.folders import ModelFolder, bundled_encoder, config_of
from connector.models.loading import quiet_progress, use_one_thread_after_fork

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

_INTERACTION = "connector-interaction"
_SEQUENCE_CLASSIFICATION = "ForSequenceClassification"
_LOAD_ERRORS = (OSError, ValueError, RuntimeError, KeyError, TypeError, ImportError, SafetensorError)


class TorchPairModel:
    """Padded batches of tokens in, raw logits out; see `connector.models.reranker.PairModel`."""

    def __init__(
        self, tokenizer: Any, max_tokens: int, network: torch.nn.Module, logits_of: Callable[..., Any]
    ) -> None:
        self.tokenizer = tokenizer
        self.max_tokens = max_tokens
        self._network = network.float().eval()
        self._logits_of = logits_of
        self._device = next(network.parameters()).device
        self.token_budget = token_budget(str(self._device))

    @torch.inference_mode()
    def logits(self, batch: Mapping[str, NDArray[np.int64]]) -> NDArray[np.float32]:
        """Return one logit for each row of the batch, float32 (n,). Raises: RuntimeError: out of memory, or others."""
        use_one_thread_after_fork()
        tensors = {name: torch.from_numpy(values).to(self._device) for name, values in batch.items()}
        logits: NDArray[np.float32] = self._logits_of(self._network(**tensors)).float().cpu().numpy()
        return logits


def load(found: ModelFolder, device: str | None) -> TorchPairModel:
    """Return the model in a folder, on a device; None takes an accelerator where there is one.

    Raises: ModelError: it is no cross-encoder that gives one score, or can't be loaded.
    """
    is_interaction = config_of(found).get("architecture") == _INTERACTION
    return _load_interaction(found, device) if is_interaction else _load_cross_encoder(found, device)


def pair_model(model: CrossEncoder, name: str) -> TorchPairModel:
    """Return the model inside a sentence-transformers CrossEncoder.

    With one label the score is its logit; with two it is the log-odds of the second, logit 1 - logit 0.

    Raises: ModelError: it is no sequence classification model, or has more than two labels.
    """
    network: Any = model.model
    if not type(network).__name__.endswith(_SEQUENCE_CLASSIFICATION) or getattr(model, "default_prompt_name", None):
        raise ModelError(
            f"reranker {name!r} is a {type(network).__name__}, must be a plain *{_SEQUENCE_CLASSIFICATION}"
        )
    config = network.config
    if config.num_labels > 2:
        labels = ", ".join(str(label) for label in config.id2label.values())
        raise ModelError(
            f"reranker {name!r} has {config.num_labels} labels ({labels}): which of them is relevance is not known; "
            "give a function (query, passages) -> scores that picks it"
        )
    limits: list[Any] = [getattr(model, "max_seq_length", None) or getattr(model, "max_length", None)]
    limits += [model.tokenizer.model_max_length, getattr(config, "max_position_embeddings", None)]
    logits_of = _log_odds if config.num_labels == 2 else _single
    return TorchPairModel(model.tokenizer, min(limit for limit in limits if limit), network, logits_of)


def _load_cross_encoder(found: ModelFolder, device: str | None) -> TorchPairModel:
    architectures = config_of(found).get("architectures") or []
    if not isinstance(architectures, list) or not any(str(a).endswith(_SEQUENCE_CLASSIFICATION) for a in architectures):
        raise ModelError(
            f"model {found.name!r} in {found.folder} is no cross-encoder: its architectures are {architectures}, "
            f"none ends in {_SEQUENCE_CLASSIFICATION}, so its head would be random"
        )
    from sentence_transformers import CrossEncoder

    try:
        with quiet_progress():
            model = CrossEncoder(
                str(found.folder),
                device=device,
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
    except _LOAD_ERRORS as error:
        raise ModelError(f"reranker {found.name!r} in {found.folder} can't be loaded: {error}") from error
    return pair_model(model, found.name)


def _load_interaction(found: ModelFolder, device: str | None) -> TorchPairModel:
    from transformers import AutoTokenizer

    from connector.models.interaction import load_interaction

    backbone = bundled_encoder().folder
    try:
        network = load_interaction(found.folder, backbone)
        tokenizer = AutoTokenizer.from_pretrained(str(backbone), local_files_only=True, trust_remote_code=False)
    except _LOAD_ERRORS as error:
        raise ModelError(f"reranker {found.name!r} in {found.folder} can't be loaded: {error}") from error
    return TorchPairModel(tokenizer, network.config.max_length, network.to(device or _best_device()), _as_it_is)


def _best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _single(output: Any) -> torch.Tensor:
    logits: torch.Tensor = output.logits
    return logits[:, 0]


def _log_odds(output: Any) -> torch.Tensor:
    logits: torch.Tensor = output.logits
    return logits[:, 1] - logits[:, 0]


def _as_it_is(output: torch.Tensor) -> torch.Tensor:
    return output
