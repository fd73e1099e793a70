"""Room: models. Cross-encoders in torch, float32, on a CPU or an accelerator; `connector.models.reranker` calls it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError

from connector.errors import ModelError
from connector.models.backends.session import (
    APART,
    APART_INPUTS,
    JOINT,
    JOINT_INPUTS,
    PAIRS,
    TOKEN_INPUTS,
    Arrays,
    Opened,
)
from connector.models.batching import token_budget
from connector.models.folders import ModelFolder, bundled_encoder, config_of
from connector.models.interaction import InteractionModel, is_interaction, load_interaction
from connector.models.lanes import keep_torch_to_one_thread
from connector.models.loading import quiet_progress, turn_on
from connector.models.networks import ApartNetwork, JointNetwork, Loaded, PairNetwork
from connector.models.tokenizing import text_tokenizer

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

_SEQUENCE_CLASSIFICATION = "ForSequenceClassification"
_LOAD_ERRORS = (OSError, ValueError, RuntimeError, KeyError, TypeError, ImportError, SafetensorError)


class TorchSession:
    """A network in torch, float32; on an accelerator one run at a time."""

    def __init__(self, network: torch.nn.Module, inputs: Sequence[str]) -> None:
        self._network = network.float().eval()
        self._inputs = tuple(inputs)
        self._device = next(network.parameters()).device
        self.token_budget = token_budget(str(self._device))
        self._turn = turn_on(str(self._device))

    @torch.inference_mode()
    def run(self, inputs: Arrays) -> NDArray[np.float32]:
        """See `Session`."""
        keep_torch_to_one_thread()
        with self._turn:
            tensors = [torch.from_numpy(inputs[name]).to(self._device) for name in self._inputs]
            output: NDArray[np.float32] = self._network(*tensors).float().cpu().numpy()
        return output


def opened(loaded: Loaded) -> Opened:
    """Return a model with a session for each of its networks."""
    sessions = {name: TorchSession(network, loaded.inputs[name]) for name, network in loaded.networks.items()}
    return Opened(loaded.tokenizer, sessions, loaded.token_idf, loaded.token_vectors)


def load(found: ModelFolder, device: str | None) -> Loaded:
    """Return the model in a folder, on a device; None takes an accelerator where there is one.

    Raises: ModelError: it is no cross-encoder that gives one score, or can't be loaded.
    """
    return _load_interaction(found, device) if is_interaction(found) else _load_cross_encoder(found, device)


def pair_model(model: CrossEncoder, name: str) -> Loaded:
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
    inputs = tuple(name for name in model.tokenizer.model_input_names if name in TOKEN_INPUTS)
    tokenizer = text_tokenizer(model.tokenizer, inputs, min(limit for limit in limits if limit))
    return Loaded(tokenizer, {PAIRS: PairNetwork(network, inputs)}, {PAIRS: inputs})


def _load_cross_encoder(found: ModelFolder, device: str | None) -> Loaded:
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


def _load_interaction(found: ModelFolder, device: str | None) -> Loaded:
    from transformers import AutoTokenizer

    backbone = bundled_encoder().folder
    try:
        network = load_interaction(found.folder, backbone)
        tokenizer = AutoTokenizer.from_pretrained(str(backbone), local_files_only=True, trust_remote_code=False)
    except _LOAD_ERRORS as error:
        raise ModelError(f"reranker {found.name!r} in {found.folder} can't be loaded: {error}") from error
    network.to(device or _best_device())
    networks = {APART: ApartNetwork(network), JOINT: JointNetwork(network)}
    inputs = {APART: APART_INPUTS, JOINT: JOINT_INPUTS}
    sides = text_tokenizer(tokenizer, APART_INPUTS, network.config.max_length)
    return Loaded(sides, networks, inputs, *_tokens_alone(network))


def _tokens_alone(network: InteractionModel) -> tuple[NDArray[np.float32], NDArray[np.float16]]:
    """Return each token's idf, and its embedding without a position, of length 1."""
    embeddings = network.bert.embeddings
    with torch.inference_mode():
        words = embeddings.word_embeddings.weight + embeddings.token_type_embeddings.weight[0]
        unit = torch.nn.functional.normalize(embeddings.LayerNorm(words), dim=-1)
    return network.token_idf.detach().cpu().numpy(), unit.to("cpu", torch.float16).numpy()


def _best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
