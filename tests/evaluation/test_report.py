import io

from rich.console import Console

from connector.evaluation.measure import Evaluation, PairedTest
from connector.evaluation.report import Stage, stage_table, verdict


def test_the_table_has_a_row_per_stage_with_means_and_the_median_time() -> None:
    evaluation = Evaluation(
        {"nDCG@10": {"a": 1.0, "b": 0.5}, "RR@10": {"a": 1.0, "b": 0.0}, "R@20": {"a": 1.0, "b": 1.0}}
    )
    out = io.StringIO()
    Console(file=out, width=80).print(stage_table([Stage("BM25", evaluation, [1.0, 9.0, 2.0])], depth=20))
    row = next(line for line in out.getvalue().splitlines() if "BM25" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")] == ["BM25", "0.750", "0.500", "1.000", "2.0"]
    assert "recall@20" in out.getvalue()


def test_the_verdict_says_worth_it_only_when_the_test_does() -> None:
    assert "is worth it" in verdict(PairedTest(0.05, 0.01, (0.01, 0.09), 5, 1, 2), 300)
    assert "leave it off" in verdict(PairedTest(-0.05, 0.01, (-0.09, -0.01), 1, 5, 2), 300)
    assert "does not show" in verdict(PairedTest(0.05, 0.3, (-0.02, 0.12), 5, 3, 2), 300)


def test_a_tiny_p_value_is_not_written_as_zero() -> None:
    assert "p < 0.001" in verdict(PairedTest(0.05, 0.0001, (0.01, 0.09), 5, 1, 2), 300)
