"""Small models of many kinds with random weights, written as transformers writes them, and ways to damage them."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from connector.models.folders import bundled_encoder

SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "initializer_range": 0.3,
}


@functools.cache
def tokenizer() -> Any:
    """Return the bundled encoder's tokenizer with only the letters and every fiftieth word of its vocabulary."""
    import transformers
    from tokenizers import Tokenizer

    library: Any = transformers

    whole = json.loads((bundled_encoder().folder / "tokenizer.json").read_text("utf-8"))
    words = list(whole["model"]["vocab"])
    kept = [
        *words[:104],
        *(word for word in words[104:] if word.isascii() and len(word.strip("#")) == 1),
        *words[2000::50],
    ]
    places = {word: place for place, word in enumerate(dict.fromkeys(kept))}
    whole["model"]["vocab"] = places
    whole["padding"] = whole["truncation"] = None
    return library.BertTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(whole)), model_max_length=512)


def write(folder: Path, kind: str, config: str, *, words: Any = None, **settings: Any) -> Path:
    """Write a transformers model and a tokenizer (by default the bundled one; False: none) into a folder."""
    import torch
    import transformers

    torch.manual_seed(7)
    own = tokenizer() if words is None else words
    sizes = {**SIZES, "vocab_size": len(tokenizer()), **settings}
    model = getattr(transformers, kind)(getattr(transformers, config)(**sizes))
    model.save_pretrained(folder)
    if own:
        own.save_pretrained(folder)
    return folder


def reranker(folder: Path, **settings: Any) -> Path:
    return write(folder, "BertForSequenceClassification", "BertConfig", **{"num_labels": 1, **settings})


def encoder(folder: Path, **settings: Any) -> Path:
    return write(folder, "BertModel", "BertConfig", **settings)


def edit(path: Path, **changes: Any) -> None:
    """Change keys of a JSON file, created if missing; None removes a key."""
    found = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    found.update(changes)
    path.write_text(json.dumps({key: value for key, value in found.items() if value is not None}), "utf-8")


def change_weights(folder: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


def without(start: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda weights: {name: value for name, value in weights.items() if not name.startswith(start)}


def renamed(old: str, new: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda weights: {name.replace(old, new): value for name, value in weights.items()}
