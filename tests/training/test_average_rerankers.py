"""Weights of two rerankers, averaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from connector.models.load import load_reranker
from training.average_rerankers import average
from training.networks import CrossEncoderNetwork

QUERY, PASSAGES = "what is the cat called", ["The cat is called Whiskers.", "The dog is called Rex."]


Make = Callable[..., CrossEncoderNetwork]


def saved(network: CrossEncoderNetwork, folder: Path) -> str:
    network.save(folder)
    return str(folder)


def test_an_average_loads_and_its_ends_are_the_two_models(cross_encoder: Make, tmp_path: Path) -> None:
    first, second = (saved(cross_encoder(seed), tmp_path / f"seed-{seed}") for seed in (1, 2))
    ends = [load_reranker(name, device="cpu").score(QUERY, PASSAGES) for name in (first, second)]
    for share, expected in zip((0.0, 1.0), ends, strict=True):
        average(first, second, share).save(tmp_path / f"share-{share}")
        found = load_reranker(str(tmp_path / f"share-{share}"), device="cpu").score(QUERY, PASSAGES)
        assert found.tolist() == pytest.approx(expected.tolist(), abs=1e-6)


def test_every_weight_stands_between(cross_encoder: Make, tmp_path: Path) -> None:
    first, second = (saved(cross_encoder(seed), tmp_path / f"seed-{seed}") for seed in (1, 2))
    ends = [average(first, second, share).state() for share in (0.0, 1.0)]
    for name, value in average(first, second, 0.25).state().items():
        torch.testing.assert_close(value, 0.75 * ends[0][name] + 0.25 * ends[1][name])


def test_models_of_two_sizes_are_refused_by_name(cross_encoder: Make, tmp_path: Path) -> None:
    small, large = saved(cross_encoder(), tmp_path / "small"), saved(cross_encoder(width=64), tmp_path / "large")
    with pytest.raises(
        ValueError, match=r"small and .*large differ in their weights: only rerankers of one architecture"
    ):
        average(small, large, 0.5)
