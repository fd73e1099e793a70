"""The contract's documents with vectors: floats, bytes and bits, and one vector per passage."""

from __future__ import annotations

from typing import Any

from tests.contract.corpora import KEYWORD, TEXT, vector
from tests.contract.harness import Corpus

VECTORS = Corpus(
    "vectors",
    {
        "properties": {
            "flat": vector(3, kind="flat"),
            "dot": vector(3, "dot_product"),
            "l2": vector(3, "l2_norm"),
            "product": vector(3, "max_inner_product"),
            "color": KEYWORD,
        }
    },
    [
        (f"v{number}", {"flat": raw, "dot": unit, "l2": raw, "product": raw, "color": color})
        for number, (raw, unit, color) in enumerate(
            [
                ([1.0, 2.0, 3.0], [1.0, 0.0, 0.0], "red"),
                ([-1.0, 0.5, 0.25], [0.0, 1.0, 0.0], "red"),
                ([0.0, 0.0, 4.0], [0.0, 0.0, 1.0], "blue"),
                ([2.0, 2.0, 2.0], [0.6, 0.8, 0.0], "blue"),
                ([-3.0, -2.0, -1.0], [0.0, -0.6, 0.8], "blue"),
            ]
        )
    ],
)


def packed(element_type: str, dims: int, **options: Any) -> dict[str, Any]:
    """A dense_vector field of bytes or bits."""
    return {
        "type": "dense_vector",
        "element_type": element_type,
        "dims": dims,
        "index_options": {"type": "hnsw"},
        **options,
    }


PACKED = Corpus(
    "packed",
    {
        "properties": {
            **{
                name: packed("byte", 3, similarity=similarity)
                for name, similarity in {
                    "cosine": "cosine",
                    "dot": "dot_product",
                    "l2": "l2_norm",
                    "product": "max_inner_product",
                }.items()
            },
            "bits": packed("bit", 16),
        }
    },
    [
        (f"p{number}", {**dict.fromkeys(("cosine", "dot", "l2", "product"), held), "bits": bits})
        for number, (held, bits) in enumerate(
            [
                ([64, 10, -30], [127, -1]),
                ([-10, 5, 99], [0, 15]),
                ([127.0, 127, 127], "7f00"),
                ("80807f", "ffff"),
                ([1, 0, 0], [-128, 1]),
            ]
        )
    ],
)

PASSAGES = Corpus(
    "passages",
    {
        "properties": {
            "title": TEXT,
            "kind": KEYWORD,
            "parts": {
                "type": "nested",
                "properties": {"text": TEXT, "start": {"type": "integer"}, "vector": vector(3)},
            },
        }
    },
    [
        (
            identifier,
            {
                "title": f"About {identifier}",
                "kind": kind,
                "parts": [
                    {"text": text, "start": 100 * place, **({"vector": held} if held else {})}
                    for place, (text, held) in enumerate(parts)
                ],
            },
        )
        for identifier, kind, parts in (
            ("one", "a", [("a quick fox", [1.0, 0.0, 0.0]), ("a lazy dog", [0.0, 1.0, 0.0])]),
            ("two", "b", [("a dog", [0.0, 0.9, 0.2]), ("no vector", None), ("foxes", [0.8, 0.1, 0.1])]),
            ("three", "a", [("the sea", [0.0, 0.0, 1.0])]),
            ("four", "b", [("no vector at all", None)]),
            ("five", "a", []),
            ("six", "b", [("same", [0.5, 0.5, 0.0])] * 5),
        )
    ],
)
