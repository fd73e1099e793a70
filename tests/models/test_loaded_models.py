"""What a loaded model computes: texts of any length, padding, number formats, copies."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connector.errors import ModelError
from connector.models import load_encoder, load_reranker
from connector.models.folders import bundled_encoder
from tests.models import model_folders
from tests.models.model_folders import change_weights, edit, without

QUERY = "how to descale a kettle"
PASSAGES = ["vinegar", "bread is baked in an oven", "a knife"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folders.reranker(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def whole_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folders.encoder(tmp_path_factory.mktemp("whole-encoder"))


FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "Bert": ("BertConfig", {"max_position_embeddings": 64}),
    "Roberta": ("RobertaConfig", {"max_position_embeddings": 66, "pad_token_id": 1}),
    "XLMRoberta": ("XLMRobertaConfig", {"max_position_embeddings": 66, "pad_token_id": 1}),
    "Camembert": ("CamembertConfig", {"max_position_embeddings": 66, "pad_token_id": 1}),
    "MPNet": ("MPNetConfig", {"max_position_embeddings": 66}),
    "Electra": ("ElectraConfig", {"max_position_embeddings": 64, "embedding_size": 32}),
}


def _limit(folder: Path, tokens: int) -> None:
    edit(folder / "tokenizer_config.json", model_max_length=tokens)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_passage_longer_than_all_positions_is_scored(family: str, tmp_path: Path) -> None:
    config, settings = FAMILIES[family]
    kind = f"{family}ForSequenceClassification"
    folder = model_folders.write(tmp_path / family, kind, config, num_labels=1, **settings)
    _limit(folder, settings["max_position_embeddings"])
    scores = load_reranker(str(folder), device="cpu").score(QUERY, ["knife vinegar " * 900, "a b", ""])
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_text_longer_than_all_positions_is_encoded(family: str, tmp_path: Path) -> None:
    config, settings = FAMILIES[family]
    folder = model_folders.write(tmp_path / family, f"{family}Model", config, **settings)
    _limit(folder, settings["max_position_embeddings"])
    vectors = load_encoder(str(folder), device="cpu").encode(["knife vinegar " * 900, "a b"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("pad", [None, 0, 5])
def test_a_decoder_scores_as_alone_whatever_it_is_padded_with(pad: int | None, tmp_path: Path) -> None:
    settings = {"num_labels": 1, "num_key_value_heads": 2, "pad_token_id": pad}
    folder = model_folders.write(tmp_path / "decoder", "Qwen2ForSequenceClassification", "Qwen2Config", **settings)
    reranker = load_reranker(str(folder), device="cpu")
    passages = [*PASSAGES, "a passage that is much longer than all of the others together, so that they are padded"]
    alone = [reranker.score(QUERY, [passage])[0] for passage in passages]
    np.testing.assert_allclose(reranker.score(QUERY, passages), alone, atol=1e-4)


@pytest.mark.parametrize("kind", ["Qwen2", "Llama"])
def test_a_decoder_without_any_token_to_pad_with_is_refused(kind: str, tmp_path: Path) -> None:
    settings = {"num_labels": 1, "num_key_value_heads": 2, "pad_token_id": None}
    folder = model_folders.write(tmp_path / "padless", f"{kind}ForSequenceClassification", f"{kind}Config", **settings)
    edit(folder / "tokenizer_config.json", pad_token=None, tokenizer_class="PreTrainedTokenizerFast")
    with pytest.raises(ModelError, match="pad_token_id"):
        load_reranker(str(folder), device="cpu")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_weights_of_any_precision_are_computed_in_float32(dtype: str, whole: Path, tmp_path: Path) -> None:
    import torch

    folder = Path(shutil.copytree(whole, tmp_path / dtype))
    change_weights(folder, lambda each: {name: value.to(getattr(torch, dtype)) for name, value in each.items()})
    edit(folder / "config.json", dtype=dtype)
    scores = load_reranker(str(folder), device="cpu").score(QUERY, PASSAGES)
    expected = load_reranker(str(whole), device="cpu").score(QUERY, PASSAGES)
    np.testing.assert_allclose(scores, expected, atol=0.2 if dtype == "bfloat16" else 0.02)


def test_another_process_loads_a_folder_alike(whole_encoder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole_encoder, tmp_path / "poolerless"))
    change_weights(folder, without("pooler."))
    code = (
        "import sys; from connector.models import load_encoder; e = load_encoder(sys.argv[1], device='cpu'); "
        "print(e.fingerprint.revision, *e.encode(['vinegar'])[0])"
    )
    command = [sys.executable, "-c", code, str(folder)]
    there = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    here = load_encoder(str(folder), device="cpu")
    assert there[0] == here.fingerprint.revision
    np.testing.assert_allclose(np.array(there[1:], dtype=np.float32), here.encode(["vinegar"])[0], atol=1e-5)


def test_a_copy_of_the_bundled_encoder_is_checked_and_gives_its_vectors(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bundled_encoder().folder, tmp_path / "copy"))
    copy, bundled = load_encoder(str(folder), device="cpu"), load_encoder("bundled", device="cpu")
    np.testing.assert_allclose(copy.encode(PASSAGES), bundled.encode(PASSAGES), atol=1e-5)
    assert copy.fingerprint.differences(bundled.fingerprint) == []
