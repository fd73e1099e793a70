"""Incomplete models are refused when they are loaded, with the reason."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connector.errors import ModelError
from connector.models import load_encoder, load_reranker
from tests.models import model_folders
from tests.models.model_folders import change_weights, edit, renamed, without

QUERY = "how to descale a kettle"
PASSAGES = ["vinegar", "bread is baked in an oven", "a knife"]

Damage = Callable[[Path], object]


def _cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def _quantised(weights: dict[str, Any]) -> dict[str, Any]:
    import torch

    name = "bert.encoder.layer.0.output.dense.weight"
    return {**weights, name if name in weights else name[5:]: torch.zeros(32, 64, dtype=torch.int8)}


def _nan(weights: dict[str, Any]) -> dict[str, Any]:
    return {name: value * float("nan") if "layer.1" in name else value for name, value in weights.items()}


def _shards(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    files = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    edit(folder / "model.safetensors.index.json", weight_map=files)


def _no_tokenizer(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name not in ("config.json", "model.safetensors"):
            path.unlink()


def _small_embeddings(weights: dict[str, Any]) -> dict[str, Any]:
    return {name: value[:500].clone() if "word_embeddings" in name else value for name, value in weights.items()}


def _fewer_tokens(folder: Path) -> None:
    change_weights(folder, _small_embeddings)
    edit(folder / "config.json", vocab_size=500)


def _adapter(folder: Path) -> None:
    edit(folder / "adapter_config.json", base_model_name_or_path="big/base", peft_type="LORA")


def _auto_map(folder: Path) -> None:
    edit(folder / "config.json", auto_map={"AutoModel": "modeling.Own"})


def _own_tokenizer(folder: Path) -> None:
    edit(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": ["tokenization.Own", None]})


def _modules(text: str) -> Damage:
    return lambda folder: (folder / "modules.json").write_text(text, "utf-8")


def _config(text: str) -> Damage:
    return lambda folder: (folder / "config.json").write_text(text, "utf-8")


def _weights(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Damage:
    return lambda folder: change_weights(folder, change)


def _own_module(folder: Path) -> None:
    (folder / "modules.json").write_text(json.dumps([{"path": "", "type": "custom_st.Transformer"}]), "utf-8")


ANY_MODEL: dict[str, tuple[Damage, str]] = {
    "weights of a layer are missing": (_weights(without("bert.encoder.layer.1.")), r"no weights for \S*layer\.1\."),
    "the embeddings are missing": (_weights(without("bert.embeddings.word")), r"no weights for \S*word_embeddings"),
    "weights are misnamed": (_weights(renamed("layer.1.", "layers.1.")), r"no weights for .*it holds .*layers\.1\."),
    "all weights are misnamed": (_weights(renamed("bert.", "beert.")), "no weights for"),
    "more layers than config.json says": (
        lambda folder: edit(folder / "config.json", num_hidden_layers=1),
        r"layer\.1\..* not read.*config\.json",
    ),
    "weights of an adapter beside": (
        _weights(
            lambda weights: {**weights, "bert.encoder.layer.0.lora_A.weight": weights["bert.pooler.dense.bias"].clone()}
        ),
        "lora_A",
    ),
    "weights that are not finite": (_weights(_nan), "not finite"),
    "quantised weights": (_weights(_quantised), r"quantised weights \(.* is I8\)"),
    "a quantization_config": (
        lambda folder: edit(folder / "config.json", quantization_config={"quant_method": "gptq"}),
        "quantization_config",
    ),
    "weights cut short": (_cut, r"model\.safetensors can't be loaded: .*should have \d+ bytes, and has \d+"),
    "no safetensors at all": (
        lambda folder: (folder / "model.safetensors").write_bytes(b"<html>404</html>"),
        r"model\.safetensors can't be loaded",
    ),
    "an empty file": (lambda folder: (folder / "model.safetensors").write_bytes(b""), "can't be loaded"),
    "a shard is missing": (_shards, r"lists model-00002-of-00002\.safetensors, which the folder lacks"),
    "no tokenizer files": (_no_tokenizer, "tokenizer has no words"),
    "another model's tokenizer": (_fewer_tokens, r"tokens up to 806, its weights embeddings for 500"),
    "a LoRA adapter": (_adapter, r"LoRA adapter for 'big/base'.*merge"),
    "code of its own": (_auto_map, r"config\.json names code of its own \(AutoModel: modeling\.Own\)"),
    "a tokenizer with code of its own": (_own_tokenizer, r"tokenizer_config\.json names code of its own"),
    "a module with code of its own": (_own_module, r"modules\.json names code of its own \(custom_st\.Transformer\)"),
    "modules.json is no JSON": (_modules("{"), r"modules\.json can't be read as JSON"),
    "modules.json is an object": (_modules("{}"), r"modules\.json must hold a JSON array"),
    "modules.json is empty": (_modules("[]"), r"modules\.json lists no module"),
    "modules.json has no paths": (_modules('[{"idx": 0}]'), r"modules\.json: entry 0 must be"),
    "modules.json is not UTF-8": (
        lambda folder: (folder / "modules.json").write_bytes(b"\xff\xfe["),
        r"modules\.json can't be read",
    ),
    "a module outside the folder": (
        _modules('[{"path": "../other", "type": "sentence_transformers.models.Transformer"}]'),
        "leads out of the folder",
    ),
    "config.json is no JSON": (_config("{"), r"config\.json can't be read as JSON"),
    "config.json is an array": (_config("[]"), r"config\.json must hold a JSON object"),
    "config.json of an unknown kind": (
        lambda folder: edit(folder / "config.json", model_type="no-such-model"),
        "can't be loaded",
    ),
    "config.json of other sizes": (
        lambda folder: edit(folder / "config.json", hidden_size=48, num_attention_heads=4),
        "can't be loaded",
    ),
    "an impossible dtype": (lambda folder: edit(folder / "config.json", dtype="float99"), "can't be loaded"),
    "config.json is absent": (lambda folder: (folder / "config.json").unlink(), r"config\.json"),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folders.reranker(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def whole_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folders.encoder(tmp_path_factory.mktemp("whole-encoder"))


@pytest.mark.parametrize("kind", ANY_MODEL)
def test_a_reranker_that_is_not_whole_is_refused_with_the_reason(kind: str, whole: Path, tmp_path: Path) -> None:
    damage, reason = ANY_MODEL[kind]
    folder = Path(shutil.copytree(whole, tmp_path / "damaged"))
    damage(folder)
    with pytest.raises(ModelError, match=reason) as caught:
        load_reranker(str(folder), device="cpu")
    assert "damaged" in str(caught.value)


@pytest.mark.parametrize("kind", ANY_MODEL)
def test_an_encoder_that_is_not_whole_is_refused_with_the_reason(
    kind: str, whole_encoder: Path, tmp_path: Path
) -> None:
    damage, reason = ANY_MODEL[kind]
    folder = Path(shutil.copytree(whole_encoder, tmp_path / "damaged"))
    change_weights(folder, lambda weights: {f"bert.{name}": value for name, value in weights.items()})
    damage(folder)
    with pytest.raises(ModelError, match=reason) as caught:
        load_encoder(str(folder), device="cpu")
    assert "damaged" in str(caught.value)


@pytest.mark.parametrize("missing", ["classifier.", "bert.pooler."])
def test_a_rerankers_head_is_never_random(missing: str, whole: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "headless"))
    change_weights(folder, without(missing))
    with pytest.raises(ModelError, match=rf"no weights for \S*{missing}"):
        load_reranker(str(folder), device="cpu")


def test_a_pooler_that_no_vector_comes_from_may_be_missing(whole_encoder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole_encoder, tmp_path / "poolerless"))
    change_weights(folder, without("pooler."))
    whole, poolerless = load_encoder(str(whole_encoder), device="cpu"), load_encoder(str(folder), device="cpu")
    np.testing.assert_allclose(poolerless.encode(PASSAGES), whole.encode(PASSAGES), atol=1e-5)


@pytest.mark.parametrize(
    ("labels", "is_known"),
    [
        (["LABEL_0", "LABEL_1"], True),
        (["irrelevant", "relevant"], True),
        (["not_relevant", "Relevant"], True),
        (["no", "yes"], True),
        (["0", "1"], True),
        (["not_entailment", "entailment"], True),
        (["relevant", "irrelevant"], False),
        (["yes", "no"], False),
        (["entailment", "not_entailment"], False),
        (["cat", "dog"], False),
    ],
)
def test_the_second_label_must_be_relevance(labels: list[str], is_known: bool, whole: Path, tmp_path: Path) -> None:
    folder = model_folders.reranker(tmp_path / "labels", num_labels=2)
    edit(
        folder / "config.json", id2label=dict(enumerate(labels)), label2id={each: at for at, each in enumerate(labels)}
    )
    if is_known:
        assert np.isfinite(load_reranker(str(folder), device="cpu").score(QUERY, PASSAGES)).all()
    else:
        with pytest.raises(ModelError, match=f"labels {labels[0]!r}, {labels[1]!r}"):
            load_reranker(str(folder), device="cpu")


def test_a_default_prompt_is_refused_by_name(whole: Path, tmp_path: Path) -> None:
    from sentence_transformers import CrossEncoder

    folder = tmp_path / "prompted"
    CrossEncoder(str(whole), prompts={"web": "Judge: "}, default_prompt_name="web").save_pretrained(str(folder))
    with pytest.raises(ModelError, match="default prompt, 'web'"):
        load_reranker(str(folder), device="cpu")


@pytest.mark.parametrize("place", ["chat_template.jinja", "tokenizer_config.json"])
def test_a_chat_template_is_refused_by_name(place: str, whole: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "chat"))
    template = "{% for message in messages %}<{{ message.role }}> {{ message.content }}{% endfor %}"
    if place.endswith(".jinja"):
        (folder / place).write_text(template, "utf-8")
    else:
        edit(folder / place, chat_template=template)
    with pytest.raises(ModelError, match=r"chat template.*CrossEncoder\(FOLDER\)"):
        load_reranker(str(folder), device="cpu")


def test_weights_that_give_every_pair_one_score_are_refused(whole: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "flat"))
    change_weights(folder, lambda each: {name: value * (name != "classifier.weight") for name, value in each.items()})
    with pytest.raises(ModelError, match="two unequal pairs the same score"):
        load_reranker(str(folder), device="cpu")
