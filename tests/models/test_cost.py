"""What reranking costs is fitted to timed reranks, stored by machine, and starts a reranker's pace."""

from pathlib import Path

import pytest

from connector.evaluation.depths import best_depth, depth_curve
from connector.models.backends.agreement import Window
from connector.models.cost import Cost, Sample, fit_cost, read_cost, time_reranks, write_cost
from connector.models.pace import Pace

COST = Cost(fixed_ms=5.0, pair_ms=0.5, token_ms=0.04, samples=9)


def test_the_fit_finds_the_parts_of_a_cost() -> None:
    sizes = [(1, 40), (2, 300), (4, 200), (8, 1_600), (16, 900), (24, 4_000)]
    found = fit_cost([Sample(pairs, tokens, COST.predict_ms(pairs, tokens)) for pairs, tokens in sizes])
    assert (found.fixed_ms, found.pair_ms, found.token_ms) == pytest.approx((5.0, 0.5, 0.04))
    assert found.samples == 6


def test_no_part_of_a_cost_is_negative() -> None:
    samples = [Sample(1, 100, 1.0), Sample(2, 200, 4.0), Sample(4, 400, 16.0)]
    found = fit_cost(samples)
    assert min(found.fixed_ms, found.pair_ms, found.token_ms) >= 0


def test_a_depth_fits_its_budget() -> None:
    depth = COST.depth_within(100.0, tokens_per_pair=150)
    assert COST.predict_ms(depth, depth * 150) <= 100.0 < COST.predict_ms(depth + 1, (depth + 1) * 150)
    assert COST.depth_within(4.0, tokens_per_pair=150) == 0


def test_costs_of_several_machines_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "model" / "cost.json"
    assert read_cost(path, "a") is None
    write_cost(path, "a", COST)
    write_cost(path, "b", Cost(1.0, 1.0, 1.0))
    assert read_cost(path, "a") == COST
    path.write_text('{"a": {"fixed": 1}}')
    assert read_cost(path, "a") is None


def test_every_depth_is_timed_however_little_time_there_is() -> None:
    asked: list[int] = []
    samples = time_reranks(
        lambda query, texts: asked.append(len(texts)), lambda query, texts: [3] * len(texts), "q", ["a b"] * 30, 0.0
    )
    assert [sample.pairs for sample in samples] == [1, 2, 4, 8, 16, 24] == asked[1:]
    assert [sample.tokens for sample in samples] == [3, 6, 12, 24, 48, 72]


def test_a_pace_starts_from_a_measured_cost() -> None:
    pace = Pace(10_000)
    pace.expect(COST)
    expected_s = COST.predict_ms(16, 16 * 750 / 5) / 1000
    assert pace.predict_s(16 * 750) == pytest.approx(expected_s)


WINDOW = Window("q", ["a", "b", "c", "d"], [0, 1, 0, 1])


def test_a_curve_without_judgments_has_milliseconds_only() -> None:
    (none, ten) = depth_curve([0, 10], COST, 100)
    assert (none.ms, ten.ms) == (0.0, COST.predict_ms(10, 1_000))
    assert ten.ndcg is None


def test_a_curve_with_judgments_has_recall_and_quality() -> None:
    curve = depth_curve([0, 2, 4], COST, 100, [WINDOW], lambda query, passages: [0.0, 1.0, 2.0, 3.0])
    assert [each.recall for each in curve] == [0.0, 0.5, 1.0]
    assert [each.oracle for each in curve] == sorted(each.oracle or 0.0 for each in curve)
    assert curve[2].oracle == pytest.approx(1.0)
    assert curve[1].ndcg == pytest.approx(curve[1].oracle)
    assert (curve[2].ndcg or 0) < 1.0


def test_the_best_depth_is_that_of_the_best_ndcg_within_the_budget() -> None:
    curve = depth_curve([0, 2, 4], COST, 100, [WINDOW], lambda query, passages: [0.0, 1.0, -2.0, 0.5])
    best = best_depth(curve, 1_000.0)
    assert best is not None
    assert best.depth == 4
    cheap = best_depth(curve, 15.0)
    assert cheap is not None
    assert cheap.depth == 2
    assert best_depth(curve[1:], 1.0) is None


def test_passages_are_put_into_lexical_order() -> None:
    window = Window("red car", ["blue boat", "red car", "red boat"], [0, 2, 1]).in_lexical_order()
    assert list(window.passages) == ["red car", "red boat", "blue boat"]
    assert list(window.grades) == [2, 1, 0]
