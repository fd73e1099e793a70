from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from connector.errors import ModelError
from connector.models.backends import choice
from connector.models.backends.agreement import SHIPPED, Agreement, Window, compare, ndcg, overlap, tau
from connector.models.backends.choice import backend_for, choose, chosen_before, or_torch
from connector.models.backends.shipped_windows import shipped_windows
from connector.models.folders import ModelFolder, find_model


@pytest.fixture
def found(cross_encoder: Callable[[int], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelFolder:
    monkeypatch.setenv("CONNECTOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(choice, "installed", lambda: ["torch", "onnx", "onnx-int8"])
    monkeypatch.setattr(choice, "_SECONDS", 0.0)
    return find_model(cross_encoder(1), organization="")


def timed(rates: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Callable[[], int]]:
    """Return an attempt for backends of these rates; a backend with rate 0 is refused."""

    def give(name: str, _: object) -> choice.Timed:
        return choice.Timed(rates[name], None if rates[name] else "it failed")

    monkeypatch.setattr(choice, "_timed", give)
    return lambda name: lambda: 1


def test_the_fastest_that_is_not_refused_is_chosen_and_remembered(
    found: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert chosen_before(found) is None
    attempt = timed({"torch": 30.0, "onnx": 40.0, "onnx-int8": 0.0}, monkeypatch)
    assert choose(found, attempt).backend == "onnx"
    again = timed({"torch": 99.0, "onnx": 40.0, "onnx-int8": 0.0}, monkeypatch)
    assert choose(found, again).backend == "onnx"
    assert choose(found, again, again=True).backend == "torch"
    known = chosen_before(found)
    assert known is not None
    assert known.tried["onnx-int8"].refused == "it failed"


def test_what_is_not_installed_any_more_is_not_remembered(found: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(found, timed({"torch": 1.0, "onnx": 2.0, "onnx-int8": 0.0}, monkeypatch))
    monkeypatch.setattr(choice, "installed", lambda: ["torch"])
    assert chosen_before(found) is None


def test_a_backend_that_can_not_take_the_model_is_passed_over_with_its_reason(found: ModelFolder) -> None:
    def attempt(name: str) -> Callable[[], int]:
        if name != "torch":
            raise ModelError(f"{name} can't")
        return lambda: 1

    found_choice = choose(found, attempt)
    assert (found_choice.backend, found_choice.tried["onnx"].refused) == ("torch", "onnx can't")


def test_the_default_is_torch_until_something_was_chosen(found: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert backend_for(found, None, "cpu") == "torch"
    choose(found, timed({"torch": 1.0, "onnx": 2.0, "onnx-int8": 0.0}, monkeypatch))
    assert backend_for(found, None, "cpu") == "onnx"
    assert backend_for(found, None, "cuda") == "torch"
    assert backend_for(found, "torch", None) == "torch"


def test_a_remembered_backend_that_can_not_be_used_any_more_gives_way_to_torch_with_a_warning() -> None:
    def load(name: str) -> str:
        if name != "torch":
            raise ModelError("the library was taken away")
        return name

    with pytest.warns(UserWarning, match=r"'onnx' can't be used.*taken away.*chooses again"):
        assert or_torch("onnx", load) == "torch"


def test_ndcg_is_what_trec_eval_computes() -> None:
    # Grades 0, 2, 1 in the given order: (2 / log2 3 + 1 / log2 4) / (2 / log2 2 + 1 / log2 3).
    expected = (2 / np.log2(3) + 1 / 2) / (2 + 1 / np.log2(3))
    assert ndcg(np.array([3.0, 2.0, 1.0]), np.array([0.0, 2.0, 1.0])) == pytest.approx(expected)
    assert ndcg(np.array([1.0]), np.array([0.0])) == 0.0


def test_tau_and_overlap_by_hand() -> None:
    first, second = np.array([4.0, 3, 2, 1]), np.array([4.0, 3, 1, 2])
    assert tau(first, second) == pytest.approx(4 / 6)  # five pairs agree, one doesn't
    assert tau(first, -first) == -1
    twelve = np.arange(12.0)
    assert overlap(twelve, -twelve) == pytest.approx(0.8)  # ten of twelve from either end share eight


def test_the_gate_is_a_loss_of_at_most_five_thousandths(tmp_path: Path) -> None:
    assert Agreement("judged", 50, 0.700, 0.6951, 0.5, 0.5).is_within()
    assert not Agreement("judged", 50, 0.700, 0.6949, 1.0, 1.0).is_within()
    assert not Agreement(SHIPPED, 24, 0.700, 0.700, 0.8, 1.0).is_within()
    agreement = Agreement("judged", 50, 0.7, 0.69, 0.9, 0.9)
    assert Agreement.read(tmp_path) is None
    agreement.write(tmp_path)
    assert Agreement.read(tmp_path) == agreement


def test_a_backend_is_measured_window_by_window() -> None:
    windows = [Window("q", ["1", "2"], [0, 1]), Window("q", ["1", "2"], [1, 0])]

    def up(query: str, passages: object) -> list[float]:
        return [float(passage) for passage in passages]  # type: ignore[attr-defined]

    agreement = compare("judged", windows, up, lambda query, passages: [-float(each) for each in passages])
    worst = 1 / np.log2(3)
    assert agreement.ndcg == pytest.approx((1 + worst) / 2)
    assert (agreement.windows, agreement.tau, agreement.overlap) == (2, -1.0, 1.0)


def test_the_shipped_windows_hold_what_answers_their_questions() -> None:
    windows = shipped_windows()
    assert len(windows) == 24
    assert all(any(grade > 0 for grade in window.grades) and len(window.passages) >= 10 for window in windows)
