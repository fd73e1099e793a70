"""Cross-encoders in torch, loaded from a folder and checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError

from connector.errors import ConnectorError, ModelError
from connector.models.batching import padded_rows
from connector.models.folders import ModelFolder, bundled_encoder, config_of
from connector.models.network.device import best_device
from connector.models.network.inspection import check_files
from connector.models.network.interaction import InteractionModel
from connector.models.network.interaction_files import is_interaction, load_interaction, trained_state
from connector.models.network.networks import ApartNetwork, JointNetwork, Loaded, PairNetwork
from connector.models.network.plain import SEQUENCE_CLASSIFICATION, check_is_plain
from connector.models.network.probing import probe_pairs
from connector.models.network.quiet import quiet_progress
from connector.models.network.torch_session import TorchSession
from connector.models.network.whole import (
    check_vocabulary,
    check_weights,
    positions_of,
    settle_padding,
    token_limit,
)
from connector.models.session import APART, APART_INPUTS, JOINT, JOINT_INPUTS, PAIRS, TOKEN_INPUTS, TokenTables
from connector.models.static_match import unit_vectors
from connector.models.tokenizing import TokenRow, text_tokenizer

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

_LOAD_ERRORS = (OSError, ValueError, RuntimeError, KeyError, TypeError, ImportError, SafetensorError)


def load(found: ModelFolder, device: str | None) -> Loaded:
    """Return the reranker in a folder, on a device; None takes an accelerator if there is one.

    Raises:
        ModelError: it is not a cross-encoder that computes one score, or can't be loaded.
    """
    return _load_interaction(found, device) if is_interaction(found) else _load_cross_encoder(found, device)


def pair_model(model: CrossEncoder, name: str, folder: Path | None = None) -> Loaded:
    """Return the network of a sentence-transformers CrossEncoder, once it has scored a probe.

    With one label the score is its logit; with two it is the log-odds of the second, logit 1 - logit 0.

    Args:
        model: the model.
        name: its name in errors.
        folder: the folder it was loaded from, to check that no weights are missing; None if unknown.

    Raises:
        ModelError: it is not a plain sequence classification model, or it is not complete.
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
            f"model {found.name!r} in {found.folder} is not a cross-encoder: its architectures are {architectures}, "
            f"none ends in {SEQUENCE_CLASSIFICATION}, so its head would be random"
        )
    from sentence_transformers import CrossEncoder  # slow to import, and the bundled reranker needs none of it

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
    except Exception as error:  # whatever the libraries raise on an incomplete folder
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
    network.to(device or best_device())
    networks = {APART: ApartNetwork(network), JOINT: JointNetwork(network)}
    inputs = {APART: APART_INPUTS, JOINT: JOINT_INPUTS}
    sides = text_tokenizer(tokenizer, APART_INPUTS, network.config.max_length, tokenizer.pad_token_id)
    return Loaded(sides, networks, inputs, _token_tables(network))


def _token_tables(network: InteractionModel) -> TokenTables:
    """Return each token's idf, and its embedding without a position, as a unit vector."""
    embeddings, norm = network.bert.embeddings, network.bert.embeddings.LayerNorm
    vectors = embeddings.word_embeddings.weight + embeddings.token_type_embeddings.weight[0]
    idf, words, scale, shift = (
        tensor.detach().cpu().numpy() for tensor in (network.token_idf, vectors, norm.weight, norm.bias)
    )
    return idf, unit_vectors(words, scale, shift, norm.eps)
