"""Cross-encoders in torch, float32, on a CPU or an accelerator; `connector.models.reranker` calls it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError

from connector.errors import ConnectorError, ModelError
from connector.models.batching import padded_rows, token_budget
from connector.models.folders import ModelFolder, bundled_encoder, config_of
from connector.models.inspection import check_files
from connector.models.lanes import keep_torch_to_one_thread
from connector.models.loading import quiet_progress, turn_on
from connector.models.network.interaction import InteractionModel
from connector.models.network.interaction_files import is_interaction, load_interaction, trained_state
from connector.models.network.networks import ApartNetwork, JointNetwork, Loaded, PairNetwork
from connector.models.plain import SEQUENCE_CLASSIFICATION, check_is_plain
from connector.models.probing import probe_pairs
from connector.models.session import (
    APART,
    APART_INPUTS,
    JOINT,
    JOINT_INPUTS,
    PAIRS,
    TOKEN_INPUTS,
    Arrays,
    Opened,
)
from connector.models.tokenizing import TokenRow, text_tokenizer
from connector.models.whole import check_vocabulary, check_weights, positions_of, settle_padding, token_limit

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

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

    Raises:
        ModelError: it is no cross-encoder that gives one score, or can't be loaded.
    """
    return _load_interaction(found, device) if is_interaction(found) else _load_cross_encoder(found, device)


def pair_model(model: CrossEncoder, name: str, folder: Path | None = None) -> Loaded:
    """Return the model inside a sentence-transformers CrossEncoder, once it has scored a probe.

    With one label the score is its logit; with two it is the log-odds of the second, logit 1 - logit 0.

    Args:
        model: the model.
        name: what to call it in errors.
        folder: what it was loaded from, to check that all its weights are there; None where that is not known.

    Raises:
        ModelError: it is no plain sequence classification model, or it is not whole.
    """
    network: Any = model.model
    who = f"reranker {name!r}"
    check_is_plain(model, who)
    texts = check_vocabulary(model.tokenizer, network, who)
    pad = settle_padding(network, model.tokenizer, who)
    stated = getattr(model, "max_seq_length", None) or getattr(model, "max_length", None)
    limit = token_limit(stated, model.tokenizer.model_max_length, positions_of(network))
    inputs = tuple(name for name in model.tokenizer.model_input_names if name in TOKEN_INPUTS)
    tokenizer = text_tokenizer(model.tokenizer, inputs, limit, pad)
    loaded = Loaded(tokenizer, {PAIRS: PairNetwork(network, inputs)}, {PAIRS: inputs})
    session = TorchSession(loaded.networks[PAIRS], inputs)

    def compute(rows: Sequence[TokenRow]) -> NDArray[np.float32]:
        return session.run(padded_rows(rows, tokenizer.pads))

    if folder is not None:
        check_weights(network, folder, lambda: compute(tokenizer.pairs(texts[0], texts, name)), who)
    probe_pairs(tokenizer, compute, texts, who)
    return loaded


def _load_cross_encoder(found: ModelFolder, device: str | None) -> Loaded:
    check_files(found)
    architectures = config_of(found).get("architectures") or []
    if not isinstance(architectures, list) or not any(str(a).endswith(SEQUENCE_CLASSIFICATION) for a in architectures):
        raise ModelError(
            f"model {found.name!r} in {found.folder} is no cross-encoder: its architectures are {architectures}, "
            f"none ends in {SEQUENCE_CLASSIFICATION}, so its head would be random"
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
            return pair_model(model, found.name, found.folder)
    except ConnectorError:
        raise
    except Exception as error:  # whatever the libraries raise on a folder that isn't whole
        raise ModelError(f"reranker {found.name!r} in {found.folder} can't be loaded: {error}") from error


def _load_interaction(found: ModelFolder, device: str | None) -> Loaded:
    from transformers import AutoTokenizer

    backbone = bundled_encoder().folder
    try:
        network = load_interaction(found.folder, backbone)
        tokenizer = AutoTokenizer.from_pretrained(str(backbone), local_files_only=True, trust_remote_code=False)
    except _LOAD_ERRORS as error:
        raise ModelError(f"reranker {found.name!r} in {found.folder} can't be loaded: {error}") from error
    if not all(bool(tensor.isfinite().all()) for tensor in trained_state(network).values()):
        raise ModelError(f"reranker {found.name!r} in {found.folder} has weights that are not finite; train it again")
    network.to(device or _best_device())
    networks = {APART: ApartNetwork(network), JOINT: JointNetwork(network)}
    inputs = {APART: APART_INPUTS, JOINT: JOINT_INPUTS}
    sides = text_tokenizer(tokenizer, APART_INPUTS, network.config.max_length, tokenizer.pad_token_id)
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
